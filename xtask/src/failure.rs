//! Errors and exit codes.

use std::{fmt, io, path::Path, process::ExitCode};

use agent_sdk::{ConnectError, Error, transfer::TransferError};

use crate::{
    json,
    text::{printable, shown_part},
};

/// What the exit code tells a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A check found a difference, or the agent rejected the call.
    CheckFailed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// It could not be done: unreadable input, no connection.
    Failed = 3,
    /// Of several agents some failed, and others did not.
    SomeFailed = 4,
    /// Ctrl-C ended it; the number is the one by which shells tell that.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed, in words for the one who typed it.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    text: String,
}

impl Failure {
    pub fn new(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into() }
    }

    /// All is said already; only the exit code is to tell.
    pub fn silent(exit: Exit) -> Self {
        Self { exit, text: String::new() }
    }

    /// Returns whether there is nothing to say but the exit code.
    pub fn is_silent(&self) -> bool {
        self.text.is_empty()
    }

    pub fn check_failed(text: impl Into<String>) -> Self {
        Self { exit: Exit::CheckFailed, text: text.into() }
    }

    pub fn usage(text: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, text: text.into() }
    }

    pub fn failed(text: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, text: text.into() }
    }

    /// A file or folder that could not be read or written.
    pub fn file(path: &Path, what: &str, error: &io::Error) -> Self {
        let shown = path.display();
        match missing_folder(path) {
            Some(folder) => {
                Self::failed(format!("`{shown}` cannot be {what}: there is no folder `{folder}`"))
            }
            None => Self::failed(format!("`{shown}` cannot be {what}: {error}")),
        }
    }

    /// Refuses to work for a file that could not be written in the end.
    pub fn unless_writable(path: &Path) -> Result<(), Self> {
        let problem = match missing_folder(path) {
            Some(folder) => format!("there is no folder `{folder}`; make it first"),
            None if path.is_dir() => "it is a folder; name a file in it".to_owned(),
            None => return Ok(()),
        };
        Err(Self::failed(format!("`{}` cannot be written: {problem}", path.display())))
    }
}

/// The folder of a file, where it is not there.
fn missing_folder(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    (!folder.exists()).then(|| folder.display().to_string())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let exit = match error {
            // Other options on the same command line would mend these.
            ConnectError::InvalidUrl { .. }
            | ConnectError::InvalidCredentials { .. }
            | ConnectError::PlaintextRefused { .. } => Exit::Usage,
            _ => Exit::Failed,
        };
        let text = match option_for(&error) {
            Some(option) => format!("{error}. On this command line: {option}"),
            None => error.to_string(),
        };
        Self { exit, text }
    }
}

/// Returns the options that do what the error advises: the library knows none.
fn option_for(error: &ConnectError) -> Option<&'static str> {
    match error {
        ConnectError::PlaintextRefused { .. } => Some("`--allow-plaintext`"),
        ConnectError::CertificateUntrusted { .. } => Some("`--fingerprint`"),
        ConnectError::TimedOut { .. } => Some("`--timeout`"),
        _ => None,
    }
}

impl From<TransferError> for Failure {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Call(error) => error.into(),
            TransferError::Connect(error) => error.into(),
            TransferError::Refused { .. } => Self::check_failed(error.to_string()),
            other => Self::failed(other.to_string()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let Error::Rejected(rejected) = &error else { return Self::failed(error.to_string()) };
        // The shape of the detail is the agent's own: what is more than its message is shown too.
        let fields = rejected.detail().as_object();
        let is_whole = fields.is_none_or(|fields| fields.len() <= 1);
        Self::check_failed(if is_whole {
            error.to_string()
        } else {
            let detail = rejected.detail().to_string();
            let detail = printable(&json::compact(shown_part(&detail)));
            format!("{error}\nThe agent's whole answer: {detail}")
        })
    }
}
