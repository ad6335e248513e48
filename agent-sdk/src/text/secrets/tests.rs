use std::fmt::Write as _;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use proptest::prelude::*;

use super::*;
use crate::text::{EXCERPT_LEN, is_unseen};

const USERNAME: &str = "operator";

fn secrets(password: &str) -> Secrets {
    Secrets::new(USERNAME.to_owned().into(), password.to_owned().into())
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut coded, byte| {
        if byte.is_ascii_alphanumeric() {
            coded.push(char::from(byte));
        } else {
            write!(coded, "%{byte:02X}").unwrap();
        }
        coded
    })
}

fn every_byte_percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat()
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap().replace('/', "\\/");
    quoted[1..quoted.len() - 1].to_owned()
}

fn every_character_json(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat()
}

fn html(text: &str, character: impl Fn(char) -> String) -> String {
    text.chars().map(character).collect()
}

fn escaped_html(character: char) -> String {
    match character {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&#39;".to_owned(),
        '+' | '/' | ';' | '\u{80}'.. => format!("&#{};", u32::from(character)),
        other => other.to_string(),
    }
}

fn hexadecimal(bytes: &[u8], separator: &str) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(separator)
}

/// As an agent on Windows has it, or a body in that encoding.
fn utf16(text: &str) -> String {
    text.chars().flat_map(|character| [character, '\0']).collect()
}

/// The password as peers repeat it, by the name of the coding.
fn codings(password: &str) -> Vec<(&'static str, String)> {
    let header = format!("SMP1.0, {USERNAME}, {password}");
    let basic = format!("{USERNAME}:{password}");
    vec![
        ("plain", password.to_owned()),
        ("upper case", password.to_ascii_uppercase()),
        ("JSON", json(password)),
        ("JSON, every character", every_character_json(password)),
        ("JSON in JSON", json(&json(password))),
        ("percent", percent(password)),
        ("percent, every byte", every_byte_percent(password)),
        ("percent, twice", percent(&percent(password))),
        ("Base64", BASE64.encode(password.as_bytes())),
        ("Base64 for URLs", BASE64URL_NOPAD.encode(password.as_bytes())),
        ("Base64 in JSON", json(&BASE64.encode(password.as_bytes()))),
        ("Base64 in a URL", percent(&BASE64.encode(password.as_bytes()))),
        ("login header", header.clone()),
        ("login header in Base64", BASE64.encode(header.as_bytes())),
        ("Basic authentication", format!("Basic {}", BASE64.encode(basic.as_bytes()))),
        ("Basic authentication, shifted", BASE64.encode(format!("x{basic}").as_bytes())),
        ("HTML", html(password, escaped_html)),
        ("HTML, every character", html(password, |c| format!("&#{};", u32::from(c)))),
        ("HTML, hexadecimal", html(password, |c| format!("&#x{:X};", u32::from(c)))),
        ("HTML in JSON", json(&html(password, escaped_html))),
        ("percent, as JavaScript escapes it", every_character_json(password).replace('\\', "%")),
        ("bytes in a text of C", format!("\\x{}", hexadecimal(password.as_bytes(), "\\x"))),
        ("hexadecimal", hexadecimal(password.as_bytes(), "")),
        ("hexadecimal, shifted", format!("a{}", hexadecimal(password.as_bytes(), ""))),
        ("hexadecimal, upper case", hexadecimal(basic.as_bytes(), ":").to_uppercase()),
        ("hexadecimal, as a dump", hexadecimal(header.as_bytes(), " ")),
        ("form", password.replace(' ', "+")),
        ("backwards", password.chars().rev().collect()),
        ("UTF-16", utf16(password)),
        ("UTF-16 in JSON", json(&utf16(password))),
        ("with characters that are not seen", password.replace('2', "2\u{200b}")),
        ("over two lines", password.replace("er", "er\r\n")),
    ]
}

