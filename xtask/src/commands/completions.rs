//! `completions`: what a shell needs to complete this program's words.

use clap_complete::env::{EnvCompleter, Shells};

use crate::{completion, failure::Failure, output, program::Program};

/// Print the script by which a shell completes commands, actions, parameters and agents
///
/// The shell asks this program for each completion; nothing is connected to.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

const EXAMPLES: &str = "\
Examples:
  agentctl completions bash >~/.local/share/bash-completion/completions/agentctl
  agentctl completions zsh >~/.zfunc/_agentctl
  agentctl completions fish >~/.config/fish/completions/agentctl.fish";

impl Completions {
    pub fn run(self) -> Result<(), Failure> {
        let name = match self.shell {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
            Shell::Powershell => "powershell",
        };
        let program = Program::Agentctl.name();
        let mut script = Vec::new();
        let written = shell(name).write_registration(
            completion::VARIABLE,
            program,
            program,
            program,
            &mut script,
        );
        written.map_err(|error| Failure::failed(format!("no script can be written: {error}")))?;
        output::result(String::from_utf8_lossy(&script).trim_end())
    }
}

fn shell(name: &str) -> &'static dyn EnvCompleter {
    const SHELLS: Shells<'static> = Shells::builtins();
    // All four are among the built-in ones; the first is as good as another if not.
    SHELLS.completer(name).unwrap_or(&clap_complete::env::Bash)
}
