//! What a stranger's crate gets from its build script.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use agent_sdk::Action;
use downstream::actions::{ACTIONS, ExportWorld, WorldId, WorldsReply};
use downstream::golden;

#[test]
fn parameters_travel_under_their_names_and_options_only_if_set() {
    let json = |action: &ExportWorld| action.to_json().expect("it can be written");
    let export = ExportWorld::new("w1").target("backup.zip");
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

/// None of this compiled once; `get` returned a `&String`.
#[test]
fn an_identifier_is_used_as_any_text_is() {
    let id: WorldId = "w1".parse().expect("every text is one");
    assert_eq!(id.as_str(), "w1");
    assert!(id == "w1" && id == *"w1" && id != "w2");
    let worlds = BTreeMap::from([(id.clone(), 1)]);
    assert_eq!(worlds.get("w1"), Some(&1));
    let owned = WorldId::from(&id);
    let texts: [String; 2] = [String::from(&id), owned.into()];
    assert_eq!(texts, ["w1", "w1"]);
    let export = ExportWorld::new(&id).target("backup.zip");
    assert_eq!(export.world, id);
    let target: golden::overlaid::Target = "all".parse().expect("every text is one");
    assert!(target == "all" && target.as_ref() == "all");
    assert_eq!(String::from(golden::overlaid::Target::from("new".to_owned())), "new");
}

#[test]
fn a_newtype_is_a_text_on_the_wire() {
    let id = WorldId::from("w1");
    assert_eq!(id.to_string(), "w1");
    assert_eq!(serde_json::to_string(&id).expect("it can be written"), r#""w1""#);
    let read: WorldId = serde_json::from_str(r#""w1""#).expect("it can be read");
    assert_eq!(read, id);
}

/// None of this used to compile.
#[test]
fn an_identifier_is_used_like_a_text() {
    fn length(text: impl AsRef<str>) -> usize {
        text.as_ref().len()
    }
    let id: WorldId = "w1".parse().expect("every text is an id");
    let text = "w1".to_owned();
    assert!(id == "w1");
    assert!("w1" == id);
    assert!(id == text);
    assert!(text == id);
    assert!(id == *text.as_str());
    assert_eq!((id.as_str(), length(&id)), ("w1", 2));
    let export = ExportWorld::new(&id).target("there");
    assert_eq!(export.world, id);
    assert_eq!(ExportWorld::new(&text).target("there"), export);
    assert_eq!(String::from(&id), String::from(id.clone()));
    assert_eq!(id.clone().into_string(), "w1");
    let sizes = BTreeMap::from([(id.clone(), 7)]);
    assert_eq!(sizes.get("w1"), Some(&7));
    let sizes = std::collections::HashMap::from([(id, 7)]);
    assert_eq!(sizes.get("w1"), Some(&7));
}

#[test]
fn a_number_with_a_type_of_its_own_is_used_like_a_number() {
    let count: golden::overlaid::Count = "3".parse().expect("it is a number");
    assert!(count == 3 && count.get() == 3 && u64::from(count) == 3);
    assert_eq!(count.to_string(), "3");
    assert!("three".parse::<golden::overlaid::Count>().is_err());
}

#[test]
fn a_stream_of_events_takes_an_identifier_for_a_topic() {
    fn takes(events: agent_sdk::Events, id: &WorldId) -> agent_sdk::Events {
        events.topic(id)
    }
    let _ = takes;
}

#[test]
fn the_table_has_every_action() {
    let names: Vec<_> = ACTIONS.iter().map(|action| action.name).collect();
    assert_eq!(names, ["export_world", "worlds"]);
}

/// The keys of an object in a golden snapshot, sorted.
fn golden_keys(file: &str, pointer: &str) -> BTreeSet<String> {
    let path = format!("{}/../golden/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("it is readable");
    let json: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let map = json.pointer(pointer).and_then(serde_json::Value::as_object).expect("it is a map");
    map.keys().cloned().collect()
}

#[test]
fn every_action_keeps_its_name_whatever_it_is() {
    let names: BTreeSet<_> =
        golden::names_odd::ACTIONS.iter().map(|it| it.name.to_owned()).collect();
    assert_eq!(names, golden_keys("names-odd.json", "/actions"));
    assert_eq!(golden::names_keywords::Mod::NAME, "mod");
    assert_eq!(golden::names_keywords::Self_::NAME, "self");
    assert_eq!(golden::names_keywords::Option_::NAME, "Option");
}

#[test]
fn every_parameter_travels_under_its_name_whatever_it_is() {
    let action = golden::parameter_names::Nullable::new();
    let json = action.to_json().expect("it can be written");
    let sent: BTreeMap<String, Option<bool>> =
        serde_json::from_str(&json).expect("each is null until set");
    let sent: BTreeSet<_> = sent.into_keys().collect();
    let pointer = "/actions/nullable/required_parameters";
    assert_eq!(sent, golden_keys("parameter-names.json", pointer));
}

#[test]
fn a_secret_is_not_shown_and_travels() {
    let action = golden::secrets::Login::new()
        .not_shown("shown")
        .password("hidden-1")
        .token_count(1)
        .user("root")
        .api_key("hidden-2");
    let shown = format!("{action:?}");
    assert!(shown.contains("root") && !shown.contains("hidden-"), "{shown}");
    assert!(action.to_json().expect("it can be written").contains("hidden-2"));
}

#[test]
fn a_text_with_known_values_is_read_and_written_as_it_is() {
    use golden::overlaid::{Target, Wipe};
    let wipe = Wipe::new("s").how_many(3_u64).targets(vec![Target::TheRest, "new".into()]);
    let json = wipe.to_json().expect("it can be written");
    assert_eq!(json, r#"{"server":"s","count":3,"targets":["the-rest","new"]}"#);
    assert_eq!(Target::from("new"), Target::Other("new".to_owned()));
    assert!(Target::TheRest == "the-rest" && "the-rest".parse() == Ok(Target::TheRest));
}
