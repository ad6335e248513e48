//! The snapshots in a folder, by the agent's version.

use std::{
    io,
    path::{Path, PathBuf},
};

/// The snapshots in a folder, `agent-<version>.json`, from the oldest version to the newest.
///
/// # Errors
///
/// The folder cannot be read.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if let Some(version) = version_of(&path) {
            found.push((version, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// A version to sort by: numbers as numbers, and a pre-release before its release.
type Version = (Vec<u64>, bool, String);

fn version_of(path: &Path) -> Option<Version> {
    let name = path.file_name()?.to_str()?;
    let version = name.strip_prefix("agent-")?.strip_suffix(".json")?;
    let (release, extra) = version.split_once(['-', '+']).unwrap_or((version, ""));
    let numbers = release.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    Some((numbers, extra.is_empty(), extra.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_sort_as_numbers_and_other_files_are_no_snapshots() {
        let sorted = ["agent-1.1.9.json", "agent-1.1.34-rc1.json", "agent-1.1.34.json"];
        let versions: Vec<_> = sorted.iter().map(|name| version_of(Path::new(name))).collect();
        assert!(versions.iter().all(Option::is_some));
        assert!(versions.is_sorted(), "{versions:?}");
        assert_eq!(version_of(Path::new("overlay.toml")), None);
    }
}
