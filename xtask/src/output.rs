//! What is written where: results to standard output, talk to standard error.

use std::{
    borrow::Cow,
    fmt::{Display, Write as _},
    io::{self, IsTerminal, Write as _},
};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::failure::Failure;

/// The forms of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For machines: one JSON document.
    Json,
}

/// Which form the result has; the same option wherever a machine may read.
#[derive(Debug, clap::Args)]
pub struct FormatOption {
    /// The form of the result on standard output
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl FormatOption {
    /// Writes the result in the form that was asked for.
    pub fn result(
        &self,
        json: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Text => result(&text()),
            Format::Json => {
                let text = serde_json::to_string_pretty(json);
                result(&text.map_err(|error| Failure::failed(error.to_string()))?)
            }
        }
    }

    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }
}

/// Whether colours are shown there.
pub fn has_colours(stream: &impl IsTerminal) -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !unwanted
}

/// Writes a result to standard output, with a newline after it.
pub fn result(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    written(writeln!(stdout, "{text}").and_then(|()| stdout.flush()))
}

/// Whoever reads may have read enough (`| head`): that is no failure.
pub fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Tells why the command failed.
pub fn error(failure: &Failure) {
    say(AnsiColor::Red, "error", failure);
}

/// Tells something that is no failure and that whoever waits should know.
pub fn note(text: impl Display) {
    say(AnsiColor::Cyan, "note", &text);
}

fn say(color: AnsiColor, label: &str, text: &dyn Display) {
    let style = Style::new().bold().fg_color(Some(color.into()));
    let text = text.to_string();
    let text = printable(text.trim_end());
    // Nobody is left to be told if this fails.
    let _ = writeln!(anstream::stderr().lock(), "{style}{label}{style:#}: {text}");
}

/// Tells something without a label: a list of findings.
pub fn print_message(text: impl Display) {
    let text = text.to_string();
    // As in `say`.
    let _ = writeln!(anstream::stderr().lock(), "{}", printable(text.trim_end()));
}

/// The text without anything that a terminal would obey: it may come from an agent, or from
/// whoever claims to be one.
pub fn printable(text: &str) -> Cow<'_, str> {
    // Control characters, and those that turn the direction of writing.
    let harmful = |c: char| match c {
        '\n' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => c.is_control(),
    };
    if !text.contains(harmful) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if harmful(c) {
            // Writing to a string cannot fail.
            let _ = write!(shown, "{}", c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(printable("plain,\nwords"), "plain,\nwords");
        assert_eq!(printable("\u{202e}txt.exe"), "\\u{202e}txt.exe");
        assert_eq!(printable("\u{1b}[2Jgone\r\u{9b}"), "\\u{1b}[2Jgone\\r\\u{9b}");
    }
}
