//! From bytes to text, and the cases in which they are plainly something else.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use crate::{
    diagnostic::{Diagnostic, Report, Source},
    text::Shown,
};

/// The largest snapshot that is looked at, in bytes: a thousand actions take a quarter of one MiB.
const LARGEST: usize = 16 << 20;

const FETCH: &str = "fetch the catalogue of a running agent again";

/// Reads a file, and of a larger one than is looked at only as much as tells that it is.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Turns bytes into text, without a byte-order mark.
pub(super) fn decode(name: &str, bytes: &[u8], report: &mut Report) -> Option<String> {
    let whole = |code, message: &str| {
        let source = Source::new(name, "");
        Diagnostic::error(code, format!("{} {message}", Shown(name))).at(&source, 0..0).help(FETCH)
    };
    if bytes.len() > LARGEST {
        let message = format!("is larger than {} MiB; no catalogue is", LARGEST >> 20);
        report.push(whole("too-large", &message));
        return None;
    }
    // In UTF-16, every other byte of a JSON text is zero.
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || looks_wide(bytes) {
        report.push(
            whole("not-utf8", "is written in UTF-16, and JSON is UTF-8")
                .help("save it as UTF-8, for example by `iconv -f UTF-16 -t UTF-8`"),
        );
        return None;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            report.push(not_utf8(name, bytes, error.valid_up_to()));
            return None;
        }
    };
    let begin = text.trim_start();
    if begin.is_empty() {
        report.push(whole("empty", "is empty"));
        return None;
    }
    if begin.starts_with('<') {
        report.push(whole("html", "holds HTML or XML, and a catalogue is JSON").help(
            "this is likely the answer of a web server or a proxy in the agent's place; \
                 look at the address, and fetch again",
        ));
        return None;
    }
    Some(text.to_owned())
}

fn looks_wide(bytes: &[u8]) -> bool {
    matches!(bytes, [0, first, ..] | [first, 0, ..] if *first != 0)
}

fn not_utf8(name: &str, bytes: &[u8], valid: usize) -> Diagnostic {
    let source = Source::new(name, String::from_utf8_lossy(bytes));
    // What comes before is text, so the place is the same in the lossy text.
    Diagnostic::error("not-utf8", format!("byte {} is not UTF-8, and JSON is UTF-8", valid + 1))
        .at(&source, valid..valid)
        .help("save it as UTF-8, or fetch it again")
}
