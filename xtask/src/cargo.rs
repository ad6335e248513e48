//! Cargo, run by this program.

use std::{collections::BTreeSet, env, ffi::OsString, path::Path, process::Stdio};

use serde::Deserialize;
use tokio::process::Command;

use crate::failure::Failure;

/// Cargo in a folder, without what would mislead it.
pub fn command(folder: &Path) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.current_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let variables = env::vars_os().map(|(name, _)| name);
    variables.filter(|name| name.to_str().is_some_and(is_dropped)).for_each(|name| {
        command.env_remove(name);
    });
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// An error of the compiler.
#[derive(Debug, PartialEq, Eq)]
pub struct CompileError {
    /// The file and the line, as far as the compiler knows.
    pub place: Option<(String, usize)>,
    pub message: String,
    /// The names in the source there, and those that the compiler quotes.
    pub words: BTreeSet<String>,
}

/// So many errors are kept; one mistake may be made in many places.
const MOST_ERRORS: usize = 100;

/// Checks a workspace and everything in it; what does not compile.
///
/// # Cancel safety
///
/// Dropping the future kills cargo.
pub async fn check(folder: &Path) -> Result<Vec<CompileError>, Failure> {
    let mut command = command(folder);
    // The same as the README's: an example that needs a feature may be broken, too.
    command.args(["check", "--workspace", "--all-targets", "--all-features", "--keep-going"]);
    command.args(["--message-format", "json", "--quiet"]);
    let output = command.output().await;
    let output =
        output.map_err(|error| Failure::failed(format!("cargo cannot be run: {error}")))?;
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let mut errors: Vec<CompileError> = Vec::new();
    for error in lines.filter_map(read_error) {
        // A library's error is one of its tests, too.
        if errors.len() < MOST_ERRORS && !errors.contains(&error) {
            errors.push(error);
        }
    }
    if errors.is_empty() && !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::failed(format!("cargo check failed: {}", said.trim())));
    }
    Ok(errors)
}

/// One line of cargo's output, if it is an error.
fn read_error(line: &[u8]) -> Option<CompileError> {
    #[derive(Deserialize)]
    struct Line {
        reason: String,
        message: Option<Diagnostic>,
    }
    #[derive(Deserialize)]
    struct Diagnostic {
        level: String,
        message: String,
        spans: Vec<Span>,
    }
    #[derive(Deserialize)]
    struct Span {
        file_name: String,
        line_start: usize,
        is_primary: bool,
        label: Option<String>,
        #[serde(default)]
        text: Vec<Source>,
    }
    #[derive(Deserialize)]
    struct Source {
        text: String,
    }
    let line: Line = serde_json::from_slice(line).ok()?;
    let message =
        line.message.filter(|it| line.reason == "compiler-message" && it.level == "error")?;
    let labels = message.spans.iter().filter_map(|span| span.label.as_deref());
    let mut words: BTreeSet<_> =
        labels.chain([&*message.message]).flat_map(quoted).flat_map(names).collect();
    // "aborting due to 2 previous errors" is none.
    let primary = message.spans.into_iter().find(|span| span.is_primary);
    if primary.is_none() && message.message.starts_with("aborting due to") {
        return None;
    }
    let source = primary.iter().flat_map(|span| &span.text);
    words.extend(source.flat_map(|line| names(&line.text)));
    let place = primary.map(|span| (span.file_name, span.line_start));
    Some(CompileError { place, message: message.message, words })
}

/// What is between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names in a piece of Rust.
fn names(source: &str) -> impl Iterator<Item = String> {
    let words = source.split(|character: char| !(character.is_alphanumeric() || character == '_'));
    words.filter(|word| !word.is_empty()).map(str::to_owned)
}

/// Returns whether the variable is kept from cargo, and so from build scripts.
///
/// Those for an agent hold its password. Others are set by the cargo that runs this program: the
/// build scripts of some dependencies (`ring`) look at these, so that a cargo that inherited them
/// would build half of the tree again, and so would the next one that did not.
fn is_dropped(variable: &str) -> bool {
    const PREFIXES: [&str; 5] =
        ["AGENT_", "CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
    PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
        || matches!(variable, "CARGO_PRIMARY_PACKAGE" | "CARGO_TARGET_TMPDIR" | "OUT_DIR")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_cargo_stays_and_what_would_mislead_it_goes() {
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_BIN_EXE_xtask", "AGENT_SERVER"]
        {
            assert!(is_dropped(name), "{name}");
        }
        for name in ["CARGO", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_NET_OFFLINE", "PATH"] {
            assert!(!is_dropped(name), "{name}");
        }
    }
}
