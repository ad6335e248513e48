//! Consoles and RCON in a file.

use std::time::Duration;

use agent_sdk::{
    Agent,
    actions::ServerRconSend,
    mock::{Context, LastingFault, MockAgent},
};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    common::{SERVER, builder, ends, running},
    jobs::console::record,
};

/// Records while something happens; returns the lines.
async fn recorded(agent: &Agent, happens: impl Future) -> Vec<String> {
    let mut log = Vec::new();
    let happening = async {
        sleep(Duration::from_secs(1)).await;
        happens.await;
        sleep(Duration::from_secs(6)).await;
        agent.close().await;
    };
    let (recorded, ()) = tokio::join!(ends(record(agent, SERVER, &mut log)), happening);
    recorded.unwrap();
    String::from_utf8(log).unwrap().lines().map(str::to_owned).collect()
}

async fn say(agent: &Agent, payload: &str) {
    let sent = ServerRconSend::new(SERVER).payload(payload);
    agent.server_rcon_send(sent).await.unwrap();
}

/// Prints a line, and lets the time pass in which RCON is read.
async fn print(mock: &MockAgent, line: &str) {
    mock.push_event(&json!({ "action": "stdout", "server": SERVER, "line": line })).await;
    sleep(Duration::from_secs(3)).await;
}

#[tokio::test(start_paused = true)]
async fn the_console_and_rcon_are_written_line_by_line() {
    let (mock, agent) = running(builder()).await;
    let lines = recorded(&agent, async {
        print(&mock, "loaded\u{1b}[31m\n").await;
        mock.push_event(&json!({ "action": "stdout", "server": "creative", "line": "other" }))
            .await;
        say(&agent, "players").await;
    })
    .await;
    assert_eq!(lines, ["loaded\u{fffd}[31m", "rcon: executed: players"]);
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_console_goes_on_after_a_lost_link_with_a_note_and_no_rcon_line_twice() {
    let (mock, agent) = running(builder()).await;
    let lines = recorded(&agent, async {
        say(&agent, "one").await;
        sleep(Duration::from_secs(5)).await;
        mock.go_down().await;
        sleep(Duration::from_secs(60)).await;
        mock.come_up().await.unwrap();
        sleep(Duration::from_secs(60)).await;
        print(&mock, "back").await;
        say(&agent, "two").await;
    })
    .await;
    let note = "-- the connection was lost: lines may be missing here --";
    assert_eq!(lines, ["rcon: executed: one", note, "back", "rcon: executed: two"]);
    mock.stop().await;
}

/// The numbers of its lines begin anew: nothing was written any more.
#[tokio::test(start_paused = true)]
async fn rcon_is_written_after_an_agent_has_begun_to_count_anew() {
    let read = |parameters: Value, context: Context| {
        let (newest, word) = if context.session() == 1 { (9, "old") } else { (2, "new") };
        let since = parameters["since"].as_i64().unwrap();
        let lines: Vec<_> = (since + 1..=newest)
            .map(|id| json!({ "id": id, "line": format!("{word} {id}") }))
            .collect();
        async move { Ok(json!({ "lines": lines })) }
    };
    let (mock, agent) = running(builder().handler("server_rcon_read", read)).await;
    let lines = recorded(&agent, async {
        sleep(Duration::from_secs(5)).await;
        mock.restart().await.unwrap();
    })
    .await;
    let rcon: Vec<_> = lines.iter().filter(|line| line.starts_with("rcon: ")).collect();
    assert_eq!(rcon.len(), 11, "{lines:?}");
    assert_eq!(rcon[9..], ["rcon: new 1", "rcon: new 2"]);
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn lines_that_came_too_fast_are_counted() {
    let mock = builder().start().await.unwrap();
    let agent = mock.client().event_capacity(1).connect().await.unwrap();
    let lines = recorded(&agent, async {
        // They arrive in one turn.
        let line = |text: &str| json!({ "action": "stdout", "server": SERVER, "line": text });
        for text in ["one", "two", "three"] {
            mock.push_event(&line(text)).await;
        }
    })
    .await;
    assert_eq!(lines, ["-- 2 lines are missing here --", "three"]);
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_console_that_the_agent_does_not_send_again_is_noted() {
    let (mock, agent) = running(builder().lasting_fault(LastingFault::RejectResubscribe)).await;
    let lines = recorded(&agent, async {
        mock.restart().await.unwrap();
        sleep(Duration::from_secs(1)).await;
    })
    .await;
    assert!(lines.iter().any(|line| line.contains("sends the console no more")), "{lines:?}");
    mock.stop().await;
}
