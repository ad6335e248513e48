//! Names that speak of what must not be shown.

/// Whether a value of this name is likely to hold what must not be shown.
pub(super) fn is_secret(wire: &str) -> bool {
    let letters = wire.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    let telling = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "privatekey",
        "credential",
    ];
    telling.iter().any(|word| name.contains(word))
}
