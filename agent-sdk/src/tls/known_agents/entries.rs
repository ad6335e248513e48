//! The text of a known-agents file. Whatever is not understood is an error: a pin that is passed
//! over would turn its agent into a stranger, whom one trusts at first sight.

use std::collections::HashMap;

use super::super::{Fingerprint, Pins};
use crate::{address::Address, text::is_unseen};

/// What a known-agents file says.
#[derive(Debug)]
pub(super) struct Entries(HashMap<Address, Entry>);

#[derive(Debug)]
struct Entry {
    line: usize,
    pins: Pins,
}

/// A line that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadLine {
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) problem: String,
}

impl Entries {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, BadLine> {
        let text = str::from_utf8(bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let number = memchr::memchr_iter(b'\n', before).count() + 1;
            BadLine { number, problem: "it is not UTF-8".to_owned() }
        })?;
        let mut entries = HashMap::new();
        for (line, number) in text.split('\n').zip(1..) {
            // Of Windows' line ends the CR is left out; anywhere else it is an error.
            let line = line.strip_suffix('\r').unwrap_or(line);
            let bad = |problem| BadLine { number, problem };
            let Some((address, pins)) = parse_line(line).map_err(bad)? else { continue };
            let earlier = entries.insert(address, Entry { line: number, pins: pins.clone() });
            if let Some(earlier) = earlier.filter(|earlier| earlier.pins != pins) {
                return Err(bad(format!(
                    "line {} pins other certificates of the same agent; to accept several, write \
                     all fingerprints on one line, separated by spaces",
                    earlier.line
                )));
            }
        }
        Ok(Self(entries))
    }

    pub(super) fn find(&self, address: &Address) -> Option<&Pins> {
        self.0.get(address).map(|entry| &entry.pins)
    }
}

/// Reads one line; `None` for a comment or a blank line. The error says what is wrong.
fn parse_line(line: &str) -> Result<Option<(Address, Pins)>, String> {
    // Also in a comment: an editor may show what follows as a line of its own.
    if let Some(hidden) = line.chars().find(|c| *c != '\t' && is_unseen(*c)) {
        return Err(format!(
            "it holds the character U+{:04X}, which editors do not show",
            u32::from(hidden)
        ));
    }
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let Some(first) = words.next().filter(|word| !word.starts_with('#')) else { return Ok(None) };
    let address = Address::parse(first).map_err(|why| explain_address(first, why))?;
    let pins: Vec<Fingerprint> = words
        .map(|word| word.parse().map_err(|error| format!("{error}")))
        .collect::<Result<_, _>>()?;
    let pins = Pins::new(pins).ok_or("the fingerprint behind the address is missing")?;
    Ok(Some((address, pins)))
}

