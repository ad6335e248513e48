//! What the workspace promises of itself.

use serde_json::Value;

use crate::support::{cargo_command, ended, root};

/// Parses a version into numbers, to compare.
fn version(text: &str) -> Vec<u64> {
    text.split('.').map(|part| part.parse().unwrap()).chain([0, 0]).take(3).collect()
}

/// It failed on a fresh machine, where nothing has downloaded what the benchmarks need.
#[tokio::test]
#[ignore = "needs all packages of the lock file: `cargo fetch --locked` brings them, as .ci/run does"]
async fn rust_version_is_the_highest_among_the_dependencies() {
    let mut command = cargo_command();
    command.args(["metadata", "--format-version", "1", "--offline", "--locked", "--all-features"]);
    command.current_dir(root());
    let metadata = ended(command).await.json();
    let needs = |packages: &mut dyn Iterator<Item = &Value>| {
        packages.filter_map(|package| package["rust_version"].as_str()).map(version).max()
    };
    let packages = metadata["packages"].as_array().unwrap();
    let (ours, theirs): (Vec<_>, Vec<_>) =
        packages.iter().partition(|package| package["source"].is_null());
    let ours = needs(&mut ours.into_iter());
    assert!(ours.is_some());
    assert_eq!(ours, needs(&mut theirs.into_iter()), "see `rust-version` in Cargo.toml");
}
