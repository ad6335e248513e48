//! A process that ends after each step.

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;

/// A project with a file of each kind, and what is to become of them.
fn project() -> (TempDir, Vec<Change>) {
    let project = tempfile::tempdir().unwrap();
    let files = [("schemas/CHANGELOG.md", "old"), ("src/made.rs", "old"), ("src/stale.rs", "old")];
    for (path, content) in files {
        let path = project.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let change = |path: &str, content: Option<&str>| Change {
        path: project.path().join(path),
        content: content.map(str::to_owned),
    };
    let changes = vec![
        change("schemas/CHANGELOG.md", Some("new")),
        change("schemas/agent-2.json", Some("new")),
        change("src/made.rs", Some("new")),
        change("src/stale.rs", None),
        change("src/more/deep.rs", Some("new")),
    ];
    (project, changes)
}

/// Every file of the project with its content.
fn tree(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            found.extend(
                tree(&path)
                    .into_iter()
                    .map(|(name, text)| (Path::new(&entry.file_name()).join(name), text)),
            );
        } else {
            found.insert(entry.file_name().into(), fs::read_to_string(path).unwrap());
        }
    }
    found
}

/// Anybody who may read the folder can hold its lock, and held up every command for ever.
#[test]
#[cfg_attr(windows, ignore = "folders cannot be locked there")]
fn a_lock_that_is_never_released_is_an_error_in_time() {
    let (project, changes) = project();
    let schemas = project.path().join("schemas");
    let before = tree(project.path());
    let holder = File::open(&schemas).unwrap();
    holder.lock().unwrap();
    let refused = lock(&schemas, Duration::ZERO, |told| panic!("{told}")).unwrap_err().to_string();
    assert!(refused.contains("is locked by another process"), "{refused}");
    assert_eq!(tree(project.path()), before);
    drop(holder);
    commit(project.path(), &schemas, &changes).unwrap();
}

/// It waited without a word.
#[cfg(unix)]
#[test]
fn a_command_that_waits_for_another_says_so_and_goes_on_when_that_is_done() {
    let (project, _) = project();
    let schemas = project.path().join("schemas");
    let holder = File::open(&schemas).unwrap();
    holder.lock().unwrap();
    let mut told = String::new();
    let done = |text| {
        told = text;
        drop(holder);
    };
    let taken = lock(&schemas, Duration::from_secs(60), done).unwrap();
    assert!(taken.is_some() && told.starts_with("waiting for another process"), "{told}");
}

/// Takes the first steps of the change, as a process does that is killed then.
fn killed_after(count: usize, root: &Path, changes: &[Change]) -> Option<Step> {
    let entry = |change: &Change| Entry {
        path: relative(root, &change.path).unwrap(),
        removed: change.content.is_none(),
    };
    let journal = Journal { files: changes.iter().map(entry).collect() };
    let transaction = Transaction::new(root, &root.join("schemas"), journal);
    let taken: Vec<_> = steps(changes.len()).take(count).collect();
    for step in &taken {
        transaction.run(*step, changes).unwrap();
    }
    taken.last().copied()
}

fn recovered(root: &Path) -> BTreeMap<PathBuf, String> {
    recover(root, &root.join("schemas")).unwrap();
    tree(root)
}

/// The trees before and after the change.
fn old_and_new() -> (BTreeMap<PathBuf, String>, BTreeMap<PathBuf, String>) {
    let (project, changes) = project();
    let old = tree(project.path());
    let edited = commit(project.path(), &project.path().join("schemas"), &changes).unwrap();
    assert!(edited.is_empty(), "{edited:?}");
    (old, tree(project.path()))
}

/// It left old files beside new ones, and files with names of its own.
#[test]
fn killed_after_each_step_it_leaves_the_old_tree_or_the_new_one() {
    let (old, new) = old_and_new();
    assert_eq!(new.len(), 4, "{new:?}");
    assert!(new.values().all(|content| content == "new"), "{new:?}");
    let all = steps(5).count();
    for count in 0..=all {
        let (project, changes) = project();
        let last = killed_after(count, project.path(), &changes);
        let is_made = last.is_some_and(|it| it == Step::WriteJournal || it.is_after_journal());
        let expected = if is_made { &new } else { &old };
        assert_eq!(&recovered(project.path()), expected, "after {last:?}");
    }
}

#[test]
fn a_file_that_was_edited_after_the_kill_is_left_as_it_is() {
    for count in 0..=steps(5).count() {
        for path in ["schemas/CHANGELOG.md", "src/stale.rs", "src/made.rs", "schemas/agent-2.json"]
        {
            let (project, changes) = project();
            killed_after(count, project.path(), &changes);
            fs::write(project.path().join(path), "by hand").unwrap();
            let after = recovered(project.path());
            assert_eq!(after[Path::new(path)], "by hand", "{path} after {count}");
            assert!(!project.path().join("schemas/.update").exists());
        }
    }
}

#[test]
fn a_half_written_preparation_changes_nothing() {
    let (old, _) = old_and_new();
    let (project, changes) = project();
    killed_after(4, project.path(), &changes);
    fs::write(project.path().join("schemas/.update/2.new"), "ne").unwrap();
    fs::write(project.path().join("schemas/.update/.agent-codegen-x.tmp"), "{").unwrap();
    assert_eq!(recovered(project.path()), old);
}

#[test]
fn what_cannot_be_prepared_changes_nothing_and_says_so() {
    let (project, mut changes) = project();
    let before = tree(project.path());
    // A folder cannot be replaced by a file.
    changes.push(Change { path: project.path().join("src"), content: Some("new".to_owned()) });
    let error = commit(project.path(), &project.path().join("schemas"), &changes).unwrap_err();
    assert!(error.to_string().starts_with("nothing was written"), "{error}");
    assert_eq!(tree(project.path()), before);
}

/// A checkout may hold whatever its author has put there.
#[test]
fn a_journal_that_leads_out_of_the_project_is_refused() {
    for path in ["../stolen", "/etc/passwd", "", ".", "src/../../stolen"] {
        let (project, _) = project();
        let folder = project.path().join("schemas/.update");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("0.new"), "theirs").unwrap();
        let journal = serde_json::json!({ "files": [{ "path": path, "removed": false }] });
        fs::write(folder.join("journal.json"), journal.to_string()).unwrap();
        let error = recover(project.path(), &project.path().join("schemas")).unwrap_err();
        assert!(error.to_string().contains("is not the journal of a change"), "{path}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn links_and_permissions_stay_as_they_were() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (project, changes) = project();
    let (link, real) = (project.path().join("src/made.rs"), project.path().join("real.rs"));
    fs::rename(&link, &real).unwrap();
    symlink(&real, &link).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    commit(project.path(), &project.path().join("schemas"), &changes).unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "new");
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
}
