//! Foreign words made safe to show: in a terminal, and in the documentation of generated code.
//!
//! Names and descriptions come from outside. Shown as they are, they could move a terminal's
//! cursor, reverse the reading direction, or end a comment.

mod prose;

use std::fmt::{self, Write as _};

use heck::ToSnakeCase;

pub(crate) use prose::{prose, prose_lines};

/// How many characters of a foreign word a message shows.
const LONGEST: usize = 80;

/// A foreign text for a message: [`Visible`], and cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(LONGEST) {
            Some((end, _)) => write!(f, "{}…", Visible(self.0.get(..end).unwrap_or_default())),
            None => Visible(self.0).fmt(f),
        }
    }
}

/// A foreign text without characters that act instead of being seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visible<'a>(pub &'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                character if is_unseen(character) => {
                    write!(f, "\\u{{{:x}}}", u32::from(character))?;
                }
                character => write!(f, "{character}")?,
            }
        }
        Ok(())
    }
}

/// A foreign name for a message, between backticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", Shown(self.0))
    }
}

/// Names for a message, each between backticks, with commas between them; not all of very many.
#[derive(Clone, Debug)]
pub(crate) struct Listed<I>(pub I);

/// So many names are listed; a message is to be read.
const MOST_LISTED: usize = 8;

impl<I> fmt::Display for Listed<I>
where
    I: Iterator<Item: fmt::Display> + Clone,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.clone().take(MOST_LISTED).enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{}", Quoted(&name.to_string()))?;
        }
        match self.0.clone().skip(MOST_LISTED).count() {
            0 => Ok(()),
            more => write!(f, " … and {more} more"),
        }
    }
}

/// A number that is the same for the same bytes on any machine, today and tomorrow: FNV-1a.
pub(crate) fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Returns whether a character acts on the text around it, or is no visible character at all.
///
/// Foreign words are shown without such characters: they could move a terminal's cursor or reverse
/// the reading direction. The same set as in `agent-sdk`; a test of `xtask` compares them.
#[must_use]
pub fn is_unseen(character: char) -> bool {
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

/// Appends a token of JSON, in which characters that [`is_unseen`] finds become `\u` escapes: they mean
/// the same, and nothing obeys them.
///
/// # Examples
///
/// ```
/// let mut shown = String::new();
/// agent_codegen::escape_json(&mut shown, "\"\u{202e}txt.exe\"");
/// assert_eq!(shown, r#""\u202etxt.exe""#);
/// ```
pub fn escape_json(out: &mut String, token: &str) {
    for character in token.chars() {
        if !is_unseen(character) {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
}

/// A foreign text as Markdown that shows exactly these characters, line by line.
///
/// White space and unseen characters become one space each run; everything that Markdown or
/// rustdoc would act on is escaped. Empty if there is nothing to see.
pub(crate) fn markdown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut gap = "";
    for line in text.replace("\r\n", "\n").split(['\n', '\r']).map(markdown_line) {
        if line.is_empty() {
            // An empty line separates paragraphs.
            gap = if gap.is_empty() { gap } else { "\n\n" };
            continue;
        }
        shown.push_str(gap);
        shown.push_str(&line);
        // Markdown would join two lines without a mark at the end of the first.
        gap = "\\\n";
    }
    shown
}

fn markdown_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before = None;
    for word in text.split(|c: char| c.is_whitespace() || is_unseen(c)).filter(|w| !w.is_empty()) {
        if !shown.is_empty() {
            shown.push(' ');
        }
        // A number and a full stop or parenthesis would begin a list: `1. Stops`.
        let numbered =
            shown.is_empty() && word.trim_start_matches(|c: char| c.is_ascii_digit()) != word;
        let mut rest = word.chars().peekable();
        let mut index = 0;
        while let Some(character) = rest.next() {
            let repeated = before == Some(character);
            // An apostrophe inside of a word is one however it is drawn.
            let is_apostrophe = character == '\''
                && before.is_some_and(char::is_alphabetic)
                && rest.peek().is_some_and(|next| next.is_alphabetic());
            if (acts_in_markdown(character) && !is_apostrophe)
                || (repeated && matches!(character, '-' | '.' | '/' | '='))
                || (index == 0 && matches!(character, '-' | '+' | '=' | '/'))
                || (numbered && matches!(character, '.' | ')'))
            {
                shown.push('\\');
            }
            shown.push(character);
            before = Some(character);
            index += 1;
        }
        before = None;
    }
    shown
}

/// The characters that Markdown gives a meaning anywhere.
fn acts_in_markdown(character: char) -> bool {
    // Quotes too: rustdoc would turn them into typographic ones.
    matches!(
        character,
        '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '#' | '~' | '|' | '"' | '\'' | '@'
    )
}

/// A foreign name as a Markdown code span.
pub(crate) fn code_span(text: &str) -> String {
    let text = Visible(text).to_string();
    let fence = "`".repeat(longest_run(&text, '`') + 1);
    if text.trim().is_empty() {
        // A code span cannot be empty or blank.
        return "*an empty name*".to_owned();
    }
    // The inner spaces keep a backtick or a space at either end; Markdown takes one of each away.
    let edge = |c: char| c == '`' || c == ' ';
    let pad = if text.starts_with(edge) || text.ends_with(edge) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Returns the length of the longest run of a character.
fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(|run| run.chars().count()).max().unwrap_or_default()
}

/// Foreign names may be long, and their comparison is quadratic.
const MOST_COMPARED: usize = 64;

/// The name that was likely meant by another: one with the same words in another order, or else the
/// one that takes the fewest edits, a third of its characters at most. None if nothing is as near.
pub(crate) fn nearest<'a>(name: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let short = |name: &str| name.chars().take(MOST_COMPARED).collect::<String>();
    let name = short(name);
    let words = words(&name);
    let name = name.to_lowercase();
    among
        .filter_map(|other| {
            let known = short(other);
            if words.len() > 1 && self::words(&known) == words {
                return Some((0, other));
            }
            let known = known.to_lowercase();
            let longest = name.chars().count().max(known.chars().count());
            let edits = strsim::damerau_levenshtein(&name, &known);
            (edits <= longest / 3).then_some((edits, other))
        })
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, other)| other)
}

