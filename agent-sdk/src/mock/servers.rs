//! The servers that the mock pretends to run.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};

use super::wire::{Answer, event};

/// The most servers that can be deployed.
const MAX_SERVERS: usize = 1000;
/// RCON lines and backups of one server that are kept, the newest of them.
const MAX_KEPT: usize = 1000;

/// All servers, by id.
pub(super) struct Servers {
    servers: BTreeMap<String, Server>,
}

/// One server.
struct Server {
    title: String,
    running: bool,
    starts: u64,
    rcon: Kept,
    backups: Kept,
}

/// The newest of a growing list, each with its number.
#[derive(Default)]
struct Kept {
    added: u64,
    items: VecDeque<Value>,
}

/// An event of a server, for the sessions that have subscribed to it.
pub(super) struct ServerEvent {
    pub(super) server: String,
    pub(super) event: Value,
}

/// The parameters of a request.
type Parameters = Map<String, Value>;

impl Servers {
    /// Makes stopped servers with these ids.
    pub(super) fn new(servers: impl IntoIterator<Item = String>) -> Self {
        Self { servers: servers.into_iter().map(|id| (id.clone(), Server::new(id))).collect() }
    }

    /// Acts, if the action is one that servers have to do with; `None` if it is not.
    pub(super) fn act(
        &mut self,
        action: &str,
        parameters: &Parameters,
        news: &mut Vec<ServerEvent>,
    ) -> Option<Answer> {
        Some(match action {
            "servers" => Ok(self.list()),
            "server" => self.with(parameters, |id, server| Ok(server.describe(id))),
            "server_start" => self.switch(parameters, &["starting", "running"], news),
            "restart" => self.switch(parameters, &["stopping", "starting", "running"], news),
            "server_stop" => self.switch(parameters, &["stopping", "stopped"], news),
            "server_kill" | "server_force_kill" => self.switch(parameters, &["stopped"], news),
            "server_deploy" => self.deploy(parameters, news),
            "server_remove" => self.remove(parameters, news),
            "server_rcon_send" => self.rcon_send(parameters, news),
            "server_rcon_read" => self.rcon_read(parameters),
            "create_backup" => self.with(parameters, |_, server| {
                let backup =
                    server.backups.add(|number| json!({ "id": format!("backup-{number}") }));
                Ok(json!({ "backup": backup }))
            }),
            "query_backups" => {
                self.with(parameters, |_, server| Ok(json!({ "backups": server.backups.items })))
            }
            _ => return None,
        })
    }

    fn list(&self) -> Value {
        let servers = self.servers.iter().map(|(id, server)| server.describe(id));
        json!({ "servers": servers.collect::<Vec<_>>() })
    }

    /// Leads a server through some states, if the first of them can follow the present one.
    fn switch(
        &mut self,
        parameters: &Parameters,
        states: &[&str],
        news: &mut Vec<ServerEvent>,
    ) -> Answer {
        self.with(parameters, |id, server| {
            let starts = states[0] == "starting";
            if starts == server.running {
                let state = server.state();
                return Err(json!({ "error": format!("server `{id}` is already {state}") }));
            }
            server.running = states.ends_with(&["running"]);
            server.starts += u64::from(server.running);
            news.extend(states.iter().map(|state| state_news(id, state)));
            Ok(server.describe(id))
        })
    }

    fn deploy(&mut self, parameters: &Parameters, news: &mut Vec<ServerEvent>) -> Answer {
        let id = text(parameters, "id");
        if id.is_empty() || self.servers.contains_key(id) || self.servers.len() >= MAX_SERVERS {
            return Err(json!({ "error": format!("server `{id}` cannot be deployed") }));
        }
        let server = Server::new(text(parameters, "title").to_owned());
        let described = server.describe(id);
        self.servers.insert(id.to_owned(), server);
        news.push(state_news(id, "stopped"));
        Ok(described)
    }

    fn remove(&mut self, parameters: &Parameters, news: &mut Vec<ServerEvent>) -> Answer {
        self.with(parameters, |id, server| {
            if server.running {
                return Err(json!({ "error": format!("server `{id}` is running") }));
            }
            Ok(json!({}))
        })?;
        let id = text(parameters, "server");
        self.servers.remove(id);
        news.push(state_news(id, "removed"));
        Ok(json!({}))
    }

    fn rcon_send(&mut self, parameters: &Parameters, news: &mut Vec<ServerEvent>) -> Answer {
        let payload = text(parameters, "payload").to_owned();
        self.with(parameters, |id, server| {
            if !server.running {
                return Err(json!({ "error": format!("server `{id}` is not running") }));
            }
            let line = server
                .rcon
                .add(|number| json!({ "id": number, "line": format!("executed: {payload}") }));
            news.push(ServerEvent { server: id.to_owned(), event: event("rcon", id, &line) });
            Ok(json!({ "sent": payload }))
        })
    }

    fn rcon_read(&mut self, parameters: &Parameters) -> Answer {
        let since = parameters.get("since").and_then(Value::as_u64).unwrap_or(0);
        self.with(parameters, |_, server| {
            let lines = server.rcon.items.iter().filter(|line| line["id"].as_u64() > Some(since));
            Ok(json!({ "lines": lines.collect::<Vec<_>>() }))
        })
    }

