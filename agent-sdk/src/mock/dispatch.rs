//! From a request to its answer.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use tungstenite::Utf8Bytes;

use super::{
    expectation::{Answered, Response},
    fault::FaultKind,
    handler::Context,
    peer::{Peer, text},
    secret::is_secret,
    shared::{Shared, lock},
    story::console,
    wire::{Answer, Reply, Request},
};

/// What becomes of a request.
pub(super) enum Dispatched {
    /// It is answered; the events are for the session itself, after the reply.
    Now { reply: Reply, events: Vec<Utf8Bytes>, fault: Option<FaultKind> },
    /// A handler is at work.
    Later(BoxFuture<'static, Reply>),
}

/// What an action's name and parameters come to before a handler is asked.
struct Call<'a> {
    action: &'a str,
    parameters: Map<String, Value>,
    peer: &'a Arc<Peer>,
    /// Whether it came through `proxy`, as from the vendor's cloud.
    proxied: bool,
}

impl Shared {
    /// Answers a request, or has a handler answer it.
    pub(super) fn dispatch(&self, mut request: Request, peer: &Arc<Peer>) -> Dispatched {
        self.saw(&request.action, &request.idempotence, peer.id);
        let parameters = request.take_parameters();
        let Request { action, idempotence: token, .. } = request;
        let mut events = Vec::new();
        let mut fault = None;
        let call = parameters.and_then(|parameters| {
            let call = Call { action: &action, parameters, peer, proxied: false };
            // What the agent refuses has come as well.
            let expected = self.expected(&call);
            self.check(&call)?;
            Ok((call, expected.transpose()?))
        });
        let answer = match call {
            Ok((call, expected)) => match (self.scripted(expected), self.handlers.get(call.action))
            {
                (Some(Answered::Reply(result)), _) => Ok(result),
                (Some(Answered::Reject(detail)), _) => Err(detail),
                (Some(Answered::Fault(kind)), _) => {
                    fault = Some(kind);
                    self.act(call, &mut events)
                }
                (Some(Answered::Own), _) | (None, None) => self.act(call, &mut events),
                (None, Some(handler)) => {
                    let context = Context::new(Arc::clone(peer), token.clone());
                    let answer = handler(Value::Object(call.parameters), context);
                    return Dispatched::Later(Box::pin(async move {
                        Reply { answer: answer.await, action, token }
                    }));
                }
            },
            Err(detail) => Err(detail),
        };
        Dispatched::Now { reply: Reply { action, token, answer }, events, fault }
    }

    /// What a test answers a call with; an error if it expects another one, and `None` if none at all.
    fn expected(&self, call: &Call<'_>) -> Option<Result<Response, Value>> {
        self.record(call.action, &call.parameters);
        let is_foreseen = is_basic(call.action) || self.handlers.contains_key(call.action);
        if is_foreseen && !self.expectations.has(call.action) {
            return None;
        }
        self.expectations.answer(call.action, &call.parameters)
    }

    /// Plans the events of a test's answer.
    fn scripted(&self, response: Option<Response>) -> Option<Answered> {
        let Response { answered, events } = response?;
        for (after, event) in events {
            self.plan_event(after, event);
        }
        Some(answered)
    }

    /// Returns whether the call may be made at all; the detail of the refusal, if not.
    fn check(&self, call: &Call<'_>) -> Result<(), Value> {
        let catalogue = Arc::clone(&lock(&self.catalogue));
        let Some(entry) = catalogue.get(call.action) else {
            let known = is_basic(call.action)
                || self.handlers.contains_key(call.action)
                || self.expectations.has(call.action);
            let unknown = || json!({ "error": format!("unknown action `{}`", call.action) });
            return if known { self.check_user(call) } else { Err(unknown()) };
        };
        if entry.cloud_only && !call.proxied {
            let why = format!("`{}` is for the cloud controller only; use `proxy`", call.action);
            return Err(json!({ "error": why }));
        }
        self.check_user(call)?;
        let missing = entry.missing(&call.parameters);
        if missing.is_empty() {
            return Ok(());
        }
        let why = format!("missing required parameters: {}", missing.join(", "));
        Err(json!({ "error": why, "missing": missing }))
    }

    /// Refuses what the user may not do, and servers and backups that are not there for them.
    fn check_user(&self, call: &Call<'_>) -> Result<(), Value> {
        let user = &call.peer.user;
        let text = |name: &str| call.parameters.get(name).and_then(Value::as_str);
        let backup = text("backup");
        let owner = backup.and_then(|backup| lock(&self.servers).owner_of_backup(backup));
        if owner.as_ref().is_some_and(|owner| !user.sees(owner)) {
            let backup = backup.unwrap_or_default();
            return Err(json!({ "error": format!("there is no backup `{backup}`") }));
        }
        let named = ["server", "topic"].map(text);
        let mut named = named.into_iter().flatten();
        let server = named.clone().next().or(owner.as_deref());
        if let Some(server) = named.find(|server| !user.sees(server)) {
            return Err(json!({ "error": format!("there is no server `{server}`") }));
        }
        let Some(permission) = user.lacks(call.action, server) else { return Ok(()) };
        let why = format!("permission denied: `{permission}` is needed");
        Err(json!({ "error": why, "permission": permission }))
    }