/// The words of a name, in the order of the alphabet.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<_> = name.to_snake_case().split('_').map(str::to_owned).collect();
    words.sort_unstable();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `read_file` was proposed for `brand_new`.
    #[test]
    fn a_name_is_proposed_only_where_it_is_nearly_the_one_that_was_typed() {
        const KNOWN: [&str; 8] = [
            "create_backup",
            "read_file",
            "restart",
            "server_start",
            "server_stop",
            "servers",
            "task_run",
            "x",
        ];
        for (typed, proposed) in [
            ("sever_start", Some("server_start")),
            ("server_strat", Some("server_start")),
            ("Server-Start", Some("server_start")),
            ("serverstart", Some("server_start")),
            ("backup_create", Some("create_backup")),
            ("startServer", Some("server_start")),
            ("restrat", Some("restart")),
            ("server", Some("servers")),
            ("brand_new", None),
            ("reactor", None),
            ("server_kill", None),
            ("tusk", None),
            ("y", None),
            ("", None),
            ("привет", None),
        ] {
            assert_eq!(nearest(typed, KNOWN.into_iter()), proposed, "{typed}");
        }
        let long = "a".repeat(1 << 20);
        assert_eq!(nearest(&long, KNOWN.into_iter()), None);
    }

    #[test]
    fn a_message_shows_no_character_that_acts() {
        let hostile = "a\u{1b}[2Jb\u{202e}c\nd";
        assert_eq!(Shown(hostile).to_string(), "a\\u{1b}[2Jb\\u{202e}c\\nd");
    }

    #[test]
    fn a_long_name_is_cut_in_a_message() {
        let shown = Quoted(&"x".repeat(300)).to_string();
        assert_eq!(shown.chars().count(), LONGEST + 3);
    }

    #[test]
    fn markdown_is_escaped_and_plain_words_are_not() {
        for (text, shown) in [
            ("Starts a server", "Starts a server"),
            (" \n two\r\n \r\n\nlines\u{200b}x ", "two\n\nlines x"),
            ("one\n# two\n1. three\n- four", "one\\\n\\# two\\\n1\\. three\\\n\\- four"),
            ("[a](b) `c` <d> *e* _f_", r"\[a\](b) \`c\` \<d\> \*e\* \_f\_"),
            ("- item", r"\- item"),
            ("1. item", r"1\. item"),
            ("# heading", r"\# heading"),
            ("use --force", r"use \-\-force"),
            ("https://example.org", r"https:/\/example.org"),
            ("don't 'quote'", r"don't \'quote\'"),
            ("*/ fn main() {}", r"\*/ fn main() {}"),
            ("\u{202e}", ""),
        ] {
            assert_eq!(markdown(text), shown, "{text:?}");
        }
    }

    /// What a reader sees of a line of Markdown, as rustdoc reads it; `None` if it is more than one
    /// paragraph of plain text.
    fn seen(markdown: &str) -> Option<String> {
        use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

        // Without smart punctuation, which draws characters otherwise and changes none.
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS;
        // As rustdoc has it: a line of a comment, with more lines after it.
        let page = format!("{markdown}\n\nend");
        let mut text = String::new();
        let mut events = Parser::new_ext(&page, options);
        loop {
            match events.next()? {
                Event::Start(Tag::Paragraph) => {}
                Event::Text(part) => text.push_str(&part),
                Event::End(TagEnd::Paragraph) => break,
                _ => return None,
            }
        }
        (events.next() == Some(Event::Start(Tag::Paragraph))).then_some(text)
    }

    proptest::proptest! {
        #[test]
        fn a_description_is_seen_as_it_was_written(
            text in "(&amp;|&#65;|<b>|<http:x>|\\[a\\]|\\(b\\)|\\*\\*|~~|```|1[.)] |- |[a-z]|[!-/:-@\\[-`{-~]|[0-9 ]|\\PC){1,20}",
        ) {
            let words = prose(&text);
            proptest::prop_assume!(!words.is_empty());
            let shown = markdown(&text);
            proptest::prop_assert_eq!(seen(&shown), Some(words), "{}", shown);
        }
    }

    #[test]
    fn a_code_span_holds_any_name() {
        assert_eq!(code_span("mod"), "`mod`");
        assert_eq!(code_span("a`b"), "``a`b``");
        assert_eq!(code_span("`"), "`` ` ``");
        assert_eq!(code_span(""), "*an empty name*");
    }
}
