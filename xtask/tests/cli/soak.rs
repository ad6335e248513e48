//! `soak`: a short run; CI and people make longer ones.

use crate::support::run;

#[tokio::test]
async fn under_faults_every_call_is_accounted_for() {
    let ended =
        run(["soak", "--seconds", "5", "--connections", "4", "--seed", "7", "--format", "json"])
            .await;
    let report = ended.json();
    let calls = &report["calls"];
    assert!(calls["answered"].as_u64().unwrap() > 100, "{report}");
    assert!(report["reconnects"].as_u64().unwrap() > 0, "{report}");
    for promise in ["executed_twice", "executed_though_not_sent", "hung", "unfinished"] {
        assert_eq!(calls[promise], 0, "{promise} in {report}");
    }
}
