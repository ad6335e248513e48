//! Which of the two programs runs: what is shown names it.

use std::sync::OnceLock;

/// A program of this package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Xtask,
    Agentctl,
}

static RUNNING: OnceLock<Program> = OnceLock::new();

impl Program {
    /// The one that runs; `cargo xtask` where none was set, as in tests.
    pub fn running() -> Self {
        *RUNNING.get().unwrap_or(&Self::Xtask)
    }

    /// Sets the one that runs, once.
    pub fn set(self) {
        // A second call would come from a test alone.
        let _ = RUNNING.set(self);
    }

    /// How it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Xtask => "cargo xtask",
            Self::Agentctl => "agentctl",
        }
    }

    /// The examples of all commands with the name of this program.
    pub fn rename(self, command: clap::Command) -> clap::Command {
        let help = command.get_after_help().map(ToString::to_string);
        let command = match help {
            Some(help) => command.after_help(help.replace(Self::Xtask.name(), self.name())),
            None => command,
        };
        command.mut_subcommands(|subcommand| self.rename(subcommand))
    }
}
