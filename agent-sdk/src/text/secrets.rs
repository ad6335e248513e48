//! Takes the credentials out of a peer's text, in whichever coding it repeats them.

use std::{borrow::Cow, fmt, ops::Range, sync::Arc};

use zeroize::Zeroizing;

use super::{EXCERPT_BYTES, excerpt, is_unseen};

/// A login that must not be shown: takes the password out of texts. The default hides nothing.
///
/// Errors and logs of this crate are clean already. Replies and events are handed over as they came,
/// and a hostile agent can repeat the password in them; an application that shows or stores them
/// hides it first.
///
/// # Examples
///
/// ```
/// use agent_sdk::Secrets;
///
/// let secrets = Secrets::of_login("root", "7f3b0c9e-6d1f");
/// for said in ["7f3b0c9e-6d1f", "%37f3b0c9e-6d1f", "N2YzYjBjOWUtNmQxZg", "f1d6-e9c0b3f7"] {
///     assert_eq!(secrets.hide_in(said), "***");
/// }
/// assert_eq!(secrets.hide_in("survival is running"), "survival is running");
/// ```
#[derive(Clone, Default)]
pub struct Secrets(Arc<Login>);

#[derive(Default)]
struct Login {
    username: Zeroizing<String>,
    password: Zeroizing<String>,
}

/// What is shown of a text that must not be shown.
const NOT_SHOWN: &str = "(not shown, since it repeats the login)";
/// What is shown in place of a secret.
const HIDDEN: &[u8] = b"***";
/// So many bytes of the password in sequence are taken for a part of it: a text may be cut in its
/// middle, by the peer or by a limit of this side.
const PART: usize = 4;
/// As [`PART`], in a text that is data: what is hidden there by mistake is lost to its reader.
const PART_OF_DATA: usize = 8;
/// A shorter password is not looked for in data.
const SHORTEST_IN_DATA: usize = 6;
/// So many bytes are decoded at a time: a decoded byte takes more memory than the byte itself.
const WINDOW: usize = 64 * 1024;
/// No coding makes the password longer than so many times, not even one within another.
const LONGEST_CODING: usize = 16;
/// How often escapes are taken off: a proxy may have escaped what was escaped.
const ROUNDS: usize = 3;

impl Secrets {
    /// Hides the password of a login.
    #[must_use]
    pub fn of_login(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::new(Zeroizing::new(username.into()), Zeroizing::new(password.into()))
    }

    /// Returns the text with `***` for the password: as it is or backwards, escaped as in JSON or in
    /// HTML, percent-coded, in Base64 or in hexadecimal digits, whole, or cut to more than half of it and
    /// eight bytes at least.
    ///
    /// A password of fewer than six bytes is not looked for, since it would be found everywhere.
    #[must_use]
    pub fn hide_in<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let length = self.0.password.len();
        if length < SHORTEST_IN_DATA {
            return Cow::Borrowed(text);
        }
        let hidden = self.find(text.as_bytes(), PART_OF_DATA.max(length / 2 + 1));
        if !hidden.contains(&true) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(String::from_utf8_lossy(&without(text.as_bytes(), &hidden)).into_owned())
    }

    pub(crate) fn new(username: Zeroizing<String>, password: Zeroizing<String>) -> Self {
        Self(Arc::new(Login { username, password }))
    }

    /// Returns the beginning of a peer's text as [`excerpt`] does, without the password: as it is or
    /// backwards, escaped as in JSON or in HTML, percent-coded, in Base64 (so also within the header of
    /// the login, or in that of Basic authentication) or in hexadecimal digits, whole or in part.
    pub(crate) fn excerpt(&self, text: &[u8]) -> String {
        let text = text.get(..EXCERPT_BYTES).unwrap_or(text);
        excerpt(&self.hide(text))
    }

    /// As [`Secrets::excerpt`], but shows nothing of a text that names the user: it may repeat the
    /// login in a coding that is not known here.
    pub(crate) fn excerpt_unless_login(&self, text: &[u8]) -> String {
        let username = self.0.username.as_bytes();
        let names_user = !username.is_empty()
            && views(text, username.len())
                .any(|view| view.find(username, username.len()).next().is_some());
        if names_user { NOT_SHOWN.to_owned() } else { self.excerpt(text) }
    }

    fn hide(&self, text: &[u8]) -> Vec<u8> {
        without(text, &self.find(text, PART))
    }

    /// Marks the bytes that are a part of the password, of so many bytes at least.
    fn find(&self, text: &[u8], part: usize) -> Vec<bool> {
        let password = self.0.password.as_bytes();
        let part = part.min(password.len());
        let mut found = vec![false; text.len()];
        if password.is_empty() || text.len() < part {
            return found;
        }
        // Windows overlap, so that the password lies within one of them wherever it is.
        let overlap = (password.len() * LONGEST_CODING).min(WINDOW / 2);
        for start in (0..text.len()).step_by(WINDOW - overlap) {
            let window = text.get(start..).unwrap_or_default();
            for view in views(window.get(..WINDOW).unwrap_or(window), part) {
                for Range { start: from, end: to } in view.find(password, part) {
                    found.get_mut(start + from..start + to).unwrap_or_default().fill(true);
                }
            }
        }
        found
    }
}

