//! What people wrote as documentation, so that rustdoc shows it and runs none of it.
//!
//! Rustdoc takes code without a language for Rust, and compiles it as a test of the crate for which
//! code is generated. So such code is marked as text; what says that it is Rust stays so.

use super::{is_unseen, longest_run};

/// A text as one line of Markdown.
pub(crate) fn prose(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || is_unseen(c)).filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// A text as lines of Markdown.
pub(crate) fn prose_lines(text: &str) -> String {
    let seen = |line: &str| {
        line.chars()
            .map(|c| if is_unseen(c) { ' ' } else { c })
            .collect::<String>()
            .trim_end()
            .to_owned()
    };
    let lines: Vec<_> = text.lines().map(seen).collect();
    let mut marked = Marked::default();
    lines.join("\n").trim_matches('\n').split('\n').for_each(|line| marked.line(line));
    marked.end()
}

/// Lines of Markdown in which all code has a language.
#[derive(Default)]
struct Marked {
    lines: Vec<String>,
    code: Option<Code>,
    /// Where the text of each list item begins that is open, from the outermost on.
    items: Vec<usize>,
    /// Whether a paragraph is open, which an indented line continues.
    paragraph: bool,
}

/// Code that is open.
enum Code {
    /// Between fences.
    Fenced {
        /// `>` of quotes and spaces, which precede the fence.
        prefix: String,
        /// The column of the list item that it is in.
        column: usize,
        fence: String,
    },
    /// Indented by four spaces beyond this column; between fences from now on. With the number of lines
    /// before it.
    Indented { column: usize, begin: usize },
}

/// How far code is indented.
const INDENT: usize = 4;

/// What code without a language is called.
const TEXT: &str = "text";

impl Marked {
    fn line(&mut self, line: &str) {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let is_blank = line.trim().is_empty();
        match &self.code {
            Some(Code::Fenced { prefix, column, fence }) => {
                if is_within(line, prefix, *column) {
                    let is_end = closes(line.trim_start_matches(['>', ' ']), fence);
                    self.lines.push(line.to_owned());
                    self.code.take_if(|_| is_end);
                    return;
                }
                // It ends with the list or the quote that it is in.
                self.code = None;
            }
            Some(Code::Indented { column, .. }) if is_blank || indent >= column + INDENT => {
                let column = *column;
                let text = line.get(column + INDENT..).unwrap_or_default();
                self.lines.push(format!("{:column$}{text}", "").trim_end().to_owned());
                return;
            }
            Some(Code::Indented { .. }) => self.close(),
            None => {}
        }
        if is_blank {
            self.paragraph = false;
            self.lines.push(String::new());
            return;
        }
        // Text alone continues the paragraph of an item, wherever it begins.
        let rest = line.trim_start();
        if !self.paragraph || is_whole(rest) || mark(rest).is_some() || opened(rest).is_some() {
            self.items.retain(|column| *column <= indent);
        }
        let column = self.items.last().copied().unwrap_or_default();
        if indent < column + INDENT {
            self.text(line, indent);
        } else if self.paragraph {
            // What continues a paragraph is neither code nor begins any.
            self.lines.push(line.to_owned());
        } else {
            self.code = Some(Code::Indented { column, begin: self.lines.len() });
            self.line(line);
        }
    }

    /// A line that is no code, or that begins some.
    fn text(&mut self, line: &str, indent: usize) {
        let (mut begin, mut rest) = (" ".repeat(indent), line.trim_start_matches(' '));
        let mut column = self.items.last().copied().unwrap_or_default();
        while let Some((mark, after)) = mark(rest) {
            begin.push_str(mark);
            rest = after.trim_start_matches(' ');
            // More spaces would make code of the rest.
            let spaces = after.len() - rest.len();
            let spaces = if spaces > INDENT { 1 } else { spaces };
            begin.extend(std::iter::repeat_n(' ', spaces));
            if mark != ">" {
                column = begin.len();
                // An item in a quote ends with that, and an empty one with an empty line.
                let lasts = !begin.contains('>') && !rest.is_empty();
                self.items.extend(lasts.then_some(column));
            }
        }
        self.paragraph = !is_whole(rest);
        if let Some((fence, language)) = opened(rest) {
            let is_named = language.contains(char::is_alphanumeric);
            let language = if is_named { language } else { TEXT };
            self.lines.push(format!("{begin}{fence}{language}"));
            let prefix = begin.chars().map(|c| if c == '>' { c } else { ' ' }).collect();
            self.code = Some(Code::Fenced { prefix, column, fence: fence.to_owned() });
            self.paragraph = false;
        } else {
            self.lines.push(begin + rest);
        }
    }

    /// Ends code that the text itself does not end.
    fn close(&mut self) {
        match self.code.take() {
            Some(Code::Fenced { prefix, fence, .. }) => self.lines.push(prefix + &fence),
            Some(Code::Indented { column, begin }) => {
                // Empty lines after the code are no part of it.
                let blank = self.lines.iter().rev().take_while(|line| line.is_empty()).count();
                let mut code = self.lines.split_off(begin);
                let after = code.split_off(code.len() - blank);
                let longest = code.iter().map(|line| longest_run(line, '`')).max();
                let fence = "`".repeat(longest.unwrap_or_default().max(2) + 1);
                self.lines.push(format!("{:column$}{fence}{TEXT}", ""));
                self.lines.extend(code);
                self.lines.push(format!("{:column$}{fence}", ""));
                self.lines.extend(after);
            }
            None => {}
        }
    }

