//! `soak`: a short run; CI and people make longer ones.

use std::time::Duration;

use crate::support::{program, run, run_within};

#[tokio::test]
async fn under_faults_every_call_is_accounted_for() {
    let ended =
        run(["soak", "--seconds", "5", "--connections", "4", "--seed", "7", "--format", "json"])
            .await;
    let report = ended.json();
    let calls = &report["calls"];
    assert!(calls["answered"].as_u64().unwrap() > 100, "{report}");
    assert!(report["reconnects"].as_u64().unwrap() > 0, "{report}");
    assert!(report["faults"]["cuts"].as_u64().unwrap() > 0, "{report}");
    for promise in ["executed_twice", "executed_though_not_sent", "hung", "unfinished"] {
        assert_eq!(calls[promise], 0, "{promise} in {report}");
    }
}

#[tokio::test]
async fn many_connections_are_back_within_a_minute_of_an_outage() {
    let limit = Duration::from_secs(150);
    let command = program(["soak", "--storm", "50", "--outage", "1", "--format", "json"]);
    let ended = run_within(limit, command, "").await;
    let report = ended.json();
    for client in ["sdk", "floor"] {
        let last = report[client]["after_outage"]["seconds_until_last"].as_f64().unwrap();
        assert!(last < 60.0, "{client} in {report}");
    }
}