/// Returns the text with one mark in place of each run of bytes that are hidden.
fn without(text: &[u8], hidden: &[bool]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(text.len());
    let mut before = false;
    for (byte, hidden) in text.iter().zip(hidden) {
        match (*hidden, before) {
            (false, _) => shown.push(*byte),
            (true, false) => shown.extend_from_slice(HIDDEN),
            (true, true) => {}
        }
        before = *hidden;
    }
    shown
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

/// A byte of a decoded text, and the bytes of the original that it was made of.
#[derive(Clone, Copy)]
struct Unit {
    byte: u8,
    from: usize,
    to: usize,
}

/// A text in one of the codings that it may be in.
struct View(Vec<Unit>);

/// A text as it is, without its escapes, and each of these out of Base64 and out of hexadecimal digits, as
/// far as it may hold `part` bytes.
fn views(text: &[u8], part: usize) -> impl Iterator<Item = View> {
    let plain = text.iter().enumerate();
    let plain = View(plain.map(|(at, byte)| Unit { byte: *byte, from: at, to: at + 1 }).collect());
    let unescaped = std::iter::successors(Some(plain), |view| {
        let next = view.unescaped();
        (next.0.len() != view.0.len()).then_some(next)
    });
    unescaped.take(ROUNDS + 1).flat_map(move |view| {
        let base64 = (0..4).map(|start| view.out_of_base64(start, part));
        let digits = (0..2).map(|start| view.out_of_hexadecimal(start, part));
        let decoded: Vec<View> = base64.chain(digits).collect();
        decoded.into_iter().chain([view])
    })
}

impl View {
    /// Where the original has `part` bytes, or all, of a secret, in either case and direction, with what is
    /// between them there.
    fn find<'a>(
        &'a self,
        secret: &'a [u8],
        part: usize,
    ) -> impl Iterator<Item = Range<usize>> + 'a {
        let length = part.min(secret.len()).max(1);
        // Most runs begin with a byte that no part begins with.
        let mut begins = [false; 256];
        for byte in secret {
            begins[usize::from(byte.to_ascii_lowercase())] = true;
        }
        let may_begin = move |unit: &Unit| begins[usize::from(unit.byte.to_ascii_lowercase())];
        self.0
            .windows(length)
            .filter(move |run| {
                run.first().is_some_and(&may_begin)
                    && secret
                        .windows(length)
                        .any(|part| is_same(run, part.iter()) || is_same(run, part.iter().rev()))
            })
            .filter_map(|run| Some(run.first()?.from..run.last()?.to))
    }

    /// Without percent-coding, the escapes of JSON and HTML, and characters that are not seen, all at
    /// once.
    fn unescaped(&self) -> Self {
        let mut units = Vec::with_capacity(self.0.len());
        let mut rest = self.0.as_slice();
        while let [first, ..] = rest {
            let (character, length) = unescape(rest);
            let to = rest.get(length - 1).unwrap_or(first).to;
            let mut utf8 = [0; 4];
            match character {
                Escape::Nothing => {}
                Escape::Byte(byte) => units.push(Unit { byte, from: first.from, to }),
                Escape::Character(character) => {
                    let bytes = character.encode_utf8(&mut utf8).bytes();
                    units.extend(bytes.map(|byte| Unit { byte, from: first.from, to }));
                }
            }
            rest = rest.get(length..).unwrap_or_default();
        }
        Self(units)
    }

    /// The runs of digits that may be `least` bytes of some coding.
    fn runs(&self, is_digit: fn(u8) -> bool, least: usize) -> impl Iterator<Item = &[Unit]> {
        let runs = self.0.split(move |unit| !is_digit(unit.byte));
        runs.filter(move |run| run.len() >= least)
    }

    /// Out of Base64, of either alphabet: each run of its digits that may hold `part` bytes, from one
    /// of its first four.
    fn out_of_base64(&self, start: usize, part: usize) -> Self {
        let mut units = Vec::new();
        for run in self.runs(|byte| digit(byte).is_some(), (part * 4).div_ceil(3)) {
            for group in run.get(start..).unwrap_or_default().chunks(4) {
                let bits = group
                    .iter()
                    .fold(0, |bits, unit| bits << 6 | digit(unit.byte).unwrap_or_default());
                let bits: u32 = bits << (6 * (4 - group.len()));
                let bytes = bits.to_be_bytes().into_iter().skip(1);
                let pairs = group.windows(2).zip(bytes);
                units.extend(pairs.map(|(pair, byte)| Unit {
                    byte,
                    from: pair[0].from,
                    to: pair[1].to,
                }));
            }
        }
        Self(units)
    }

    /// Out of pairs of hexadecimal digits, perhaps with a separator between them, as dumps have it: each
    /// run of them that may hold `part` bytes, from one of its first two.
    fn out_of_hexadecimal(&self, start: usize, part: usize) -> Self {
        let is_digit = |byte: u8| byte.is_ascii_hexdigit() || b" :-".contains(&byte);
        let mut units = Vec::new();
        for run in self.runs(is_digit, 2 * part) {
            let digits: Vec<Unit> =
                run.iter().filter(|unit| unit.byte.is_ascii_hexdigit()).copied().collect();
            for pair in digits.get(start..).unwrap_or_default().chunks_exact(2) {
                let byte = hexadecimal(pair, 0, 2).and_then(|byte| u8::try_from(byte).ok());
                units.extend(byte.map(|byte| Unit { byte, from: pair[0].from, to: pair[1].to }));
            }
        }
        Self(units)
    }
}