#[test]
fn the_password_is_hidden_in_each_coding_and_what_is_around_it_is_not() {
    for password in
        ["hunter2", "pa ss;w\u{f6}rd/+\"\\", "7f3b0c9e-6d1f-4a55-9f0e-0b7d1c2e3f4a", "\u{1f600}x"]
    {
        for (coding, coded) in codings(password) {
            let text = format!("before [{coded}] after");
            let shown = secrets(password).excerpt(text.as_bytes());
            assert!(!shown.contains(&coded) && !shown.contains(password), "{coding}: {shown}");
            assert!(shown.contains("***"), "{coding}: {shown}");
            assert!(
                shown.starts_with("before [") && shown.ends_with("] after"),
                "{coding}: {shown}"
            );
        }
    }
}

/// A limit, of the peer or of this side, used to leave its first half.
#[test]
fn a_password_that_is_cut_in_its_middle_is_hidden() {
    let password = "7f3b0c9e-6d1f-4a55-9f0e-0b7d1c2e3f4a";
    for (coding, coded) in codings(password) {
        for at in [coded.len() / 2, coded.len() - 1] {
            let cut = &coded[..at];
            let shown = secrets(password).excerpt(format!("said {cut}").as_bytes());
            assert!(!shown.contains(cut), "{coding}: {shown}");
        }
        for before in [EXCERPT_BYTES - 20, EXCERPT_LEN - 20] {
            let text = format!("{}{coded}", "x".repeat(before));
            let shown = secrets(password).excerpt(text.as_bytes());
            assert!(!shown.contains("7f3b0"), "{coding}: {shown}");
        }
    }
}

#[test]
fn a_body_that_names_the_user_is_not_shown() {
    for (coding, coded) in codings(USERNAME) {
        let text = format!("{}{coded}", "x ".repeat(EXCERPT_BYTES));
        assert_eq!(secrets("hunter2").excerpt_unless_login(text.as_bytes()), NOT_SHOWN, "{coding}");
    }
    assert_eq!(secrets("hunter2").excerpt_unless_login(b"no such page"), "no such page");
}

#[test]
fn nothing_is_hidden_where_there_is_no_login() {
    assert_eq!(Secrets::default().excerpt(b"anything at all"), "anything at all");
    assert_eq!(Secrets::default().excerpt_unless_login(b"anything at all"), "anything at all");
}

/// In data, a part that is found by mistake is lost to its reader.
#[test]
fn what_is_only_like_the_password_stays_in_data() {
    let text = "survival runs on server-07, test and root are users";
    for password in ["root", "test", "survival-is-2fun", "server-7f3b0c9e", "a test of mine"] {
        assert_eq!(secrets(password).hide_in(text), text, "{password}");
    }
    for password in ["server-07", "SURVIVAL", "server-07-a", "and root"] {
        assert!(secrets(password).hide_in(text).contains("***"), "{password}");
    }
}

#[test]
fn the_password_is_hidden_wherever_it_is_in_a_long_text() {
    let password = "7f3b0c9e-6d1f-4a55-9f0e-0b7d1c2e3f4a";
    for (coding, coded) in codings(password) {
        for at in [0, WINDOW - 10, WINDOW + 1] {
            let text = format!("{}{coded}{}", " ".repeat(at), " ".repeat(100));
            let shown = secrets(password).hide_in(&text).into_owned();
            assert!(!shown.contains(&coded) && !shown.contains("7f3b0c9e"), "{coding}, {at}");
            assert!(shown.contains("***") && shown.len() >= at + 100, "{coding}, {at}");
        }
    }
}

proptest! {
    /// One line, bounded, inert, and without the password in any coding.
    #[test]
    fn whatever_a_peer_says_is_shown_harmlessly(
        password in "[!-+\\--~][ -+\\--~]{4,40}[!-+\\--~]",
        before in "[^%\\\\]{0,60}",
        after in "\\PC{0,60}",
        which: prop::sample::Index,
    ) {
        let (coding, coded) = which.get(&codings(&password)).clone();
        let text = format!("{before}\u{1b}]0;{coded}\n{after}");
        let shown = secrets(&password).excerpt(text.as_bytes());
        prop_assert!(shown.chars().count() <= EXCERPT_LEN + 1);
        prop_assert!(!shown.contains(is_unseen), "{:?}", shown);
        prop_assert!(!shown.contains(&coded) && !shown.contains(&password), "{}: {}", coding, shown);
    }
}
