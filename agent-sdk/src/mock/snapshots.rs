//! One test against every version of the catalogue.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::agent::MockAgent;

/// Runs a test against a mock of every snapshot `agent-VERSION.json` in a folder, oldest version first.
/// What a failing test prints ends with the snapshot's name.
///
/// # Errors
///
/// The folder cannot be read or has no snapshot, or a mock cannot be started.
///
/// # Cancel safety
///
/// If the future is dropped, the test at hand is dropped and the others are not run.
///
/// # Examples
///
/// ```no_run
/// use agent_sdk::{Agent, Tls, mock};
///
/// # async fn example() -> std::io::Result<()> {
/// mock::each_snapshot("schemas", |mock| async move {
///     let agent = Agent::builder(mock.url())
///         .credentials(mock.username(), mock.password())
///         .tls(Tls::pinned(mock.fingerprint().unwrap()).unwrap())
///         .connect()
///         .await
///         .unwrap();
///     agent.call_raw("servers", ()).await.unwrap();
/// })
/// .await
/// # }
/// ```
pub async fn each_snapshot<F, Test>(folder: impl AsRef<Path>, test: F) -> io::Result<()>
where
    F: Fn(MockAgent) -> Test,
    Test: Future<Output = ()>,
{
    let folder = folder.as_ref();
    let snapshots = snapshots(folder).map_err(|error| named(folder, &error))?;
    for (version, path) in snapshots {
        let mock = start(version, &path).await.map_err(|error| named(&path, &error))?;
        let _name = NameOnFailure(path);
        test(mock).await;
    }
    Ok(())
}

/// The versions and files of a folder's snapshots, oldest first.
fn snapshots(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut snapshots = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        snapshots.extend(version(&path).map(|version| (version, path)));
    }
    if snapshots.is_empty() {
        let why = "it has no snapshot `agent-VERSION.json`";
        return Err(io::Error::new(io::ErrorKind::NotFound, why));
    }
    snapshots.sort_by_cached_key(|(version, path)| (numbers(version), path.clone()));
    Ok(snapshots)
}

async fn start(version: String, path: &Path) -> io::Result<MockAgent> {
    let catalogue = serde_json::from_slice(&fs::read(path)?)?;
    MockAgent::builder(catalogue).version(version).start().await
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}

/// The version in the name of a snapshot; `None` for other files.
fn version(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    Some(name.strip_prefix("agent-")?.strip_suffix(".json")?.to_owned())
}

/// The numbers of a version, so that 1.10 comes after 1.9.
fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split(|c: char| !c.is_ascii_digit());
    parts.filter_map(|part| part.parse().ok()).collect()
}

/// Prints the name of a snapshot if the test with it panics.
struct NameOnFailure(PathBuf);

impl Drop for NameOnFailure {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("it failed with the catalogue `{}`", self.0.display());
        }
    }
}