    fn end(mut self) -> String {
        self.close();
        self.lines.join("\n")
    }
}

/// Returns whether a line is in the quotes and in the list item in which a fence is.
fn is_within(line: &str, prefix: &str, column: usize) -> bool {
    let mut quotes = prefix.matches('>').count();
    let rest = line.trim_start_matches(|c| match c {
        '>' if quotes > 0 => {
            quotes -= 1;
            true
        }
        c => c == ' ',
    });
    // Four spaces before it make code of the mark of a quote.
    let is_mark = match (line.find('>'), prefix.find('>')) {
        (Some(at), Some(expected)) => at < expected + INDENT,
        _ => true,
    };
    quotes == 0 && is_mark && (rest.is_empty() || line.len() - rest.len() >= column)
}

/// The mark of a list item or a quote with which a line begins, and what follows.
fn mark(text: &str) -> Option<(&str, &str)> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let length = match text.as_bytes().get(digits)? {
        b'>' if digits == 0 => return text.split_at_checked(1),
        b'-' | b'*' | b'+' if digits == 0 => 1,
        b'.' | b')' if (1..10).contains(&digits) => digits + 1,
        _ => return None,
    };
    text.split_at_checked(length).filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '))
}

/// The fence with which code begins, and its language.
fn opened(text: &str) -> Option<(&str, &str)> {
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let language = text.trim_start_matches(mark);
    let (fence, _) = text.split_at_checked(text.len() - language.len())?;
    let is_fence = fence.len() >= 3 && !(mark == '`' && language.contains('`'));
    is_fence.then_some((fence, language))
}

/// Returns whether a line ends code that this fence began.
fn closes(text: &str, fence: &str) -> bool {
    let mark = fence.chars().next().unwrap_or('`');
    let text = text.trim_end();
    text.len() >= fence.len() && text.chars().all(|c| c == mark)
}

/// Returns whether a line may be no part of a paragraph: a title, a rule, a row of a table or HTML.
fn is_whole(text: &str) -> bool {
    let is_rule = |mark: char| text.chars().all(|c| c == mark || c == ' ');
    text.is_empty()
        || text.starts_with(['#', '|', '<'])
        || ['-', '=', '*', '_'].into_iter().any(is_rule)
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};

    use super::*;

    /// The languages of all code in a text, as rustdoc reads it; nothing for indented code.
    fn languages(text: &str) -> Vec<String> {
        let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES;
        let blocks = Parser::new_ext(text, options).filter_map(|event| match event {
            Event::Start(Tag::CodeBlock(kind)) => Some(match kind {
                CodeBlockKind::Fenced(language) => language.into_string(),
                CodeBlockKind::Indented => String::new(),
            }),
            _ => None,
        });
        blocks.collect()
    }

    #[test]
    fn code_without_a_language_is_text() {
        for (text, shown) in [
            ("One\n  two", "One\n  two"),
            ("```\nlet\n```", "```text\nlet\n```"),
            ("~~~~\nlet\n~~~\n~~~~", "~~~~text\nlet\n~~~\n~~~~"),
            ("```rust\nlet x = 1;\n```", "```rust\nlet x = 1;\n```"),
            ("```json\n{}\n```\n\n```\n{}\n```", "```json\n{}\n```\n\n```text\n{}\n```"),
            ("```\nlet", "```text\nlet\n```"),
            ("`a` ``` b", "`a` ``` b"),
            ("One\n    two", "One\n    two"),
            (
                "One\n\n    two\n\n      three\n\nfour",
                "One\n\n```text\ntwo\n\n  three\n```\n\nfour",
            ),
            ("\tone", " one"),
            (
                "- a\n    - b\n\n      c\n\n          d",
                "- a\n    - b\n\n      c\n\n      ```text\n      d\n      ```",
            ),
            ("- ```\n  let\n  ```", "- ```text\n  let\n  ```"),
            ("- ```\n  let\n\nend", "- ```text\n  let\n\nend"),
            ("- ```\n> let", "- ```text\n> let"),
            ("> ```\n    let", "> ```text\n```text\nlet\n```"),
            ("> ```\n> let\n\nend", "> ```text\n> let\n\nend"),
            (">     let", "> let"),
            ("1.      let", "1. let"),
            ("    ```\n    let", "````text\n```\nlet\n````"),
            ("# Title\n    let", "# Title\n```text\nlet\n```"),
        ] {
            assert_eq!(prose_lines(text), shown, "{text:?}");
            assert!(languages(shown).iter().all(|language| !language.is_empty()), "{shown}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_documentation_of_people_becomes_a_test(
            text in "(\\n| {1,9}|```|~~~|````|- |> |1[.)] |# |rust|[a-z]|\\| a \\||---|\\t){1,24}",
        ) {
            let shown = prose_lines(&text);
            let found = languages(&format!("{shown}\n\nend"));
            proptest::prop_assert!(found.iter().all(|it| !it.is_empty()), "{:?}: {}", text, shown);
        }
    }
}
