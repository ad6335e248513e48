//! The words of the file of agents that a shell completes.

use std::{collections::BTreeSet, ffi::OsStr, path::PathBuf};

use clap_complete::engine::CompletionCandidate;

use super::{Entry, default_file, file};
use crate::completion;

/// Completes the names of agents.
pub fn names(begun: &OsStr) -> Vec<CompletionCandidate> {
    let named = agents().into_iter().map(|(name, entry)| (name, entry.url));
    let named = named.filter(|(name, _)| completion::is_begun(name, begun));
    let candidate =
        |(name, url): (String, String)| CompletionCandidate::new(name).help(Some(url.into()));
    named.map(candidate).collect()
}

/// Completes the tags of agents.
pub fn tags(begun: &OsStr) -> Vec<CompletionCandidate> {
    let tags: BTreeSet<_> = agents().into_iter().flat_map(|(_, entry)| entry.tags).collect();
    let tags = tags.into_iter().filter(|tag| completion::is_begun(tag, begun));
    tags.map(CompletionCandidate::new).collect()
}

/// The agents of the file that the line names, or of the user's own; none where it cannot be read.
fn agents() -> Vec<(String, Entry)> {
    let named = completion::value_of("--agents").map(PathBuf::from);
    let file = named.or_else(default_file);
    let agents = file.and_then(|file: PathBuf| file::read(&file).ok());
    agents.unwrap_or_default().into_iter().collect()
}
