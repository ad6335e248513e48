//! Names of parameters whose values must not be shown.

/// Parts of a name that speak of a secret.
const TELLING: [&str; 9] = [
    "accesskey",
    "apikey",
    "credential",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "token",
];

/// Returns whether a parameter of this name is likely to hold a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    TELLING.iter().any(|part| name.contains(part))
}
