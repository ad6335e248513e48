//! JSON on its way to the terminal: in another layout, and otherwise as the agent wrote it.
//!
//! Reading it into a value would sort its keys and round its large numbers. What a terminal would
//! obey, or does not show, is written as `\u` escapes, which mean the same; a password of this process
//! becomes `***`.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use agent_codegen::escape_json;
use serde::{Serializer, de::IgnoredAny};

use crate::text::without_passwords;

/// What is nested deeper than this stays on one line: a hostile reply of brackets alone would
/// otherwise become spaces by the gigabyte.
const DEEPEST: usize = 32;

/// Serializes a path as it is shown: one that is not UTF-8 is no error.
pub fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// The same for several.
pub fn paths<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path.display().to_string()))
}

/// The text on one line.
pub fn compact(text: &str) -> String {
    lay_out(text, false)
}

/// The text indented by two spaces.
pub fn pretty(text: &str) -> String {
    lay_out(text, true)
}

/// Lays out what is known to be JSON; what is not comes out as something else that is not.
fn lay_out(text: &str, lines: bool) -> String {
    let mut layout = Layout { out: String::with_capacity(text.len() * 2), depth: 0, lines };
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '{' | '}' | '[' | ']' | ',' | ':' => 1,
            _ => word_length(rest),
        };
        let (token, after) = rest.split_at(length);
        rest = after.trim_start();
        match first {
            '{' | '[' => rest = layout.open(token, rest),
            '}' | ']' => layout.close(token),
            ',' => {
                layout.out.push(',');
                layout.new_line();
            }
            ':' => layout.out.push_str(if lines { ": " } else { ":" }),
            _ => layout.push(token),
        }
    }
    layout.out
}

/// How many bytes the string at the beginning of `text` takes, its quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// How many bytes the number or word at the beginning of `text` takes, one at least.
fn word_length(text: &str) -> usize {
    let ends = |c: char| c.is_whitespace() || "{}[],:\"".contains(c);
    text.find(ends).unwrap_or(text.len()).max(1)
}

/// Returns a token without the passwords of this process, which is a token, too.
fn without_passwords_in(token: &str) -> Cow<'_, str> {
    match without_passwords(token) {
        Cow::Owned(hidden) if serde_json::from_str::<IgnoredAny>(&hidden).is_err() => {
            // It was a number, or the password was found across an escape.
            Cow::Borrowed("\"***\"")
        }
        hidden => hidden,
    }
}

struct Layout {
    out: String,
    depth: usize,
    lines: bool,
}

impl Layout {
    /// Writes a token with everything in it visible, and no password.
    fn push(&mut self, token: &str) {
        escape_json(&mut self.out, &without_passwords_in(token));
    }

    /// Writes an opening bracket, with the closing one at once if nothing is between; the rest.
    fn open<'a>(&mut self, bracket: &str, rest: &'a str) -> &'a str {
        self.out.push_str(bracket);
        if let Some(after) = rest.strip_prefix(['}', ']']) {
            self.out.push_str(&rest[..1]);
            return after.trim_start();
        }
        self.depth += 1;
        self.new_line();
        rest
    }

    fn close(&mut self, bracket: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.new_line();
        self.out.push_str(bracket);
    }

    fn new_line(&mut self) {
        if self.lines && self.depth <= DEEPEST {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", self.depth));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::text::hide_password;

    const TEXT: &str = r#" { "z":1,
        "a" : [ 123456789012345678901234567890, 1.0, { } , [] ],"s":"\" : {é}, \\" } "#;

    #[test]
    fn it_is_laid_out_and_otherwise_untouched() {
        let expected =
            r#"{"z":1,"a":[123456789012345678901234567890,1.0,{},[]],"s":"\" : {é}, \\"}"#;
        assert_eq!(compact(TEXT), expected);
        let lines = [
            "{",
            r#"  "z": 1,"#,
            r#"  "a": ["#,
            "    123456789012345678901234567890,",
            "    1.0,",
            "    {},",
            "    []",
            "  ],",
            r#"  "s": "\" : {é}, \\""#,
            "}",
        ];
        assert_eq!(pretty(TEXT), lines.join("\n"));
    }

    #[test]
    fn it_is_the_same_json() {
        let before: Value = serde_json::from_str(TEXT).unwrap();
        for text in [compact(TEXT), pretty(TEXT)] {
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), before);
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_means_the_same() {
        let text = "{\"a\u{9b}\":\"\u{7f}\u{202e}\u{e0001}\u{2028}é😀\"}";
        let shown = compact(text);
        assert_eq!(shown, r#"{"a\u009b":"\u007f\u202e\udb40\udc01\u2028é😀"}"#);
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(read(&shown), read(text));
        assert_eq!(read(&pretty(text)), read(text));
    }

    /// A reply is data: it stays JSON, whatever the password looks like.
    #[test]
    fn a_password_is_hidden_and_it_is_json_all_the_same() {
        for (password, text) in [
            ("a-json-password", r#"{"a-json-password":["said a-json-password",1]}"#),
            ("20261126001122", r#"{"n":20261126001122,"m":[1202611260011229]}"#),
            ("u0037-u0037-u0037", r#"["\u0037-u0037-u0037"]"#),
            (r#"q","quoted","r"#, r#"{"q":"q\",\"quoted\",\"r"}"#),
        ] {
            hide_password("", password);
            let shown = compact(text);
            assert!(shown.contains("***") && !shown.contains(password), "{shown}");
            assert!(serde_json::from_str::<Value>(&shown).is_ok(), "{shown}");
            assert_eq!(pretty(text).split_whitespace().collect::<String>(), shown.replace(' ', ""));
        }
    }

    #[test]
    fn a_tower_of_brackets_does_not_become_a_mountain_of_spaces() {
        let tower = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let pretty = pretty(&tower);
        assert!(pretty.len() < tower.len() + 10_000, "{}", pretty.len());
        assert!(pretty.lines().count() <= 2 * DEEPEST + 2);
    }

    #[test]
    fn what_is_no_json_does_no_harm() {
        for text in ["", "\"", "]]]", "{", "\"\\", "a\"b", "é"] {
            let _ = (compact(text), pretty(text));
        }
    }
}
