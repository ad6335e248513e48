//! An agent whose catalogue is not the one that the SDK was generated from.

use std::time::Duration;

use agent_sdk::{
    Action, ActionChange, ActionInfo, Agent, Builder, CatalogueCheck, ConnectError, Error, Event,
    Fit, NotSent, Outcome, ParameterInfo, Reply, Uses,
    mock::{Fault, MockAgent},
    uses,
};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::common::{begin, client, is_closed, is_connected, soon, until, until_requests};

/// What the program was made for.
const TABLE: &[ActionInfo] = &[
    ActionInfo::new("echo", "", &[], false),
    ActionInfo::new("move", "Moves", &[TEXT, ParameterInfo::new("by", "int", true), NOTE], false),
    ActionInfo::new("stop", "", &[TEXT], false),
    ActionInfo::new("cloud", "", &[], true),
];
const TEXT: ParameterInfo = ParameterInfo::new("server", "str", true);
/// Only people know it.
const NOTE: ParameterInfo = ParameterInfo::new("note", "", false);

struct Stop;

impl Action for Stop {
    const NAME: &'static str = "stop";
    type Output = Reply;
}

struct Move;

impl Action for Move {
    const NAME: &'static str = "move";
    type Output = Reply;
}

const USES: Uses = uses![Move, Stop];

fn catalogue() -> Value {
    json!({
        "echo": {},
        "stop": { "description": "Stops", "required_parameters": { "server": "str" } },
        "move": { "required_parameters": { "by": "int", "server": "str" } },
        "cloud": { "cloud_controller_only": true },
    })
}

/// The catalogue after an upgrade: `stop` is gone.
fn upgraded() -> Value {
    let mut catalogue = catalogue();
    catalogue.as_object_mut().unwrap().remove("stop");
    catalogue["halt"] = json!({});
    catalogue
}

fn mock(catalogue: &Value) -> agent_sdk::mock::Builder {
    let echo = |parameters, _| async move { Ok(parameters) };
    MockAgent::builder(json!({ "actions": catalogue })).tls(false).handler("echo", echo)
}

/// Starts the agent again with another catalogue.
async fn upgrade(mock: &MockAgent, catalogue: Value) {
    mock.replace_catalogue(catalogue).unwrap();
    mock.restart().await.unwrap();
}

fn checking(mock: &MockAgent, check: CatalogueCheck) -> Builder {
    client(mock).check_catalogue_against(TABLE, check).uses(USES)
}

async fn compare(catalogue: &Value) -> agent_sdk::Compatibility {
    let mock = mock(catalogue).start().await.unwrap();
    let agent = client(&mock).connect().await.unwrap();
    soon(agent.compatibility_with(TABLE)).await.unwrap()
}

/// The snapshot is one of those that the table was made from.
#[cfg(feature = "actions")]
#[tokio::test]
async fn the_generated_table_is_identical_to_its_own_snapshot() {
    let snapshot = include_str!("../../../schemas/agent-1.1.34.json");
    let mock = MockAgent::builder(serde_json::from_str(snapshot).unwrap()).start().await.unwrap();
    let agent = client(&mock).connect().await.unwrap();
    assert_eq!(agent_sdk::actions::AGENT_VERSION, "1.1.34");
    let found = soon(agent.compatibility()).await.unwrap();
    assert!(found.is_at_least(Fit::Identical), "{found}");
    assert_eq!(found.added().next(), None);
}

async fn changes_of_move(parameters: Value) -> (Fit, Vec<ActionChange>) {
    let mut catalogue = catalogue();
    catalogue["move"]["required_parameters"] = parameters;
    let found = compare(&catalogue).await;
    let found = found.action("move").unwrap();
    (found.fit(), found.changes().to_vec())
}

#[tokio::test]
async fn order_and_descriptions_are_no_change() {
    let mut catalogue = catalogue();
    catalogue["move"] = json!({
        "description": "Another text",
        "required_parameters": [{"name": "by", "type": "int"}, {"server": "str"}],
        "since": "1.2",
    });
    let found = compare(&catalogue).await;
    assert!(found.is_at_least(Fit::Identical), "{found}");
    assert!(found.supports(USES) && found.added().next().is_none());
    assert_eq!(found.to_string(), "3 identical");
    assert_eq!(found.fingerprint(), compare(&self::catalogue()).await.fingerprint());
}

