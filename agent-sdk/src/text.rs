//! Peers' words, made safe to show.

mod secrets;

pub use secrets::Secrets;

/// The longest excerpt, in characters.
pub(crate) const EXCERPT_LEN: usize = 200;
/// What is looked at for an excerpt, in bytes.
const EXCERPT_BYTES: usize = 4 * EXCERPT_LEN;

/// Returns the beginning of a peer's text, on one line and without anything that moves a cursor.
pub(crate) fn excerpt(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text.get(..EXCERPT_BYTES).unwrap_or(text));
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || is_unseen(c))
        .filter(|word| !word.is_empty())
        .collect();
    let line = words.join(" ");
    match line.char_indices().nth(EXCERPT_LEN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Returns whether a character acts on the text around it, or is no visible character at all.
///
/// The same set as in `agent-codegen`; a test of `xtask` compares them.
pub(crate) fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}'                       // soft hyphen
            | '\u{34f}' | '\u{61c}'        // grapheme joiner, Arabic letter mark
            | '\u{115f}' | '\u{1160}'      // Hangul fillers
            | '\u{17b4}' | '\u{17b5}'      // Khmer inherent vowels
            | '\u{180b}'..='\u{180f}'      // Mongolian selectors
            | '\u{200b}'..='\u{200f}'      // zero width, directional marks
            | '\u{2028}'..='\u{202e}'      // line separators, directional embeddings
            | '\u{2060}'..='\u{206f}'      // word joiner, directional isolates
            | '\u{3164}' | '\u{ffa0}'      // Hangul fillers
            | '\u{fe00}'..='\u{fe0f}'      // variation selectors
            | '\u{feff}'                   // byte-order mark
            | '\u{fff0}'..='\u{fffb}'      // specials
            | '\u{1bca0}'..='\u{1bca3}'    // shorthand format controls
            | '\u{1d173}'..='\u{1d17a}'    // musical format controls
            | '\u{e0000}'..='\u{e0fff}') // tags, variation selectors
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Default_Ignorable_Code_Point` of Unicode 16, `DerivedCoreProperties.txt`.
    #[test]
    fn what_unicode_lets_be_ignored_is_unseen() {
        for (first, last) in [
            ('\u{ad}', '\u{ad}'),
            ('\u{34f}', '\u{34f}'),
            ('\u{61c}', '\u{61c}'),
            ('\u{115f}', '\u{1160}'),
            ('\u{17b4}', '\u{17b5}'),
            ('\u{180b}', '\u{180f}'),
            ('\u{200b}', '\u{200f}'),
            ('\u{202a}', '\u{202e}'),
            ('\u{2060}', '\u{206f}'),
            ('\u{3164}', '\u{3164}'),
            ('\u{fe00}', '\u{fe0f}'),
            ('\u{feff}', '\u{feff}'),
            ('\u{ffa0}', '\u{ffa0}'),
            ('\u{fff0}', '\u{fff8}'),
            ('\u{1bca0}', '\u{1bca3}'),
            ('\u{1d173}', '\u{1d17a}'),
            ('\u{e0000}', '\u{e0fff}'),
        ] {
            let seen = (first..=last).find(|character| !is_unseen(*character));
            assert_eq!(seen, None, "{first:?} to {last:?}");
        }
        assert!("aé漢😀 \u{a0}".chars().all(|character| !is_unseen(character)));
    }
}
