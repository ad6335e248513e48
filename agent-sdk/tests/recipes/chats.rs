//! Messages to a chat, which is a server of the test's own.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use agent_sdk::{
    Agent,
    actions::{Restart, ServerStart, ServerStop},
    mock::MockAgent,
};
use axum::{Json, Router, http::StatusCode, routing::post};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet, time::sleep};

use crate::{
    common::{SERVER, Trouble, builder, ends, running, until},
    jobs::chat::{Chat, report},
};

/// A chat that keeps what it was sent.
struct Room {
    url: String,
    said: Arc<Mutex<Vec<String>>>,
    /// How many messages it refuses first.
    refusals: Arc<AtomicU64>,
    _server: JoinSet<()>,
}

impl Room {
    async fn open() -> Self {
        let (said, refusals) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(AtomicU64::new(0)));
        let (log, refuse) = (Arc::clone(&said), Arc::clone(&refusals));
        let hook = move |Json(message): Json<Value>| async move {
            if refuse.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
                return StatusCode::TOO_MANY_REQUESTS;
            }
            log.lock().unwrap().push(message["content"].as_str().unwrap().to_owned());
            StatusCode::NO_CONTENT
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move {
            axum::serve(listener, Router::new().route("/hook", post(hook))).await.unwrap();
        });
        Self { url, said, refusals, _server: server }
    }

    fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }
}

/// Runs what happens to the server while it is reported; ends with the connection.
async fn reported(agent: &Agent, room: &Room, is_planned: &AtomicBool, happens: impl Future) {
    let chat = Chat::new(&room.url);
    let reporting = report(agent, SERVER, &chat, || is_planned.load(Relaxed));
    let happening = async {
        // The present state is no news.
        sleep(Duration::from_secs(5)).await;
        happens.await;
        sleep(Duration::from_secs(60)).await;
        agent.close().await;
    };
    ends(async { tokio::join!(reporting, happening) }).await;
}

async fn crash_and_start(mock: &MockAgent, agent: &Agent) {
    mock.crash(SERVER);
    sleep(Duration::from_secs(30)).await;
    agent.server_start(ServerStart::new(SERVER)).await.unwrap();
    sleep(Duration::from_secs(30)).await;
}

#[tokio::test(start_paused = true)]
async fn starts_stops_and_crashes_are_posted_once_each() {
    let (room, planned) = (Room::open().await, AtomicBool::new(false));
    let (mock, agent) = running(builder()).await;
    reported(&agent, &room, &planned, async {
        crash_and_start(&mock, &agent).await;
        agent.server_stop(ServerStop::new(SERVER)).await.unwrap();
    })
    .await;
    assert_eq!(
        room.said(),
        ["`survival` has crashed", "`survival` is up", "`survival` is stopped"]
    );
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn during_planned_work_crashes_alone_are_posted() {
    let (room, planned) = (Room::open().await, AtomicBool::new(true));
    let (mock, agent) = running(builder()).await;
    reported(&agent, &room, &planned, async {
        agent.restart(Restart::new(SERVER)).await.unwrap();
        sleep(Duration::from_secs(60)).await;
        crash_and_start(&mock, &agent).await;
        planned.store(false, Relaxed);
        agent.server_stop(ServerStop::new(SERVER)).await.unwrap();
    })
    .await;
    assert_eq!(room.said(), ["`survival` has crashed", "`survival` is stopped"]);
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_posted_whatever_is_lost_of_it() {
    for trouble in Trouble::ALL {
        let (room, planned) = (Room::open().await, AtomicBool::new(false));
        let (mock, agent) = trouble.mock(builder()).await;
        let happens = trouble.during(&mock, async {
            sleep(Duration::from_secs(30)).await;
            mock.crash(SERVER);
            sleep(Duration::from_secs(120)).await;
        });
        reported(&agent, &room, &planned, happens).await;
        assert_eq!(room.said(), ["`survival` has crashed"], "{trouble:?}");
        mock.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_chat_refuses_is_posted_again() {
    let (room, planned) = (Room::open().await, AtomicBool::new(false));
    room.refusals.store(2, Relaxed);
    let (mock, agent) = running(builder()).await;
    reported(&agent, &room, &planned, async {
        mock.crash(SERVER);
        until(|| !room.said().is_empty()).await;
    })
    .await;
    assert_eq!(room.said(), ["`survival` has crashed"]);
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_takes_nothing_does_not_end_the_reports() {
    let (room, planned) = (Room::open().await, AtomicBool::new(false));
    room.refusals.store(3, Relaxed);
    let (mock, agent) = running(builder()).await;
    reported(&agent, &room, &planned, crash_and_start(&mock, &agent)).await;
    assert_eq!(room.said(), ["`survival` is up"], "the first message is given up");
    mock.stop().await;
}
