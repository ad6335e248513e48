//! The snapshots in a folder, by the agent's version.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::{
    diagnostic::{Diagnostic, Report},
    text::Quoted,
};

/// The snapshots in a folder, `agent-<version>.json`, from the oldest version to the newest.
///
/// Another JSON file there is reported, unless it is a JSON Schema: its version cannot be read, so it
/// is neither the newest nor an older one. So are two files of one version.
///
/// # Errors
///
/// The folder cannot be read.
pub fn files(folder: &Path, report: &mut Report) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match version_of(&name) {
            Some(version) => found.push((version, name, path)),
            None if is_other_json(&name) => report.push(unreadable(&path)),
            None => {}
        }
    }
    found.sort();
    for pair in found.windows(2) {
        let [(version, _, one), (other, _, two)] = pair else { continue };
        if version == other {
            report.push(same_version(one, two));
        }
    }
    Ok(found.into_iter().map(|(_, _, path)| path).collect())
}

/// The version of a snapshot, by the name of its file; `None` if it is none.
#[must_use]
pub fn version(path: &Path) -> Option<Version> {
    version_of(path.file_name()?.to_str()?)
}

fn version_of(name: &str) -> Option<Version> {
    Version::read(name.strip_prefix("agent-")?.strip_suffix(".json")?)
}

/// Returns whether a file could be meant as a snapshot.
fn is_other_json(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let stem = lower.strip_suffix(".json");
    stem.is_some_and(|stem| !stem.ends_with(".schema") && !stem.starts_with('.'))
}

fn unreadable(path: &Path) -> Diagnostic {
    let path = path.display().to_string();
    let message = format!("{} is not taken for a snapshot: its name has no version", Quoted(&path));
    Diagnostic::warning("unreadable-version", message)
        .help("call it `agent-<version>.json`, as in `agent-1.1.34.json`, or move it elsewhere")
}

fn same_version(one: &Path, two: &Path) -> Diagnostic {
    let [one, two] = [one, two].map(|path| path.display().to_string());
    let message = format!("{} and {} are of one version", Quoted(&one), Quoted(&two));
    let help = format!("remove one; {} counts as the newer one", Quoted(&two));
    Diagnostic::warning("same-version", message).help(help)
}

/// The version of an agent, ordered as semantic versions are.
///
/// Any number of numbers is accepted, a leading `v`, and pre-releases, which come before their
/// release: `rc.10` after `rc.9`. What follows a `+` has no say in the order.
///
/// # Examples
///
/// ```
/// use agent_codegen::snapshot::Version;
///
/// let version = |text| Version::read(text).unwrap();
/// assert!(version("1.1.9") < version("1.1.34-rc.9"));
/// assert!(version("1.1.34-rc.9") < version("v1.1.34-rc.10"));
/// assert!(version("1.1.34-rc.10") < version("1.1.34"));
/// assert_eq!(version("2"), version("2.0.0+build.7"));
/// assert_eq!(Version::read("latest"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Without zeros at the end.
    release: Vec<u32>,
    pre: Pre,
}

/// What follows a `-`; the derived order puts a pre-release before its release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pre {
    Of(Vec<Identifier>),
    Release,
}

/// A part of a pre-release; the derived order puts numbers before words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u32),
    Word(String),
}

/// So many digits a number may have. No version needs more, and one of twenty nines would stay the
/// newest for ever.
const MOST_DIGITS: usize = 8;

/// So many parts a version may have.
const MOST_PARTS: usize = 8;

impl Version {
    /// Reads a version; `None` if it is none, or if a number in it has more than eight digits.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let (text, build) =
            text.split_once('+').map_or((text, None), |(it, build)| (it, Some(build)));
        let (release, pre) = text.split_once('-').map_or((text, None), |(it, pre)| (it, Some(pre)));
        let mut release = parts(release)?.map(number).collect::<Option<Vec<_>>>()?;
        while release.last() == Some(&0) {
            release.pop();
        }
        let pre = match pre {
            Some(pre) => Pre::Of(parts(pre)?.map(identifier).collect::<Option<_>>()?),
            None => Pre::Release,
        };
        // It does not count, and has to be one all the same.
        build.is_none_or(|it| it.split('.').all(is_word)).then_some(Self { release, pre })
    }
}

fn parts(text: &str) -> Option<impl Iterator<Item = &str>> {
    (text.split('.').count() <= MOST_PARTS).then(|| text.split('.'))
}

fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && text.len() <= MOST_DIGITS).then(|| text.parse().ok())?
}

fn identifier(text: &str) -> Option<Identifier> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number(text).map(Identifier::Number);
    }
    is_word(text).then(|| Identifier::Word(text.to_owned()))
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;

    #[test]
    fn snapshots_are_ordered_by_semantic_version() {
        let sorted = [
            "0.9",
            "1.1.9",
            "v1.1.34-alpha",
            "1.1.34-alpha.1",
            "1.1.34-alpha.beta",
            "1.1.34-beta.2",
            "1.1.34-beta.11",
            "1.1.34-rc.9",
            "1.1.34-rc.10",
            "1.1.34-rc.10.1",
            "V1.1.34",
            "1.1.34.1",
            "1.2-1",
            "1.2-rc-2",
            "1.2",
            "1.10.0",
            "2026.11.25",
        ];
        let versions = sorted.map(|name| version_of(&format!("agent-{name}.json")).expect(name));
        for pair in versions.windows(2) {
            assert_eq!(pair[0].cmp(&pair[1]), Ordering::Less, "{pair:?}");
        }
    }

    #[test]
    fn what_is_no_version_is_none() {
        let nines = "9".repeat(20);
        for text in [
            "",
            "v",
            "latest",
            "1.",
            ".1",
            "1..2",
            "1.x",
            "1.2-",
            "1.2-rc..1",
            "1.2+",
            "1.2 ",
            "-1",
            "vv1",
            "1.2-ä",
            "+1",
            "1,2",
            &nines,
            &format!("1.{nines}"),
            &format!("1-{nines}"),
        ] {
            assert_eq!(Version::read(text), None, "{text}");
        }
    }

    /// Such a file used to be passed over, or to be taken for version 0.
    #[test]
    fn a_file_whose_version_cannot_be_read_is_reported() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        for name in [
            "agent-1.0.json",
            "agent-1.0.0.json",
            "agent-latest.json",
            "Agent-2.0.JSON",
            "agent-99999999999999999999.json",
            "catalogue.json",
            "overlay.schema.json",
            "overlay.toml",
        ] {
            std::fs::write(folder.path().join(name), "").expect("it can be written");
        }
        let mut report = Report::new();
        let found = files(folder.path(), &mut report).expect("it can be read");
        let names: Vec<_> = found.iter().filter_map(|it| it.file_name()?.to_str()).collect();
        assert_eq!(names, ["agent-1.0.0.json", "agent-1.0.json"]);
        let told = report.to_string();
        for name in ["agent-latest", "Agent-2.0", "agent-9999", "catalogue", "agent-1.0.0"] {
            assert!(told.contains(name), "{name}: {told}");
        }
        assert_eq!(report.iter().count(), 5, "{told}");
    }
}
