//! Foreign words, made safe to show on a terminal.

use std::{
    borrow::Cow,
    sync::{PoisonError, RwLock},
};

use agent_codegen::is_unseen;
use agent_sdk::Secrets;

/// Limit of a text on standard error: a peer's words must not fill the screen.
const MOST_BYTES: usize = 16 * 1024;

/// Limit of a peer's word within a line.
const MOST_CHARACTERS: usize = 500;

/// The logins of this process: whatever is printed is searched for their passwords.
static LOGINS: RwLock<Vec<Secrets>> = RwLock::new(Vec::new());

/// Hides a password in all that is printed from now on.
pub fn hide_password(username: &str, password: &str) {
    let mut logins = LOGINS.write().unwrap_or_else(PoisonError::into_inner);
    logins.push(Secrets::of_login(username, password));
}

/// Returns a text without the passwords of this process's logins.
pub fn without_passwords(text: &str) -> Cow<'_, str> {
    let logins = LOGINS.read().unwrap_or_else(PoisonError::into_inner);
    logins.iter().fold(Cow::Borrowed(text), |text, login| match login.hide_in(&text) {
        Cow::Owned(hidden) => Cow::Owned(hidden),
        Cow::Borrowed(_) => text,
    })
}

/// Returns foreign words on one line, bounded, and with nothing in them that a terminal would obey
/// or that is not seen.
pub fn printable(text: &str) -> String {
    // Before it is cut: of the password too little may be left to be found.
    let text = without_passwords(shown_part(text));
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => escape(&text[..end], is_unseen) + "…",
        None => escape(&text, is_unseen),
    }
}

/// The same for a text of several lines, of any length.
pub fn printable_lines(text: &str) -> String {
    escape(&without_passwords(text), |c| c != '\n' && is_unseen(c))
}

/// The same for what must not fill the screen.
pub fn printable_message(text: &str) -> String {
    let text = text.trim_end();
    // As above.
    let most = beginning(text, 2 * MOST_BYTES);
    let hidden = without_passwords(most);
    let shown = beginning(&hidden, MOST_BYTES);
    let lines = printable_lines(shown);
    match text.len() - most.len() + hidden.len() - shown.len() {
        0 => lines,
        more => format!("{lines}…\n({more} more bytes)"),
    }
}

/// The beginning of foreign words that will be shown as [`printable`]: what is laid out or searched
/// before need not be more.
pub fn shown_part(text: &str) -> &str {
    beginning(text, MOST_BYTES)
}

/// The beginning of a text, so many bytes at most.
fn beginning(text: &str, most: usize) -> &str {
    let most = text.len().min(most);
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    &text[..end]
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A word as a shell reads it: in quotes where it would be more than a word.
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-+=./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_for_a_shell() {
        assert_eq!(shell_word("server=SERVER"), "server=SERVER");
        assert_eq!(shell_word("it's $HOME=[]"), r"'it'\''s $HOME=[]'");
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(printable_message("plain,\nwords\n"), "plain,\nwords");
        assert_eq!(printable("\u{202e}txt.exe"), "\\u{202e}txt.exe");
        assert_eq!(printable("\u{1b}[2Jgone\r\u{9b}\u{7f}"), "\\u{1b}[2Jgone\\r\\u{9b}\\u{7f}");
    }

    #[test]
    fn a_peers_words_stay_on_one_line_and_end() {
        assert_eq!(printable("a\nsha256:0\u{2028}error: b"), "a\\nsha256:0\\u{2028}error: b");
        assert_eq!(printable(&"é".repeat(1000)), "é".repeat(500) + "…");
        let text = printable_message(&"é".repeat(MOST_BYTES));
        assert!(text.len() < MOST_BYTES + 50 && text.ends_with("(16384 more bytes)"), "{text:?}");
    }
}
