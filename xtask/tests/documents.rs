//! What the documents of this repository say is true of it.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The texts of the repository with their paths, without what is built or fetched.
fn texts() -> Vec<(PathBuf, String)> {
    let mut texts = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() {
                if !["target", ".git", "node_modules"].iter().any(|other| name == *other) {
                    folders.push(path);
                }
            } else if is_text(&path) {
                texts.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(texts.len() > 100, "{}", texts.len());
    texts
}

fn is_text(path: &Path) -> bool {
    let kinds = ["rs", "md", "toml", "yml", "sh"];
    let is_script =
        path.ends_with("run") || path.parent().and_then(Path::file_name) == Some(OsStr::new(".ci"));
    is_script || path.extension().is_some_and(|kind| kinds.iter().any(|other| kind == *other))
}

/// Lines with those that a backslash joins to them.
fn lines(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for line in text.lines() {
        let last = lines.last_mut().unwrap();
        last.push_str(line.trim_end_matches('\\'));
        if !line.ends_with('\\') {
            lines.push(String::new());
        }
    }
    lines
}

const MARKS: [&str; 3] = ["documented", "observed by others", "assumed"];

#[test]
fn each_citation_of_the_protocol_resolves_and_says_how_well_it_is_known() {
    let protocol = fs::read_to_string(root().join("docs/protocol.md")).unwrap();
    for mark in MARKS {
        assert!(protocol.contains(&format!("- *{mark}*:")), "{mark}");
    }
    let mut citations = 0;
    for (path, text) in texts() {
        if path.extension() != Some(OsStr::new("rs")) || path.ends_with("documents.rs") {
            continue;
        }
        assert!(!text.contains("PROTOCOL.md"), "{}", path.display());
        // As one line, without what begins a comment's line.
        let words = text.split_whitespace().filter(|word| !matches!(*word, "//!" | "///" | "//"));
        let text = words.collect::<Vec<_>>().join(" ");
        for (at, _) in text.match_indices("docs/protocol.md") {
            let cited = &text[at..];
            let shown: String = cited.chars().take(60).collect();
            let is_marked = MARKS.iter().any(|mark| shown.contains(mark));
            assert!(is_marked, "{}: {shown}", path.display());
            citations += 1;
        }
    }
    assert!(citations > 10, "{citations}");
}

#[test]
fn each_link_of_a_document_leads_to_a_file() {
    for (path, text) in texts() {
        if path.extension() != Some(OsStr::new("md")) {
            continue;
        }
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let linked = path.parent().unwrap().join(file);
            assert!(linked.exists(), "{}: {target}", path.display());
        }
    }
}

/// What is ours by name here, and belongs to others, or may tomorrow, where packages are published.
const OURS: [&str; 3] = ["agent-sdk", "agent-codegen", "agentctl"];

/// Returns the lines that have cargo look for one of our packages where packages are published.
fn published_forms(text: &str) -> Vec<String> {
    let lines = lines(text);
    let is_ours = |name: &str| OURS.contains(&name.trim_matches(['"', '\'', '`']));
    let names_a_source = |line: &str| {
        ["git =", "path =", "workspace = true", "--git", "--path"]
            .iter()
            .any(|it| line.contains(it))
    };
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let bare = line.trim_start_matches(|c: char| c.is_whitespace() || "/!#>*`|$".contains(c));
        let (key, value) = bare.split_once('=').unwrap_or((bare, ""));
        let is_dependency = is_ours(key.trim()) && value.trim_start().starts_with(['"', '{'])
            || key.trim_start().starts_with(|c: char| c.is_ascii_lowercase())
                && OURS.iter().any(|name| value.contains(&format!("package = \"{name}\"")))
                && value.contains('{');
        let words: Vec<_> = line.split(|c: char| c.is_whitespace() || "`'\"".contains(c)).collect();
        let is_command =
            words.windows(2).any(|pair| {
                pair[0].ends_with("cargo") && ["add", "install", "binstall"].contains(&pair[1])
            }) && words.iter().any(|word| is_ours(word.split('@').next().unwrap_or_default()));
        let is_place = ["docs.rs/", "crates.io/crates/", "lib.rs/crates/"].iter().any(|place| {
            line.split(place).skip(1).any(|rest| OURS.iter().any(|name| rest.starts_with(name)))
        });
        // `[dependencies.agent-sdk]` and what follows until the next table.
        let is_table = line.contains("dependencies.")
            && line.trim_end().ends_with(']')
            && line.rsplit('.').next().is_some_and(|name| is_ours(name.trim_end_matches(']')));
        let table = lines[at + 1..].iter().take_while(|line| !line.contains('['));
        let table_names_a_source = is_table && table.into_iter().any(|line| names_a_source(line));
        let is_wrong = (is_dependency || is_command) && !names_a_source(line)
            || is_place
            || is_table && !table_names_a_source;
        if is_wrong {
            found.push(line.trim().to_owned());
        }
    }
    found
}

