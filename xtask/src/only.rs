//! The actions that `--only` names.

use std::{collections::BTreeSet, fs, path::Path};

use agent_codegen::Snapshot;

use crate::{failure::Failure, text::printable};

/// Names of actions; there is at least one.
#[derive(Clone, Debug)]
pub struct Only(BTreeSet<String>);

impl Only {
    /// Reads the value of the option: names with commas between them, or a file of names, in which
    /// what follows a `#` is a comment.
    pub fn read(value: &str) -> Result<Self, Failure> {
        let path = Path::new(value);
        let text = if path.is_file() {
            fs::read_to_string(path).map_err(|error| Failure::file(path, "read", &error))?
        } else {
            value.to_owned()
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
        Ok(Self(names))
    }

    pub fn names(&self) -> &BTreeSet<String> {
        &self.0
    }

    /// An error for a name that none of these catalogues has, with the nearest one.
    pub fn check(&self, catalogues: &[&Snapshot]) -> Result<(), Failure> {
        let is_known =
            |name: &&String| catalogues.iter().any(|it| it.actions().contains_key(*name));
        let Some(unknown) = self.0.iter().find(|name| !is_known(name)) else { return Ok(()) };
        let nearest = catalogues.iter().find_map(|it| it.nearest_action(unknown));
        let hint = match nearest {
            Some(nearest) => format!("; the nearest is `{}`", printable(nearest)),
            // A file was meant, and it is not there.
            None if unknown.contains(['.', '/', '\\']) => ", and it is no file either".to_owned(),
            None => String::new(),
        };
        let subject = match catalogues {
            [one] => format!("`{}` has no", printable(one.name())),
            _ => "neither catalogue has an".to_owned(),
        };
        Err(Failure::usage(format!("--only: {subject} action `{}`{hint}", printable(unknown))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_and_a_file_name_actions_in_the_same_words() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("used.txt");
        let text = "\u{feff}# What it uses\r\nserver_start, whoami\n\tsubscribe # events\n";
        fs::write(&file, text).unwrap();
        let names = |value: &str| Only::read(value).unwrap().0.into_iter().collect::<Vec<_>>();
        let expected = ["server_start", "subscribe", "whoami"];
        assert_eq!(names(file.to_str().unwrap()), expected);
        assert_eq!(names("whoami,subscribe, server_start,"), expected);
        fs::write(&file, "# nothing yet\n").unwrap();
        for value in ["", " , ", file.to_str().unwrap()] {
            Only::read(value).expect_err(value);
        }
    }
}
