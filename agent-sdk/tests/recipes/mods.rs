//! Updates of mods.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_sdk::mock::Builder;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    common::{Trouble, builder, ends, running},
    jobs::update_mods::update_mods,
};

const MOD: &str = "1559212036";

/// How the download of the mod ends.
#[derive(Clone, Copy)]
enum End {
    After(Duration),
    Failed,
    /// It never begins.
    NotBegun,
}

/// A mock with one mod, whose download begins when it is accepted.
fn with_mod(end: End) -> Builder {
    let begun: Arc<Mutex<Option<Instant>>> = Arc::default();
    let time = match end {
        End::After(time) => time,
        End::Failed | End::NotBegun => Duration::from_secs(30),
    };
    let (accepted, listed) = (Arc::clone(&begun), Arc::clone(&begun));
    let download = move |_, _| {
        if !matches!(end, End::NotBegun) {
            accepted.lock().unwrap().get_or_insert_with(Instant::now);
        }
        async { Ok(json!({})) }
    };
    let downloads = move |_, _| {
        let is_on = listed.lock().unwrap().is_some_and(|begun| begun.elapsed() < time);
        let list = if is_on { vec![json!({ "id": MOD, "progress": 40 })] } else { Vec::new() };
        async move { Ok(json!({ "downloads": list })) }
    };
    let mods = move |_, _| {
        let is_over = begun.lock().unwrap().is_some_and(|begun| begun.elapsed() >= time);
        let entry = match end {
            _ if !is_over => json!({ "entity_id": MOD, "version": 1 }),
            End::Failed => json!({ "entity_id": MOD, "version": 1, "state": "failed" }),
            _ => json!({ "entity_id": MOD, "version": 2 }),
        };
        async move { Ok(json!({ "mods": [{ "entity_id": "7" }, entry] })) }
    };
    builder()
        .handler("download_mod", download)
        .handler("steam_list_downloads", downloads)
        .handler("mods", mods)
}

fn ids() -> Vec<String> {
    vec![MOD.to_owned()]
}

#[tokio::test(start_paused = true)]
async fn a_mod_is_updated_when_its_download_is_over_and_it_is_listed() {
    for trouble in Trouble::ALL {
        let (mock, agent) = trouble.mock(with_mod(End::After(Duration::from_secs(300)))).await;
        let updated = trouble.during(&mock, update_mods(&agent, &ids())).await.unwrap();
        let [update] = &updated[..] else { panic!("{updated:?}") };
        assert_eq!((update.id.as_str(), update.is_changed), (MOD, true));
        assert_eq!(update.entry["version"], 2, "{trouble:?}");
        mock.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_download_that_is_accepted_and_never_done_is_told_with_what_is_listed() {
    let (mock, agent) = running(with_mod(End::After(Duration::from_secs(1 << 40)))).await;
    let error = ends(update_mods(&agent, &ids())).await.unwrap_err().to_string();
    assert!(error.contains("the download of `1559212036`"), "{error}");
    assert!(error.ends_with("last seen: it is listed, progress 40"), "{error}");
    mock.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_download_that_failed_is_no_update() {
    let (mock, agent) = running(with_mod(End::Failed)).await;
    let error = ends(update_mods(&agent, &ids())).await.unwrap_err().to_string();
    assert!(error.contains("the mod `1559212036`") && error.contains("failed"), "{error}");
    mock.stop().await;
}

/// The old mod is listed all the time: it was taken for the new one.
#[tokio::test(start_paused = true)]
async fn a_download_that_never_begins_is_not_called_an_update() {
    let (mock, agent) = running(with_mod(End::NotBegun)).await;
    let updated = ends(update_mods(&agent, &ids())).await.unwrap();
    assert!(!updated[0].is_changed, "{updated:?}");
    mock.stop().await;
}
