//! How each recipe reaches its agents, and how its program ends.
//!
//! The password comes from a file that you alone can read: a variable is seen by each program that this
//! one starts.
//!
//! | variable | holds |
//! |---|---|
//! | `AGENT_URL` | `wss://203.0.113.7:8090` |
//! | `AGENT_FINGERPRINT` | `sha256:…`, as `agentctl fingerprint` and the agent's own machine show it |
//! | `AGENT_HOSTS` | for many agents, a file: on each line a name, a URL and a fingerprint |
//! | `AGENT_USERNAME` | `root` by default |
//! | `AGENT_PASSWORD_FILE` | the file with the password |
#![allow(dead_code, reason = "a recipe for one agent does not connect to many")]

use std::{env, error::Error, fmt, fs};

use agent_sdk::{Agent, Builder, Tls};

/// What went wrong in a recipe: any error, in words.
pub type Failed = Box<dyn Error + Send + Sync>;

/// What `main` ends with: its errors are printed as words and not as Rust.
pub struct Failure(Failed);

/// Connects to the agent of `AGENT_URL`.
pub async fn to_agent() -> Result<Agent, Failed> {
    let builder = builder(&variable("AGENT_URL")?, &variable("AGENT_FINGERPRINT")?)?;
    Ok(builder.connect().await?)
}

/// Reads the agents of `AGENT_HOSTS`: their names, and what connects to them.
pub fn hosts() -> Result<Vec<(String, Builder)>, Failed> {
    let text = read(&variable("AGENT_HOSTS")?)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let host = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [name, url, fingerprint] = words[..] else {
            return Err(format!("`{line}` is not a name, a URL and a fingerprint").into());
        };
        Ok((name.to_owned(), builder(url, fingerprint)?))
    };
    lines.map(host).collect()
}

fn builder(url: &str, fingerprint: &str) -> Result<Builder, Failed> {
    let username = env::var("AGENT_USERNAME").unwrap_or_else(|_| "root".to_owned());
    let password = read(&variable("AGENT_PASSWORD_FILE")?)?;
    let builder = Agent::builder(url).tls(Tls::pinned(fingerprint)?);
    Ok(builder.credentials(username, password.trim_end_matches(['\r', '\n'])))
}

/// Returns a variable of the environment.
pub fn variable(name: &str) -> Result<String, Failed> {
    env::var(name).map_err(|_| format!("the environment variable {name} is not set").into())
}

/// Returns an argument of the program; `usage` names them all.
pub fn argument(number: usize, usage: &str) -> Result<String, Failed> {
    env::args().nth(number).ok_or_else(|| format!("usage: {usage}").into())
}

/// Reads a text file.
pub fn read(path: &str) -> Result<String, Failed> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}").into())
}

impl<E: Into<Failed>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
