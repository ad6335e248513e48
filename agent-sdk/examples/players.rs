//! A page with the number of players on a server; "unknown" when it is old.
//!
//! ```sh
//! cargo run -p agent-sdk --example players -- survival     # http://127.0.0.1:8080
//! ```

mod connect;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use agent_sdk::{Agent, Error, actions::ServerMetrics, wait::Sight};
use axum::{Router, routing::get};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

use connect::{Failed, Failure, argument, to_agent};

/// How often the agent is asked.
const ASK_EVERY: Duration = Duration::from_secs(15);
/// A number that is older is not shown any more.
const STALE_AFTER: Duration = Duration::from_secs(60);

/// How many play, and when the agent said so.
#[derive(Clone, Default)]
pub struct Players(Arc<Mutex<Option<(u64, Instant)>>>);

impl Players {
    fn set(&self, players: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((players, Instant::now()));
    }

    /// Returns the number in words.
    #[must_use]
    pub fn text(&self) -> String {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match last.filter(|(_, when)| when.elapsed() <= STALE_AFTER) {
            Some((players, _)) => players.to_string(),
            None => "unknown".to_owned(),
        }
    }
}

/// Asks for the number of players again and again, until the connection is closed for good. An agent that
/// cannot be asked lets the number grow old.
///
/// # Cancel safety
///
/// The future may be dropped at any time.
pub async fn count(agent: &Agent, server: &str, players: &Players) -> Error {
    loop {
        match agent.server_metrics(ServerMetrics::new(server)).await.and_then(|it| it.parameters())
        {
            Ok(answer) => {
                if let Some(number) = Sight::Snapshot(&answer).players() {
                    players.set(number);
                }
            }
            Err(error @ Error::Closed { .. }) => return error,
            Err(error) => eprintln!("{error}"),
        }
        sleep(ASK_EVERY).await;
    }
}

/// The page.
pub fn page(players: Players) -> Router {
    Router::new().route("/", get(move || async move { format!("Players: {}\n", players.text()) }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let server = argument(1, "players SERVER")?;
    let agent = to_agent().await?;
    let players = Players::default();
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    tokio::select! {
        error = count(&agent, &server, &players) => Err(Failed::from(error).into()),
        ended = axum::serve(listener, page(players.clone())) => Ok(ended?),
    }
}