/// The name belonged to another crate where packages are published, and would have run in users'
/// builds.
#[test]
fn every_instruction_to_depend_on_the_sdk_names_git_or_a_path() {
    for (path, text) in texts() {
        if path.ends_with("documents.rs") {
            continue;
        }
        let found = published_forms(&text);
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
}

#[test]
fn every_form_of_a_published_dependency_is_found() {
    for form in [
        "agent-sdk = \"0.1\"",
        "//! agent-sdk = { version = \"0.1\", features = [\"tls\"] }",
        "agent-codegen=\"*\"",
        "\"agent-sdk\" = \"0.1\"",
        "sdk = { package = \"agent-sdk\", version = \"0.1\" }",
        "[dependencies.agent-sdk]\nversion = \"0.1\"\n",
        "//! [build-dependencies.agent-codegen]\n//! version = \"0.1\"",
        "cargo add agent-sdk",
        "Run `cargo add --build agent-codegen@0.1`.",
        "cargo install agentctl --locked",
        "$ cargo install \\\n    agentctl",
        "see https://docs.rs/agent-sdk/latest",
        "https://crates.io/crates/agent-codegen",
    ] {
        assert_eq!(published_forms(form).len(), 1, "{form}");
    }
    for form in [
        "agent-sdk = { path = \"../agent-sdk\" }",
        "agent-sdk = { git = \"ssh://example.org/sdk\", rev = \"0123abc\" }",
        "agent-sdk.workspace = true",
        "agent-sdk = { workspace = true, features = [\"tls\"] }",
        "[dependencies.agent-sdk]\npath = \"../agent-sdk\"\n",
        "cargo install --path xtask",
        "cargo test -p agent-sdk",
        "name = \"agent-sdk\"",
    ] {
        assert_eq!(published_forms(form), [""; 0], "{form}");
    }
}

/// Returns the value of a key in the text of a package in a lock file.
fn value<'a>(package: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = package.split_once(&format!("\n{key} = \""))?;
    rest.split('"').next()
}

#[test]
fn every_dependency_is_locked_by_its_hash_and_from_one_registry() {
    for file in ["Cargo.lock", "agent-codegen/compile-cost/reference/Cargo.lock"] {
        let lock = fs::read_to_string(root().join(file)).unwrap();
        let mut sources: Vec<_> = Vec::new();
        for package in lock.split("[[package]]").skip(1) {
            let Some(source) = value(package, "source") else { continue };
            let hash = value(package, "checksum").unwrap_or_default();
            assert_eq!(hash.len(), 64, "{file}: {package}");
            sources.push(source);
        }
        sources.sort_unstable();
        sources.dedup();
        assert!(matches!(*sources, [one] if one.starts_with("registry+")), "{file}: {sources:?}");
    }
}

/// The libraries were whatever was newest, and their install scripts were run.
#[test]
fn what_scripts_install_has_a_version_and_a_hash_and_runs_nothing() {
    let folder = root().join("agent-sdk/tests/interop");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let requirements = read("requirements.txt") + &read("../../../.ci/requirements.txt");
    for line in requirements.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.contains("==") && line.contains(" --hash=sha256:"), "{line}");
    }
    let lock: Value = serde_json::from_str(&read("package-lock.json")).unwrap();
    for (name, package) in lock["packages"].as_object().unwrap() {
        let is_hashed = package["integrity"].as_str().is_some_and(|it| it.starts_with("sha512-"));
        assert!(name.is_empty() || is_hashed, "{name}");
    }
    let scripts = [read("run"), read("../../../.ci/deny")].map(|text| lines(&text).join("\n"));
    for line in scripts.iter().flat_map(|text| text.lines()) {
        if line.contains("pip\" install") || line.contains("pip install") {
            assert!(line.contains("--require-hashes") && line.contains("--only-binary"), "{line}");
        }
        assert!(!line.contains("npm install"), "{line}");
        assert!(!line.contains("npm ci") || line.contains("--ignore-scripts"), "{line}");
    }
}

#[test]
fn every_script_builds_what_is_locked() {
    // What they run needs the lock file's packages; the README's own commands are as users type them.
    let needs_lock = ["test", "build", "clippy", "doc", "bench", "run", "fetch", "install", "deny"];
    for (path, text) in texts() {
        let is_script = path.extension().is_none() || path.extension() == Some(OsStr::new("yml"));
        if !is_script {
            continue;
        }
        for line in lines(&text).iter().filter(|line| !line.trim_start().starts_with(['#', '\''])) {
            let words: Vec<_> = line.split_whitespace().collect();
            let is_cargo = words
                .windows(2)
                .any(|pair| pair[0].ends_with("cargo") && needs_lock.contains(&pair[1]));
            let asks = line.contains("--version >") || line.contains("cd \"$work");
            assert!(!is_cargo || asks || line.contains("--locked"), "{}: {line}", path.display());
        }
    }
}

