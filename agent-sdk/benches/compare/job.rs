//! What the processes of a benchmark are to do: given to each as JSON, behind an argument.

use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The argument that makes this program the server; its [`Service`] follows.
const SERVER: &str = "--serve";
/// The argument that makes this program a client; its [`Job`] follows.
const CLIENT: &str = "--client";

/// What the server is to do.
#[derive(Clone, Serialize, Deserialize)]
pub struct Service {
    /// What precedes the token in each request.
    pub key: String,
    /// The reply, with `TOKEN` in the token's place; at most 125 bytes.
    pub reply: String,
    /// Speak TLS.
    pub tls: bool,
    /// Sleep until something arrives, instead of asking all the time; connections then get a thread
    /// each, and otherwise their turn one after the other.
    pub sleep: bool,
    /// Answer three requests at a time, the one for `large_reply` with a text of so many bytes, and
    /// that between the replies to the others.
    pub large: Option<usize>,
    /// Send so many events a second together with the replies.
    pub events: Option<u32>,
    /// The processor to stay on.
    pub core: Option<usize>,
}

impl Service {
    /// What this process is to serve, if it is to be the server.
    pub fn asked_for() -> Option<Self> {
        behind(SERVER)
    }

    /// The arguments that start such a server.
    pub fn arguments(&self) -> [String; 2] {
        arguments(SERVER, self)
    }
}

/// What the server says when it is ready.
#[derive(Clone, Serialize, Deserialize)]
pub struct Ready {
    pub port: u16,
    /// With TLS.
    pub certificate: Option<Vec<u8>>,
}

/// What a client is to do.
#[derive(Serialize, Deserialize)]
pub enum Job {
    Idle { client: Client, server: Ready },
    Large { kept: Kept, server: Ready },
}

/// Which client.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum Client {
    Floor,
    Ours,
}

/// What the caller keeps of the large reply.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum Kept {
    /// The reply as it came.
    Whole,
    /// A typed value that holds all of the text. There is no escape in it: with a single one it took
    /// 3.0 times the size, since `serde_json` then puts the text together in a buffer of its own.
    Decoded,
}

impl Job {
    /// What this process is to do, if it is to be a client.
    pub fn asked_for() -> Option<Self> {
        behind(CLIENT)
    }

    /// Has it done by a new process; the result.
    pub fn by_process<T: DeserializeOwned>(&self) -> T {
        let program = std::env::current_exe().expect("the path of this program");
        let mut command = Command::new(program);
        let output = command.args(arguments(CLIENT, self)).stderr(Stdio::inherit()).output();
        let output = output.expect("the client starts");
        serde_json::from_slice(&output.stdout).expect("the client comes to its end")
    }
}

fn arguments(argument: &str, job: &impl Serialize) -> [String; 2] {
    [argument.to_owned(), serde_json::to_string(job).expect("it can be written")]
}

/// What follows the argument, if this process was started with it.
fn behind<T: DeserializeOwned>(argument: &str) -> Option<T> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != argument {
        return None;
    }
    let job = arguments.next().expect("a job");
    Some(serde_json::from_str(&job).expect("a job as JSON"))
}
