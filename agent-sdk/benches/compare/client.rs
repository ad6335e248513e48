//! A client as a process of its own: what it has in memory is its own then.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{idle, large, process, server::Ready};

/// The argument that makes this program the client; its job follows, as JSON.
const CLIENT: &str = "--client";
/// It ends by itself after this, whatever happens.
const LIFE: Duration = Duration::from_secs(60);

/// What a client is to do.
#[derive(Serialize, Deserialize)]
pub enum Job {
    Idle { client: Client, server: Ready },
    Large { kept: large::Kept, server: Ready },
}

/// Which client.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub enum Client {
    Floor,
    Ours,
}

/// What this process is to do, if it is to be the client.
pub fn asked_for() -> Option<Job> {
    process::job(CLIENT)
}

/// Does it; the only line of output is the result.
pub fn run(job: &Job) {
    process::end_after(LIFE);
    let runtime = process::one_thread();
    let result = match job {
        Job::Idle { client, server } => {
            serde_json::to_string(&runtime.block_on(idle::run(*client, server)))
        }
        Job::Large { kept, server } => {
            serde_json::to_string(&runtime.block_on(large::peak(*kept, server)))
        }
    };
    println!("{}", result.expect("it can be written"));
}

/// Has it done by a new process.
pub fn by_process<T: DeserializeOwned>(job: &Job) -> T {
    let program = std::env::current_exe().expect("the path of this program");
    let job = serde_json::to_string(job).expect("it can be written");
    let mut command = Command::new(program);
    let output = command.args([CLIENT, &job]).stderr(Stdio::inherit()).output();
    let output = output.expect("the client starts");
    serde_json::from_slice(&output.stdout).expect("the client comes to its end")
}