#[tokio::test]
async fn each_change_has_its_verdict() {
    let by = || "by".to_owned();
    for (parameters, fit, change) in [
        (
            json!({"server": "str", "by": "int", "new": "str"}),
            Fit::Incompatible,
            ActionChange::RequiredParameterAdded { parameter: "new".to_owned() },
        ),
        (
            json!({"server": "str", "by": "int", "new": {"type": "str", "required": false}}),
            Fit::Compatible,
            ActionChange::OptionalParameterAdded { parameter: "new".to_owned() },
        ),
        (
            json!({"server": "str", "by": "int", "note": "str"}),
            Fit::Partly,
            ActionChange::ParameterBecameRequired { parameter: "note".to_owned() },
        ),
        (json!(["server"]), Fit::Partly, ActionChange::ParameterRemoved { parameter: by() }),
        (
            json!({"server": "str", "by": {"type": "int", "optional": true}}),
            Fit::Compatible,
            ActionChange::ParameterBecameOptional { parameter: by() },
        ),
        (
            json!({"server": "str", "by": "str"}),
            Fit::Incompatible,
            ActionChange::TypeChanged {
                parameter: by(),
                before: "int".to_owned(),
                after: "str".to_owned(),
            },
        ),
        (json!(7), Fit::Partly, ActionChange::Unreadable),
    ] {
        let (found, changes) = changes_of_move(parameters.clone()).await;
        assert_eq!(found, fit, "{parameters}: {changes:?}");
        assert!(changes.contains(&change), "{parameters}: {changes:?}");
    }
    // Names without types are all that the agent says then, and nothing breaks by it.
    assert_eq!(changes_of_move(json!(["server", "by"])).await.0, Fit::Compatible);
}

#[tokio::test]
async fn what_is_gone_or_new_or_for_the_cloud_alone_is_told() {
    let mut catalogue = upgraded();
    catalogue["move"]["cloud_controller_only"] = json!(true);
    let found = compare(&catalogue).await;
    assert_eq!(found.action("stop").unwrap().changes(), [ActionChange::Removed]);
    assert_eq!(found.action("move").unwrap().changes(), [ActionChange::CloudOnly]);
    assert_eq!(found.added().collect::<Vec<_>>(), ["halt"]);
    assert!(found.supports(Uses::new(&["echo", "halt"])) && !found.supports(USES));
    let problems = found.problems(Uses::new(&["stop", "echo", "never_was"]));
    let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "`stop` is gone: the agent does not have it any more",
            "`never_was` is gone: the agent does not have it any more"
        ]
    );
}

#[tokio::test]
async fn a_user_that_may_not_ask_for_the_catalogue_loses_nothing() {
    let forbidden = |_, _| async { Err(json!({"error": "permission denied"})) };
    for check in [CatalogueCheck::Warn, CatalogueCheck::Refuse] {
        let mock = mock(&upgraded()).handler("list_actions", forbidden).start().await.unwrap();
        let agent = soon(checking(&mock, check).connect()).await.unwrap();
        let error = soon(agent.compatibility_with(TABLE)).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Rejected);
        soon(agent.call_raw("echo", ())).await.unwrap();
        let error = soon(agent.call_raw("stop", ())).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Rejected, "the agent itself decides: {error}");
        let mut state = agent.state();
        mock.cut_connections();
        until(&mut state, |state| !is_connected(state)).await;
        soon(agent.call_raw("echo", ())).await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_holds_no_catalogue_is_no_verdict() {
    let odd = |_, _| async { Ok(json!({"actions": []})) };
    let mock = mock(&catalogue()).handler("list_actions", odd).start().await.unwrap();
    let agent = soon(checking(&mock, CatalogueCheck::Refuse).connect()).await.unwrap();
    let error = soon(agent.compatibility_with(TABLE)).await.unwrap_err();
    assert!(matches!(error, Error::Decode(_)), "{error}");
}

