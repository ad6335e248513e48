//! What a stranger's crate gets from its build script.

use std::time::Duration;

use agent_sdk::{Action, Parameters};
use downstream::actions::{ACTIONS, ExportWorld, WorldId, WorldsReply};

#[test]
fn parameters_travel_under_their_names_and_options_only_if_set() {
    let json = |action: &ExportWorld| Parameters::json(action).expect("it can be written");
    let export = ExportWorld::new("w1", "backup.zip");
    assert_eq!(json(&export), r#"{"world":"w1","target":"backup.zip"}"#);
    assert_eq!(
        json(&export.compress(false)),
        r#"{"world":"w1","target":"backup.zip","compress":false}"#
    );
    assert_eq!(ExportWorld::TIMEOUT, Some(Duration::from_secs(900)));
}

#[test]
fn a_reply_tolerates_what_it_does_not_know() {
    let reply: WorldsReply = serde_json::from_str(
        r#"{"new": 1, "worlds": [{"id": "a", "size": null, "x": 2}, {"id": "b", "size": 7}]}"#,
    )
    .expect("it is a reply");
    let sizes: Vec<_> = reply.worlds.iter().map(|world| world.size).collect();
    assert_eq!(sizes, [None, Some(7)]);
}

#[test]
fn a_newtype_is_a_text_on_the_wire() {
    let id = WorldId::from("w1");
    assert_eq!(id.to_string(), "w1");
    assert_eq!(serde_json::to_string(&id).expect("it can be written"), r#""w1""#);
}

#[test]
fn the_table_has_every_action() {
    let names: Vec<_> = ACTIONS.iter().map(|action| action.name).collect();
    assert_eq!(names, ["export_world", "worlds"]);
}
