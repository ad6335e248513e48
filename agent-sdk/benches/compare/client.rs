//! A client as a process of its own: what it has in memory is its own then.

use std::time::Duration;

use crate::{idle, job::Job, large, process};

/// It ends by itself after this, whatever happens.
const LIFE: Duration = Duration::from_secs(60);

/// Does its job; the only line of output is the result.
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
