//! Which of its forms a catalogue has.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    json::{Json, Kind, Member},
    written,
};
use crate::{
    diagnostic::{Diagnostic, Report, Source},
    text::Shown,
};

const FORMS: &str = "a snapshot is the reply to `list_actions`, its `{\"actions\": …}`, or the map \
                     of actions";

/// Finds the object that holds `actions`; makes one around a bare map.
pub(super) fn catalogue(source: &Arc<Source>, document: Json, report: &mut Report) -> Option<Json> {
    let mut found = outermost(source, document, report)?;
    while let Some(inner) = nested(&mut found) {
        found = inner;
    }
    if is_refusal(&found) {
        report.push(refusal(source, &found));
        return None;
    }
    Some(found)
}

/// The first object from outside that holds `actions`.
fn outermost(source: &Arc<Source>, mut document: Json, report: &mut Report) -> Option<Json> {
    // What an error brings along is no catalogue, whatever it looks like.
    let refused = is_refusal(&document);
    if !refused && document.get("actions").is_some_and(is_action_map) {
        return Some(document);
    }
    if !refused && let Some(whole) = reply(&mut document) {
        return Some(whole);
    }
    if !refused && is_bare(&document) {
        let at = document.at.clone();
        let member = Member { key_at: at.start..at.start, value: document };
        let map = BTreeMap::from([("actions".to_owned(), member)]);
        return Some(Json { at, kind: Kind::Map(map) });
    }
    report.push(refusal(source, &document));
    None
}

/// Returns whether this is the envelope of a call that did not succeed, or within one.
fn is_refusal(envelope: &Json) -> bool {
    outcome(envelope).is_some()
}

/// The words for success. The agent's own is `ok`; any other word may mean the contrary.
const SUCCESS: [&str; 8] =
    ["ok", "okay", "success", "successful", "succeeded", "done", "complete", "completed"];

/// The entry of an envelope that says that the call did not succeed: its key and its value.
fn outcome(envelope: &Json) -> Option<(&'static str, &Json)> {
    ["status", "success", "ok", "error"].into_iter().find_map(|key| {
        let value = envelope.field(key)?;
        let failed = match (&value.kind, key) {
            // An action may be called so; it is a map.
            (Kind::Null | Kind::Map(_), _) => false,
            (status, "status") => !is_success(status),
            (error, "error") => is_true(error),
            (success, _) => !is_true(success),
        };
        failed.then_some((key, value))
    })
}

fn is_success(status: &Kind) -> bool {
    match status {
        Kind::Boolean(success) => *success,
        Kind::Text(word) => SUCCESS.iter().any(|it| word.trim().eq_ignore_ascii_case(it)),
        // As HTTP counts them.
        Kind::Number(number) => number.parse().is_ok_and(|it: u16| (200..300).contains(&it)),
        _ => false,
    }
}

fn is_true(flag: &Kind) -> bool {
    match flag {
        Kind::Boolean(flag) => *flag,
        Kind::Text(word) => !matches!(word.trim(), "" | "false" | "no" | "none" | "null"),
        Kind::Number(number) => number.parse() != Ok(0.0),
        Kind::List(items) => !items.is_empty(),
        Kind::Null | Kind::Map(_) => false,
    }
}

/// The catalogue with its envelope, where that was taken for a map of actions: `{"actions":
/// {"actions": {…}}}` holds no action that is called `actions`.
fn nested(catalogue: &mut Json) -> Option<Json> {
    let actions = member_mut(catalogue, "actions")?;
    let entries = actions.as_map()?;
    if entries.values().any(|entry| describes_an_action(&entry.value)) {
        return None;
    }
    if holds_catalogue(actions) || is_refusal(actions) {
        return take(catalogue, "actions");
    }
    let name = entries.iter().find(|(_, entry)| holds_catalogue(&entry.value))?.0.clone();
    take(actions, &name)
}

/// Returns whether `actions` in it is a map of actions without any doubt.
fn holds_catalogue(json: &Json) -> bool {
    json.get("actions").is_some_and(|it| is_bare(it) && !describes_an_action(it))
}

/// The `parameters` of a whole reply.
fn reply(document: &mut Json) -> Option<Json> {
    if !document.get("parameters")?.get("actions").is_some_and(is_action_map) {
        return None;
    }
    take(document, "parameters")
}

fn take(json: &mut Json, key: &str) -> Option<Json> {
    match &mut json.kind {
        Kind::Map(map) => map.remove(key).map(|member| member.value),
        _ => None,
    }
}

fn member_mut<'a>(json: &'a mut Json, key: &str) -> Option<&'a mut Json> {
    match &mut json.kind {
        Kind::Map(map) => map.get_mut(key).map(|member| &mut member.value),
        _ => None,
    }
}

/// Returns whether this is a map of actions, and not a bare map's action whose name is `actions`.
///
/// Whatever is taken for a bare map has to be one inside of `actions` too, where the canonical form
/// puts it.
fn is_action_map(json: &Json) -> bool {
    json.as_map().is_some() && (is_bare(json) || !describes_an_action(json))
}

/// Returns whether a map is an action's description, by the keys that only a description has so.
fn describes_an_action(json: &Json) -> bool {
    let is = |key: &str, test: fn(&Kind) -> bool| json.get(key).is_some_and(|it| test(&it.kind));
    is("description", |kind| matches!(kind, Kind::Text(_)))
        || is("required_parameters", |kind| matches!(kind, Kind::List(_)))
        || is("cloud_controller_only", |kind| matches!(kind, Kind::Boolean(_)))
}

/// Returns whether this is a map of actions without anything around it: at least one entry has a
/// key that only an action's description has. The parameters of an action may have such names too.
fn is_bare(document: &Json) -> bool {
    let keys = ["description", "required_parameters", "cloud_controller_only"];
    document.as_map().is_some_and(|map| {
        map.iter().any(|(name, member)| {
            name != "required_parameters" && keys.iter().any(|key| member.value.get(key).is_some())
        })
    })
}

fn refusal(source: &Arc<Source>, document: &Json) -> Diagnostic {
    let error = |code, message: String| {
        Diagnostic::error(code, message).at(source, document.at.clone()).help(FORMS)
    };
    if let Some((key, value)) = outcome(document) {
        let said = document.get("parameters").and_then(words).or_else(|| words(document));
        let told = format!("its `{key}` is {}", written(value));
        let message = format!("this is the agent's refusal: {}", Shown(said.unwrap_or(&told)));
        let help = format!(
            "the user needs the permission to call `list_actions`; fetch again. If it is a catalogue \
             all the same, take `{key}` out"
        );
        return error("error-reply", message).help(help);
    }
    if let Some(actions) = document.get("actions") {
        let message = format!("`actions` is {}, and a map of actions is expected", actions.what());
        return error("not-a-catalogue", message).at(source, actions.at.clone()).path("$.actions");
    }
    let message = match &document.kind {
        Kind::Map(map) if map.is_empty() => "this is an empty map, and no catalogue".to_owned(),
        Kind::Map(_) => "this is a map without actions".to_owned(),
        Kind::List(_) => "this is a list; a catalogue says what each action takes".to_owned(),
        _ => format!("this is {}, and no catalogue", document.what()),
    };
    error("not-a-catalogue", message)
}

/// The agent's words in the detail of a refusal.
fn words(detail: &Json) -> Option<&str> {
    let keys = ["error", "message", "reason", "detail"];
    detail.as_text().or_else(|| keys.iter().find_map(|key| detail.get(key).and_then(words)))
}
