//! The call that all clients make, and what the server answers.

use serde::{Deserialize, Serialize};

use crate::job::Service;

/// Calls in flight at a time, where it is many.
pub const IN_FLIGHT: usize = 256;
pub const ACTION: &str = "agent_metrics";
pub const PARAMETERS: Parameters = Parameters { since: 1_767_225_600, until: 1_767_229_200 };
const RESULT: &str = r#"{"agent":"alpha","processors":8,"players":42}"#;

#[derive(Serialize)]
pub struct Parameters {
    pub since: i64,
    pub until: i64,
}

/// What the caller wants to know of the result.
#[derive(Deserialize)]
pub struct Metrics {
    players: u32,
}

impl Metrics {
    pub fn check(&self) {
        assert_eq!(self.players, 42, "the server says something else");
    }
}

/// A large result.
#[derive(Deserialize)]
pub struct Bulk {
    pub text: String,
}

/// The fields of a reply, in the order in which most tests see them.
const FIELDS: [&str; 3] = ["idempotence", "status", "parameters"];

/// Every other order of the fields of a reply.
pub const OTHER_ORDERS: [[usize; 3]; 5] = [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// An agent whose replies have their fields in the usual order.
pub fn agent() -> Service {
    agent_with([0, 1, 2])
}

/// An agent whose replies have their fields in such an order.
pub fn agent_with(order: [usize; 3]) -> Service {
    let values = [r#""TOKEN""#, r#""ok""#, RESULT];
    let fields = order.map(|field| format!(r#""{}":{}"#, FIELDS[field], values[field]));
    service(r#""idempotence":""#, format!("{{{}}}", fields.join(",")))
}

/// The names of the fields in such an order.
pub fn names(order: [usize; 3]) -> String {
    order.map(|field| FIELDS[field]).join(", ")
}

/// A server of JSON-RPC.
pub fn json_rpc() -> Service {
    service(r#""id":"#, format!(r#"{{"jsonrpc":"2.0","id":TOKEN,"result":{RESULT}}}"#))
}

fn service(key: &str, reply: String) -> Service {
    // The other processor: client and server must not wait for each other's.
    let (key, core) = (key.to_owned(), Some(1));
    Service { key, reply, tls: false, sleep: false, large: None, events: None, core }
}