/// Waits until an event of the check has come.
async fn until_changed(events: &mut agent_sdk::Events) {
    soon(async { while !matches!(events.next().await.unwrap(), Event::CatalogueChanged) {} }).await;
}

/// A running application noticed nothing of an agent that had replaced itself.
#[tokio::test]
async fn a_catalogue_that_changes_behind_a_reconnect_is_an_event_and_refuses_what_is_gone() {
    let mock = mock(&catalogue()).start().await.unwrap();
    let agent = checking(&mock, CatalogueCheck::Warn).connect().await.unwrap();
    let mut events = agent.events();
    until_requests(&mock, 1).await;
    assert!(soon(agent.call(Stop)).await.is_err_and(|error| error.outcome() == Outcome::Rejected));
    mock.inject(Fault::lose().for_action("echo").times(100));
    let mut calls: Vec<_> = (0..100).map(|_| agent.call_raw("echo", ())).collect();
    for call in &mut calls {
        begin(call).await;
    }
    until_requests(&mock, 102).await;
    upgrade(&mock, upgraded()).await;
    for result in soon(join_all(calls)).await {
        assert_eq!(result.unwrap_err().outcome(), Outcome::Unknown);
    }
    until_changed(&mut events).await;
    let error = soon(agent.call(Stop)).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { reason: NotSent::ActionGone, .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::NotExecuted);
    soon(agent.call_raw("echo", ())).await.unwrap();
    // The agent of the next connection has it again.
    upgrade(&mock, catalogue()).await;
    until_changed(&mut events).await;
    assert!(soon(agent.call(Stop)).await.is_err_and(|error| error.outcome() == Outcome::Rejected));
}

#[tokio::test]
async fn the_same_catalogue_behind_a_reconnect_is_no_event() {
    let mock = mock(&catalogue()).start().await.unwrap();
    let agent = checking(&mock, CatalogueCheck::Warn).connect().await.unwrap();
    let mut events = agent.events();
    until_requests(&mock, 1).await;
    mock.cut_connections();
    until_requests(&mock, 2).await;
    mock.push_event(&json!({"action": "last"})).await;
    loop {
        match soon(events.next()).await.unwrap() {
            Event::CatalogueChanged => panic!("nothing has changed"),
            Event::Message(message) if message.kind() == Some("last") => break,
            _ => {}
        }
    }
}

/// What a hundred calls in flight, and a hundred that wait for the next connection, end with when the
/// agent replaces itself. `stop` is gone then, and `move` demands more.
struct Upgrade {
    agent: Agent,
    mock: MockAgent,
    in_flight: Vec<Result<Reply, Error>>,
    echoes: Vec<Result<Reply, Error>>,
    stops: Vec<Result<Reply, Error>>,
    moves: Vec<Result<Reply, Error>>,
}

async fn upgrade_under_load(check: CatalogueCheck) -> Upgrade {
    let mock = mock(&catalogue()).start().await.unwrap();
    let agent = checking(&mock, check).connect().await.unwrap();
    let mut events = agent.events();
    until_requests(&mock, 1).await;
    mock.inject(Fault::lose().for_action("echo").times(100));
    let mut in_flight: Vec<_> = (0..100).map(|_| agent.call_raw("echo", ())).collect();
    for call in &mut in_flight {
        begin(call).await;
    }
    until_requests(&mock, 101).await;
    let mut catalogue = upgraded();
    catalogue["move"]["required_parameters"]["force"] = json!("bool");
    mock.replace_catalogue(catalogue).unwrap();
    mock.go_down().await;
    until(&mut agent.state(), |state| !is_connected(state)).await;
    let calls = |action: &'static str, count| {
        let call = || agent.call_raw(action, json!({ "server": "survival", "by": 1 })).owned();
        (0..count).map(|_| call()).collect::<Vec<_>>()
    };
    let mut queued = [calls("echo", 50), calls("stop", 25), calls("move", 25)];
    for call in queued.iter_mut().flatten() {
        begin(call).await;
    }
    mock.come_up().await.unwrap();
    let in_flight = soon(join_all(in_flight)).await;
    let [echoes, stops, moves] = queued.map(|calls| async { soon(join_all(calls)).await });
    let (echoes, stops, moves) = tokio::join!(echoes, stops, moves);
    until_changed(&mut events).await;
    Upgrade { agent, mock, in_flight, echoes, stops, moves }
}

