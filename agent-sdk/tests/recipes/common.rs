//! What the tests share: a mock with a server that runs, and what goes wrong with it.

use std::time::Duration;

use agent_sdk::{
    Agent,
    mock::{Builder, LastingFault, MockAgent, Pace},
};
use axum::Router;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    task::spawn_blocking,
    time::{sleep, timeout},
};

/// The server of all tests.
pub const SERVER: &str = "survival";
/// Longer than any job takes that ends at all.
pub const LIMIT: Duration = Duration::from_secs(24 * 3600);
const CATALOGUE: &str = include_str!("../../../schemas/agent-1.1.34.json");

/// What goes wrong while a job is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The agent sends no events.
    LostEvents,
    /// The link is lost for a minute.
    LostLink,
    /// The agent restarts.
    AgentRestarts,
}

impl Trouble {
    pub const ALL: [Self; 3] = [Self::LostEvents, Self::LostLink, Self::AgentRestarts];

    /// A mock agent that will have this trouble.
    pub async fn mock(self, builder: Builder) -> (MockAgent, Agent) {
        running(match self {
            Self::LostEvents => builder.lasting_fault(LastingFault::ForgetSubscriptions),
            Self::LostLink | Self::AgentRestarts => builder,
        })
        .await
    }

    /// Lets a job run into it; it begins 12 s after the job.
    pub async fn during<T>(self, mock: &MockAgent, job: impl Future<Output = T>) -> T {
        let trouble = async {
            sleep(Duration::from_secs(12)).await;
            if self == Self::LostLink {
                mock.go_down().await;
                sleep(Duration::from_secs(60)).await;
                mock.come_up().await.unwrap();
            } else if self == Self::AgentRestarts {
                mock.restart().await.unwrap();
            }
        };
        let (done, ()) = tokio::join!(ends(job), trouble);
        done
    }
}

/// A mock with a server that runs and takes its time, with the whole catalogue.
pub fn builder() -> Builder {
    let catalogue = serde_json::from_str(CATALOGUE).unwrap();
    MockAgent::builder(catalogue).tls(false).running([SERVER]).pace(Pace::realistic().console(None))
}

/// Starts a mock, and connects to it.
pub async fn running(builder: Builder) -> (MockAgent, Agent) {
    let mock = builder.start().await.unwrap();
    let agent = mock.client().connect().await.unwrap();
    (mock, agent)
}

/// Fails the test instead of letting it hang.
pub async fn ends<T>(job: impl Future<Output = T>) -> T {
    timeout(LIMIT, job).await.expect("it does not end")
}

/// Waits until something is so, looking every second.
pub async fn until(mut is_so: impl FnMut() -> bool) {
    ends(async {
        while !is_so() {
            sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
}

/// How often an action was called.
pub fn calls(mock: &MockAgent, action: &str) -> usize {
    mock.requests().iter().filter(|request| request.action == action).count()
}

/// What the agent says of the server.
pub async fn server(agent: &Agent) -> Value {
    agent.call_raw("server", json!({ "server": SERVER })).await.unwrap().parameters().unwrap()
}

/// An answer that accepts anything and does nothing.
pub async fn accept(_: Value, _: agent_sdk::mock::Context) -> Result<Value, Value> {
    Ok(json!({}))
}

/// Serves a page, and returns what a browser reads of it.
pub async fn read(page: Router, path: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{path}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async { axum::serve(listener, page).await });
    let browser = ureq::Agent::from(ureq::Agent::config_builder().proxy(None).build());
    let get = move || browser.get(url).call().unwrap().body_mut().read_to_string().unwrap();
    let text = spawn_blocking(get).await.unwrap();
    serving.abort();
    text
}
