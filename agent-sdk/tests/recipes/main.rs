//! The recipes of `examples`, as they are copied, against the mock agent with the faults that matter.
//! Their time is tokio's, which is paused: minutes pass in milliseconds.
#![cfg(all(feature = "actions", feature = "mock", feature = "transfer"))]

mod backups;
mod chats;
mod common;
mod consoles;
mod exporter;
mod jobs;
mod mods;
mod page;
mod restarts;
mod watchdogs;
mod wipes;

#[test]
fn each_recipe_is_run_here_and_linked_from_the_readme() {
    let jobs = include_str!("jobs.rs");
    let readme = include_str!("../../../README.md");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    for name in names.map(|name| name.into_string().unwrap()) {
        assert!(readme.contains(&format!("agent-sdk/examples/{name}")), "{name}");
        let is_recipe = !["connect.rs", "tour.rs"].contains(&&*name);
        assert!(!is_recipe || jobs.contains(&format!("examples/{name}\"]")), "{name}");
    }
}
