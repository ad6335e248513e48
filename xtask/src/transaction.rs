//! Files of the project that change together: all of them or none, at whatever point the process is
//! killed.
//!
//! The new content of each file is prepared in a folder of its own, beside a copy of what it
//! replaces. The moment of the change is the one in which a journal that names the files appears
//! there. Killed before, the next command removes what was prepared; killed after, the next command
//! puts the rest of the files in place. A file that was edited in between is left as it is.
//!
//! This is about a process that is killed, not about a machine that loses power: nothing is forced
//! to the disk.

mod step;

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Component, Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use self::step::{Step, steps};
use crate::{failure::Failure, output};

/// How long another command is waited for: it takes a moment to write.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
const LOCK_INTERVAL: Duration = Duration::from_millis(50);
/// Nothing is said of a shorter wait.
const LOCK_SILENCE: Duration = Duration::from_millis(500);

/// What becomes of one file.
#[derive(Debug)]
pub struct Change {
    pub path: PathBuf,
    /// `None` removes it.
    pub content: Option<String>,
}

/// Changes of a project's files.
#[derive(Debug)]
struct Transaction {
    /// The project's folder.
    root: PathBuf,
    /// Where the files are prepared.
    folder: PathBuf,
    journal: Journal,
}

/// The files that change.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Journal {
    files: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// Below the project's folder, with `/` on every platform.
    path: String,
    removed: bool,
}

/// Changes all of these files, or none of them.
///
/// Returns those that were edited by another process at this very moment, and left as they are.
pub fn commit(root: &Path, schemas: &Path, changes: &[Change]) -> Result<Vec<PathBuf>, Failure> {
    let _lock = lock(schemas, LOCK_LIMIT, output::note)?;
    recover_locked(root, schemas)?;
    let files = changes.iter().map(|change| {
        let path = relative(root, &change.path)?;
        Ok(Entry { path, removed: change.content.is_none() })
    });
    let journal = Journal { files: files.collect::<Result<_, Failure>>()? };
    let transaction = Transaction::new(root, schemas, journal);
    let mut edited = Vec::new();
    for step in steps(changes.len()) {
        let done = transaction.run(step, changes);
        edited.extend(done.map_err(|error| transaction.failed(step, &error))?);
    }
    Ok(edited)
}

/// Finishes or removes what a command that was killed has left; says in a line what was done, if
/// there was anything to do.
pub fn recover(root: &Path, schemas: &Path) -> Result<Option<String>, Failure> {
    if !folder(schemas).exists() {
        return Ok(None);
    }
    // The command may be at work still.
    let _lock = lock(schemas, LOCK_LIMIT, output::note)?;
    recover_locked(root, schemas)
}

fn recover_locked(root: &Path, schemas: &Path) -> Result<Option<String>, Failure> {
    if !folder(schemas).exists() {
        return Ok(None);
    }
    let mut transaction = Transaction::new(root, schemas, Journal::default());
    let Some(journal) = transaction.read_journal()? else {
        fs::remove_dir_all(&transaction.folder)
            .map_err(|error| Failure::file(&transaction.folder, "removed", &error))?;
        let told = "removed what an interrupted command had prepared; it had changed nothing";
        return Ok(Some(told.to_owned()));
    };
    transaction.journal = journal;
    let mut edited = Vec::new();
    for step in steps(transaction.journal.files.len()).filter(Step::is_after_journal) {
        let done = transaction.run(step, &[]);
        edited.extend(done.map_err(|error| transaction.failed(step, &error))?);
    }
    Ok(Some(format!(
        "finished what an interrupted command had begun to write{}",
        but_edited(&edited)
    )))
}

/// What is said of files that were left as they are.
pub fn but_edited(edited: &[PathBuf]) -> String {
    if edited.is_empty() {
        return String::new();
    }
    let names: Vec<_> = edited.iter().map(|path| format!("`{}`", path.display())).collect();
    format!("; left as edited since: {}", names.join(", "))
}

fn folder(schemas: &Path) -> PathBuf {
    schemas.join(".update")
}

