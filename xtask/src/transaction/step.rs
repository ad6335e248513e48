//! The steps of a transaction, each of which may be the last one of a process.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use agent_codegen::emit::{patiently, write_whole};

use super::{Change, Transaction};

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    MakeFolder,
    /// Prepares the file with this number.
    Prepare(usize),
    /// Lets the journal appear: from here on the change is made.
    WriteJournal,
    /// Puts the file with this number in its place, or removes it.
    Put(usize),
    RemoveJournal,
    RemoveFolder,
}

/// The steps that change so many files, in order.
pub(super) fn steps(files: usize) -> impl Iterator<Item = Step> {
    let begin = std::iter::once(Step::MakeFolder);
    let prepare = (0..files).map(Step::Prepare);
    let put = (0..files).map(Step::Put);
    let end = [Step::RemoveJournal, Step::RemoveFolder];
    begin.chain(prepare).chain([Step::WriteJournal]).chain(put).chain(end)
}

impl Step {
    /// Returns whether it comes after the moment of the change.
    pub(super) fn is_after_journal(&self) -> bool {
        matches!(self, Self::Put(_) | Self::RemoveJournal | Self::RemoveFolder)
    }

    /// The number of the file that it concerns.
    pub(super) fn file(self) -> Option<usize> {
        match self {
            Self::Prepare(file) | Self::Put(file) => Some(file),
            _ => None,
        }
    }
}

impl Transaction {
    /// Takes a step. Those after the journal need no `changes`, and may be repeated.
    ///
    /// Returns the file that was left as it is because it was edited, if there is one.
    pub(super) fn run(&self, step: Step, changes: &[Change]) -> io::Result<Option<PathBuf>> {
        match step {
            Step::MakeFolder => fs::create_dir(&self.folder)?,
            Step::Prepare(index) => {
                let content = changes.get(index).and_then(|change| change.content.as_deref());
                self.prepare(index, content)?;
            }
            Step::WriteJournal => {
                let journal = serde_json::to_vec_pretty(&self.journal)?;
                write_whole(&self.journal_path(), journal)?;
            }
            Step::Put(index) => return self.put(index),
            Step::RemoveJournal => remove(&self.journal_path())?,
            Step::RemoveFolder => patiently(|| fs::remove_dir_all(&self.folder))?,
        }
        Ok(None)
    }

    fn prepare(&self, index: usize, content: Option<&str>) -> io::Result<()> {
        let target = self.target(index);
        if let Some(old) = read(&target)? {
            fs::write(self.old_path(index), old)?;
        }
        let Some(content) = content else { return Ok(()) };
        fs::write(self.new_path(index), content)?;
        match fs::metadata(&target) {
            Ok(old) => fs::set_permissions(self.new_path(index), old.permissions()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn put(&self, index: usize) -> io::Result<Option<PathBuf>> {
        let (target, new) = (self.target(index), self.new_path(index));
        let now = read(&target)?;
        let wanted = read(&new)?;
        let removes = self.journal.files.get(index).is_some_and(|entry| entry.removed);
        // Without prepared content, it is in its place already.
        if now == wanted || (wanted.is_none() && !removes) {
            return Ok(None);
        }
        if now != read(&self.old_path(index))? {
            return Ok(Some(self.shown_path(index)));
        }
        match wanted {
            Some(content) => replace(&new, &target, &content)?,
            None => remove(&target)?,
        }
        Ok(None)
    }
}

/// Puts a prepared file in the place of another one.
fn replace(new: &Path, target: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    match patiently(|| fs::rename(new, target)) {
        // The place is on another file system.
        Err(error) if error.kind() == ErrorKind::CrossesDevices => write_whole(target, content),
        moved => moved,
    }
}

/// The content of a file, if it is there.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match patiently(|| fs::read(path)) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a file, unless it is gone already.
fn remove(path: &Path) -> io::Result<()> {
    match patiently(|| fs::remove_file(path)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