fn outcomes(results: &[Result<Reply, Error>]) -> Vec<Outcome> {
    results.iter().map(|result| result.as_ref().unwrap_err().outcome()).collect()
}

/// Calls that waited for the connection went out before the check had been answered.
#[tokio::test]
async fn under_refuse_no_call_reaches_an_agent_that_has_changed_its_action() {
    let upgrade = upgrade_under_load(CatalogueCheck::Refuse).await;
    assert_eq!(outcomes(&upgrade.in_flight), [Outcome::Unknown; 100]);
    assert!(upgrade.echoes.iter().all(Result::is_ok));
    for (results, expected) in [
        (&upgrade.stops, "the agent does not have this action any more"),
        (&upgrade.moves, "the agent has changed it: `force` is required, and new"),
    ] {
        for error in results.iter().map(|result| result.as_ref().unwrap_err()) {
            assert_eq!(error.outcome(), Outcome::NotExecuted);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
    let seen = upgrade.mock.requests().split_off(101);
    assert_eq!(seen[0].action, "list_actions");
    assert!(seen[1..].iter().all(|request| request.action == "echo"));
    assert_eq!(upgrade.agent.statistics().refused, 50);
    // The connection goes on, and so does the refusal, until another agent answers.
    let error = soon(upgrade.agent.call(Stop)).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { reason: NotSent::ActionGone, .. }), "{error}");
    let error = soon(upgrade.agent.call(Move)).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { reason: NotSent::ActionChanged { .. }, .. }));
    let mut events = upgrade.agent.events();
    self::upgrade(&upgrade.mock, catalogue()).await;
    until_changed(&mut events).await;
    let error = soon(upgrade.agent.call(Stop)).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Rejected, "the agent itself decides: {error}");
}

#[tokio::test]
async fn under_warn_calls_wait_for_no_check() {
    let upgrade = upgrade_under_load(CatalogueCheck::Warn).await;
    assert_eq!(outcomes(&upgrade.in_flight), [Outcome::Unknown; 100]);
    assert!(upgrade.echoes.iter().all(Result::is_ok));
    assert_eq!(outcomes(&upgrade.moves), [Outcome::Rejected; 25], "the agent itself decides");
    let stops = outcomes(&upgrade.stops);
    let is_known = |it: &Outcome| matches!(it, Outcome::Rejected | Outcome::NotExecuted);
    assert!(stops.iter().all(is_known), "{stops:?}");
    let error = soon(upgrade.agent.call(Stop)).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { reason: NotSent::ActionGone, .. }), "{error}");
}

#[tokio::test]
async fn an_agent_that_never_tells_its_catalogue_does_not_lock_calls_out() {
    let mock = mock(&catalogue()).start().await.unwrap();
    let agent = checking(&mock, CatalogueCheck::Refuse).connect().await.unwrap();
    mock.inject(Fault::lose().for_action("list_actions"));
    mock.go_down().await;
    until(&mut agent.state(), |state| !is_connected(state)).await;
    let mut call = agent.call_raw("echo", ());
    begin(&mut call).await;
    mock.come_up().await.unwrap();
    until_requests(&mock, 2).await;
    assert_eq!(mock.requests()[1].action, "list_actions");
    soon(call).await.unwrap();
}

#[tokio::test]
async fn refusing_connects_to_no_agent_that_lacks_what_is_used() {
    let mock = mock(&upgraded()).start().await.unwrap();
    let error = soon(checking(&mock, CatalogueCheck::Refuse).connect()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Incompatible { .. }), "{error}");
    assert!(error.to_string().contains("`stop` is gone"), "{error}");
    assert!(!error.may_be_retried() && error.to_string().contains("check_catalogue"), "{error}");
    // What it does not use may be gone.
    let builder = checking(&mock, CatalogueCheck::Refuse).uses(uses![Move]);
    soon(builder.connect()).await.unwrap();
}

