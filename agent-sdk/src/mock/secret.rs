//! Names of parameters whose values must not be shown.

/// Parts of a name that speak of a secret: those of the generator, and a test holds them to that.
const TELLING: [&str; 10] = [
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

/// Words that speak of one by themselves, and mean something else within others: `key` in `keyboard`.
const WORDS: [&str; 15] = [
    "auth",
    "authorization",
    "bearer",
    "cookie",
    "cookies",
    "key",
    "keys",
    "otp",
    "pass",
    "pin",
    "psk",
    "pw",
    "pwd",
    "signature",
    "totp",
];

/// Returns whether a parameter of this name is likely to hold a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let words = words(name);
    let whole = words.concat();
    TELLING.iter().any(|part| whole.contains(part))
        || words.iter().any(|word| WORDS.contains(&word.as_str()))
}

/// The words of a name in snake, kebab or camel case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for character in name.chars() {
        if !character.is_ascii_alphabetic() || (was_lower && character.is_ascii_uppercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| character.is_ascii_alphabetic()) {
            word.push(character.to_ascii_lowercase());
        }
        was_lower = character.is_ascii_lowercase();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `rcon_pass`, `pwd` and `key` were shown.
    #[test]
    fn secrets_are_known_by_their_names_however_these_are_written() {
        for name in [
            "password",
            "dbPassword",
            "PWD2",
            "pwd",
            "rcon_pass",
            "rconPass",
            "api-key",
            "APIKey",
            "key",
            "ssh_keys",
            "pin",
            "auth",
            "cookie",
            "otp",
            "clientSecret",
            "refresh_token",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "server",
            "keyboard",
            "passenger",
            "author",
            "spin",
            "monkey",
            "compass",
            "username",
            "path",
            "content",
            "configuration",
            "",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