    /// Does something with the server that the parameters name.
    fn with(
        &mut self,
        parameters: &Parameters,
        act: impl FnOnce(&str, &mut Server) -> Answer,
    ) -> Answer {
        let id = text(parameters, "server");
        match self.servers.get_mut(id) {
            Some(server) => act(id, server),
            None => Err(json!({ "error": format!("there is no server `{id}`") })),
        }
    }
}

impl Server {
    fn new(title: String) -> Self {
        Self { title, running: false, starts: 0, rcon: Kept::default(), backups: Kept::default() }
    }

    fn state(&self) -> &'static str {
        if self.running { "running" } else { "stopped" }
    }

    fn describe(&self, id: &str) -> Value {
        json!({ "id": id, "title": self.title, "state": self.state(), "starts": self.starts })
    }
}

impl Kept {
    /// Adds an item that knows its number; the first is 1.
    fn add(&mut self, item: impl FnOnce(u64) -> Value) -> Value {
        self.added += 1;
        let item = item(self.added);
        if self.items.len() >= MAX_KEPT {
            self.items.pop_front();
        }
        self.items.push_back(item.clone());
        item
    }
}

fn state_news(id: &str, state: &str) -> ServerEvent {
    let detail = json!({ "server": id, "state": state });
    ServerEvent { server: id.to_owned(), event: event("server_state", id, &detail) }
}

fn text<'a>(parameters: &'a Parameters, name: &str) -> &'a str {
    parameters.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Acts on the one server; the answer, and the states that were told.
    fn act(servers: &mut Servers, action: &str, more: &Value) -> (Answer, Vec<String>) {
        let mut parameters = json!({ "server": "survival" }).as_object().unwrap().clone();
        parameters.extend(more.as_object().unwrap().clone());
        let mut news = Vec::new();
        let answer = servers.act(action, &parameters, &mut news).unwrap();
        let state =
            |news: ServerEvent| news.event["parameters"]["state"].as_str().map(str::to_owned);
        (answer, news.into_iter().filter_map(state).collect())
    }

    #[test]
    fn a_server_tells_one_story_from_start_to_kill() {
        let mut servers = Servers::new(["survival".to_owned()]);
        let steps: [(&str, &[&str]); 5] = [
            ("server_start", &["starting", "running"]),
            ("restart", &["stopping", "starting", "running"]),
            ("server_stop", &["stopping", "stopped"]),
            ("server_start", &["starting", "running"]),
            ("server_kill", &["stopped"]),
        ];
        for (action, states) in steps {
            let (answer, told) = act(&mut servers, action, &json!({}));
            let state = answer.unwrap()["state"].clone();
            assert_eq!(told, states, "{action}");
            assert_eq!(state, *states.last().unwrap(), "{action}");
            let (now, _) = act(&mut servers, "server", &json!({}));
            assert_eq!(now.unwrap()["state"], state);
        }
        let (servers, _) = act(&mut servers, "servers", &json!({}));
        assert_eq!(servers.unwrap()["servers"][0]["starts"], 3);
    }

    #[test]
    fn what_cannot_be_is_refused_in_words_and_changes_nothing() {
        let mut servers = Servers::new(["survival".to_owned()]);
        for (action, words) in [
            ("server_stop", "server `survival` is already stopped"),
            ("restart", "server `survival` is already stopped"),
            ("server_rcon_send", "server `survival` is not running"),
        ] {
            let (answer, told) = act(&mut servers, action, &json!({}));
            assert_eq!(answer.unwrap_err()["error"], words);
            assert!(told.is_empty());
        }
        let (answer, _) = act(&mut servers, "server_start", &json!({ "server": "other" }));
        assert_eq!(answer.unwrap_err()["error"], "there is no server `other`");
    }

    #[test]
    fn rcon_is_read_from_where_the_reader_stands() {
        let mut servers = Servers::new(["survival".to_owned()]);
        act(&mut servers, "server_start", &json!({})).0.unwrap();
        for payload in ["#one", "#two"] {
            act(&mut servers, "server_rcon_send", &json!({ "payload": payload })).0.unwrap();
        }
        let (lines, _) = act(&mut servers, "server_rcon_read", &json!({ "since": 1 }));
        assert_eq!(lines.unwrap(), json!({ "lines": [{ "id": 2, "line": "executed: #two" }] }));
    }

    #[test]
    fn servers_come_and_go() {
        let mut servers = Servers::new([]);
        act(&mut servers, "server_deploy", &json!({ "id": "new", "title": "dayz" })).0.unwrap();
        act(&mut servers, "server_deploy", &json!({ "id": "new" })).0.unwrap_err();
        let (_, told) = act(&mut servers, "server_remove", &json!({ "server": "new" }));
        assert_eq!(told, ["removed"]);
        let (servers, _) = act(&mut servers, "servers", &json!({}));
        assert_eq!(servers.unwrap(), json!({ "servers": [] }));
    }

    #[test]
    fn only_the_newest_are_kept() {
        let mut kept = Kept::default();
        for _ in 0..=MAX_KEPT {
            kept.add(|number| json!(number));
        }
        assert_eq!((kept.items.len(), &kept.items[0]), (MAX_KEPT, &json!(2)));
    }
}
