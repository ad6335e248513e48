//! `completions`: what a shell needs to complete this program's words.

use clap_complete::env::{EnvCompleter, Powershell};

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
  mkdir -p ~/.local/share/bash-completion/completions
  agentctl completions bash >~/.local/share/bash-completion/completions/agentctl

  mkdir -p ~/.zfunc        # and fpath+=~/.zfunc before compinit
  agentctl completions zsh >~/.zfunc/_agentctl

  mkdir -p ~/.config/fish/completions
  agentctl completions fish >~/.config/fish/completions/agentctl.fish

  agentctl completions powershell >>$PROFILE";

/// Not those of the library: these know that a parameter goes on behind its `=`, and quote.
const BASH: &str = include_str!("completions/agentctl.bash");
const ZSH: &str = include_str!("completions/agentctl.zsh");
const FISH: &str = include_str!("completions/agentctl.fish");

impl Completions {
    pub fn run(self) -> Result<(), Failure> {
        let script = match self.shell {
            Shell::Bash => BASH.to_owned(),
            Shell::Zsh => ZSH.to_owned(),
            Shell::Fish => FISH.to_owned(),
            Shell::Powershell => powershell()?,
        };
        output::raw(script.trim_end())
    }
}

/// The script of the library.
fn powershell() -> Result<String, Failure> {
    let program = Program::Agentctl.name();
    let mut script = Vec::new();
    Powershell
        .write_registration(completion::VARIABLE, program, program, program, &mut script)
        .map_err(|error| Failure::failed(format!("no script can be written: {error}")))?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}
