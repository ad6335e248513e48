//! Crates that are written, compiled and run by a test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use agent_codegen::Code;
use serde_json::Value;

/// As in the workspace, so that what is built there serves here, too.
const PROFILE: &str = "\n[profile.dev]\ndebug = \"line-tables-only\"\n\
                       [profile.dev.package.\"*\"]\ndebug = false\n";

/// A crate in a folder of its own that depends on the SDK, without its default features.
pub struct Crate {
    folder: PathBuf,
}

/// An error or a warning of the compiler.
#[derive(Debug)]
pub struct Found {
    /// The file in which it was found, from the crate's folder.
    pub file: String,
    /// As the compiler shows it.
    pub text: String,
}

impl Crate {
    /// Writes the manifest of an empty crate; the folder is new.
    pub fn new(name: &str) -> Self {
        let sdk = "agent-sdk = { path = \"SDK\", default-features = false }";
        Self::with(name, "2024", sdk)
    }

    /// As [`Crate::new`], with an edition and dependencies; `SDK` stands for the path of the SDK.
    pub fn with(name: &str, edition: &str, dependencies: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        // The test that wrote it may have been interrupted.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("src")).expect("the folder can be made");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is a workspace");
        let dependencies =
            dependencies.replace("SDK", root.join("agent-sdk").to_str().expect("it is a text"));
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"{edition}\"\n\
             [workspace]\n[dependencies]\n{dependencies}\n{PROFILE}"
        );
        let made = Self { folder };
        made.write("Cargo.toml", &manifest);
        fs::copy(root.join("Cargo.lock"), made.folder.join("Cargo.lock")).expect("it is there");
        made
    }

    /// Writes a file, by its path from the crate's folder.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }

    /// Writes generated code into a folder.
    pub fn generate(&self, path: &str, code: &Code) {
        code.write(&self.folder.join(path)).expect("it can be written");
    }

    /// The path of a file in the crate's folder.
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// What the compiler finds; nothing if all is well.
    pub fn check(&self) -> Vec<Found> {
        self.found("check")
    }

    /// What clippy finds; nothing if all is well.
    pub fn clippy(&self) -> Vec<Found> {
        self.found("clippy")
    }

    /// What rustdoc finds; nothing if all is well.
    pub fn doc(&self) -> Vec<Found> {
        self.found("doc")
    }

    /// Holds the crate to being as rustfmt has it.
    pub fn assert_formatted(&self) {
        let output = self.cargo(&["fmt", "--check"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    fn found(&self, command: &str) -> Vec<Found> {
        let mut arguments = vec![command, "--quiet", "--offline", "--message-format=json"];
        if command == "doc" {
            arguments.push("--no-deps");
        }
        let output = self.cargo(&arguments);
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let found: Vec<_> = lines.lines().filter_map(found).collect();
        let broken = !output.status.success() && found.is_empty();
        assert!(!broken, "{}", String::from_utf8_lossy(&output.stderr));
        found
    }

    /// Runs the crate's program and returns what it prints.
    pub fn run(&self) -> String {
        let output = self.cargo(&["run", "--quiet", "--offline"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it prints a text")
    }

    /// Whether the toolchain has a part that a minimal one lacks; says so if not.
    pub fn has(&self, part: &str) -> bool {
        let has = self.cargo(&[part, "--version"]).status.success();
        if !has {
            eprintln!("SKIPPED: this toolchain has no {part}");
        }
        has
    }

    fn cargo(&self, arguments: &[&str]) -> Output {
        /// These change what the compiler says, or which build it is.
        const MISLEADING: [&str; 5] =
            ["RUSTFLAGS", "RUSTDOCFLAGS", "CARGO_ENCODED_", "CARGO_BUILD_", "CARGO_TERM_"];
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("target");
        let mut command = Command::new(env!("CARGO"));
        command.args(arguments).current_dir(&self.folder).env("CARGO_TARGET_DIR", target);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if MISLEADING.iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command.output().expect("cargo runs")
    }
}

fn found(line: &str) -> Option<Found> {
    let json: Value = serde_json::from_str(line).ok()?;
    let message = json.get("message")?;
    let text = message.get("rendered")?.as_str()?.to_owned();
    let spans = message.get("spans")?.as_array()?;
    let primary = spans.iter().find(|span| span["is_primary"] == true);
    let file = primary.and_then(|span| span["file_name"].as_str()).unwrap_or_default();
    Some(Found { file: file.to_owned(), text })
}
