//! Lines that fit a terminal of 80 columns.

/// The columns of a terminal that is as narrow as they get.
const WIDTH: usize = 80;

/// How far what is to be pasted is indented, and by how much more what is within it.
const INDENT: &str = "  ";
const STEP: &str = "    ";

/// Lines below each other.
#[derive(Default)]
pub struct Layout(Vec<String>);

impl Layout {
    pub fn blank(&mut self) {
        self.0.push(String::new());
    }

    /// Adds a text behind `before`, and what does not fit below its own beginning. Words stay whole, and
    /// no line but the first begins at the margin: it could look like one of this program.
    pub fn text(&mut self, before: &str, text: &str) {
        let (mut line, mut is_empty) = (before.to_owned(), true);
        for word in text.split(' ') {
            if !is_empty && width(&line) + 1 + width(word) > WIDTH {
                let indent = " ".repeat(width(before).max(INDENT.len()));
                self.0.push(std::mem::replace(&mut line, indent));
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.0.push(line.trim_end().to_owned());
    }

    /// Adds a line for a shell, from its words; a backslash ends each line that goes on.
    pub fn shell(&mut self, words: &[String]) {
        let mut line = INDENT.to_owned();
        for (number, word) in words.iter().enumerate() {
            // Room for the space before it and the backslash behind it.
            if number > 0 && width(&line) + width(word) + 3 > WIDTH {
                self.0.push(format!("{line} \\"));
                line = format!("{INDENT}{STEP}{word}");
                continue;
            }
            if number > 0 {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.0.push(line);
    }

    /// Adds an expression of Rust, broken as `rustfmt` breaks it.
    pub fn rust(&mut self, code: &str) {
        self.expression(INDENT, code, "");
    }

    fn expression(&mut self, indent: &str, code: &str, end: &str) {
        if width(indent) + width(code) + width(end) <= WIDTH {
            self.0.push(format!("{indent}{code}{end}"));
            return;
        }
        let links = chain(code);
        let Some(((first, middle), last)) = links
            .split_first()
            .and_then(|(first, rest)| Some((first, rest.split_last()?)))
            .map(|(first, (last, middle))| ((first, middle), last))
        else {
            // Nothing to break at.
            self.0.push(format!("{indent}{code}{end}"));
            return;
        };
        self.0.push(format!("{indent}{first}"));
        let deeper = format!("{indent}{STEP}");
        for link in middle {
            self.link(&deeper, link, "");
        }
        self.link(&deeper, last, end);
    }

    /// Adds `.method(arguments)`, with the arguments on lines of their own where they do not fit.
    fn link(&mut self, indent: &str, link: &str, end: &str) {
        let is_short = width(indent) + width(link) + width(end) <= WIDTH;
        let call =
            link.split_once('(').and_then(|(name, rest)| Some((name, rest.strip_suffix(')')?)));
        match call {
            Some((name, arguments)) if !is_short => {
                self.0.push(format!("{indent}{name}("));
                self.expression(&format!("{indent}{STEP}"), arguments, ",");
                self.0.push(format!("{indent}){end}"));
            }
            _ => self.0.push(format!("{indent}{link}{end}")),
        }
    }

    /// All lines.
    pub fn into_text(self) -> String {
        self.0.join("\n")
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Splits an expression before each `.` that is in no brackets and no text.
fn chain(code: &str) -> Vec<&str> {
    let (mut links, mut start, mut depth, mut in_text) = (Vec::new(), 0, 0_usize, false);
    for (at, character) in code.char_indices() {
        match character {
            '"' => in_text = !in_text,
            _ if in_text => {}
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '.' if depth == 0 => {
                links.push(&code[start..at]);
                start = at;
            }
            _ => {}
        }
    }
    links.push(&code[start..]);
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust(code: &str) -> String {
        let mut layout = Layout::default();
        layout.rust(code);
        layout.into_text()
    }

    #[test]
    fn a_long_expression_is_broken_as_rustfmt_would() {
        let short = "agent.whoami().await?";
        assert_eq!(rust(short), format!("  {short}"));
        let argument = "MoveFile::new().overwrite(false).source(\"S\").target(\"T\")";
        let one = format!("agent.move_file({argument}).await?.some_more()");
        assert_eq!(
            rust(&one),
            format!("  agent\n      .move_file({argument})\n      .await?\n      .some_more()")
        );
        let deep =
            format!("agent.a(A::new(\"{}\").b(0.0).c(vec![]).d(\"x.(\")).await?", "S".repeat(70));
        let expected = [
            "  agent",
            "      .a(",
            &format!("          A::new(\"{}\")", "S".repeat(70)),
            "              .b(0.0)",
            "              .c(vec![])",
            "              .d(\"x.(\"),",
            "      )",
            "      .await?",
        ];
        assert_eq!(rust(&deep), expected.join("\n"));
    }

    #[test]
    fn a_long_line_for_a_shell_goes_on_behind_a_backslash() {
        let words: Vec<_> = (0..20).map(|number| format!("parameter{number}=X")).collect();
        let mut layout = Layout::default();
        layout.shell(&words);
        let text = layout.into_text();
        assert!(text.lines().all(|line| width(line) <= WIDTH), "{text}");
        let joined = text.replace(" \\\n", " ");
        assert!(joined.split_whitespace().eq(words.iter().map(String::as_str)), "{text}");
    }

    #[test]
    fn words_stay_whole_and_below_the_beginning_of_their_text() {
        let mut layout = Layout::default();
        layout.text("  name  ", &["word"; 20].join(" "));
        let text = layout.into_text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[1].starts_with("        word") && width(lines[0]) <= WIDTH, "{text}");
    }
}
