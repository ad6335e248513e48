//! Agents by name: which of those in `agents.toml` a command is for.

mod complete;
mod file;

use std::{collections::BTreeMap, path::PathBuf};

use clap_complete::engine::ArgValueCompleter;

pub use self::file::Entry;
use crate::{environment::variable, failure::Failure, text::printable};

/// So many names are told of those that a file has.
const MOST_NAMES: usize = 10;

/// What names agents; each of these options is in conflict with what names one by its URL.
pub const BY_NAME: [&str; 3] = ["names", "all", "tags"];

/// Which agents of the file a command is for.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Agents by name, in place of --url")]
pub struct AgentsOption {
    /// An agent of `agents.toml`; may be given more than once
    #[arg(long = "agent", value_name = "NAME", add = ArgValueCompleter::new(complete::names))]
    names: Vec<String>,

    /// Every agent of `agents.toml`
    ///
    /// Several agents are worked with eight at a time, and each result names its agent. Exit code 4
    /// means that some failed. A wrong password is tried once.
    #[arg(long)]
    all: bool,

    /// Every agent with this tag; may be given more than once
    #[arg(long = "tag", value_name = "TAG", add = ArgValueCompleter::new(complete::tags))]
    tags: Vec<String>,

    /// The file of agents [default: `agentctl/agents.toml` in the user's configuration] [env:
    /// `AGENTS_FILE`]
    #[arg(id = "agents_file", long = "agents", value_name = "FILE")]
    file: Option<PathBuf>,

    /// One agent after the other, and none after one that failed
    #[arg(long)]
    pub one_by_one: bool,
}

impl AgentsOption {
    /// Returns whether no agent is named.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.tags.is_empty() && !self.all
    }

    /// The first option that names an agent, if there is one.
    pub fn typed(&self) -> Option<&'static str> {
        let given = [
            (!self.names.is_empty(), "--agent"),
            (self.all, "--all"),
            (!self.tags.is_empty(), "--tag"),
        ];
        given.into_iter().find(|(is_given, _)| *is_given).map(|(_, option)| option)
    }

    /// Refuses a file of which no agent is named: another one would be worked with.
    pub fn refuse_file(&self) -> Result<(), Failure> {
        match &self.file {
            None => Ok(()),
            Some(_) => Err(Failure::usage(
                "--agents names a file and no agent in it: add --agent NAME, --tag TAG or --all",
            )),
        }
    }

    /// Returns whether one agent is named, so that its results need no name beside them. This
    /// depends on what was typed alone, and not on how many agents have a tag today: scripts read
    /// the results.
    pub fn names_one(&self) -> bool {
        self.names.len() == 1 && self.tags.is_empty() && !self.all
    }

    /// The agents that are meant, by name.
    pub fn select(&self) -> Result<BTreeMap<String, Entry>, Failure> {
        let file = self.file()?;
        let mut all = file::read(&file)?;
        let shown = file.display();
        if let Some(name) = self.names.iter().find(|name| !all.contains_key(*name)) {
            let known = nearest_first(name, all.keys().map(String::as_str));
            let name = printable(name);
            return Err(Failure::usage(format!(
                "`{shown}` has no agent `{name}`; it has: {known}"
            )));
        }
        let has = |wanted: &String| all.values().any(|entry| entry.tags.contains(wanted));
        if let Some(tag) = self.tags.iter().find(|tag| !has(tag)) {
            let known = all.values().flat_map(|entry| &entry.tags).map(String::as_str);
            let (known, tag) = (nearest_first(tag, known), printable(tag));
            return Err(Failure::usage(format!(
                "`{shown}` has no agent with the tag `{tag}`; its tags are: {known}"
            )));
        }
        all.retain(|name, entry| {
            self.all
                || self.names.contains(name)
                || entry.tags.iter().any(|tag| self.tags.contains(tag))
        });
        if all.is_empty() {
            return Err(Failure::usage(format!(
                "`{shown}` names no agent; an entry begins with `[agents.NAME]`"
            )));
        }
        Ok(all)
    }

    fn file(&self) -> Result<PathBuf, Failure> {
        self.file.clone().or_else(default_file).ok_or_else(|| {
            Failure::usage(
                "there is no folder for configuration: name the file by --agents FILE, or set HOME \
                 to an absolute path",
            )
        })
    }
}

/// The file that the environment names, or else the user's own. That is never one below the current
/// folder: the file may name a command, and a folder may belong to another user.
fn default_file() -> Option<PathBuf> {
    variable("AGENTS_FILE").map(PathBuf::from).or_else(|| {
        let folder = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = if cfg!(windows) {
            folder("APPDATA")?
        } else {
            folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?
        };
        Some(folder.join("agentctl").join("agents.toml"))
    })
}

/// Lists names, first those that are most like one that was typed; the rest is counted.
fn nearest_first<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names.dedup();
    // By hundredths, since a sort needs whole numbers; equally like ones stay in their order.
    names.sort_by_cached_key(|name| {
        #[expect(clippy::cast_possible_truncation, reason = "a likeness is between 0 and 1")]
        let likeness = (strsim::jaro_winkler(typed, name) * 100.0) as i32;
        -likeness
    });
    let shown = names.iter().take(MOST_NAMES).map(|name| printable(name));
    let mut shown: Vec<_> = shown.collect();
    if names.len() > MOST_NAMES {
        shown.push(format!("and {} more", names.len() - MOST_NAMES));
    }
    if shown.is_empty() { "none".to_owned() } else { shown.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_are_most_like_the_typed_one_come_first() {
        assert_eq!(nearest_first("eu-3", ["us-1", "eu-2", "eu-1"].into_iter()), "eu-1, eu-2, us-1");
        assert_eq!(nearest_first("x", [].into_iter()), "none");
        let many: Vec<_> = (0..50).map(|number| format!("a{number:02}")).collect();
        let shown = nearest_first("a77", many.iter().map(String::as_str));
        assert!(shown.starts_with("a07, ") && shown.ends_with(", and 40 more"), "{shown}");
    }
}
