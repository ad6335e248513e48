//! Foreign words, made safe to show on a terminal.

use agent_codegen::is_unseen;

/// Limit of a text on standard error: a peer's words must not fill the screen.
const MOST_BYTES: usize = 16 * 1024;

/// Limit of a peer's word within a line.
const MOST_CHARACTERS: usize = 500;

/// Returns foreign words on one line, bounded, and with nothing in them that a terminal would obey
/// or that is not seen.
pub fn printable(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => escape(&text[..end], is_unseen) + "…",
        None => escape(text, is_unseen),
    }
}

/// The same for a text of several lines.
pub fn printable_lines(text: &str) -> String {
    let text = text.trim_end();
    let most = text.len().min(MOST_BYTES);
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    let shown = escape(&text[..end], |c| c != '\n' && is_unseen(c));
    match text.len() - end {
        0 => shown,
        more => format!("{shown}…\n({more} more bytes)"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(printable_lines("plain,\nwords\n"), "plain,\nwords");
        assert_eq!(printable("\u{202e}txt.exe"), "\\u{202e}txt.exe");
        assert_eq!(printable("\u{1b}[2Jgone\r\u{9b}\u{7f}"), "\\u{1b}[2Jgone\\r\\u{9b}\\u{7f}");
    }

    #[test]
    fn a_peers_words_stay_on_one_line_and_end() {
        assert_eq!(printable("a\nsha256:0\u{2028}error: b"), "a\\nsha256:0\\u{2028}error: b");
        assert_eq!(printable(&"é".repeat(1000)), "é".repeat(500) + "…");
        let text = printable_lines(&"é".repeat(MOST_BYTES));
        assert!(text.len() < MOST_BYTES + 50 && text.ends_with("(16384 more bytes)"), "{text:?}");
    }
}