/// Names the usual mistakes; the word itself is not repeated, for it may be a password.
fn explain_address(word: &str, why: &'static str) -> String {
    let is_quote = |c: char| matches!(c, '"' | '\'' | '`');
    let why = if !word.is_ascii() {
        "it holds a character that is not ASCII, perhaps a space or a quotation mark"
    } else if word.contains("://") {
        "the address is a URL: write its host and port alone"
    } else if word.starts_with(is_quote) || word.ends_with(is_quote) {
        "it is quoted: leave the quotation marks out"
    } else if word.contains('=') {
        "there is a `=` in it: separate address and fingerprint by a space"
    } else if word.contains(',') {
        "it lists several addresses: write a line for each"
    } else if word.parse::<Fingerprint>().is_ok() {
        "the fingerprint comes first: write the address before it"
    } else {
        why
    };
    why.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin() -> String {
        Fingerprint::of(b"1").to_string()
    }

    fn find(text: &str, address: &str) -> Option<Pins> {
        let entries = Entries::parse(text.as_bytes()).unwrap_or_else(|bad| panic!("{bad:?}"));
        entries.find(&Address::parse(address).unwrap()).cloned()
    }

    /// Each used to be passed over, so that the agent was trusted anew.
    #[test]
    fn a_pin_that_is_not_understood_is_an_error() {
        let (pin, other) = (pin(), Fingerprint::of(b"2").to_string());
        let digits = pin.strip_prefix("sha256:").unwrap();
        let quoted = format!("\"a:1 {pin}\"");
        for (line, why) in [
            (format!("\u{feff}a:1 {pin}"), "U+FEFF"),
            ("\u{feff}# comment".to_owned(), "U+FEFF"),
            (format!("\u{200b}a:1 {pin}"), "U+200B"),
            (format!("a:1\u{a0}{pin}"), "not ASCII"),
            (format!("wss://a:1 {pin}"), "is a URL"),
            (format!("wss://a:1/ws {pin}"), "is a URL"),
            (format!("a {pin}"), "port is missing"),
            (format!("[::1] {pin}"), "port is missing"),
            (format!("::1:8090 {pin}"), "brackets"),
            (quoted, "quotation marks"),
            (format!("\"a:1\" {pin}"), "quotation marks"),
            (format!("'a:1' {pin}"), "quotation marks"),
            (format!("a:1 \"{pin}\""), "no SHA-256 fingerprint"),
            (format!("a:1,b:1 {pin}"), "a line for each"),
            (format!("[a:1, {pin}]"), "a line for each"),
            (format!("- a:1 {pin}"), "port is missing"),
            (format!("* a:1 {pin}"), "port is missing"),
            (format!("1. a:1 {pin}"), "port is missing"),
            (format!("a:1={pin}"), "separate address and fingerprint"),
            (format!("a:1 = {pin}"), "no SHA-256 fingerprint"),
            (format!("a:1: {pin}"), "brackets"),
            (format!("{pin} a:1"), "the fingerprint comes first"),
            (format!("{digits} a:1"), "the fingerprint comes first"),
            ("a:1".to_owned(), "is missing"),
            ("a:1 sha256:12".to_owned(), "2 digits"),
            (format!("a:1 {pin} # mine"), "no SHA-256 fingerprint"),
            (format!("a:1 {pin},{other}"), "no SHA-256 fingerprint"),
            (format!("a:1 ssh-rsa {pin}"), "no SHA-256 fingerprint"),
            (format!("// a:1 {pin}"), "port is missing"),
            (format!("a:1 {pin}\rb:1 {pin}"), "U+000D"),
            (format!("# mine\ra:1 {pin}"), "U+000D"),
            (format!("# mine\u{2028}a:1 {pin}"), "U+2028"),
            (format!("\0a:1 {pin}"), "U+0000"),
            ("what is this".to_owned(), "port is missing"),
        ] {
            let text = format!("# mine\n\nz:1 {pin}\n{line}\n");
            let bad = Entries::parse(text.as_bytes()).unwrap_err();
            assert_eq!(bad.number, 4, "{line:?}: {bad:?}");
            assert!(bad.problem.contains(why), "{line:?}: {bad:?}");
        }
    }

    #[test]
    fn a_file_in_another_encoding_is_an_error() {
        let text = format!("a:1 {}\n", pin());
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(Entries::parse(&utf16).is_err());
        assert!(Entries::parse(&[b"\xff\xfe", &utf16[..]].concat()).is_err());
        let bad = Entries::parse(b"# a\n# \xe4\n").unwrap_err();
        assert_eq!(bad, BadLine { number: 2, problem: "it is not UTF-8".to_owned() });
    }

    #[test]
    fn lines_end_as_on_unix_or_windows() {
        let pin = pin();
        for text in [
            format!("# mine\r\n\r\na:1 {pin}\r\n"),
            format!("a:1 {pin}\r"),
            format!(" \t a:1\t {pin}  \n"),
            format!("a:1 {pin}"),
            format!("a:1 {pin}\na:1 {pin}\n"),
        ] {
            assert_eq!(find(&text, "a:1"), Pins::new([Fingerprint::of(b"1")]), "{text:?}");
            assert_eq!(find(&text, "b:1"), None);
        }
    }

    #[test]
    fn one_agent_is_found_under_each_spelling_of_its_address() {
        let text = format!("[::ffff:127.0.0.1]:1 {0}\nAgent.Example.:1 {0}\n", pin());
        for address in ["127.0.0.1:1", "[::ffff:7f00:1]:1", "agent.example:1", "AGENT.EXAMPLE:1"] {
            assert!(find(&text, address).is_some(), "{address}");
        }
    }

    #[test]
    fn a_second_line_that_contradicts_the_first_is_an_error() {
        let (first, second) = (Fingerprint::of(b"1"), Fingerprint::of(b"2"));
        for second in [format!("{second}"), format!("{first} {second}")] {
            let text = format!("127.0.0.1:1 {first}\nb:1 {first}\n[::ffff:7f00:1]:1 {second}\n");
            let bad = Entries::parse(text.as_bytes()).unwrap_err();
            assert_eq!(bad.number, 3);
            assert!(bad.problem.contains("line 1"), "{bad:?}");
        }
    }

    #[test]
    fn a_second_pin_is_announced_on_the_same_line() {
        let (first, second) = (Fingerprint::of(b"1"), Fingerprint::of(b"2"));
        let pins = find(&format!("a:1 {first} {second}\na:1 {second} {first}"), "a:1").unwrap();
        assert!(pins.contains(first) && pins.contains(second));
        assert!(!pins.contains(Fingerprint::of(b"3")));
    }

    /// Whatever a file holds, each of its lines is a comment, a pin that is obeyed, or an error.
    #[test]
    fn fuzz_entries() {
        bolero::check!().for_each(|bytes: &[u8]| match Entries::parse(bytes) {
            Ok(entries) => {
                let text = str::from_utf8(bytes).expect("it was read");
                let words = text.lines().filter_map(|line| line.split_ascii_whitespace().next());
                for word in words.filter(|word| !word.starts_with('#')) {
                    let address = Address::parse(word).expect("it was read");
                    assert!(entries.find(&address).is_some(), "{word} is passed over");
                }
            }
            Err(bad) => {
                assert!(bad.number <= memchr::memchr_iter(b'\n', bytes).count() + 1);
                assert!(bad.problem.len() < 300 && !bad.problem.contains(is_unseen), "{bad:?}");
            }
        });
    }
}
