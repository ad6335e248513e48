//! `man`: pages of the manual.

use std::{fs, path::PathBuf};

use agent_codegen::emit::write_whole;
use time::OffsetDateTime;

use crate::{failure::Failure, output};

/// Write the manual of agentctl: a page for each command
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Man {
    /// The folder to write to; it is made where it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  agentctl man --out ~/.local/share/man/man1
  man agentctl-call";

impl Man {
    /// Writes the pages of a program.
    pub fn run(self, mut program: clap::Command) -> Result<(), Failure> {
        program.build();
        fs::create_dir_all(&self.out).map_err(|error| Failure::file(&self.out, "made", &error))?;
        let commands: Vec<_> = program.get_subcommands().cloned().collect();
        let pages = commands.len() + 1;
        for command in commands.into_iter().chain([program]) {
            self.write(command)?;
        }
        output::result(&format!("{}: {pages} pages", self.out.display()))
    }

    fn write(&self, command: clap::Command) -> Result<(), Failure> {
        let today = OffsetDateTime::now_utc().date();
        let source = format!("agentctl {}", env!("CARGO_PKG_VERSION"));
        let page = clap_mangen::Man::new(command).date(today.to_string()).source(source);
        let path = self.out.join(page.get_filename());
        let mut text = Vec::new();
        page.render(&mut text)
            .and_then(|()| write_whole(&path, mended(&String::from_utf8_lossy(&text))))
            .map_err(|error| Failure::file(&path, "written", &error))
    }
}

/// The page with what `mandoc` warns of said otherwise: lines that are broken around an empty one.
fn mended(page: &str) -> String {
    page.replace(".br\n\n.br\n", ".IP\n").replace(".SH EXTRA\n", ".SH NOTES\n")
}
