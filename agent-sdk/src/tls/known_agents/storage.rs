//! The known-agents file on disk: read and replaced so that other users of the machine can neither
//! change what it says nor hold the program up.

use std::{
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use crate::busy::{patiently, replace};

/// The largest file that is read, in bytes: enough for tens of thousands of agents.
const MAX_SIZE: u64 = 4 << 20;

/// The place of the file. Links are resolved, so that a link stays one.
#[derive(Debug)]
pub(super) struct Storage {
    path: PathBuf,
    folder: PathBuf,
}

/// The right to change the file, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _held: Option<Locked>,
}

/// A file that is locked until this is dropped.
#[derive(Debug)]
struct Locked(File);

impl Drop for Locked {
    fn drop(&mut self) {
        // To close it is not enough: while another thread starts a program, that process has the file
        // open as well.
        let _ = self.0.unlock();
    }
}

impl Storage {
    /// # Errors
    ///
    /// The folder does not exist: it is not made, since a mistyped path would forget all agents.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let path = match path.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => new_file(path)?,
            path => path?,
        };
        let folder = path.parent().ok_or_else(|| io::Error::other("it is no file"))?.to_owned();
        system::check_folder(&fs::metadata(&folder)?)?;
        Ok(Self { path, folder })
    }

    /// Reads the file; one that does not exist is empty.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        let mut options = OpenOptions::new();
        match patiently(|| open_regular(&self.path, options.read(true))) {
            Ok(file) => read_whole(&file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Takes the lock; `None` if another process holds it.
    ///
    /// The lock is a file of its own that other users cannot open: who can open a file can lock it.
    pub(super) fn try_lock(&self) -> io::Result<Option<Lock>> {
        let path = self.lock_path();
        let named = |error: io::Error| {
            io::Error::new(error.kind(), format!("its lock {}: {error}", path.display()))
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = match open_private(&path, &mut options) {
            Ok(file) => file,
            // A single file that is mounted: it is locked itself when it is written.
            Err(error) if is_closed_folder(&error) => return Ok(Some(Lock { _held: None })),
            Err(error) => return Err(named(error)),
        };
        let locked = try_lock(file).map_err(named)?;
        Ok(locked.map(|held| Lock { _held: Some(held) }))
    }

    /// Where the lock is.
    pub(super) fn lock_path(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        path.into()
    }

    /// Adds what `addition` makes of the content. The file is replaced as a whole, with the
    /// permissions that it has; a new one is for its owner only. Where no other file can take its
    /// place, such as a single file that is mounted into a container, it is written to.
    ///
    /// Returns whether it was done; not where another process holds a file that is written to.
    pub(super) fn append<E: From<io::Error>>(
        &self,
        _lock: &Lock,
        addition: impl Fn(&[u8]) -> Result<String, E>,
    ) -> Result<bool, E> {
        let content = self.read()?;
        let line = addition(&content)?;
        match self.replace(&[&content, line.as_bytes()].concat()) {
            Ok(()) => Ok(true),
            Err(error) if must_stay(&error) && self.path.exists() => self.append_in_place(addition),
            Err(error) => Err(error.into()),
        }
    }

    fn replace(&self, content: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(content)?;
        match fs::metadata(&self.path) {
            Ok(metadata) if !system::is_own(&metadata) => return Err(foreign()),
            Ok(metadata) => file.as_file().set_permissions(metadata.permissions())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        file.as_file().sync_all()?;
        replace(file.into_temp_path(), &self.path)
    }

    /// Under a lock of the file itself: other containers may share the file, but not the lock
    /// beside it.
    pub(super) fn append_in_place<E: From<io::Error>>(
        &self,
        addition: impl Fn(&[u8]) -> Result<String, E>,
    ) -> Result<bool, E> {
        let file = open_regular(&self.path, OpenOptions::new().read(true).append(true))?;
        let Some(Locked(file)) = &try_lock(file)? else { return Ok(false) };
        let line = addition(&read_whole(file)?)?;
        let mut writer = file;
        writer.write_all(line.as_bytes())?;
        file.sync_all()?;
        Ok(true)
    }
}

/// The place of a file that does not exist yet.
fn new_file(path: &Path) -> io::Result<PathBuf> {
    if path.is_symlink() {
        return Err(io::Error::other("it is a link to a file that does not exist"));
    }
    let name = path.file_name().ok_or_else(|| io::Error::other("it is no file"))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize().map_err(|error| {
        let text = format!(
            "its folder cannot be used ({error}); if the path is right, make the folder, for \
             yourself only (`mkdir -m 700`)"
        );
        io::Error::new(error.kind(), text)
    })?;
    Ok(folder.join(name))
}

fn read_whole(mut file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Read::by_ref(&mut file).take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(io::Error::other(format!("it is larger than {MAX_SIZE} bytes")));
    }
    Ok(bytes)
}

/// Locks a file; `None` if another process holds it.
fn try_lock(file: File) -> io::Result<Option<Locked>> {
    match file.try_lock() {
        Ok(()) => Ok(Some(Locked(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Returns whether nothing can be made in a folder.
fn is_closed_folder(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Returns whether no other file can take the place of this one.
fn must_stay(error: &io::Error) -> bool {
    is_closed_folder(error)
        || matches!(error.kind(), io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices)
}

fn foreign() -> io::Error {
    io::Error::other(
        "it belongs to another user; use a file of your own, or make yourself its owner (`chown`)",
    )
}

/// Opens a file that decides about trust, if only its owner and root can have written it.
/// Neither a device nor a named pipe can hold this up.
fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    // Before it is opened as well: opening a device may do something.
    check_regular(&fs::metadata(path)?)?;
    let file = system::without_waiting(options).open(path)?;
    let metadata = file.metadata()?;
    check_regular(&metadata)?;
    system::check_trustworthy(&metadata)?;
    Ok(file)
}

/// Opens or makes a file that no other user can open.
fn open_private(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => check_own(&metadata)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let file = system::private(options).open(path)?;
    let metadata = file.metadata()?;
    check_own(&metadata)?;
    system::make_private(&file, &metadata)?;
    Ok(file)
}

fn check_own(metadata: &Metadata) -> io::Result<()> {
    check_regular(metadata)?;
    if system::is_own(metadata) { Ok(()) } else { Err(foreign()) }
}

fn check_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() { Ok(()) } else { Err(io::Error::other("it is no regular file")) }
}

/// What only Unix has: owners, permissions, links that are not followed.
#[cfg(unix)]
mod system {
    use std::{
        fs::{File, Metadata, OpenOptions, Permissions},
        io,
        os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    };

    use rustix::fs::OFlags;

    /// Write permission of the group and of all others.
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    /// Write permission of all others.
    const WRITABLE_BY_ALL: u32 = 0o002;
    /// In a folder: only its owner removes a file.
    const STICKY: u32 = 0o1000;
    /// Any permission of the group and of all others.
    const OPEN_TO_OTHERS: u32 = 0o077;

    pub(super) fn is_own(metadata: &Metadata) -> bool {
        metadata.uid() == rustix::process::geteuid().as_raw()
    }

    pub(super) fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
        options.custom_flags(flags(OFlags::NONBLOCK))
    }

    pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
        options.mode(0o600).custom_flags(flags(OFlags::NONBLOCK | OFlags::NOFOLLOW))
    }

    fn flags(flags: OFlags) -> i32 {
        flags.bits().cast_signed()
    }

    pub(super) fn check_trustworthy(metadata: &Metadata) -> io::Result<()> {
        if !is_own(metadata) && metadata.uid() != 0 {
            return Err(super::foreign());
        }
        if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(io::Error::other(
                "other users may write it; check what it says, then take that away (`chmod go-w`)",
            ));
        }
        Ok(())
    }

    /// Others who can remove the file make every agent a stranger. In a folder such as `/tmp`, with
    /// the sticky bit, they cannot.
    pub(super) fn check_folder(metadata: &Metadata) -> io::Result<()> {
        if metadata.mode() & (STICKY | WRITABLE_BY_ALL) == WRITABLE_BY_ALL {
            return Err(io::Error::other(
                "every user may write its folder, and so replace it; use another folder, or take \
                 that away (`chmod o-w`)",
            ));
        }
        Ok(())
    }

    /// Also one that was made by an earlier version, or with other permissions.
    pub(super) fn make_private(file: &File, metadata: &Metadata) -> io::Result<()> {
        if metadata.mode() & OPEN_TO_OTHERS == 0 {
            return Ok(());
        }
        file.set_permissions(Permissions::from_mode(0o600))
    }
}

/// Elsewhere the permissions of the folder decide.
#[cfg(not(unix))]
mod system {
    use std::{
        fs::{File, Metadata, OpenOptions},
        io,
    };

    pub(super) fn is_own(_: &Metadata) -> bool {
        true
    }

    pub(super) fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }

    pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
        options
    }

    #[expect(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
    pub(super) fn check_trustworthy(_: &Metadata) -> io::Result<()> {
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
    pub(super) fn check_folder(_: &Metadata) -> io::Result<()> {
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
    pub(super) fn make_private(_: &File, _: &Metadata) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// While another thread started a program, the file was said to be busy.
    #[test]
    fn a_process_that_is_starting_does_not_keep_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let open = || File::create(folder.path().join("lock")).unwrap();
        let locked = try_lock(open()).unwrap().unwrap();
        let _inherited = locked.0.try_clone().unwrap();
        assert!(try_lock(open()).unwrap().is_none());
        drop(locked);
        assert!(try_lock(open()).unwrap().is_some());
    }
}