/// Returns whether a run of a text is a part of a secret, in either case. A form has `+` for a space.
fn is_same<'a>(run: &[Unit], part: impl Iterator<Item = &'a u8>) -> bool {
    run.iter().zip(part).all(|(unit, byte)| {
        unit.byte.eq_ignore_ascii_case(byte) || (unit.byte == b'+' && *byte == b' ')
    })
}

enum Escape {
    Nothing,
    Byte(u8),
    Character(char),
}

/// The first character of a text that is not empty, and how many units it takes.
fn unescape(units: &[Unit]) -> (Escape, usize) {
    let byte = |at: usize| units.get(at).map(|unit| unit.byte);
    let first = byte(0).unwrap_or_default();
    let escape = match (first, byte(1)) {
        (b'%' | b'\\', Some(b'u')) => code_point(units),
        (b'%', _) => coded_byte(units, 1),
        (b'\\', Some(b'x')) => coded_byte(units, 2),
        (b'\\', Some(second @ (b'"' | b'\\' | b'/'))) => Some((Escape::Byte(second), 2)),
        (b'&', _) => entity(units),
        _ => unseen(units).map(|length| (Escape::Nothing, length)),
    };
    escape.unwrap_or((Escape::Byte(first), 1))
}

/// The byte of `%XX` or `\xXX`, whose digits begin there.
fn coded_byte(units: &[Unit], digits: usize) -> Option<(Escape, usize)> {
    let byte = u8::try_from(hexadecimal(units, digits, 2)?).ok()?;
    Some((Escape::Byte(byte), digits + 2))
}

/// The character of `\uXXXX` or `%uXXXX`, or of two of them that are a pair.
fn code_point(units: &[Unit]) -> Option<(Escape, usize)> {
    let high = hexadecimal(units, 2, 4)?;
    if let Some(character) = char::from_u32(high) {
        return Some((Escape::Character(character), 6));
    }
    let is_pair = units.get(6)?.byte == units.first()?.byte && units.get(7)?.byte == b'u';
    let low = hexadecimal(units, 8, 4).filter(|low| is_pair && (0xdc00..0xe000).contains(low))?;
    let character = 0x1_0000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
    Some((Escape::Character(char::from_u32(character)?), 12))
}

/// The character of an entity of HTML: by number, or one of those by name that each page has to escape.
fn entity(units: &[Unit]) -> Option<(Escape, usize)> {
    const LONGEST: usize = 10;
    let text: Vec<u8> = units.iter().skip(1).take(LONGEST).map(|unit| unit.byte).collect();
    let end = text.iter().position(|byte| *byte == b';')?;
    let name = str::from_utf8(text.get(..end)?).ok()?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((Escape::Character(character), end + 2))
}

/// How many units the first character takes, if it is not seen: a zero byte of UTF-16, a line break, a
/// space without width.
fn unseen(units: &[Unit]) -> Option<usize> {
    let first = units.first()?.byte;
    let length = match first {
        0..0x80 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    };
    let mut bytes = [0; 4];
    let bytes = bytes.get_mut(..length)?;
    bytes.iter_mut().zip(units).for_each(|(byte, unit)| *byte = unit.byte);
    let character = str::from_utf8(bytes).ok()?.chars().next()?;
    is_unseen(character).then_some(length)
}

fn hexadecimal(units: &[Unit], from: usize, digits: usize) -> Option<u32> {
    units
        .get(from..from + digits)?
        .iter()
        .try_fold(0, |sum, unit| char::from(unit.byte).to_digit(16).map(|digit| sum << 4 | digit))
}

/// The value of a digit of Base64 (RFC 4648), also of its alphabet for URLs.
fn digit(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests;
