//! The SHA-256 fingerprint of a certificate.

use std::{fmt, str::FromStr};

/// The SHA-256 hash of a certificate in DER.
///
/// It is written `sha256:` and 64 hexadecimal digits. It is read with or without `sha256:` (also
/// `SHA256=`, as OpenSSL writes it), in either case, with or without colons between the bytes.
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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no SHA-256 fingerprint: expected `sha256:` and 64 hexadecimal digits, found \
     {digits}; `cargo xtask fingerprint` shows an agent's"
)]
pub struct InvalidFingerprint {
    text: String,
    digits: String,
}

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

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.trim();
        let digits = match trimmed.split_at_checked(7) {
            Some((prefix, rest))
                if prefix.eq_ignore_ascii_case("sha256:")
                    || prefix.eq_ignore_ascii_case("sha256=") =>
            {
                rest
            }
            _ => trimmed,
        };
        let digits: Vec<char> = digits.chars().filter(|c| *c != ':').collect();
        let invalid = |found: String| InvalidFingerprint {
            // Somebody may have pasted the password here; what is no fingerprint is cut short.
            text: trimmed.chars().take(12).chain("…".chars()).collect(),
            digits: found,
        };
        if let Some(other) = digits.iter().find(|c| !c.is_ascii_hexdigit()) {
            return Err(invalid(format!("`{}`", other.escape_default())));
        }
        if digits.len() != 64 {
            return Err(invalid(format!("{} digits", digits.len())));
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                let value = digit.to_digit(16).and_then(|value| u8::try_from(value).ok());
                *byte = *byte << 4 | value.unwrap_or_default();
            }
        }
        Ok(Self(bytes))
    }
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

    #[test]
    fn it_is_read_in_every_form_and_written_in_one() {
        let expected = Fingerprint::of(b"test");
        let colons: Vec<&str> =
            TEST.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap()).collect();
        for text in [
            TEST.to_owned(),
            format!("sha256:{TEST}"),
            format!(" SHA256:{} ", TEST.to_uppercase()),
            format!("SHA256={}", colons.join(":").to_uppercase()),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        assert_eq!(expected.to_string(), format!("sha256:{TEST}"));
    }

    #[test]
    fn what_is_none_is_refused_and_shown_in_part_only() {
        for (text, found) in [("", "0 digits"), ("sha256:abcd", "4 digits"), ("sha256:xyz", "`x`")]
        {
            let error = text.parse::<Fingerprint>().unwrap_err().to_string();
            assert!(error.contains(found), "{error}");
        }
        let error = "correct horse battery staple".parse::<Fingerprint>().unwrap_err().to_string();
        assert!(!error.contains("staple"), "{error}");
    }
}
