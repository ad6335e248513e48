//! The file `agents.toml`.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor, value::SeqAccessDeserializer},
};

use crate::{failure::Failure, input::read_text, text::printable};

/// Far more than any fleet needs; what is longer is another file.
const LONGEST: u64 = 16 << 20;

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
    /// One, or several in a list: so a new certificate can be announced.
    #[serde(default, deserialize_with = "pins")]
    pub fingerprint: Vec<String>,
    pub ca: Option<PathBuf>,
    pub known_agents: Option<PathBuf>,
    #[serde(default)]
    pub allow_plaintext: bool,
    #[serde(default, deserialize_with = "one_or_several")]
    pub tags: Vec<String>,
}

fn root() -> String {
    "root".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default)]
    agents: BTreeMap<String, Entry>,
}

/// Reads a text, or a list of texts: what there is one of is written without brackets at first.
fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct OneOrSeveral;

    impl<'de> Visitor<'de> for OneOrSeveral {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a list of texts")
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, texts: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(texts))
        }
    }

    deserializer.deserialize_any(OneOrSeveral)
}

/// Reads fingerprints. An empty list would trust whatever the system trusts, in place of a pin.
fn pins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let pins = one_or_several(deserializer)?;
    if pins.is_empty() {
        return Err(D::Error::custom("`fingerprint` is empty: name one, or leave it out"));
    }
    Ok(pins)
}

/// Reads the file of agents.
pub fn read(file: &Path) -> Result<BTreeMap<String, Entry>, Failure> {
    #[cfg(unix)]
    refuse_if_others_can_write(file)?;
    let text = fs::File::open(file).and_then(|file| read_text(file, LONGEST));
    let text = text.map_err(|error| unreadable(file, &error))?;
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

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::NotFound {
        return Failure::failed(format!(
            "there is no file of agents `{}`: write one with an entry `[agents.NAME]` for each, or \
             name another by --agents FILE",
            file.display()
        ));
    }
    Failure::file(file, "read", error)
}

/// A file that others can write could name their command, and their agent.
#[cfg(unix)]
fn refuse_if_others_can_write(file: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_WRITE: u32 = 0o022;
    const ROOT: u32 = 0;
    let metadata = fs::metadata(file).map_err(|error| unreadable(file, &error))?;
    let own = rustix::process::geteuid().as_raw();
    let problem = if ![own, ROOT].contains(&metadata.uid()) {
        "belongs to another user, who could so learn every password: use a file of your own, or \
         `chown` it"
    } else if metadata.mode() & OTHERS_WRITE != 0 {
        "may be written by others, who could so learn every password: `chmod go-w` it"
    } else {
        return Ok(());
    };
    Err(Failure::failed(format!("`{}` {problem}", file.display())))
}

impl Entry {
    /// Returns whether the file says where this agent's password is.
    pub fn has_password(&self) -> bool {
        self.password_file.is_some() || self.password_command.is_some()
    }

    /// Refuses what says two things at once; paths become relative to the file's folder.
    fn checked(mut self, name: &str, file: &Path, folder: &Path) -> Result<Self, Failure> {
        let ways = [!self.fingerprint.is_empty(), self.ca.is_some(), self.known_agents.is_some()];
        let wrong = if name.is_empty() {
            Some("no name: it begins with `[agents.NAME]`")
        } else if ways.into_iter().filter(|way| *way).count() > 1 {
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