/// The names of all tests: functions below an attribute that makes them one, or within `proptest!`.
fn tests() -> Vec<String> {
    let mut names = Vec::new();
    for (_, text) in texts().iter().filter(|(path, _)| path.extension() == Some(OsStr::new("rs"))) {
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if !line.starts_with("#[") && !line.starts_with("//") {
                let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                if let Some((name, _)) =
                    function.filter(|_| is_test).and_then(|it| it.split_once('('))
                {
                    names.push(name.to_owned());
                }
                is_test = false;
            }
        }
    }
    names
}

#[test]
fn each_promise_about_security_names_tests_that_exist() {
    assert!(promises_of("SECURITY.md") > 15);
}

#[test]
fn each_promise_of_the_front_page_names_tests_that_exist() {
    assert!(promises_of("agent-sdk/tests/README.md") > 10);
}

#[test]
fn each_fault_of_other_generators_names_tests_that_exist() {
    assert!(promises_of("agent-codegen/tests/README.md") > 45);
}

/// The bounds were whatever the dependency was added with.
#[test]
fn the_lower_bound_of_each_dependency_is_what_is_built_with() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let (_, dependencies) = manifest.split_once("[workspace.dependencies]\n").unwrap();
    let mut bounds = 0;
    for line in dependencies.lines().take_while(|line| !line.starts_with('[')) {
        let Some((name, rest)) = line.split_once(" = ") else { continue };
        let inline = rest.split_once("version = ").map(|(_, version)| version);
        let Some(bound) = inline.or_else(|| rest.strip_prefix('"').map(|_| rest)) else { continue };
        let bound = bound.trim_start_matches('"').split('"').next().unwrap();
        let bound = bound.trim_start_matches(['=', '^', '~']);
        let name = rest.split_once("package = \"").map_or(name, |(_, name)| name);
        let name = name.split('"').next().unwrap();
        let locked = lock.split("[[package]]").filter(|it| value(it, "name") == Some(name));
        let versions: Vec<_> = locked.filter_map(|it| value(it, "version")).collect();
        // What is behind a plus sign is no part of the order of versions.
        let is_bound = |version: &&str| version.split('+').next() == Some(bound);
        assert!(versions.iter().any(is_bound), "{name}: {bound} and {versions:?}");
        bounds += 1;
    }
    assert!(bounds > 20, "{bounds}");
}

/// Cargo refuses a second package with the same `links`.
#[test]
fn two_versions_of_the_sdk_can_be_in_one_build() {
    for package in ["agent-sdk", "agent-codegen"] {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("\nlinks"), "{package}");
    }
}

/// Checks that the last column of a document's tables names tests; returns how many rows there are.
fn promises_of(document: &str) -> usize {
    let document = fs::read_to_string(root().join(document)).unwrap();
    let tests = tests();
    let mut promises = 0;
    for row in
        document.lines().filter(|line| line.starts_with("| ") && line.matches('|').count() == 3)
    {
        let column = row.rsplit('|').nth(1).unwrap().trim();
        if column == "tests" {
            continue;
        }
        for name in column.split(", ") {
            let name = name.strip_prefix('`').and_then(|name| name.strip_suffix('`'));
            let name = name.unwrap_or_else(|| panic!("no test is named: {row}"));
            assert!(tests.iter().any(|test| test == name), "{name} is no test: {row}");
        }
        promises += 1;
    }
    promises
}

/// A target whose file had moved ran without its corpus, and nothing said so.
#[test]
fn each_corpus_belongs_to_a_fuzz_target_and_each_target_has_one() {
    let mut corpora = 0;
    let mut targets = 0;
    for (path, text) in texts() {
        let is_test = path.extension() == Some(OsStr::new("rs")) && !path.ends_with("documents.rs");
        let names = text.split("fn fuzz_").skip(1).filter_map(|rest| rest.split('(').next());
        for name in names.filter(|_| is_test) {
            let folder = path.parent().unwrap().join("__fuzz__");
            let is_of_target = |entry: &PathBuf| {
                let of = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
                of == name || of.ends_with(&format!("__{name}"))
            };
            let found: Vec<_> = fs::read_dir(&folder)
                .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
                .map(|entry| entry.unwrap().path())
                .filter(is_of_target)
                .collect();
            let [corpus] = &found[..] else { panic!("{name}: {found:?}") };
            // What bolero calls it: the path of the test's module within the crate.
            let file = path.with_extension("");
            let file = file.to_string_lossy().replace('\\', "/");
            let module = file.rsplit_once("/src/").map(|(_, module)| module.replace('/', "__"));
            let module = module.map(|it| if it.ends_with("__tests") { it } else { it + "__tests" });
            let expected = module.map_or(name.to_owned(), |module| format!("{module}__{name}"));
            assert_eq!(corpus.file_name().unwrap().to_string_lossy(), expected);
            assert!(fs::read_dir(corpus.join("corpus")).unwrap().count() > 2, "{expected}");
            targets += 1;
        }
    }
    let mut folders = vec![root().join("agent-sdk"), root().join("agent-codegen")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            corpora += usize::from(path.ends_with("corpus") && path.is_dir());
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            }
        }
    }
    assert!(targets == corpora && targets >= 9, "{targets} targets, {corpora} corpora");
}

