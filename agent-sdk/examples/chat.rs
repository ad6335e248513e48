//! Posts starts, stops and crashes of a server to a chat; during planned work, crashes alone.
//!
//! ```sh
//! # The webhook's URL is a secret as well. Work is planned as long as the file `maintenance` exists.
//! CHAT_WEBHOOK_FILE=webhook cargo run -p agent-sdk --example chat -- survival maintenance
//! ```

mod connect;

use std::{path::Path, time::Duration};

use agent_sdk::{Agent, KnownState, wait::StateChange};
use serde_json::json;
use tokio::{task::spawn_blocking, time::sleep};

use connect::{Failed, Failure, argument, read, to_agent, variable};

/// How often a post is tried.
const ATTEMPTS: u32 = 3;
/// The pause before the second attempt; each further one is longer by as much.
const PAUSE: Duration = Duration::from_secs(10);

/// A chat that takes messages by a webhook, in the form of Discord.
pub struct Chat {
    url: String,
    http: ureq::Agent,
}

/// Posts what happens to the server until the connection is closed for good. While `is_planned` returns
/// true, only crashes are posted.
///
/// # Cancel safety
///
/// The future may be dropped at any time; a message may have been posted.
pub async fn report(agent: &Agent, server: &str, chat: &Chat, is_planned: impl Fn() -> bool) {
    let mut states = agent.watch_state(server);
    while let Some(change) = states.next().await {
        if let Some(news) = news(&change, is_planned()) {
            chat.post(&format!("`{server}` {news}")).await;
        }
    }
}

/// Returns what there is to say of a change, if anything. That a server is well when the program starts is
/// no news.
fn news(change: &StateChange, is_planned: bool) -> Option<&'static str> {
    let is_usual = !is_planned && change.before.is_some();
    match change.state.known()? {
        KnownState::Crashed => Some("has crashed"),
        KnownState::Killed => is_usual.then_some("was killed"),
        KnownState::Running => is_usual.then_some("is up"),
        KnownState::Stopped => is_usual.then_some("is stopped"),
        _ => None,
    }
}

impl Chat {
    /// Returns the chat with this webhook.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let limit = Some(Duration::from_secs(10));
        // Directly, as the SDK connects, whatever `HTTPS_PROXY` says.
        let config = ureq::Agent::config_builder().timeout_global(limit).proxy(None).build();
        Self { url: url.to_owned(), http: config.into() }
    }

    /// Posts a message. If the chat does not take it, the message is written to the log.
    async fn post(&self, text: &str) {
        for attempt in 0..ATTEMPTS {
            sleep(PAUSE * attempt).await;
            let (http, url) = (self.http.clone(), self.url.clone());
            let body = json!({ "content": text });
            let posted = spawn_blocking(move || http.post(url).send_json(body).is_ok()).await;
            if posted.unwrap_or(false) {
                return;
            }
        }
        // Without the reason: it may repeat the webhook's URL.
        eprintln!("the chat did not take: {text}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let usage = "chat SERVER MAINTENANCE_FILE";
    let (server, maintenance) = (argument(1, usage)?, argument(2, usage)?);
    let chat = Chat::new(read(&variable("CHAT_WEBHOOK_FILE")?)?.trim());
    let agent = to_agent().await?;
    report(&agent, &server, &chat, || Path::new(&maintenance).exists()).await;
    Err(Failed::from("the connection to the agent is closed for good").into())
}
