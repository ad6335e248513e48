//! Takes the credentials out of a peer's text, in whichever coding it repeats them.

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use super::{EXCERPT_BYTES, excerpt};

/// What must not be shown of a login. The default hides nothing.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Login>);

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
/// How often escapes are taken off: a proxy may have escaped what was escaped.
const ROUNDS: usize = 3;

impl Secrets {
    pub(crate) fn new(username: Zeroizing<String>, password: Zeroizing<String>) -> Self {
        Self(Arc::new(Login { username, password }))
    }

    /// Returns the beginning of a peer's text as [`excerpt`] does, without the password: as it is,
    /// escaped as in JSON, percent-coded or in Base64 (so also within the header of the login, or
    /// in that of Basic authentication), whole or in part.
    pub(crate) fn excerpt(&self, text: &[u8]) -> String {
        let text = text.get(..EXCERPT_BYTES).unwrap_or(text);
        excerpt(&self.hide(text))
    }

    /// As [`Secrets::excerpt`], but shows nothing of a text that names the user: it may repeat the
    /// login in a coding that is not known here.
    pub(crate) fn excerpt_unless_login(&self, text: &[u8]) -> String {
        let username = self.0.username.as_bytes();
        let names_user = !username.is_empty()
            && views(text).any(|view| view.find(username, username.len()).next().is_some());
        if names_user { NOT_SHOWN.to_owned() } else { self.excerpt(text) }
    }

    fn hide(&self, text: &[u8]) -> Vec<u8> {
        let password = self.0.password.as_bytes();
        if password.is_empty() {
            return text.to_vec();
        }
        let mut hidden = vec![false; text.len()];
        for view in views(text) {
            for unit in view.find(password, PART) {
                hidden.get_mut(unit.from..unit.to).unwrap_or_default().fill(true);
            }
        }
        let mut shown = Vec::with_capacity(text.len());
        for (index, byte) in text.iter().enumerate() {
            match (hidden[index], index > 0 && hidden[index - 1]) {
                (false, _) => shown.push(*byte),
                (true, false) => shown.extend_from_slice(HIDDEN),
                (true, true) => {}
            }
        }
        shown
    }
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

/// A text as it is, without its escapes, and each of these out of Base64.
fn views(text: &[u8]) -> impl Iterator<Item = View> {
    let plain = text.iter().enumerate();
    let plain = View(plain.map(|(at, byte)| Unit { byte: *byte, from: at, to: at + 1 }).collect());
    let unescaped = std::iter::successors(Some(plain), |view| {
        let next = view.unescaped();
        (next.0.len() != view.0.len()).then_some(next)
    });
    unescaped.take(ROUNDS + 1).flat_map(|view| {
        let decoded: Vec<View> = (0..4).map(|start| view.decoded(start)).collect();
        decoded.into_iter().chain([view])
    })
}

impl View {
    /// The units of each run that is `part` bytes, or all, of a secret, in either case.
    fn find<'a>(&'a self, secret: &'a [u8], part: usize) -> impl Iterator<Item = Unit> + 'a {
        let length = part.min(secret.len());
        self.0
            .windows(length.max(1))
            .filter(move |run| {
                secret.windows(length.max(1)).any(|part| {
                    run.iter().zip(part).all(|(unit, byte)| unit.byte.eq_ignore_ascii_case(byte))
                })
            })
            .flatten()
            .copied()
    }

    /// Without percent-coding and the escapes of JSON, both at once.
    fn unescaped(&self) -> Self {
        let mut units = Vec::with_capacity(self.0.len());
        let mut rest = self.0.as_slice();
        while let [first, ..] = rest {
            let (character, length) = unescape(rest);
            let to = rest.get(length - 1).unwrap_or(first).to;
            let mut utf8 = [0; 4];
            match character {
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

    /// Out of Base64, of either alphabet: each run of its digits, from one of its first four.
    fn decoded(&self, start: usize) -> Self {
        let runs = self.0.split(|unit| digit(unit.byte).is_none());
        let decode = |group: &[Unit]| {
            let bits =
                group.iter().fold(0, |bits, unit| bits << 6 | digit(unit.byte).unwrap_or_default());
            let bits = bits << (6 * (4 - group.len()));
            let bytes: Vec<Unit> = group
                .windows(2)
                .zip(bits.to_be_bytes().into_iter().skip(1))
                .map(|(pair, byte)| Unit { byte, from: pair[0].from, to: pair[1].to })
                .collect();
            bytes
        };
        let groups = runs.flat_map(|run| run.get(start..).unwrap_or_default().chunks(4));
        Self(groups.flat_map(decode).collect())
    }
}

enum Escape {
    Byte(u8),
    Character(char),
}

/// The first character of a text that is not empty, and how many units it takes.
fn unescape(units: &[Unit]) -> (Escape, usize) {
    let byte = |at: usize| units.get(at).map(|unit| unit.byte);
    let first = byte(0).unwrap_or_default();
    match (first, byte(1)) {
        (b'%', _) => match hexadecimal(units, 1, 2).and_then(|code| u8::try_from(code).ok()) {
            Some(byte) => (Escape::Byte(byte), 3),
            None => (Escape::Byte(first), 1),
        },
        (b'\\', Some(b'u')) => match code_point(units) {
            Some((character, length)) => (Escape::Character(character), length),
            None => (Escape::Byte(first), 1),
        },
        (b'\\', Some(second @ (b'"' | b'\\' | b'/'))) => (Escape::Byte(second), 2),
        _ => (Escape::Byte(first), 1),
    }
}

/// The character of `\uXXXX`, or of two of them that are a pair.
fn code_point(units: &[Unit]) -> Option<(char, usize)> {
    let high = hexadecimal(units, 2, 4)?;
    if let Some(character) = char::from_u32(high) {
        return Some((character, 6));
    }
    let is_pair = units.get(6)?.byte == b'\\' && units.get(7)?.byte == b'u';
    let low = hexadecimal(units, 8, 4).filter(|low| is_pair && (0xdc00..0xe000).contains(low))?;
    let character = 0x1_0000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
    char::from_u32(character).map(|character| (character, 12))
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