/// Keeps other commands out until it is dropped. `None` where folders cannot be locked: on Windows,
/// and on some network file systems. Anybody who can read the folder can hold its lock, so it is not
/// waited for without end.
///
/// `tell` gets a note to show if the wait takes longer than a moment.
fn lock(
    schemas: &Path,
    limit: Duration,
    tell: impl FnOnce(String),
) -> Result<Option<File>, Failure> {
    let Ok(folder) = File::open(schemas) else { return Ok(None) };
    let began = Instant::now();
    let mut tell = Some(tell);
    loop {
        match folder.try_lock() {
            Ok(()) => return Ok(Some(folder)),
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) if began.elapsed() < limit => {
                let tell = tell.take_if(|_| began.elapsed() >= LOCK_SILENCE);
                if let Some(tell) = tell {
                    let locked = format!(
                        "waiting for another process, which has locked `{}`",
                        schemas.display()
                    );
                    tell(locked);
                }
                sleep(LOCK_INTERVAL);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::failed(format!(
                    "`{}` is locked by another process for {} s, so nothing was written; try again \
                     once that has ended (`lsof` and `fuser` name it)",
                    schemas.display(),
                    limit.as_secs()
                )));
            }
        }
    }
}

/// A path below the project's folder, as the journal has it.
fn relative(root: &Path, path: &Path) -> Result<String, Failure> {
    let below = path.strip_prefix(root).ok().and_then(|path| {
        let names = path.components().map(|name| name.as_os_str().to_str());
        names.collect::<Option<Vec<_>>>()
    });
    let below = below.map(|names| names.join("/")).filter(|path| is_inside(path));
    below.ok_or_else(|| Failure::failed(format!("`{}` is not in the project", path.display())))
}

/// Returns whether a path from a journal leads to a place inside of the project.
fn is_inside(path: &str) -> bool {
    let mut names = Path::new(path).components();
    !path.is_empty() && names.all(|name| matches!(name, Component::Normal(_)))
}

impl Transaction {
    fn new(root: &Path, schemas: &Path, journal: Journal) -> Self {
        Self { root: root.to_owned(), folder: folder(schemas), journal }
    }

    /// The journal that a killed command has left; `None` if it had not come so far.
    fn read_journal(&self) -> Result<Option<Journal>, Failure> {
        let path = self.journal_path();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::file(&path, "read", &error)),
        };
        let journal: Option<Journal> = serde_json::from_slice(&text).ok();
        let is_ours = |it: &Journal| it.files.iter().all(|entry| is_inside(&entry.path));
        journal.filter(is_ours).map(Some).ok_or_else(|| {
            Failure::failed(format!(
                "`{}` is not the journal of a change; remove the folder `{}`, and look with \
                 `git status` at what was changed",
                path.display(),
                self.folder.display()
            ))
        })
    }

    fn journal_path(&self) -> PathBuf {
        self.folder.join("journal.json")
    }

    /// The new content of a file.
    fn new_path(&self, index: usize) -> PathBuf {
        self.folder.join(format!("{index}.new"))
    }

    /// The content of a file before the change; not there if the file is new.
    fn old_path(&self, index: usize) -> PathBuf {
        self.folder.join(format!("{index}.old"))
    }

    /// The file itself; a link is followed.
    fn target(&self, index: usize) -> PathBuf {
        let path = self.shown_path(index);
        path.canonicalize().unwrap_or(path)
    }

    fn shown_path(&self, index: usize) -> PathBuf {
        self.root.join(self.journal.files.get(index).map_or("", |entry| &entry.path))
    }

    /// Says what is to be done about a step that failed; before the journal, nothing has changed.
    fn failed(&self, step: Step, error: &io::Error) -> Failure {
        if step.is_after_journal() {
            return Failure::failed(format!(
                "it is written in part, since `{}` cannot be changed: {error}; mend that, \
                 and the next command finishes it",
                step.file().map_or_else(|| self.folder.clone(), |at| self.shown_path(at)).display()
            ));
        }
        // Where folders cannot be locked, one that is there already belongs to another command.
        if step != Step::MakeFolder {
            // What cannot be removed now is removed by the next command.
            let _ = fs::remove_dir_all(&self.folder);
        }
        Failure::failed(format!(
            "nothing was written: the files cannot be prepared in `{}`: {error}",
            self.folder.display()
        ))
    }
}

#[cfg(test)]
mod tests;
