//! A finding with the line of the source that it is about.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Report, Severity, Source};
use crate::text::Visible;

/// A longer line is not shown: a snapshot that came as one line is drawn in its place by the
/// megabyte, for each finding anew.
const LONGEST_LINE: usize = 16 << 10;

/// So many findings are drawn with their line; nobody reads more, and a line costs time.
const MOST_DRAWN: usize = 200;

impl Report {
    /// All findings as text for a human, each with the line that it is about; with colours for a
    /// terminal.
    #[must_use]
    pub fn draw(&self, colours: bool) -> String {
        let mut text = String::new();
        for (index, diagnostic) in self.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            text.push_str(&diagnostic.drawn(colours, index < MOST_DRAWN));
            text.push('\n');
        }
        text
    }
}

impl Diagnostic {
    /// The finding as text for a human, with the line that it is about; with colours for a
    /// terminal.
    #[must_use]
    pub fn draw(&self, colours: bool) -> String {
        self.drawn(colours, true)
    }

    fn drawn(&self, colours: bool, with_line: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let mut group = Group::with_title(level.primary_title(self.message.as_str()));
        if let Some((source, range)) = &self.place {
            group = place(group, source, range, with_line);
        }
        if let Some(path) = &self.path {
            group = group.element(Level::NOTE.message(format!("at {path}")));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
        renderer.term_width(100).render(&[group])
    }
}

/// The line with the place in it marked, or the bare place if there is no line to be shown.
fn place<'a>(
    group: Group<'a>,
    source: &'a Source,
    range: &Range<usize>,
    with_line: bool,
) -> Group<'a> {
    let name = Visible(source.name()).to_string();
    let (number, text, within) = source.line(range);
    if !with_line || text.is_empty() || text.len() > LONGEST_LINE {
        let (line, column) = source.position(range.start);
        return group.element(Origin::path(name).line(line).char_column(column));
    }
    let mark = AnnotationKind::Primary.span(within);
    group.element(Snippet::source(text).path(name).line_start(number).annotation(mark))
}
