//! How generated replies are read and written.

use downstream::golden::overlaid::Count;
use downstream::golden::replies::{
    AliasReply, LogReply, ModeReply, ModeReplyValue, NodesReply, NothingReply, ServerId,
    ServersReply, ServersServer, ServersServerState, TreeReply, TreesReply,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Reads a value and writes it again.
fn through<T: DeserializeOwned + Serialize>(json: &Value) -> (T, Value) {
    let value: T = serde_json::from_str(&json.to_string()).unwrap_or_else(|it| panic!("{it}"));
    let written = serde_json::to_value(&value).expect("it can be written");
    (value, written)
}

fn error<T: DeserializeOwned>(json: &Value) -> String {
    let text = json.to_string();
    let reader = &mut serde_json::Deserializer::from_str(&text);
    match serde_path_to_error::deserialize::<_, T>(reader) {
        Ok(_) => panic!("{json} is read"),
        Err(error) => error.to_string(),
    }
}

/// A whole reply to `servers` with more in it.
fn servers(more: Value) -> Value {
    let mut reply = json!({ "servers": [], "total": 0, "next": null, "exact": 1 });
    let (Value::Object(reply_map), Value::Object(more)) = (&mut reply, more) else {
        panic!("both are maps")
    };
    reply_map.extend(more);
    reply
}

#[test]
fn a_whole_number_is_one_however_it_is_written() {
    let text = r#"{"servers": [], "total": 1.0, "next": null, "exact": 1, "counts": [2.0, -3],
        "offset": 4.0, "left": null, "size": 18446744073709551615, "big": 18446744073709551615}"#;
    let reply: ServersReply = serde_json::from_str(text).expect("it is a reply");
    assert_eq!((reply.total, reply.counts, reply.offset), (1, Some(vec![2, -3]), Some(4)));
    assert_eq!((reply.left, reply.size), (None, Some(u64::MAX)));
    assert_eq!(reply.big, Some(u64::MAX.into()));
    // Also in a type that the overlay declares.
    assert_eq!(through::<Count>(&json!(3.0)).0, Count::from(3));
    assert!(
        error::<ServersReply>(&servers(json!({ "counts": [1, 1.5] }))).starts_with("counts[1]")
    );
}

#[test]
fn a_number_is_kept_as_it_is() {
    let (reply, _) =
        through::<ServersReply>(&servers(json!({ "exact": 9_007_199_254_740_993_u64 })));
    assert_eq!(reply.exact.as_u64(), Some(9_007_199_254_740_993));
}

#[test]
fn a_required_field_that_may_be_null_has_to_be_there_and_is_written_as_null() {
    let (reply, written) = through::<ServersReply>(&servers(json!({})));
    assert_eq!(reply.next, None);
    assert_eq!(written, servers(json!({})));
    let mut absent = servers(json!({}));
    absent.as_object_mut().expect("it is a map").remove("next");
    assert!(error::<ServersReply>(&absent).contains("missing field `next`"));
    // Also where what takes the null is inside of another type.
    assert!(error::<NothingReply>(&json!({})).contains("missing field `self`"));
    assert!(
        error::<NodesReply>(&json!({ "node": { "left": null } })).contains("missing field `right`")
    );
}

#[test]
fn what_is_not_among_the_fields_is_kept_where_its_type_is_described() {
    let reply = json!({ "id": "a", "state": "running", "players": 3, "slots": 20.0 });
    let (server, written) = through::<ServersServer>(&reply);
    assert_eq!(server.id, ServerId::from("a"));
    assert_eq!(server.additional_properties.get("slots"), Some(&20));
    assert_eq!(written, json!({ "id": "a", "state": "running", "players": 3, "slots": 20 }));
    let wrong = servers(json!({ "servers": [{ "id": "a", "state": null, "players": "many" }] }));
    assert!(
        error::<ServersReply>(&wrong).starts_with("servers[0].players"),
        "{}",
        error::<ServersReply>(&wrong)
    );
    let wrong = servers(json!({ "servers": [{ "id": 1, "state": null }] }));
    assert!(error::<ServersReply>(&wrong).starts_with("servers[0].id"));
}

#[test]
fn unknown_fields_and_unknown_values_never_fail_a_reply() {
    let more = json!({ "new": { "x": [1] }, "pair": ["a", 1, null], "either": 2, "server": "s" });
    let (reply, _) = through::<ServersReply>(&servers(more));
    assert_eq!(reply.server, Some(ServerId::from("s")));
    assert_eq!(reply.pair, Some(vec![json!("a"), json!(1), json!(null)]));
    for (text, state) in [
        ("running", ServersServerState::Running),
        ("+1", ServersServerState::Value1),
        ("", ServersServerState::Empty),
        ("brand new", ServersServerState::Other("brand new".to_owned())),
    ] {
        let (server, written) = through::<ServersServer>(&json!({ "id": "a", "state": text }));
        assert_eq!(server.state, Some(state));
        assert_eq!(written["state"], text);
    }
}

#[test]
fn a_secret_in_a_reply_is_read_and_not_shown() {
    let reply = servers(json!({
        "token": "hidden-1",
        "api": "hidden-2",
        "servers": [{ "id": "a", "state": null, "rcon_password": "hidden-3" }],
    }));
    let (reply, written) = through::<ServersReply>(&reply);
    assert!(!format!("{reply:?}").contains("hidden-"), "{reply:?}");
    assert_eq!(written["servers"][0]["rcon_password"], "hidden-3");
}

#[test]
fn a_reply_may_be_null_a_text_a_list_or_hold_itself() {
    let (reply, written) = through::<NothingReply>(&json!(null));
    assert_eq!((reply.0, written), (None, json!(null)));
    let nested =
        json!({ "self": { "self": null, "x": { "y": null } }, "additional_properties": 1 });
    let (reply, written) = through::<NothingReply>(&nested);
    let inner = reply.0.and_then(|it| it.self_.0).expect("it is there");
    assert_eq!(inner.additional_properties_["x"]["y"].0, None);
    assert_eq!(written, nested);
    assert_eq!(through::<ModeReply>(&json!("on")).0.0, ModeReplyValue::On);
    let (tree, written) = through::<TreeReply>(&json!([[], [[]]]));
    assert_eq!(written, json!([[], [[]]]));
    // Two actions with one schema have one type.
    let _: TreesReply = tree;
    let (log, _) = through::<LogReply>(&json!([{ "at": 1.0, "server": "a" }]));
    assert_eq!(log.0[0].server, Some(ServerId::from("a")));
    let (alias, _) = through::<AliasReply>(&json!({ "entry": { "entry": {} } }));
    assert!(alias.0.entry.is_some_and(|it| it.entry.is_some()));
}

#[test]
fn recursion_through_aliases_lists_and_maps_keeps_every_type() {
    let reply = json!({
        "node": { "left": { "left": null, "right": null }, "right": null },
        "list": [null, [null, []]],
        "map": { "a": [{ "b": [] }] },
        "server": { "id": "a", "name": "n", "inner": { "id": "b" } },
    });
    let (read, written) = through::<NodesReply>(&reply);
    assert_eq!(written, reply);
    assert!(read.node.is_some_and(|it| it.left.is_some() && it.right.is_none()));
    assert_eq!(read.list.and_then(|it| it.0).map(|it| it.len()), Some(2));
    assert_eq!(read.server.and_then(|it| it.inner).map(|it| it.id), Some("b".to_owned()));
}
