//! The page with the number of players.

use std::time::Duration;

use agent_sdk::Error;
use serde_json::json;
use tokio::time::sleep;

use crate::{
    common::{SERVER, Trouble, builder, ends, read, running},
    jobs::players::{Players, count, page},
};

#[tokio::test(start_paused = true)]
async fn the_page_shows_the_number_and_unknown_when_it_is_old() {
    let metrics = |_, _| async { Ok(json!({ "metrics": { "players": ["Ada", "Bob"] } })) };
    for trouble in Trouble::ALL {
        let (mock, agent) = trouble.mock(builder().handler("server_metrics", metrics)).await;
        let players = Players::default();
        assert_eq!(players.text(), "unknown", "before the first answer");
        let counting = trouble.during(&mock, count(&agent, SERVER, &players));
        let looking = async {
            sleep(Duration::from_secs(5)).await;
            assert_eq!(players.text(), "2");
            sleep(Duration::from_secs(120)).await;
            assert_eq!(players.text(), "2", "{trouble:?} is over");
            mock.go_down().await;
            sleep(Duration::from_secs(40)).await;
            assert_eq!(players.text(), "2", "it is not old yet");
            sleep(Duration::from_secs(60)).await;
            assert_eq!(players.text(), "unknown");
            agent.close().await;
        };
        let (error, ()) = tokio::join!(counting, looking);
        assert!(matches!(error, Error::Closed { .. }), "{error}");
        mock.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_number_is_unknown_and_not_zero() {
    let (mock, agent) = running(builder()).await;
    let players = Players::default();
    let looking = async {
        sleep(Duration::from_secs(30)).await;
        assert_eq!(players.text(), "unknown");
        agent.close().await;
    };
    tokio::join!(ends(count(&agent, SERVER, &players)), looking);
    mock.stop().await;
}

#[tokio::test]
async fn the_page_is_served() {
    assert_eq!(read(page(Players::default()), "/").await, "Players: unknown\n");
}
