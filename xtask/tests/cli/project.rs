//! What the workspace promises of itself.

use serde_json::Value;

use crate::common::{ended, root};

/// A version as numbers, to compare.
fn version(text: &str) -> Vec<u64> {
    text.split('.').map(|part| part.parse().unwrap()).chain([0, 0]).take(3).collect()
}

/// What the build runs on; without it, `cargo metadata` would want packages that nobody has built.
async fn host() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = tokio::process::Command::new(rustc);
    command.arg("-vV").kill_on_drop(true);
    let said = ended(command).await.stdout;
    said.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc has a host").to_owned()
}

#[tokio::test]
async fn rust_version_is_the_highest_among_the_dependencies() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = tokio::process::Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--offline", "--all-features"]);
    command.args(["--filter-platform", &host().await]).current_dir(root()).kill_on_drop(true);
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