/// Each crate has its own copy, since neither depends on the other.
#[test]
fn both_crates_take_the_same_characters_for_unseen() {
    let body = |file: &str| {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let (_, rest) = text.split_once("fn is_unseen(character: char) -> bool {\n").unwrap();
        rest.split("\n}\n").next().unwrap().to_owned()
    };
    assert_eq!(body("agent-sdk/src/text.rs"), body("agent-codegen/src/text.rs"));
}

/// Likewise.
#[test]
fn both_crates_wait_alike_for_a_file_that_another_process_uses() {
    let text = |file: &str| fs::read_to_string(root().join(file)).unwrap();
    assert_eq!(text("agent-sdk/src/busy.rs"), text("agent-codegen/src/emit/busy.rs"));
}

/// The mock lacked a word of the generator, and showed what is called by it.
#[test]
fn the_mock_hides_by_the_words_of_the_generator() {
    let words = |file: &str, list: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let (_, rest) = text.split_once(&format!("const {list}: ")).unwrap();
        let quoted = rest.split("];").next().unwrap().split('"').skip(1).step_by(2);
        quoted.map(str::to_owned).collect()
    };
    let (mock, generator) = ("agent-sdk/src/mock/secret.rs", "agent-codegen/src/model/secret.rs");
    assert_eq!(words(mock, "TELLING"), words(generator, "TELLING"));
    let only_mock: Vec<_> =
        words(mock, "WORDS").difference(&words(generator, "WORDS")).cloned().collect();
    assert!(only_mock.is_empty(), "{only_mock:?}");
    // What holds addresses and settings may hold a secret; a mock tells it back.
    let only_generator: Vec<_> =
        words(generator, "WORDS").difference(&words(mock, "WORDS")).cloned().collect();
    let settings = ["config", "configuration", "env", "environment", "headers", "session"];
    assert_eq!(only_generator, [&settings[..], &["settings", "url", "urls"]].concat());
}

#[test]
fn every_package_has_a_readme_and_says_what_it_is() {
    for package in ["agent-codegen", "agent-sdk", "xtask"] {
        let folder = root().join(package);
        assert!(folder.join("README.md").exists(), "{package}");
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        for key in ["description", "keywords", "categories", "readme"] {
            assert!(manifest.contains(&format!("\n{key}")), "{package}: {key}");
        }
    }
}

/// Setters of the public builders, by file and name, that show no example. Some are for the generated
/// code alone, and say so.
fn options_without_example(path: &Path, text: &str) -> Vec<String> {
    let mut documentation = String::new();
    let mut without = Vec::new();
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("///") || line.starts_with("#[") {
            documentation += line;
            continue;
        }
        let name = line.strip_prefix("pub ").map(|it| it.trim_start_matches("const "));
        let option = name.and_then(|it| it.strip_prefix("fn ")?.split_once("(mut self"));
        let option = option.filter(|(name, _)| !name.starts_with('#'));
        if let Some((name, _)) = option
            && !["```", "the generated table calls it"].iter().any(|it| documentation.contains(it))
        {
            without.push(format!("{}: {name}", path.display()));
        }
        documentation.clear();
    }
    without
}

#[test]
fn each_option_of_a_public_builder_has_an_example() {
    let is_public = |path: &Path| {
        ["agent-sdk/src", "agent-codegen/src"].iter().any(|it| path.starts_with(root().join(it)))
            && !path.starts_with(root().join("agent-sdk/src/generated"))
    };
    let texts = texts().into_iter().filter(|(path, _)| is_public(path));
    let without: Vec<_> =
        texts.flat_map(|(path, text)| options_without_example(&path, &text)).collect();
    assert!(without.is_empty(), "{without:#?}");

    let found = options_without_example(Path::new("a.rs"), "/// None.\npub fn a(mut self) {}");
    assert_eq!(found, ["a.rs: a"]);
}
