//! Files that an overlay names: below its folder, and nothing else than files.

use std::{
    fs::File,
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use toml::Spanned;

use super::Overlay;
use crate::{
    diagnostic::Diagnostic,
    text::{Quoted, Shown},
};

/// The largest file that is read, an overlay or a schema: people write both.
const LARGEST: u64 = 4 << 20;

const HELP: &str = "name a JSON Schema by its path from the overlay's folder";

impl Overlay {
    /// The files that it names: the JSON Schemas of replies.
    ///
    /// An entry that names no file below the overlay's folder is left out; generating reports it.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let replies = self.content.actions.values().filter_map(|entry| entry.reply.as_ref());
        let names = replies.filter(|file| is_below(file.get_ref()));
        names.map(|file| self.folder.join(file.get_ref())).collect()
    }

    /// Reads a file that an entry names: the path by which messages call it, and its text.
    pub(crate) fn read_file(
        &self,
        file: &Spanned<String>,
    ) -> Result<(PathBuf, String), Box<Diagnostic>> {
        let name = file.get_ref();
        let refuse = |why: String| Box::new(self.error(why, file.span()).help(HELP));
        if !is_below(name) {
            return Err(refuse(format!("{} is not below the overlay's folder", Quoted(name))));
        }
        let path = self.folder.join(name);
        let shown = path.to_string_lossy();
        let unreadable =
            |error: io::Error| refuse(format!("{} cannot be read: {error}", Quoted(&shown)));
        let folder = if self.folder.as_os_str().is_empty() { Path::new(".") } else { &self.folder };
        let folder = folder.canonicalize().map_err(unreadable)?;
        let real = path.canonicalize().map_err(unreadable)?;
        if !real.starts_with(folder) {
            let why =
                format!("{} is a link that leads out of the overlay's folder", Quoted(&shown));
            return Err(refuse(why));
        }
        // A device could be endless, and a pipe hang.
        if !real.is_file() {
            return Err(refuse(format!("{} is no regular file", Quoted(&shown))));
        }
        let bytes = read_bounded(&real).map_err(unreadable)?;
        let text = decode(bytes)
            .map_err(|why| refuse(format!("{} cannot be read: {why}", Quoted(&shown))))?;
        Ok((real, text))
    }
}

/// Reads an overlay, which may be named by any path.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let bytes = read_bounded(path).map_err(|error| Shown(&error.to_string()).to_string())?;
    decode(bytes)
}

/// Returns whether a name leads down from a folder, and is one line.
fn is_below(name: &str) -> bool {
    let down = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    !name.trim().is_empty()
        && !name.contains(|c: char| c.is_control())
        && Path::new(name).components().all(down)
}

/// Reads a file that is not too large.
fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        let why = format!("it is larger than {} MiB", LARGEST >> 20);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    Ok(bytes)
}

/// The text without a byte-order mark, which some editors write.
fn decode(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|error| {
        format!("byte {} is not UTF-8; save it as UTF-8", error.utf8_error().valid_up_to() + 1)
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(text) => text.to_owned(),
        None => text,
    })
}
