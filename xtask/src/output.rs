//! Results go to standard output, everything else to standard error.

use std::{
    fmt::Display,
    io::{self, Write as _},
};

use anstream::{AutoStream, ColorChoice, stream::RawStream};
use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::{
    failure::Failure,
    json, progress,
    text::{printable_lines, printable_message, without_passwords},
};

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
pub struct FormatOption<F: clap::ValueEnum + Send + Sync + 'static = Format> {
    /// The form of the result on standard output
    #[arg(long, value_enum, default_value = "text")]
    pub format: F,
}

impl FormatOption {
    /// Writes the result in the form that was asked for.
    pub fn result(
        &self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Text => result(&text()),
            Format::Json => json(value),
        }
    }

    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }
}

/// Returns a value as JSON on one line.
pub fn line(value: &impl Serialize) -> Result<String, Failure> {
    Ok(json::compact(&serialized(value)?))
}

fn serialized(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::failed(error.to_string()))
}

/// Returns whether colours are shown there: on a terminal that has them, unless a variable
/// (`NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`) says otherwise.
pub fn has_colours(stream: &impl RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// Writes a result for people to standard output, with a newline after it: nothing in it moves a
/// cursor, or is a password.
pub fn result(text: &str) -> Result<(), Failure> {
    raw(&printable_lines(text))
}

/// Writes what was drawn for a terminal, which may have colours, as [`result`] does.
pub fn drawn(text: &str) -> Result<(), Failure> {
    if has_colours(&io::stdout()) { raw(&without_passwords(text)) } else { result(text) }
}

/// Writes a result for machines to standard output, as one JSON document.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    raw(&json::pretty(&serialized(value)?))
}

/// Writes to standard output as it is: JSON that [`json`](crate::json) has laid out, or a script of
/// our own.
pub fn raw(text: &str) -> Result<(), Failure> {
    written(progress::suspended(|| {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}").and_then(|()| stdout.flush())
    }))
}

/// Judges a write to standard output. A reader that has ended (`| head`) is no failure.
pub fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Waits until what reads standard output has ended; for ever where that cannot be seen (a file).
///
/// Without this, `watch | head -1` would end only when the next event is written.
pub async fn reader_gone() {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        use tokio::{io::Interest, net::unix::pipe::Sender};
        // A pipe without a reader is an error, whatever is waited for. Nothing is written here, so it
        // may block, and be something else than a pipe.
        let stdout = io::stdout().as_fd().try_clone_to_owned();
        if let Ok(stdout) = stdout.and_then(Sender::from_owned_fd_unchecked)
            && stdout.ready(Interest::ERROR).await.is_ok()
        {
            return;
        }
    }
    std::future::pending::<()>().await;
}

/// Prints why the command failed.
pub fn error(failure: &Failure) {
    print_labelled(AnsiColor::Red, "error", failure);
}

/// Prints what endangers the one who runs the command, and is no failure.
pub fn warning(text: impl Display) {
    print_labelled(AnsiColor::Yellow, "warning", &text);
}

/// Prints something that is no failure and worth knowing.
pub fn note(text: impl Display) {
    print_labelled(AnsiColor::Cyan, "note", &text);
}

fn print_labelled(color: AnsiColor, label: &str, text: &dyn Display) {
    let style = Style::new().bold().fg_color(Some(color.into()));
    // Indented, so that no line within a text looks like one of this program.
    let text = printable_message(&text.to_string()).replace('\n', "\n  ");
    // If this fails there is no place left to say so.
    let _ = progress::suspended(|| {
        writeln!(anstream::stderr().lock(), "{style}{label}{style:#}: {text}")
    });
}

/// Prints something without a label: a list of findings.
pub fn print_message(text: impl Display) {
    let text = printable_message(&text.to_string());
    // As in `print_labelled`.
    let _ = progress::suspended(|| writeln!(anstream::stderr().lock(), "{text}"));
}
