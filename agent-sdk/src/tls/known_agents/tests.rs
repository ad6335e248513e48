use std::fs;

use super::*;

fn file() -> (tempfile::TempDir, KnownAgents) {
    let folder = tempfile::tempdir().unwrap();
    let known = KnownAgents::new(&folder.path().join("known_agents"));
    (folder, known)
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn fingerprint(name: &str) -> Fingerprint {
    Fingerprint::of(name.as_bytes())
}

/// Remembers, and returns the text of the error if there is one.
fn remember(known: &KnownAgents, agent: &str) -> Result<Remembered, String> {
    known.try_remember(&address(agent), fingerprint("1")).map_err(|error| error.to_string())
}

#[test]
fn the_first_certificate_stays() {
    let (_folder, known) = file();
    let (first, second) = (fingerprint("1"), fingerprint("2"));
    assert_eq!(known.find(&address("a:1")).unwrap(), None);
    assert_eq!(known.try_remember(&address("a:1"), first).unwrap(), Remembered::Now);
    let before = known.try_remember(&address("A:1"), second).unwrap();
    assert_eq!(before, Remembered::Before(first.into()));
    assert_eq!(known.try_remember(&address("a:2"), second).unwrap(), Remembered::Now);
    assert_eq!(known.find(&address("a:1")).unwrap(), Some(first.into()));
    let text = fs::read_to_string(known.path()).unwrap();
    assert_eq!(text, format!("a:1 {first}\na:2 {second}\n"));
}

#[test]
fn a_damaged_line_is_an_error_for_every_agent_and_names_its_number() {
    let (_folder, known) = file();
    fs::write(known.path(), "# mine\n\na:1 sha256:12\n").unwrap();
    for agent in ["a:1", "b:1"] {
        let error = known.find(&address(agent)).unwrap_err().to_string();
        assert!(error.contains("known_agents:3") && error.contains("2 digits"), "{error}");
        assert!(remember(&known, agent).is_err());
    }
}

/// A mistyped path used to be made, folders and all, and every agent to be a stranger.
#[test]
fn a_folder_that_does_not_exist_is_not_made() {
    let (folder, _) = file();
    let known = KnownAgents::new(&folder.path().join("mistyped/known_agents"));
    for error in
        [known.find(&address("a:1")).unwrap_err().to_string(), remember(&known, "a:1").unwrap_err()]
    {
        assert!(error.contains("its folder cannot be used"), "{error}");
    }
    assert!(!folder.path().join("mistyped").exists());
}

#[test]
fn a_file_without_a_newline_at_its_end_keeps_its_last_line() {
    let (_folder, known) = file();
    fs::write(known.path(), "# mine").unwrap();
    assert_eq!(remember(&known, "a:1"), Ok(Remembered::Now));
    let text = fs::read_to_string(known.path()).unwrap();
    assert_eq!(text, format!("# mine\na:1 {}\n", fingerprint("1")));
}

#[test]
fn processes_do_not_lose_each_others_lines() {
    let (_folder, known) = file();
    std::thread::scope(|scope| {
        for number in 1..9 {
            let known = &known;
            scope.spawn(move || {
                while remember(known, &format!("host:{number}")) != Ok(Remembered::Now) {
                    std::thread::yield_now();
                }
            });
        }
    });
    assert_eq!(fs::read_to_string(known.path()).unwrap().lines().count(), 8);
}

#[test]
fn a_file_that_is_far_too_large_is_refused() {
    let (_folder, known) = file();
    fs::File::create(known.path()).unwrap().set_len(1 << 40).unwrap();
    let error = known.find(&address("a:1")).unwrap_err().to_string();
    assert!(error.contains("larger than"), "{error}");
}

/// What other users of the machine could do.
#[cfg(unix)]
mod other_users {
    use std::{
        fs::{File, Permissions, metadata, set_permissions},
        os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink},
        path::PathBuf,
        process::Command,
    };

    use super::*;

    fn mode(path: &Path) -> u32 {
        metadata(path).unwrap().mode() & 0o7777
    }

    fn lock_of(known: &KnownAgents) -> PathBuf {
        known.path().with_file_name("known_agents.lock")
    }

    fn make_pipe(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        assert!(path.metadata().unwrap().file_type().is_fifo());
    }

    /// A user who can open a file can lock it.
    #[test]
    fn neither_the_file_nor_its_lock_can_be_opened_by_others() {
        let (_folder, known) = file();
        remember(&known, "a:1").unwrap();
        assert_eq!((mode(known.path()), mode(&lock_of(&known))), (0o600, 0o600));
        // A lock of an earlier version.
        set_permissions(lock_of(&known), Permissions::from_mode(0o644)).unwrap();
        remember(&known, "b:1").unwrap();
        assert_eq!(mode(&lock_of(&known)), 0o600);
    }

    #[test]
    fn a_lock_that_is_held_is_not_waited_for() {
        let (_folder, known) = file();
        let lock = File::create(lock_of(&known)).unwrap();
        lock.lock().unwrap();
        let busy = Remembered::Busy { lock: lock_of(&known).canonicalize().unwrap() };
        assert_eq!(remember(&known, "a:1"), Ok(busy));
        lock.unlock().unwrap();
        assert_eq!(remember(&known, "a:1"), Ok(Remembered::Now));
    }

    #[test]
    fn a_named_pipe_or_a_device_is_refused_at_once() {
        let (_folder, known) = file();
        make_pipe(known.path());
        let error = known.find(&address("a:1")).unwrap_err().to_string();
        assert!(error.contains("no regular file"), "{error}");
        fs::remove_file(known.path()).unwrap();
        make_pipe(&lock_of(&known));
        let error = remember(&known, "a:1").unwrap_err();
        assert!(error.contains("no regular file") && error.contains(".lock"), "{error}");
        for device in ["/dev/zero", "/dev/null"] {
            let error = KnownAgents::new(Path::new(device)).find(&address("a:1")).unwrap_err();
            assert!(error.to_string().contains("no regular file"), "{error}");
        }
    }

    #[test]
    fn a_link_in_place_of_the_lock_is_not_followed() {
        let (folder, known) = file();
        let victim = folder.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        symlink(&victim, lock_of(&known)).unwrap();
        assert!(remember(&known, "a:1").is_err());
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        assert_eq!(mode(&victim), metadata(&victim).unwrap().mode() & 0o7777);
    }

    #[test]
    fn a_link_stays_a_link() {
        let (folder, known) = file();
        let target = folder.path().join("target");
        fs::write(&target, "# mine\n").unwrap();
        symlink(&target, known.path()).unwrap();
        assert_eq!(remember(&known, "a:1"), Ok(Remembered::Now));
        assert!(known.path().is_symlink());
        assert!(fs::read_to_string(&target).unwrap().starts_with("# mine\na:1 "));
        fs::remove_file(&target).unwrap();
        let error = remember(&known, "a:1").unwrap_err();
        assert!(error.contains("link to a file that does not exist"), "{error}");
    }

    #[test]
    fn the_permissions_of_the_file_are_kept() {
        let (_folder, known) = file();
        fs::write(known.path(), "").unwrap();
        set_permissions(known.path(), Permissions::from_mode(0o640)).unwrap();
        assert_eq!(remember(&known, "a:1"), Ok(Remembered::Now));
        assert_eq!(mode(known.path()), 0o640);
    }

    #[test]
    fn a_file_that_others_may_write_is_not_believed() {
        let (_folder, known) = file();
        remember(&known, "a:1").unwrap();
        for writable in [0o620, 0o602, 0o666] {
            set_permissions(known.path(), Permissions::from_mode(writable)).unwrap();
            let error = known.find(&address("a:1")).unwrap_err().to_string();
            assert!(error.contains("other users may write it"), "{writable:o}: {error}");
            assert!(remember(&known, "b:1").is_err());
        }
    }

    #[test]
    fn a_folder_in_which_every_user_can_replace_the_file_is_refused() {
        let (folder, known) = file();
        for (mode, refused) in [(0o777, true), (0o1777, false), (0o755, false)] {
            set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            let found = known.find(&address("a:1")).map_err(|error| error.to_string());
            assert_eq!(found.is_err(), refused, "{mode:o}: {found:?}");
        }
    }

    /// Only root can give a file away.
    #[test]
    fn a_file_of_another_user_is_not_believed() {
        let (_folder, known) = file();
        remember(&known, "a:1").unwrap();
        for path in [known.path().to_owned(), lock_of(&known)] {
            if std::os::unix::fs::chown(&path, Some(12_345), None).is_err() {
                eprintln!("SKIPPED: only root can give a file to another user");
                return;
            }
            let error = remember(&known, "b:1").unwrap_err();
            assert!(error.contains("another user"), "{error}");
            std::os::unix::fs::chown(&path, Some(0), None).unwrap();
        }
        assert_eq!(remember(&known, "b:1"), Ok(Remembered::Now));
    }

    /// Where the file is that a test remembers an agent in when it runs in a process of its own.
    const INSIDE: &str = "KNOWN_AGENTS_OF_THIS_TEST";

    /// Remembers an agent, if this process is meant to; returns whether it did.
    fn is_inside() -> bool {
        let Some(path) = std::env::var_os(INSIDE) else { return false };
        assert_eq!(remember(&KnownAgents::new(Path::new(&path)), "a:1"), Ok(Remembered::Now));
        true
    }

    /// Runs one test in a process of its own, which a shell prepares; `$1` is the file.
    fn run_inside(test: &str, program: &[&str], preparation: &str, known: &KnownAgents) {
        let script = format!("{preparation} && exec \"$2\" \"$3\"");
        let inside = Command::new(program[0])
            .args(&program[1..])
            .args(["-c", &script, "sh"])
            .arg(known.path())
            .arg(std::env::current_exe().unwrap())
            .arg(test)
            .env(INSIDE, known.path())
            .output()
            .unwrap();
        assert!(inside.status.success(), "{inside:?}");
    }

    #[test]
    fn without_a_umask_neither_file_can_be_opened_by_others() {
        if is_inside() {
            return;
        }
        let (_folder, known) = file();
        let test = "without_a_umask_neither_file_can_be_opened_by_others";
        run_inside(test, &["sh"], "umask 0", &known);
        assert_eq!((mode(known.path()), mode(&lock_of(&known))), (0o600, 0o600));
    }

    /// As in a container: the file cannot be replaced (EBUSY).
    #[cfg(target_os = "linux")]
    #[test]
    fn a_single_file_that_is_mounted_is_written_in_its_place() {
        const UNSHARE: [&str; 3] = ["unshare", "--mount", "--map-root-user"];
        if is_inside() {
            return;
        }
        let tried = Command::new(UNSHARE[0]).args(&UNSHARE[1..]).arg("true").status();
        if !tried.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: this machine has no namespaces for mounts");
            return;
        }
        let (_folder, known) = file();
        fs::write(known.path(), "# mine\n").unwrap();
        let before = metadata(known.path()).unwrap().ino();
        let name = "a_single_file_that_is_mounted_is_written_in_its_place";
        let program = [&UNSHARE[..], &["sh"]].concat();
        run_inside(name, &program, r#"mount --bind "$1" "$1""#, &known);
        let text = fs::read_to_string(known.path()).unwrap();
        assert_eq!(text, format!("# mine\na:1 {}\n", fingerprint("1")));
        assert_eq!(metadata(known.path()).unwrap().ino(), before);
    }

    /// Other containers may have the same file, and not the lock beside it.
    #[test]
    fn a_file_that_is_written_in_its_place_is_locked_itself() {
        let (folder, known) = file();
        fs::write(known.path(), "# mine\n").unwrap();
        let before = metadata(known.path()).unwrap().ino();
        let storage = Storage::new(known.path()).unwrap();
        let added = storage.append_in_place::<io::Error>(|content| {
            assert_eq!(content, b"# mine\n");
            Ok("a:1\n".to_owned())
        });
        assert!(added.unwrap());
        let held = File::open(known.path()).unwrap();
        held.lock().unwrap();
        assert!(!storage.append_in_place::<io::Error>(|_| Ok("no".to_owned())).unwrap());
        drop(folder);
        assert_eq!(before, held.metadata().unwrap().ino());
    }
}
