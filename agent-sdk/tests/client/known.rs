//! The kinds of events that are known, as they come over the wire.

use agent_sdk::{
    Agent, Event, KnownEvent, KnownState, Message, ServerState,
    mock::{MockAgent, RawFrames},
};
use serde_json::{Value, json};

use crate::common::{pair, soon};

/// A connection, and the stream of all that comes over it.
struct Line {
    mock: MockAgent,
    _agent: Agent,
    events: agent_sdk::Events,
}

impl Line {
    async fn new() -> Self {
        let (mock, agent) = pair().await;
        let events = agent.events();
        Self { mock, _agent: agent, events }
    }

    /// Sends an event and returns it as it arrives.
    async fn carry(&mut self, event: &Value) -> Message {
        self.mock.push_event(event).await;
        let message = self.next().await;
        assert_eq!(message.json().unwrap(), *event, "it is kept whole");
        message
    }

    async fn next(&mut self) -> Message {
        match soon(self.events.next()).await {
            Some(Event::Message(message)) => message,
            other => panic!("{other:?}"),
        }
    }
}

fn state(server: Option<&'static str>, state: Option<&str>) -> KnownEvent<'static> {
    KnownEvent::ServerState { server, state: state.map(ServerState::new), before: None }
}

#[tokio::test]
async fn health_system_and_download_are_handed_over_as_they_are() {
    let shapes = [
        json!({"cpu": 3, "nested": {"a": [1]}}),
        json!([1, 2]),
        json!("text"),
        json!(7),
        json!({}),
    ];
    let mut line = Line::new().await;
    for shape in &shapes {
        for place in ["action", "event", "type", "topic"] {
            for (kind, known) in [
                ("agent_health", KnownEvent::AgentHealth),
                ("system_info", KnownEvent::SystemInfo),
                ("download", KnownEvent::Download),
                ("download_progress", KnownEvent::Download),
                ("mod_download_finished", KnownEvent::Download),
            ] {
                let message = line.carry(&json!({place: kind, "parameters": shape})).await;
                assert_eq!(message.known(), Some(known));
                assert_eq!(message.parameters().unwrap(), *shape);
            }
        }
    }
}

#[tokio::test]
async fn an_event_without_parameters_is_its_own() {
    let mut line = Line::new().await;
    let event = json!({"event": "agent_health", "cpu": 3});
    let message = line.carry(&event).await;
    assert_eq!(message.known(), Some(KnownEvent::AgentHealth));
    assert_eq!(message.parameters().unwrap(), event);
    let event = json!({"action": "server_rcon_read", "server": "A", "line": "hello"});
    let known = KnownEvent::Rcon { server: Some("A"), text: Some("hello".into()) };
    assert_eq!(line.carry(&event).await.known(), Some(known));
    let event = json!({"action": "server_state", "server": "A", "state": "running"});
    assert_eq!(line.carry(&event).await.known(), Some(state(Some("A"), Some("running"))));
}

#[tokio::test]
async fn rcon_is_found_with_server_and_text() {
    let mut line = Line::new().await;
    let both = KnownEvent::Rcon { server: Some("A"), text: Some("3 players".into()) };
    for event in [
        json!({"action": "server_rcon_read", "parameters": {"server": "A", "line": "3 players"}}),
        json!({"event": "rcon", "topic": "A", "parameters": {"message": "3 players"}}),
        json!({"type": "rcon_output", "server": "A", "parameters": "3 players"}),
        json!({"type": "rcon", "parameters": {"server_id": "A", "payload": "3 players"}}),
        json!({"type": "rcon", "parameters": {"topic": "A", "data": "3 players", "since": 7}}),
        json!({"type": "rcon", "data": {"server": {"id": "A"}, "line": "3 players"}}),
    ] {
        assert_eq!(line.carry(&event).await.known(), Some(both.clone()), "{event}");
    }
    for (event, server, text) in [
        (json!({"action": "rcon"}), None, None),
        (json!({"action": "rcon", "parameters": null}), None, None),
        (json!({"action": "rcon", "parameters": [1]}), None, None),
        (json!({"action": "rcon", "parameters": {"server": 7, "line": {"a": 1}}}), Some("7"), None),
        (json!({"topic": "rcon", "parameters": "hello"}), None, Some("hello")),
        (json!({"action": "rcon", "parameters": {"text": ""}}), None, Some("")),
    ] {
        let text = text.map(Into::into);
        let known = KnownEvent::Rcon { server, text };
        assert_eq!(line.carry(&event).await.known(), Some(known), "{event}");
    }
}

#[tokio::test]
async fn a_state_of_a_server_is_found_wherever_it_may_be() {
    let mut line = Line::new().await;
    for event in [
        json!({"action": "server_state", "parameters": {"server": "A", "state": "running"}}),
        json!({"event": "state_changed", "topic": "A", "parameters": {"status": "running"}}),
        json!({"type": "server_status", "server": "A", "parameters": {"current": "running"}}),
        json!({"type": "server.status", "data": {"server": "A", "new": "server.running"}}),
        json!({"type": "state", "server": {"id": "A", "state": "Running"}}),
        json!({"type": "state", "parameters": {"server": {"id": "A", "status": "running"}}}),
        json!({"event": "server.changed_state", "status": "ok", "payload": {
            "server": "A", "data": {"status": "server.running"}}}),
        json!({"event": "server.started", "status": "ok", "parameters": {"server": "A"}}),
        json!({"event": "server.running", "topic": "A"}),
    ] {
        assert_eq!(
            line.carry(&event).await.known(),
            Some(state(Some("A"), Some("running"))),
            "{event}"
        );
    }
    for (event, server) in [
        (json!({"action": "server_state"}), None),
        (json!({"action": "server_state", "topic": "A", "parameters": {"state": 3}}), Some("A")),
        (json!({"action": "server_state", "topic": "A", "parameters": null}), Some("A")),
        (json!({"topic": "server_state", "parameters": []}), None),
    ] {
        assert_eq!(line.carry(&event).await.known(), Some(state(server, None)), "{event}");
    }
}

/// Only `state`, `status` and `to` were looked at, so a change of state had none.
#[tokio::test]
async fn a_change_names_the_state_after_and_the_state_before() {
    let mut line = Line::new().await;
    for [before, after] in [
        ["before", "after"],
        ["from", "to"],
        ["old", "new"],
        ["previous", "current"],
        ["old_state", "new_state"],
        ["before", "state"],
        ["from", "status"],
    ] {
        let change = json!({before: "server.stopping", after: "server.stopped"});
        let mut named = change.clone();
        named["server"] = "A".into();
        for event in [
            json!({"action": "server.changed_state", "topic": "A", "parameters": change}),
            json!({"action": "server.changed_state", "parameters": named}),
            json!({"action": "server.changed_state", "parameters": {"server": "A", "state": change}}),
            json!({"event": "server.changed_state", "data": named}),
            json!({"event": "server.changed_state", "parameters": {"payload": named}}),
            json!({"type": "server_status", "server": "A", before: "stopping", after: "Stopped"}),
            json!({"type": "server.stopped", "server": "A", before: {"state": "stopping"}, after: {"name": "stopped"}}),
        ] {
            let known = KnownEvent::ServerState {
                server: Some("A"),
                state: Some("stopped".into()),
                before: Some("stopping".into()),
            };
            assert_eq!(line.carry(&event).await.known(), Some(known), "{event}");
        }
    }
}

#[tokio::test]
async fn a_kind_that_the_webhooks_name_is_a_state() {
    let mut line = Line::new().await;
    for (kind, expected) in [
        ("server.started", KnownState::Running),
        ("server.stopped", KnownState::Stopped),
        ("server.killed", KnownState::Stopped),
        ("server.crashed", KnownState::Crashed),
        ("server.stopping", KnownState::Stopping),
        ("server_starting", KnownState::Starting),
    ] {
        let event = json!({"event": kind, "data": {"server": "A", "reason": "requested"}});
        match line.carry(&event).await.known() {
            Some(KnownEvent::ServerState { server: Some("A"), state: Some(state), .. }) => {
                assert_eq!(state, expected, "{kind}");
            }
            other => panic!("{kind}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_kind_is_known_however_its_words_are_joined() {
    let mut line = Line::new().await;
    for (kind, expected) in [
        ("agent.health", KnownEvent::AgentHealth),
        ("agentHealth", KnownEvent::AgentHealth),
        ("SYSTEM_INFO", KnownEvent::SystemInfo),
        ("server.stdout", KnownEvent::Stdout { server: Some("A"), line: None }),
        ("serverRconRead", KnownEvent::Rcon { server: Some("A"), text: None }),
        ("RCON", KnownEvent::Rcon { server: Some("A"), text: None }),
        ("SteamDownload", KnownEvent::Download),
        ("ServerChangedState", state(Some("A"), None)),
        ("serverStarted", state(Some("A"), Some("running"))),
    ] {
        let event = json!({"action": kind, "server": "A", "parameters": {}});
        assert_eq!(line.carry(&event).await.known(), Some(expected), "{kind}");
    }
}

/// `agent_statement` counted as a state, since the word is in it.
#[tokio::test]
async fn what_is_not_known_is_not_guessed_at() {
    let mut line = Line::new().await;
    for event in [
        json!({}),
        json!({"parameters": {"state": "running"}}),
        json!({"action": 7, "event": null, "type": ["stdout"]}),
        json!({"action": "brand_new", "parameters": {"line": "hello"}}),
        json!({"action": "agent_health_2"}),
        json!({"action": "agent_statement", "parameters": {"state": "running"}}),
        json!({"action": "agent.status", "parameters": {"status": "running"}}),
        json!({"action": "universe_status", "parameters": {"status": "running"}}),
        json!({"action": "session.ended"}),
        json!({"action": "server.updated_title"}),
        json!({"idempotence": "not-ours", "status": "ok"}),
    ] {
        assert_eq!(line.carry(&event).await.known(), None, "{event}");
    }
}

/// Such an event was dropped as if it were noise.
#[tokio::test]
async fn a_console_line_that_is_not_utf8_is_delivered_and_marked() {
    let mut line = Line::new().await;
    let frames: [&[u8]; 4] = [
        b"{\"action\":\"stdout\",\"topic\":\"A\",\"parameters\":{\"line\":\"Caf\xe9 \xfcber\"}}",
        br#"{"action":"stdout","topic":"A","parameters":{"line":"Caf\ud83d \udc00ber"}}"#,
        b"{\"action\":\"stdout\",\"x\xff\":1,\"topic\":\"A\",\"data\":{\"line\":\"Caf\xe9 \xfcber\"}}",
        br#"{"action":"stdout","\ud800":1,"topic":"A","line":"Caf\ud800 \ud800ber"}"#,
    ];
    for bytes in frames {
        for frame in [RawFrames::Text(bytes.to_vec()), RawFrames::Binary(bytes.to_vec())] {
            line.mock.push_frames(frame).await;
            let message = line.next().await;
            assert!(message.is_lossy());
            assert_eq!(message.as_bytes(), bytes);
            let text = Some("Caf\u{fffd} \u{fffd}ber".into());
            let known = KnownEvent::Stdout { server: Some("A"), line: text };
            assert_eq!(message.known(), Some(known));
            message.json().unwrap();
        }
    }
}

/// The value was null then, so that a filter lost the event in silence.
#[tokio::test]
async fn a_filter_finds_events_that_no_value_can_hold() {
    let (mock, agent) = pair().await;
    let mut events = agent.events().kind("stdout").topic("A");
    for odd in ["1e999".to_owned(), "-1e999".to_owned(), "[".repeat(129) + &"]".repeat(129)] {
        let text = format!(r#"{{"odd":{odd},"action":"stdout","parameters":{{"server":"A"}}}}"#);
        mock.push_frames(RawFrames::Text(text.clone().into_bytes())).await;
        match soon(events.next()).await {
            Some(Event::Message(message)) => {
                assert_eq!(message.to_string(), text);
                message.json().unwrap_err();
            }
            other => panic!("{other:?}"),
        }
    }
}
