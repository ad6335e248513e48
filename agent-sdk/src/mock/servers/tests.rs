//! Stories of servers.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn servers(pace: Pace) -> Servers {
    Servers::new(["survival".to_owned()], pace, StateWords::Prefixed)
}

/// Acts on the one server; the answer, and what was told.
fn act(servers: &mut Servers, action: &str, more: &Value) -> (Answer, Vec<String>) {
    let mut parameters = json!({ "server": "survival" }).as_object().unwrap().clone();
    parameters.extend(more.as_object().unwrap().clone());
    let mut events = Vec::new();
    let answer = servers.act(action, &parameters, &mut events).unwrap();
    (answer, events.iter().map(short).collect())
}

/// The new state, or the kind of the event and the number in it.
fn short(event: &ServerEvent) -> String {
    let detail = &event.event["parameters"];
    if let Some(state) = detail["after"].as_str() {
        return state.trim_start_matches("server.").to_owned();
    }
    let number = ["percent", "seconds", "backup", "line"].map(|key| &detail[key]);
    let number = number.into_iter().find(|number| !number.is_null()).unwrap_or(&Value::Null);
    format!("{} {number}", event.event["action"]).replace('"', "")
}

/// Lets time pass; what was told meanwhile.
async fn pass(servers: &mut Servers, time: Duration) -> Vec<String> {
    tokio::time::advance(time).await;
    let mut events = Vec::new();
    servers.advance(Instant::now(), &mut events);
    events.iter().map(short).collect()
}

