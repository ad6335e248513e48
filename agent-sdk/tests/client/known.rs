//! The kinds of events that are known, as they come over the wire.

use agent_sdk::{Agent, Event, KnownEvent, Message, mock::MockAgent};
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
        match soon(self.events.next()).await {
            Some(Event::Message(message)) => {
                assert_eq!(message.json(), event, "it is kept whole");
                message
            }
            other => panic!("{other:?}"),
        }
    }
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
            let event = json!({place: "agent_health", "parameters": shape});
            assert_eq!(line.carry(&event).await.known(), Some(KnownEvent::AgentHealth(shape)));
            let event = json!({place: "system_info", "parameters": shape});
            assert_eq!(line.carry(&event).await.known(), Some(KnownEvent::SystemInfo(shape)));
            for kind in ["download", "download_progress", "mod_download_finished"] {
                let event = json!({place: kind, "parameters": shape});
                assert_eq!(
                    line.carry(&event).await.known(),
                    Some(KnownEvent::Download(shape)),
                    "{kind}"
                );
            }
        }
    }
}

#[tokio::test]
async fn an_event_without_parameters_is_its_own() {
    let mut line = Line::new().await;
    let event = json!({"event": "agent_health", "cpu": 3});
    assert_eq!(line.carry(&event).await.known(), Some(KnownEvent::AgentHealth(&event)));
    let event = json!({"type": "system_info", "hostname": "alpha"});
    assert_eq!(line.carry(&event).await.known(), Some(KnownEvent::SystemInfo(&event)));
    let event = json!({"action": "download", "percent": 50});
    assert_eq!(line.carry(&event).await.known(), Some(KnownEvent::Download(&event)));
    let event = json!({"action": "server_rcon_read", "server": "A", "line": "hello"});
    let known = KnownEvent::Rcon { server: Some("A"), text: Some("hello") };
    assert_eq!(line.carry(&event).await.known(), Some(known));
    let event = json!({"action": "server_state", "server": "A", "state": "running"});
    let known = KnownEvent::ServerState { server: Some("A"), state: Some("running") };
    assert_eq!(line.carry(&event).await.known(), Some(known));
}

#[tokio::test]
async fn rcon_is_found_with_server_and_text() {
    let mut line = Line::new().await;
    let both = KnownEvent::Rcon { server: Some("A"), text: Some("3 players") };
    for event in [
        json!({"action": "server_rcon_read", "parameters": {"server": "A", "line": "3 players"}}),
        json!({"event": "rcon", "topic": "A", "parameters": {"message": "3 players"}}),
        json!({"type": "rcon_output", "server": "A", "parameters": "3 players"}),
        json!({"type": "rcon", "parameters": {"server_id": "A", "payload": "3 players"}}),
        json!({"type": "rcon", "parameters": {"topic": "A", "data": "3 players", "since": 7}}),
    ] {
        assert_eq!(line.carry(&event).await.known(), Some(both.clone()), "{event}");
    }
    for (event, server, text) in [
        (json!({"action": "rcon"}), None, None),
        (json!({"action": "rcon", "parameters": null}), None, None),
        (json!({"action": "rcon", "parameters": [1]}), None, None),
        (json!({"action": "rcon", "parameters": {"server": 7, "line": {"a": 1}}}), None, None),
        (json!({"topic": "rcon", "parameters": "hello"}), None, Some("hello")),
        (json!({"action": "rcon", "parameters": {"text": ""}}), None, Some("")),
    ] {
        assert_eq!(
            line.carry(&event).await.known(),
            Some(KnownEvent::Rcon { server, text }),
            "{event}"
        );
    }
}

#[tokio::test]
async fn a_server_s_state_is_found_where_it_may_stand() {
    let mut line = Line::new().await;
    let both = KnownEvent::ServerState { server: Some("A"), state: Some("running") };
    for event in [
        json!({"action": "server_state", "parameters": {"server": "A", "state": "running"}}),
        json!({"event": "state_changed", "topic": "A", "parameters": {"status": "running"}}),
        json!({"type": "state", "server": "A", "parameters": {"from": "off", "to": "running"}}),
    ] {
        assert_eq!(line.carry(&event).await.known(), Some(both.clone()), "{event}");
    }
    for (event, server) in [
        (json!({"action": "server_state"}), None),
        (json!({"action": "server_state", "topic": "A", "parameters": {"state": 3}}), Some("A")),
        (json!({"action": "server_state", "topic": "A", "parameters": null}), Some("A")),
        (json!({"topic": "server_state", "parameters": []}), None),
    ] {
        let known = KnownEvent::ServerState { server, state: None };
        assert_eq!(line.carry(&event).await.known(), Some(known), "{event}");
    }
}

#[tokio::test]
async fn what_is_not_known_is_not_guessed_at() {
    let mut line = Line::new().await;
    for event in [
        json!({}),
        json!({"parameters": {"state": "running"}}),
        json!({"action": 7, "event": null, "type": ["stdout"]}),
        json!({"action": "brand_new", "parameters": {"line": "hello"}}),
        json!({"action": "agent_health_2"}),
        json!({"idempotence": "not-ours", "status": "ok"}),
    ] {
        assert_eq!(line.carry(&event).await.known(), None, "{event}");
    }
}
