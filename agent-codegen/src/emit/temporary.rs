//! Temporary files beside what they replace, and what killed processes have left of them.
//!
//! A process that is killed cannot remove its temporary file. On Unix such a file is locked while its
//! process lives, so that the next one that writes into the folder knows which are left over, and
//! removes them. Windows moves only what is closed, and with it unlocked; there they stay.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use tempfile::{NamedTempFile, TempPath};

use super::busy::replace;

const PREFIX: &str = ".agent-codegen-";
const SUFFIX: &str = ".tmp";

/// So often another process may take a new file for one that is left over, before it is locked.
const MOST_ATTEMPTS: usize = 16;

/// Makes an empty file in a folder, and removes what killed processes have left there.
pub(super) fn create(folder: &Path) -> io::Result<NamedTempFile> {
    remove_abandoned(folder);
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    // A generated file is no secret: it is as readable as others that the user makes.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    for _ in 1..MOST_ATTEMPTS {
        let file = builder.tempfile_in(folder)?;
        // Another process holds the lock only to remove the file.
        if cfg!(windows) || file.as_file().lock().is_err() || file.path().exists() {
            return Ok(file);
        }
    }
    builder.tempfile_in(folder)
}

/// Puts a temporary file in the place of another one.
pub(super) fn put(file: NamedTempFile, target: &Path) -> io::Result<()> {
    let (file, path): (File, TempPath) = file.into_parts();
    // Until it has its place, it stays locked.
    let locked = cfg!(unix).then_some(file);
    let put = replace(path, target);
    drop(locked);
    put
}

/// Removes the temporary files of processes that are no more, as far as that is possible.
fn remove_abandoned(folder: &Path) {
    if cfg!(windows) {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_ours = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if is_ours && entry.file_type().is_ok_and(|it| it.is_file()) {
            // What cannot be opened or locked is in use, or belongs to another user.
            let _ = remove_unless_locked(&entry.path());
        }
    }
}

fn remove_unless_locked(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    file.try_lock()?;
    fs::remove_file(path)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name());
        entries.map(|name| name.to_string_lossy().into_owned()).collect()
    }

    /// It stayed for ever.
    #[test]
    fn what_a_killed_process_has_left_is_removed_by_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".agent-codegen-aBcDeF.tmp", ".agent-codegen-mine", "other.tmp"] {
            fs::write(folder.path().join(name), "left over").unwrap();
        }
        let target = folder.path().join("made.json");
        put(create(folder.path()).unwrap(), &target).unwrap();
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(left, [".agent-codegen-mine", "made.json", "other.tmp"]);
    }

    #[test]
    fn what_a_process_is_still_writing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = (0..3).map(|_| create(folder.path()).unwrap()).collect();
        assert_eq!(names(folder.path()).len(), 3);
        for (index, file) in files.into_iter().enumerate() {
            put(file, &folder.path().join(index.to_string())).unwrap();
        }
        assert_eq!(names(folder.path()).len(), 3);
    }
}
