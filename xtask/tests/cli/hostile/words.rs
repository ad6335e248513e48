//! What a hostile agent says.

use std::{fmt::Write as _, iter};

use data_encoding::BASE64;

pub const USERNAME: &str = "operator";
pub const PASSWORD: &str = "7f3b0c9e-Hunter2/6d1f";

/// So many bytes of the password are a part that is found.
const HALF: usize = PASSWORD.len() / 2 + 1;

/// What acts on a terminal, on a log, or on the text around it.
const ACTING: [&str; 10] = [
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "\u{9b}31m\u{85}\u{90}\u{9c}",
    "\u{7f}\u{8}\u{b}\u{c}",
    "\u{202e}\u{2066}\u{200f}\u{61c}",
    "\u{200b}\u{feff}\u{ad}\u{3164}",
    "\nerror: forged\nsha256:forged\nwarning: forged\n::error::forged\n",
    "\rerror: forged\r\nsha256:forged\r",
    "\u{2028}error: forged\u{2029}sha256:forged",
    "\u{e0041}\u{fe0f}\u{fff9}",
    "\0|::error::forged%0A`*_<b>\"'\\",
];

/// One text for every place, without and within JSON.
#[derive(Clone)]
pub struct Words {
    name: String,
    text: String,
    /// The text as a string of JSON, with what only JSON can write.
    json: String,
}

impl Words {
    /// Each number up to this one has other words.
    pub const KINDS: usize = 6;

    pub fn new(number: usize) -> Self {
        let (coding, coded) = codings().swap_remove(number % Self::KINDS);
        let acting = ACTING.iter().cycle().skip(number).take(4).copied().collect::<String>();
        let long = if number % 5 == 4 { "x\u{1b}[1m ".repeat(10_000) } else { String::new() };
        let text = format!("said {coded} {acting} {coded}\nerror: forged {long}");
        let quoted = serde_json::Value::from(text.as_str()).to_string();
        let escaped = escaped(PASSWORD);
        let json = format!("{}{escaped}\"", &quoted[..quoted.len() - 1]);
        Self { name: format!("{coding}, {number}"), text, json }
    }

    /// Which words these are.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For a place that takes any bytes.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As a string of JSON, in its quotes.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// For a field of HTTP, which ends with its line.
    pub fn field(&self) -> String {
        self.text.chars().filter(|c| !matches!(c, '\r' | '\n' | '\0')).take(2000).collect()
    }

    /// The beginning, in so many bytes.
    pub fn beginning(&self, bytes: usize) -> &str {
        let end = (0..=bytes.min(self.text.len())).rev();
        let end = end.into_iter().find(|end| self.text.is_char_boundary(*end));
        &self.text[..end.unwrap_or_default()]
    }

    /// A catalogue with the words for each name, type and description, beside real actions.
    pub fn catalogue(&self) -> String {
        let words = &self.json;
        format!(
            r#"{{"actions":{{
                {words}:{{"description":{words},"required_parameters":{{{words}:{words}}},{words}:{words}}},
                "server_start":{{"description":{words},"required_parameters":{{"server":{words},{words}:{{"type":"str","description":{words}}}}}}},
                "whoami":{{"description":{words},"required_parameters":[{words}]}},
                "odd":{words}
            }},{words}:{words}}}"#
        )
    }
}

/// The password in the codings in which peers repeat it.
fn codings() -> Vec<(&'static str, String)> {
    let percent = PASSWORD.bytes().fold(String::new(), |mut coded, byte| {
        // Writing to a string cannot fail.
        let _ = write!(coded, "%{byte:02X}");
        coded
    });
    let basic = format!("{USERNAME}:{PASSWORD}");
    vec![
        ("plain", PASSWORD.to_owned()),
        ("JSON", escaped(PASSWORD)),
        ("percent", percent),
        ("Base64", BASE64.encode(PASSWORD.as_bytes())),
        ("cut", PASSWORD[..HALF].to_owned()),
        ("Basic authentication", BASE64.encode(basic.as_bytes())),
    ]
}

/// With every character as JSON can write it.
fn escaped(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat()
}

/// Where a text holds the password, or half of it, and in which coding.
pub fn find_password(text: &str) -> Option<(&'static str, usize)> {
    let halves = PASSWORD.as_bytes().windows(HALF).map(|half| {
        let half = half.iter().copied().map(char::from).collect();
        ("half", half)
    });
    // Once more as JSON writes a backslash.
    let twice = ("JSON twice", escaped(PASSWORD).replace('\\', "\\\\"));
    let searched = codings().into_iter().chain(halves).chain(iter::once(twice));
    searched.into_iter().find_map(|(coding, coded)| Some((coding, text.find(&coded)?)))
}
