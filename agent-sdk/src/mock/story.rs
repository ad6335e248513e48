//! What happens by itself as time passes, and which sessions get the events.

use std::{future::pending, sync::Arc};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use tungstenite::Utf8Bytes;

use super::{
    peer::{Audience, Peer, text},
    servers::ServerEvent,
    shared::{Shared, lock},
    wire::event,
};

/// Takes each step of the servers, and sends each planned event, when it is due, until the mock is
/// dropped.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        let steps = [lock(&shared.servers).next_step(), lock(&shared.script).next()];
        let next = steps.into_iter().flatten().min();
        tokio::select! {
            () = shared.planned.notified() => continue,
            () = until(next) => {}
        }
        let now = Instant::now();
        let mut events = Vec::new();
        lock(&shared.servers).advance(now, &mut events);
        for event in &events {
            shared.tell_all(event);
        }
        let planned: Vec<Value> = lock(&shared.script).take_due(now).collect();
        for event in &planned {
            shared.tell_planned(event);
        }
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

impl Shared {
    /// Sends an event to whom it concerns. The caller's own share is left in `events`: it is to come
    /// after the reply.
    pub(super) fn tell(&self, event: &ServerEvent, caller: &Peer, events: &mut Vec<Utf8Bytes>) {
        for (audience, event) in shares(event) {
            self.peers.offer(audience, &event, Some(caller.id));
            if caller.belongs_to(audience) {
                events.push(event);
            }
        }
    }

    /// Sends an event to those that have subscribed to its topic, or to all if it has none.
    fn tell_planned(&self, event: &Value) {
        let topic = event.get("topic").and_then(Value::as_str);
        self.peers.offer(topic.map_or(Audience::All, Audience::Topic), &text(event), None);
    }

    pub(super) fn tell_all(&self, event: &ServerEvent) {
        for (audience, event) in shares(event) {
            self.peers.offer(audience, &event, None);
        }
    }
}

/// Who gets what of an event.
fn shares(event: &ServerEvent) -> Vec<(Audience<'_>, Utf8Bytes)> {
    if event.is_console {
        return vec![(Audience::Console(&event.server), text(&event.event))];
    }
    let line = console(&format!("{}: {}", event.server, event.event["parameters"]));
    vec![
        (Audience::Topic(&event.server), text(&event.event)),
        (Audience::Console(&event.server), text(&line)),
    ]
}

/// A line of the agent's console.
pub(super) fn console(line: &str) -> Value {
    event("stdout", "agent", &json!({ "line": line }))
}