    /// The mock's own answer to a call that has been checked.
    fn act(&self, call: Call<'_>, events: &mut Vec<Utf8Bytes>) -> Answer {
        let peer = call.peer;
        match call.action {
            "list_actions" => Ok(lock(&self.catalogue).listing()),
            "whoami" => {
                let permissions = peer.user.all_permissions();
                Ok(json!({ "username": peer.user.name, "permissions": permissions }))
            }
            "subscribe" => {
                let topic = topic(&call.parameters)?;
                self.admit_subscription(topic, peer)?;
                if self.lasting.forget_subscriptions {
                    Ok(json!({}))
                } else {
                    peer.subscribe(topic)
                }
            }
            "unsubscribe" => {
                peer.unsubscribe(topic(&call.parameters)?);
                Ok(json!({}))
            }
            "enable_stdout" => {
                self.admit_subscription(call.action, peer)?;
                if self.lasting.forget_subscriptions {
                    return Ok(json!({}));
                }
                peer.enable_stdout();
                let greeting = format!("Architect Agent {}", self.options.version);
                events.extend([&*greeting, "console attached"].map(|line| text(&console(line))));
                Ok(json!({}))
            }
            "proxy" => self.proxy(&call, events),
            _ => self.act_on_files(&call).unwrap_or_else(|| self.act_on_servers(call, events)),
        }
    }

    /// Rejects a subscription that a fault rejects.
    fn admit_subscription(&self, what: &str, peer: &Peer) -> Result<(), Value> {
        if self.lasting.admits_subscription(what, peer.id) {
            return Ok(());
        }
        Err(json!({ "error": format!("`{what}` cannot be subscribed to again") }))
    }

    /// Answers the nested action as the vendor's cloud would.
    fn proxy(&self, call: &Call<'_>, events: &mut Vec<Utf8Bytes>) -> Answer {
        let action = call.parameters.get("action").and_then(Value::as_str).unwrap_or_default();
        if action == "proxy" {
            return Err(json!({ "error": "`proxy` cannot be nested" }));
        }
        let parameters = call.parameters.get("parameters").and_then(Value::as_object);
        let parameters = parameters.cloned().unwrap_or_default();
        let nested = Call { action, parameters, peer: call.peer, proxied: true };
        self.check(&nested)?;
        self.act(nested, events)
    }

    /// Lets the files answer; `None` if the action is not about them.
    fn act_on_files(&self, call: &Call<'_>) -> Option<Answer> {
        lock(&self.files).act(call.action, &call.parameters)
    }

    /// Lets the servers answer, tells what happened, and echoes what is not about servers.
    fn act_on_servers(&self, call: Call<'_>, events: &mut Vec<Utf8Bytes>) -> Answer {
        let mut told = Vec::new();
        let mut answer = lock(&self.servers).act(call.action, &call.parameters, &mut told);
        if let Some(Ok(listed)) = &mut answer
            && let Some(servers) = listed.get_mut("servers").and_then(Value::as_array_mut)
        {
            servers.retain(|server| server["id"].as_str().is_none_or(|id| call.peer.user.sees(id)));
        }
        self.planned.notify_one();
        for event in &told {
            self.tell(event, call.peer, events);
        }
        answer.unwrap_or_else(|| Ok(Value::Object(without_secrets(call.parameters))))
    }
}

/// Actions that a session has whether the catalogue names them or not.
fn is_basic(action: &str) -> bool {
    matches!(action, "list_actions" | "whoami" | "subscribe" | "unsubscribe" | "enable_stdout")
}

fn topic(parameters: &Map<String, Value>) -> Result<&str, Value> {
    let topic = parameters.get("topic").and_then(Value::as_str);
    topic.ok_or_else(|| json!({ "error": "`topic` must be a string" }))
}

/// Returns the parameters without those that must not be sent around.
fn without_secrets(mut parameters: Map<String, Value>) -> Map<String, Value> {
    drop_secrets(&mut parameters);
    parameters
}

fn drop_secrets(parameters: &mut Map<String, Value>) {
    parameters.retain(|name, _| !is_secret(name));
    parameters.values_mut().for_each(drop_secrets_within);
}

fn drop_secrets_within(value: &mut Value) {
    match value {
        Value::Object(inner) => drop_secrets(inner),
        Value::Array(items) => items.iter_mut().for_each(drop_secrets_within),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_leaves_secrets_out_at_every_level() {
        let given = json!({
            "name": "db", "password": "p", "options": { "apiToken": "t", "size": 1 },
            "users": [[{ "name": "a", "private_key": "k" }], 1],
        });
        let kept = without_secrets(given.as_object().unwrap().clone());
        let expected =
            json!({ "name": "db", "options": { "size": 1 }, "users": [[{ "name": "a" }], 1] });
        assert_eq!(Value::Object(kept), expected);
    }
}
