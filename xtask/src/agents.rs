//! Agents by name: the file `agents.toml`.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use serde::Deserialize;

use crate::{completion::is_begun, failure::Failure, text::printable};

/// Which agents of the file a command is for.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Agents by name, in place of --url")]
pub struct AgentsOption {
    /// An agent of `agents.toml`; may be given more than once
    #[arg(long = "agent", value_name = "NAME", add = ArgValueCompleter::new(complete))]
    names: Vec<String>,

    /// Every agent of `agents.toml`
    #[arg(long)]
    all: bool,

    /// Every agent with this tag; may be given more than once
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,

    /// The file of agents [default: `agentctl/agents.toml` in the user's configuration]
    #[arg(
        id = "agents_file",
        long = "agents",
        value_name = "FILE",
        env = "AGENTS_FILE",
        hide_env_values = true
    )]
    file: Option<PathBuf>,

    /// One agent after the other, and none after one that failed [default: eight at a time]
    #[arg(long)]
    pub one_by_one: bool,
}

/// What the file says of one agent. It holds no password, only where that is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    pub url: String,
    #[serde(default = "root")]
    pub username: String,
    pub password_file: Option<PathBuf>,
    /// Prints the password.
    pub password_command: Option<String>,
    #[serde(default)]
    pub fingerprint: Vec<String>,
    pub ca: Option<PathBuf>,
    pub known_agents: Option<PathBuf>,
    #[serde(default)]
    pub allow_plaintext: bool,
    #[serde(default)]
    tags: Vec<String>,
}

fn root() -> String {
    "root".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    agents: BTreeMap<String, Entry>,
}

impl AgentsOption {
    /// Whether no agent is named.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.tags.is_empty() && !self.all
    }

    /// The agents that are meant, by name.
    pub fn select(&self) -> Result<BTreeMap<String, Entry>, Failure> {
        let file = self.file()?;
        let mut all = read(&file)?;
        if let Some(name) = self.names.iter().find(|name| !all.contains_key(*name)) {
            let known: Vec<_> = all.keys().map(String::as_str).collect();
            return Err(Failure::usage(format!(
                "`{}` has no agent `{}`; it has: {}",
                file.display(),
                printable(name),
                known.join(", ")
            )));
        }
        all.retain(|name, entry| {
            self.all
                || self.names.contains(name)
                || entry.tags.iter().any(|tag| self.tags.contains(tag))
        });
        if all.is_empty() {
            let tags = self.tags.join(", ");
            return Err(Failure::usage(format!(
                "`{}` has no agent with a tag of: {}",
                file.display(),
                printable(&tags)
            )));
        }
        Ok(all)
    }

    fn file(&self) -> Result<PathBuf, Failure> {
        self.file.clone().or_else(default_file).ok_or_else(|| {
            Failure::usage("there is no folder for configuration: name the file by --agents FILE")
        })
    }
}

/// Completes the names in the user's own file.
fn complete(begun: &OsStr) -> Vec<CompletionCandidate> {
    let agents = default_file().and_then(|file| read(&file).ok()).unwrap_or_default();
    let names = agents.into_keys().filter(|name| is_begun(name, begun));
    names.map(CompletionCandidate::new).collect()
}

/// Never the current folder: the file may name a command, and a folder may be anybody's.
fn default_file() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = if cfg!(windows) {
        variable("APPDATA")?
    } else {
        variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")))?
    };
    Some(folder.join("agentctl").join("agents.toml"))
}

fn read(file: &Path) -> Result<BTreeMap<String, Entry>, Failure> {
    #[cfg(unix)]
    refuse_if_others_write(file)?;
    let text = fs::read_to_string(file).map_err(|error| Failure::file(file, "read", &error))?;
    let content: Content = toml::from_str(&text).map_err(|error| {
        let place = error.span().map_or(0, |span| span.start);
        let line = text.get(..place).map_or(1, |before| before.matches('\n').count() + 1);
        // Not the error's own text: it repeats the line, which may hold a password.
        let message = printable(error.message());
        Failure::failed(format!("{}:{line}: {message}", file.display()))
    })?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let agents = content.agents.into_iter();
    agents.map(|(name, entry)| Ok((name.clone(), entry.checked(&name, file, folder)?))).collect()
}

/// A file that others may write could name their command, and their agent.
#[cfg(unix)]
fn refuse_if_others_write(file: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_WRITE: u32 = 0o022;
    let metadata = fs::metadata(file).map_err(|error| Failure::file(file, "read", &error))?;
    if metadata.mode() & OTHERS_WRITE == 0 {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "`{}` may be written by others, who could so learn every password: `chmod go-w` it",
        file.display()
    )))
}

impl Entry {
    /// Refuses what says two things at once; paths become relative to the file's folder.
    fn checked(mut self, name: &str, file: &Path, folder: &Path) -> Result<Self, Failure> {
        let ways = [!self.fingerprint.is_empty(), self.ca.is_some(), self.known_agents.is_some()];
        let wrong = if ways.into_iter().filter(|way| *way).count() > 1 {
            Some("more than one of `fingerprint`, `ca` and `known-agents`")
        } else if self.password_file.is_some() && self.password_command.is_some() {
            Some("both `password-file` and `password-command`")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            let name = printable(name);
            return Err(Failure::failed(format!("{}: agent `{name}` has {wrong}", file.display())));
        }
        for path in [&mut self.password_file, &mut self.ca, &mut self.known_agents] {
            *path = path.take().map(|path| folder.join(path));
        }
        Ok(self)
    }
}