#[tokio::test]
async fn nothing_is_asked_by_default_and_a_check_delays_no_call() {
    let mock = mock(&upgraded()).start().await.unwrap();
    let agent = client(&mock).connect().await.unwrap();
    soon(agent.call_raw("echo", ())).await.unwrap();
    assert_eq!(mock.request_count(), 1);
    mock.inject(Fault::delay(Duration::from_secs(3600)).for_action("list_actions"));
    let builder = checking(&mock, CatalogueCheck::Warn).close_timeout(Duration::ZERO);
    let agent: Agent = soon(builder.connect()).await.unwrap();
    soon(agent.call_raw("echo", ())).await.unwrap();
    let mut state = agent.state();
    // The check itself keeps no connection open.
    drop(agent);
    assert!(!is_connected(&until(&mut state, is_closed).await));
}

/// Code for several versions of the agent was refused at each that lacks something.
#[tokio::test]
async fn what_not_all_versions_have_is_no_change_and_is_not_sent_where_it_is_missing() {
    const TEXT: ParameterInfo = ParameterInfo::new("server", "str | int", true);
    const FORCE: ParameterInfo = ParameterInfo::new("force", "bool", false).since("1.2.0");
    const SEVERAL: &[ActionInfo] = &[
        ActionInfo::new("echo", "", &[], false),
        ActionInfo::new("move", "", &[TEXT, FORCE, ParameterInfo::new("by", "int", true)], false),
        ActionInfo::new("halt", "", &[], false).since("1.2.0"),
        ActionInfo::new("stop", "", &[TEXT], false).until("1.1.34"),
    ];
    let mut newer = upgraded();
    newer["move"]["required_parameters"]["force"] = json!("bool");
    for (catalogue, missing) in [(catalogue(), "halt"), (newer, "stop")] {
        let mock = mock(&catalogue).start().await.unwrap();
        let builder = client(&mock).check_catalogue_against(SEVERAL, CatalogueCheck::Refuse);
        let agent = soon(builder.connect()).await.unwrap();
        let found = soon(agent.compatibility_with(SEVERAL)).await.unwrap();
        assert_eq!(found.action(missing).unwrap().fit(), Fit::Gone);
        let error = soon(agent.call_raw(missing, ())).await.unwrap_err();
        assert!(matches!(error, Error::NotSent { reason: NotSent::ActionGone, .. }), "{error}");
        let error = soon(agent.call(Move)).await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Rejected, "the agent itself decides: {error}");
        // What is used has to be there.
        let builder = client(&mock).check_catalogue_against(SEVERAL, CatalogueCheck::Refuse);
        let error = soon(builder.uses(Uses::new(&["halt", "stop"])).connect()).await.unwrap_err();
        assert!(error.to_string().contains(&format!("`{missing}` is gone")), "{error}");
    }
}

/// Names and types are the agent's words, and so is their number.
#[tokio::test]
async fn a_hostile_catalogue_makes_a_short_error_without_the_password() {
    const PASSWORD: &str = "7f3b0c9e-Hunter2";
    let long = format!("\u{1b}[2J{}", "x".repeat(1 << 12));
    let mut parameters: serde_json::Map<String, Value> =
        (0..1000).map(|number| (format!("{long}{number}"), json!("str"))).collect();
    parameters.insert(PASSWORD.to_owned(), json!(format!("{PASSWORD}\n{long}")));
    let hostile = json!({ "move": { "required_parameters": parameters }, "stop": {} });
    let mock = mock(&hostile).credentials("root", PASSWORD).start().await.unwrap();
    let error = soon(checking(&mock, CatalogueCheck::Refuse).connect()).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ConnectError::Incompatible { .. }), "{text}");
    assert!(text.chars().count() < 2000, "{} characters", text.chars().count());
    assert!(!text.contains(PASSWORD) && !text.contains(char::is_control), "{text}");
    let agent = soon(client(&mock).connect()).await.unwrap();
    let found = soon(agent.compatibility_with(TABLE)).await.unwrap();
    let shown = found.action("move").unwrap().to_string();
    assert!(shown.chars().count() < 4000 && !shown.contains(char::is_control), "{shown}");
}
