//! The actions that `--only` names.

use std::{
    collections::BTreeSet,
    fs::File,
    path::{Path, PathBuf},
};

use agent_codegen::Snapshot;

use crate::{failure::Failure, input::read_text, text::printable};

/// Far more than the names of all actions; what is longer is another file.
const LONGEST: u64 = 1 << 20;

/// Names of actions; there is at least one.
#[derive(Clone, Debug)]
pub struct Only {
    names: BTreeSet<String>,
    /// The file that holds them, if they are in one.
    file: Option<PathBuf>,
}

impl Only {
    /// Reads the value of the option: names with commas between them, or a file of names, in which
    /// what follows a `#` is a comment.
    pub fn read(value: &str) -> Result<Self, Failure> {
        Self::read_below(Path::new(""), value)
    }

    /// The same, with the path of a file from a folder.
    pub fn read_below(folder: &Path, value: &str) -> Result<Self, Failure> {
        let file = Some(folder.join(value)).filter(|path| path.is_file());
        let text = match &file {
            Some(path) => File::open(path)
                .and_then(|file| read_text(file, LONGEST))
                .map_err(|error| Failure::file(path, "read", &error))?,
            None => value.to_owned(),
        };
        // Some editors put a mark before a text.
        let text = text.trim_start_matches('\u{feff}');
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let names = lines.flat_map(|line| line.split([',', ' ', '\t']));
        let names = names.filter(|name| !name.is_empty()).map(str::to_owned);
        let names: BTreeSet<_> = names.collect();
        if names.is_empty() {
            return Err(Failure::usage(format!("--only: `{}` names no action", printable(value))));
        }
        Ok(Self { names, file })
    }

    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// The value that means the same in every folder: the names, or the path of their file from the
    /// project's folder; outside of a project the file's name alone.
    pub fn spelled(&self, project: Option<&Path>) -> String {
        let Some(file) = &self.file else {
            return self.names.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        };
        let name = file.file_name().unwrap_or_default();
        // A link stays what it is called; its folder may be written in many ways.
        let folder = file.parent().and_then(canonical);
        let below = project
            .and_then(|project| Some(folder?.strip_prefix(canonical(project)?).ok()?.join(name)));
        let path = below.unwrap_or_else(|| name.into());
        let parts = path.components().map(|part| part.as_os_str().to_string_lossy());
        parts.collect::<Vec<_>>().join("/")
    }

    /// An error for a name that none of these catalogues has, with the nearest one.
    pub fn check(&self, catalogues: &[&Snapshot]) -> Result<(), Failure> {
        let is_known =
            |name: &&String| catalogues.iter().any(|it| it.actions().contains_key(*name));
        let Some(unknown) = self.names.iter().find(|name| !is_known(name)) else { return Ok(()) };
        let nearest = catalogues.iter().find_map(|it| it.nearest_action(unknown));
        let hint = match nearest {
            Some(nearest) => format!("; the nearest is `{}`", printable(nearest)),
            // A file was meant, and it is not there.
            None if unknown.contains(['.', '/', '\\']) => ", and it is no file either".to_owned(),
            None => "; `cargo xtask actions` lists what there is".to_owned(),
        };
        let subject = match catalogues {
            [one] => format!("`{}` has no", printable(one.name())),
            _ => "neither catalogue has an".to_owned(),
        };
        Err(Failure::usage(format!("--only: {subject} action `{}`{hint}", printable(unknown))))
    }
}

fn canonical(folder: &Path) -> Option<PathBuf> {
    let is_here = folder.as_os_str().is_empty();
    if is_here { Path::new(".") } else { folder }.canonicalize().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_list_and_a_file_name_actions_in_the_same_words() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("used.txt");
        let text = "\u{feff}# What it uses\r\nserver_start, whoami\n\tsubscribe # events\n";
        fs::write(&file, text).unwrap();
        let names = |value: &str| Only::read(value).unwrap().names.into_iter().collect::<Vec<_>>();
        let expected = ["server_start", "subscribe", "whoami"];
        assert_eq!(names(file.to_str().unwrap()), expected);
        assert_eq!(names("whoami,subscribe, server_start,"), expected);
        fs::write(&file, "# nothing yet\n").unwrap();
        for value in ["", " , ", file.to_str().unwrap()] {
            Only::read(value).expect_err(value);
        }
    }
}
