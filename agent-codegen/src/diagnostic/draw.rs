//! A finding with the line of the source that it is about.

use std::fmt::Write;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Place, Report, Severity};
use crate::text::Visible;

/// A longer line is not shown: a snapshot that came as one line is drawn in its place by the
/// megabyte, for each finding anew.
const LONGEST_LINE: usize = 16 << 10;

/// So many findings are drawn; more are counted.
const MOST_DRAWN: usize = 100;

impl Report {
    /// The findings as text for a human, each with the line that it is about; with colours for a
    /// terminal. Of more than a hundred, the rest is counted.
    #[must_use]
    pub fn draw(&self, colours: bool) -> String {
        let mut text = String::new();
        let mut before = false;
        for diagnostic in self.iter().take(MOST_DRAWN) {
            // Those of one line each are a list.
            if !text.is_empty() && (!before || !diagnostic.is_brief()) {
                text.push('\n');
            }
            before = diagnostic.is_brief();
            text.push_str(&diagnostic.draw(colours));
            text.push('\n');
        }
        match self.omitted() + self.iter().count().saturating_sub(MOST_DRAWN) {
            0 => {}
            // A string cannot fail to be written.
            more => _ = writeln!(text, "\n… and {more} more"),
        }
        text
    }
}

impl Diagnostic {
    /// Returns whether it takes a line alone: one that concerns many places is about none of their
    /// lines.
    fn is_brief(&self) -> bool {
        !self.actions.is_empty()
    }

    /// The finding as text for a human, with the line that it is about; with colours for a
    /// terminal.
    #[must_use]
    pub fn draw(&self, colours: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let mut group = Group::with_title(level.primary_title(self.message.as_str()));
        if let Some(place) = self.place.as_ref().filter(|_| !self.is_brief()) {
            group = mark(group, place);
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
fn mark<'a>(group: Group<'a>, place: &'a Place) -> Group<'a> {
    let Place { source, range } = place;
    let name = Visible(source.name()).to_string();
    let (number, text, within) = source.line(range);
    if text.is_empty() || text.len() > LONGEST_LINE {
        let (line, column) = source.position(range.start);
        return group.element(Origin::path(name).line(line).char_column(column));
    }
    let mark = AnnotationKind::Primary.span(within);
    group.element(Snippet::source(text).path(name).line_start(number).annotation(mark))
}
