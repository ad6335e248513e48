//! What a repository holds at a revision.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::failure::Failure;

/// The content of `REV:path`.
pub fn show(folder: &Path, name: &str) -> Result<Vec<u8>, Failure> {
    let output = git(folder, &["show", "--end-of-options", name])?;
    if output.status.success() {
        // Of a folder, git shows the names in it.
        let kind = git(folder, &["cat-file", "-t", name])?;
        if kind.stdout.trim_ascii() == b"blob" {
            return Ok(output.stdout);
        }
        return Err(Failure::failed(format!("`{name}` is no file; name a snapshot in it")));
    }
    let (revision, _) = name.split_once(':').unwrap_or((name, ""));
    // The revision first: a path cannot be there without it.
    resolve(folder, revision)?;
    Err(Failure::failed(format!("git has no `{name}`: {}", said(&output))))
}

/// The files below a folder of the revision, by their paths from there.
pub fn list(folder: &Path, revision: &str) -> Result<Vec<String>, Failure> {
    let commit = resolve(folder, revision)?;
    let arguments = ["ls-tree", "-r", "-z", "--name-only", "--end-of-options", &commit, "."];
    let output = git(folder, &arguments)?;
    if !output.status.success() {
        return Err(Failure::failed(format!("git cannot list `{revision}`: {}", said(&output))));
    }
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// The commit of a revision.
pub fn resolve(folder: &Path, revision: &str) -> Result<String, Failure> {
    let name = format!("{revision}^{{commit}}");
    let output = git(folder, &["rev-parse", "--quiet", "--verify", "--end-of-options", &name])?;
    if output.status.success() {
        let shown = String::from_utf8_lossy(&output.stdout);
        // Some versions repeat the option.
        return Ok(shown.lines().last().unwrap_or_default().trim().to_owned());
    }
    let shallow = git(folder, &["rev-parse", "--is-shallow-repository"])?;
    if shallow.stdout.trim_ascii() == b"true" {
        return Err(Failure::failed(format!(
            "this is a shallow clone, which has no `{revision}`; `git fetch --unshallow` gets the \
             history, or in CI a checkout of full depth"
        )));
    }
    if !shallow.status.success() {
        let reason = said(&shallow);
        return Err(Failure::failed(format!("there is no revision `{revision}`: {reason}")));
    }
    let remote = format!("origin/{revision}");
    let is_remote =
        git(folder, &["rev-parse", "--quiet", "--verify", "--end-of-options", &remote])?;
    let hint = if is_remote.status.success() {
        format!("`{remote}` is one")
    } else {
        "`git log --oneline --all` shows what there is".to_owned()
    };
    Err(Failure::failed(format!("git knows no revision `{revision}`; {hint}")))
}

fn git(folder: &Path, arguments: &[&str]) -> Result<Output, Failure> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments).env("LC_ALL", "C").stdin(Stdio::null());
    command.output().map_err(|error| {
        Failure::failed(format!(
            "git cannot be run: {error}; what a revision holds is known to it alone"
        ))
    })
}

/// What git said went wrong, on one line.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().next().unwrap_or("it gave no reason").trim_start_matches("fatal: ").to_owned()
}
