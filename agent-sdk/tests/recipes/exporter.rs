//! The Prometheus exporter.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    common::{Trouble, builder, ends, read, running},
    jobs::metrics::{Metrics, observe, page},
};

#[tokio::test(start_paused = true)]
async fn several_agents_are_exported_and_what_is_old_is_absent() {
    let (one, first) = running(builder()).await;
    let (two, second) = running(builder().servers(["survival", "odd \"name\"\\"])).await;
    let metrics = Metrics::new(["eu-1", "eu-2"].map(str::to_owned));
    let observing = async {
        tokio::join!(observe("eu-1", &first, &metrics), observe("eu-2", &second, &metrics))
    };
    let looking = async {
        sleep(Duration::from_secs(5)).await;
        let text = metrics.text();
        for line in [
            "# TYPE agent_up gauge",
            "agent_up{agent=\"eu-1\"} 1",
            "agent_last_heard_seconds{agent=\"eu-1\"} 5",
            "server_state{agent=\"eu-1\",server=\"survival\",state=\"running\"} 1",
            "server_state{agent=\"eu-2\",server=\"odd \\\"name\\\"\\\\\",state=\"stopped\"} 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
        one.go_down().await;
        sleep(Duration::from_secs(120)).await;
        let text = metrics.text();
        assert!(text.contains("agent_up{agent=\"eu-1\"} 0"), "{text}");
        assert!(text.contains("agent_last_heard_seconds{agent=\"eu-1\"} 1"), "{text}");
        assert!(!text.contains("server_state{agent=\"eu-1\""), "{text}");
        assert!(text.contains("server_state{agent=\"eu-2\",server=\"survival\""), "{text}");
        one.come_up().await.unwrap();
        sleep(Duration::from_secs(120)).await;
        assert!(metrics.text().contains("server_state{agent=\"eu-1\""), "it is back");
        first.close().await;
        second.close().await;
    };
    ends(async { tokio::join!(observing, looking) }).await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test(start_paused = true)]
async fn states_are_exported_whatever_is_lost_meanwhile() {
    for trouble in Trouble::ALL {
        let (mock, agent) = trouble.mock(builder()).await;
        let metrics = Metrics::new(["eu-1".to_owned()]);
        let looking = trouble.during(&mock, async {
            sleep(Duration::from_secs(30)).await;
            mock.crash("survival");
            sleep(Duration::from_secs(120)).await;
            let text = metrics.text();
            assert!(
                text.contains("server=\"survival\",state=\"crashed\"} 1"),
                "{trouble:?} {text}"
            );
            agent.close().await;
        });
        tokio::join!(ends(observe("eu-1", &agent, &metrics)), looking);
        mock.stop().await;
    }
}

#[tokio::test]
async fn an_agent_that_was_never_heard_is_down_and_has_no_age() {
    let metrics = Metrics::new(["eu-1".to_owned()]);
    let text = read(page(metrics), "/metrics").await;
    assert!(text.contains("agent_up{agent=\"eu-1\"} 0"), "{text}");
    assert!(!text.contains("agent_last_heard_seconds{"), "{text}");
}