#[tokio::test(start_paused = true)]
async fn a_server_tells_one_story_from_start_to_kill() {
    let mut servers = servers(Pace::immediate());
    let steps: [(&str, &str, &[&str]); 5] = [
        ("server_start", "server.starting", &["starting", "running"]),
        ("restart", "server.stopping", &["stopping", "starting", "running"]),
        ("server_stop", "server.stopping", &["stopping", "stopped"]),
        ("server_start", "server.starting", &["starting", "running"]),
        ("server_kill", "server.stopped", &["stopped"]),
    ];
    for (action, accepted, states) in steps {
        let (answer, told) = act(&mut servers, action, &json!({}));
        assert_eq!(told, states, "{action}");
        assert_eq!(answer.unwrap()["state"], accepted, "{action}");
        let (now, _) = act(&mut servers, "server", &json!({}));
        assert_eq!(now.unwrap()["state"], format!("server.{}", states.last().unwrap()));
    }
    let (servers, _) = act(&mut servers, "servers", &json!({}));
    assert_eq!(servers.unwrap()["servers"][0]["starts"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_accepted_first_and_done_after_its_countdown() {
    let mut servers = servers(Pace::realistic().console(None));
    assert_eq!(act(&mut servers, "server_start", &json!({})).1, ["starting"]);
    assert_eq!(pass(&mut servers, 20 * SECOND).await, ["running"]);
    let (answer, told) = act(&mut servers, "restart", &json!({}));
    assert_eq!(answer.unwrap()["state"], "server.stopping");
    assert_eq!(told, ["server.countdown 10"]);
    act(&mut servers, "restart", &json!({})).0.unwrap_err();
    let countdown = ["server.countdown 8", "server.countdown 6", "server.countdown 4"];
    assert_eq!(pass(&mut servers, 6 * SECOND).await, countdown);
    assert_eq!(pass(&mut servers, 4 * SECOND).await, ["server.countdown 2", "stopping"]);
    assert_eq!(pass(&mut servers, 3 * SECOND).await, ["starting"]);
    assert_eq!(pass(&mut servers, 20 * SECOND).await, ["running"]);
    assert_eq!(servers.next_step(), None);
}

#[tokio::test(start_paused = true)]
async fn a_stop_can_be_called_off_while_its_countdown_runs() {
    let mut servers = servers(Pace::immediate().countdown(10 * SECOND));
    act(&mut servers, "server_start", &json!({})).0.unwrap();
    act(&mut servers, "server_stop_cancel", &json!({})).0.unwrap_err();
    act(&mut servers, "server_stop", &json!({})).0.unwrap();
    act(&mut servers, "server_stop_cancel", &json!({})).0.unwrap();
    assert!(pass(&mut servers, 60 * SECOND).await.is_empty());
    let (now, _) = act(&mut servers, "server", &json!({}));
    assert_eq!(now.unwrap()["state"], "server.running");
}

#[tokio::test(start_paused = true)]
async fn a_backup_is_listed_once_it_is_done() {
    let mut servers = servers(Pace::immediate().work(10 * SECOND));
    let (answer, told) = act(&mut servers, "create_backup", &json!({}));
    assert_eq!(answer.unwrap(), json!({ "backup": { "id": "backup-1" } }));
    assert!(told.is_empty());
    let listed = |servers: &mut Servers| act(servers, "query_backups", &json!({})).0.unwrap();
    assert_eq!(listed(&mut servers), json!({ "backups": [] }));
    assert_eq!(pass(&mut servers, 2 * SECOND).await, ["download_progress 20"]);
    assert_eq!(pass(&mut servers, 8 * SECOND).await.last().unwrap(), "backup.created backup-1");
    assert_eq!(listed(&mut servers), json!({ "backups": [{ "id": "backup-1" }] }));
}

#[tokio::test(start_paused = true)]
async fn a_console_lives_while_its_server_runs() {
    let mut servers = servers(Pace::immediate().console(Some(SECOND)));
    assert!(pass(&mut servers, SECOND).await.is_empty());
    act(&mut servers, "server_start", &json!({})).0.unwrap();
    assert_eq!(pass(&mut servers, SECOND).await, ["stdout tick 1"]);
    assert_eq!(pass(&mut servers, SECOND).await, ["stdout tick 2"]);
    act(&mut servers, "server_kill", &json!({})).0.unwrap();
    assert!(pass(&mut servers, SECOND).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused_in_words_and_changes_nothing() {
    let mut servers = servers(Pace::immediate());
    for (action, words) in [
        ("server_stop", "server `survival` is already stopped"),
        ("restart", "server `survival` is already stopped"),
        ("server_kill", "server `survival` is already stopped"),
        ("server_rcon_send", "server `survival` is not running"),
    ] {
        let (answer, told) = act(&mut servers, action, &json!({}));
        assert_eq!(answer.unwrap_err()["error"], words);
        assert!(told.is_empty());
    }
    let (answer, _) = act(&mut servers, "server_start", &json!({ "server": "other" }));
    assert_eq!(answer.unwrap_err()["error"], "there is no server `other`");
}

#[tokio::test(start_paused = true)]
async fn rcon_is_read_from_where_the_reader_is() {
    let mut servers = servers(Pace::immediate());
    act(&mut servers, "server_start", &json!({})).0.unwrap();
    for payload in ["#one", "#two"] {
        act(&mut servers, "server_rcon_send", &json!({ "payload": payload })).0.unwrap();
    }
    let (lines, _) = act(&mut servers, "server_rcon_read", &json!({ "since": 1 }));
    assert_eq!(lines.unwrap(), json!({ "lines": [{ "id": 2, "line": "executed: #two" }] }));
}

#[tokio::test(start_paused = true)]
async fn servers_come_and_go() {
    let mut servers = Servers::new([], Pace::immediate(), StateWords::Bare);
    act(&mut servers, "server_deploy", &json!({ "id": "new", "title": "dayz" })).0.unwrap();
    act(&mut servers, "server_deploy", &json!({ "id": "new" })).0.unwrap_err();
    act(&mut servers, "server_remove", &json!({ "server": "new" })).0.unwrap();
    let (listed, _) = act(&mut servers, "servers", &json!({}));
    assert_eq!(listed.unwrap(), json!({ "servers": [] }));
}

/// After a kill, the next backup was listed with the id of the one that the kill had ended.
#[tokio::test(start_paused = true)]
async fn a_backup_keeps_its_id_whatever_became_of_the_others() {
    let mut servers = servers(Pace::immediate().work(10 * SECOND));
    act(&mut servers, "server_start", &json!({})).0.unwrap();
    act(&mut servers, "create_backup", &json!({})).0.unwrap();
    act(&mut servers, "server_kill", &json!({})).0.unwrap();
    let (answer, _) = act(&mut servers, "create_backup", &json!({}));
    assert_eq!(answer.unwrap(), json!({ "backup": { "id": "backup-2" } }));
    pass(&mut servers, 10 * SECOND).await;
    let listed = |servers: &mut Servers| act(servers, "query_backups", &json!({})).0.unwrap();
    assert_eq!(listed(&mut servers), json!({ "backups": [{ "id": "backup-2" }] }));

    let backup = json!({ "backup": "backup-2" });
    act(&mut servers, "restore_backup", &backup).0.unwrap();
    act(&mut servers, "delete_backup", &backup).0.unwrap();
    assert_eq!(listed(&mut servers), json!({ "backups": [] }));
    for action in ["restore_backup", "delete_backup"] {
        let error = act(&mut servers, action, &backup).0.unwrap_err();
        assert!(error["error"].as_str().unwrap().contains("no backup `backup-2`"), "{error}");
    }
}

/// Five minutes at once brought one line.
#[tokio::test(start_paused = true)]
async fn a_clock_that_is_put_forward_leaves_nothing_out() {
    let mut servers = servers(Pace::immediate().starting(60 * SECOND).console(Some(30 * SECOND)));
    act(&mut servers, "server_start", &json!({})).0.unwrap();
    let told = pass(&mut servers, 300 * SECOND).await;
    assert_eq!(told[0], "running", "before its first line");
    assert_eq!(told.len(), 1 + 9, "{told:?}");
    assert!(pass(&mut servers, 86_400 * 365 * SECOND).await.len() <= MOST_AT_ONCE);
}

#[tokio::test(start_paused = true)]
async fn times_without_end_are_no_harm() {
    let forever = Duration::MAX;
    let pace = Pace::realistic().countdown(forever).stopping(forever).starting(forever);
    let mut servers = servers(pace.work(forever).console(Some(Duration::ZERO)));
    servers.run("survival".to_owned());
    for action in ["restart", "create_backup", "server_update"] {
        let parameters = json!({ "server": "survival" }).as_object().unwrap().clone();
        if let Some(answer) = servers.act(action, &parameters, &mut Vec::new()) {
            answer.unwrap();
        }
    }
    assert!(!pass(&mut servers, SECOND).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_work_is_done_on_a_server_that_is_not_there() {
    let mut servers = servers(Pace::realistic());
    for action in ["server_update", "install_mod", "add_mod", "restore_backup"] {
        let (answer, _) = act(&mut servers, action, &json!({ "server": "other" }));
        assert_eq!(answer.unwrap_err()["error"], "there is no server `other`", "{action}");
    }
}
