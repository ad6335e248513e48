//! Names that speak of what must not be shown.

use heck::ToSnakeCase;

use crate::types::ParamType;

/// Parts of a name that speak of a secret wherever they are, also within a word: `adminpassword`.
const TELLING: &[&str] = &[
    "accesskey",
    "apikey",
    "credential",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "token",
];

/// Words that speak of one by themselves, and mean something else within others: `key` in
/// `keyboard`. Addresses and settings hold secrets of services: `https://example.org/hook/TOKEN`.
const WORDS: &[&str] = &[
    "auth",
    "authorization",
    "bearer",
    "config",
    "configuration",
    "cookie",
    "cookies",
    "env",
    "environment",
    "headers",
    "key",
    "keys",
    "otp",
    "pass",
    "pin",
    "psk",
    "pw",
    "pwd",
    "session",
    "settings",
    "signature",
    "totp",
    "url",
    "urls",
];

/// Returns whether a value of this name is likely to hold what must not be shown.
///
/// Rather too often than too seldom: the overlay can say otherwise of a parameter.
pub(crate) fn is_secret(wire: &str) -> bool {
    let letters = wire.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    let words = wire.to_snake_case();
    let mut words =
        words.split('_').map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()));
    TELLING.iter().any(|part| name.contains(part)) || words.any(|word| WORDS.contains(&word))
}

/// Returns whether a type is, or is made of, a declared one whose name speaks of a secret.
pub(super) fn holds_secret(param_type: &ParamType) -> bool {
    match param_type {
        ParamType::Named(name, inner) => is_secret(name) || holds_secret(inner),
        ParamType::List(inner) | ParamType::Map(inner) | ParamType::Nullable(inner) => {
            holds_secret(inner)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_speak_of_a_secret_are_found_however_they_are_written() {
        for name in [
            "password",
            "dbPassword",
            "adminpassword",
            "pwd",
            "PWD2",
            "rcon_pass",
            "rconPass",
            "key",
            "api-key",
            "APIKey",
            "ssh_keys",
            "pin",
            "auth",
            "Authorization",
            "otp",
            "cookie",
            "url",
            "webhook_url",
            "configuration",
            "clientSecret",
            "refresh_token",
            "access_key",
            "env",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "server",
            "keyboard",
            "passenger",
            "author",
            "spin",
            "pinned",
            "bypass",
            "monkey",
            "curl",
            "name",
            "username",
            "path",
            "content",
            "limit",
            "compass",
            "environmental",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
