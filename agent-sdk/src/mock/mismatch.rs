//! What a test expects beside what has come, as its failure shows it.

use serde_json::{Map, Value};
use similar::{ChangeTag, TextDiff};

use super::secret::is_secret;

/// In place of a secret, and of one that is not the expected one.
const HIDDEN: &str = "***";
const OTHER_HIDDEN: &str = "*** (another one)";

/// Writes parameters without the secrets in them. Of those it tells whether they are the `wanted`.
pub(super) fn shown(
    parameters: &Map<String, Value>,
    wanted: Option<&Map<String, Value>>,
) -> String {
    let hidden = Value::Object(hide(parameters, wanted));
    serde_json::to_string_pretty(&hidden).unwrap_or_default()
}

fn hide(got: &Map<String, Value>, wanted: Option<&Map<String, Value>>) -> Map<String, Value> {
    let hide_one = |(name, value): (&String, &Value)| {
        let wanted = wanted.and_then(|wanted| wanted.get(name));
        let shown = match wanted {
            Some(wanted) if is_secret(name) && wanted != value => OTHER_HIDDEN.into(),
            _ if is_secret(name) => HIDDEN.into(),
            _ => hide_within(value, wanted),
        };
        (name.clone(), shown)
    };
    got.iter().map(hide_one).collect()
}

fn hide_within(got: &Value, wanted: Option<&Value>) -> Value {
    match got {
        Value::Object(inner) => hide(inner, wanted.and_then(Value::as_object)).into(),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.map(|(at, item)| hide_within(item, wanted.and_then(|it| it.get(at)))).collect()
        }
        other => other.clone(),
    }
}

/// The lines that were expected, with a minus, against those that came, with a plus.
pub(super) fn diff(expected: &str, got: &str) -> String {
    let mut text = String::new();
    for change in TextDiff::from_lines(expected, got).iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Delete => "- ",
            ChangeTag::Insert => "+ ",
            ChangeTag::Equal => "  ",
        };
        text.extend([sign, change.value().trim_end_matches('\n'), "\n"]);
    }
    text
}

/// How alike two texts are, from 0 to 1.
pub(super) fn likeness(one: &str, other: &str) -> f32 {
    TextDiff::from_lines(one, other).ratio()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_shows_that_a_secret_differs_and_not_the_secret() {
        let wanted = json!({ "name": "ops", "password": "one", "options": { "apiKey": "k" } });
        let got = json!({ "name": "ops", "password": "two", "options": { "apiKey": "k" } });
        let (wanted, got) = (wanted.as_object().unwrap(), got.as_object().unwrap());
        let text = diff(&shown(wanted, None), &shown(got, Some(wanted)));
        assert!(text.contains("-   \"password\": \"***\""), "{text}");
        assert!(text.contains("+   \"password\": \"*** (another one)\""), "{text}");
        assert!(text.contains("     \"apiKey\": \"***\""), "{text}");
        assert!(!text.contains("one\"") && !text.contains("two"), "{text}");
    }

    /// Only what was in an object was hidden.
    #[test]
    fn a_secret_in_a_list_is_not_shown_either() {
        let wanted = json!({ "users": [{ "token": "one" }, { "token": "same" }] });
        let got =
            json!({ "users": [{ "token": "two" }, { "token": "same" }, { "token": "more" }] });
        let text = shown(got.as_object().unwrap(), wanted.as_object());
        let hidden: Vec<_> = text.lines().filter(|line| line.contains("token")).collect();
        assert!(hidden[0].contains("*** (another one)") && hidden[1].contains("\"***\""), "{text}");
        assert!(!["two", "same", "more"].iter().any(|secret| text.contains(secret)), "{text}");
    }
}
