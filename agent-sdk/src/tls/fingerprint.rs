//! The SHA-256 fingerprint of a certificate.

use std::{fmt, str::FromStr};

/// The SHA-256 hash of a certificate in DER.
///
/// It is written `sha256:` and 64 hexadecimal digits. It is read with or without `sha256:` (also
/// `SHA256=` and `SHA256 Fingerprint=`, as OpenSSL writes it), in either case, and with a colon
/// between each two bytes or with none. White space around it is ignored; anything else is an
/// error.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), agent_sdk::InvalidFingerprint> {
/// let digits = "9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08";
/// let fingerprint: agent_sdk::Fingerprint = digits.parse()?;
/// assert!(fingerprint.to_string().starts_with("sha256:9f86d081"));
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

/// A text that is no SHA-256 fingerprint.
///
/// Nothing of the text is shown: it may be a password in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no SHA-256 fingerprint: {problem}; expected `sha256:` and 64 hexadecimal digits")]
pub struct InvalidFingerprint {
    problem: String,
}

/// What may precede the digits, in either case; the longest first.
const PREFIXES: [&str; 3] = ["sha256 fingerprint=", "sha256:", "sha256="];

/// The digits of a SHA-256 hash.
const DIGITS: usize = 64;

impl Fingerprint {
    /// The fingerprint of a certificate in DER.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, der);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// The hash itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl InvalidFingerprint {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into() }
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = without_prefix(text.trim_ascii());
        let (mut bytes, mut digits) = ([0_u8; DIGITS / 2], 0_usize);
        for (place, character) in text.chars().enumerate() {
            // In the colon form, every third character separates two bytes.
            if character == ':' && place % 3 == 2 && digits == place / 3 * 2 + 2 {
                continue;
            }
            let value = character.to_digit(16).and_then(|value| u8::try_from(value).ok());
            let Some(value) = value else {
                return Err(InvalidFingerprint::new(format!(
                    "its character {} is no hexadecimal digit",
                    place + 1
                )));
            };
            if let Some(byte) = bytes.get_mut(digits / 2) {
                *byte = *byte << 4 | value;
            }
            digits += 1;
        }
        let colons = text.chars().count() - digits;
        if digits != DIGITS {
            return Err(InvalidFingerprint::new(format!("it has {digits} digits")));
        }
        if colons != 0 && colons != DIGITS / 2 - 1 {
            return Err(InvalidFingerprint::new("its colons are not between each two bytes"));
        }
        Ok(Self(bytes))
    }
}

fn without_prefix(text: &str) -> &str {
    let rest = |prefix: &str| {
        let (start, rest) = text.split_at_checked(prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then_some(rest)
    };
    PREFIXES.into_iter().find_map(rest).unwrap_or(text)
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The SHA-256 of "test", from FIPS 180 test tools everywhere.
    const TEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    fn with_colons() -> String {
        let pairs: Vec<&str> =
            TEST.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap()).collect();
        pairs.join(":")
    }

    #[test]
    fn it_is_read_in_every_form_and_written_in_one() {
        let expected = Fingerprint::of(b"test");
        for text in [
            TEST.to_owned(),
            format!("sha256:{TEST}"),
            format!(" SHA256:{}\r\n", TEST.to_uppercase()),
            format!("SHA256={}", with_colons().to_uppercase()),
            format!("sha256 Fingerprint={}", with_colons().to_uppercase()),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        assert_eq!(expected.to_string(), format!("sha256:{TEST}"));
    }

    #[test]
    fn what_is_only_nearly_a_fingerprint_is_refused() {
        let colons = with_colons();
        for (text, problem) in [
            (String::new(), "0 digits"),
            ("sha256:abcd".to_owned(), "4 digits"),
            ("sha256:xyz".to_owned(), "character 1 "),
            (format!("sha256:{TEST}00"), "66 digits"),
            (format!("\u{feff}{TEST}"), "character 1 "),
            (format!("{TEST}\u{200b}"), "character 65 "),
            (format!("\u{a0}{TEST}"), "character 1 "),
            (format!("sha256::{TEST}"), "character 1 "),
            (format!("sha256: {TEST}"), "character 1 "),
            (format!("sha512:{TEST}"), "character 1 "),
            (format!("{TEST}:"), "character 65 "),
            (format!("{colons}:"), "colons"),
            (colons.replace(':', " "), "character 3 "),
            (colons.replacen(':', "", 1), "character 5 "),
            (colons.replacen(':', "::", 1), "character 4 "),
            (format!("{TEST},{TEST}"), "character 65 "),
            (format!("\"{TEST}\""), "character 1 "),
            (TEST.replace('9', "\u{ff19}"), "character 1 "),
        ] {
            let error = text.parse::<Fingerprint>().unwrap_err().to_string();
            assert!(error.contains(problem), "{text:?}: {error}");
        }
    }

    /// Its first twelve characters used to be repeated.
    #[test]
    fn a_password_that_was_pasted_as_a_fingerprint_is_not_shown() {
        for text in ["correct horse battery staple", "hunter2", "deadbeef"] {
            let error = text.parse::<Fingerprint>().unwrap_err();
            let shown = format!("{error}{error:?}");
            assert!(!shown.contains(text.get(..6).unwrap()), "{shown}");
        }
    }
}
