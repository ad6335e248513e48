//! Promises of the documentation that the compiler does not keep.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files = Vec::new();
    for path in entries.filter(|path| !path.ends_with("generated")) {
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The public functions of a file, each with its documentation before it.
fn public_functions(text: &str) -> Vec<(String, String)> {
    let mut functions = Vec::new();
    let mut documentation = String::new();
    for line in text.lines() {
        if let Some(comment) = line.trim_start().strip_prefix("///") {
            documentation.push_str(comment);
            documentation.push('\n');
        } else if line.starts_with("    pub fn ") || line.starts_with("    pub async fn ") {
            let start = text.find(line).unwrap();
            let signature = text[start..].split('{').next().unwrap();
            functions.push((signature.to_owned(), std::mem::take(&mut documentation)));
        } else if !line.trim_start().starts_with("#[") {
            documentation.clear();
        }
    }
    functions
}

/// An option takes what it changes, and returns it.
fn is_option(signature: &str) -> bool {
    ["(self,", "(mut self,", "(\n        self,", "(\n        mut self,"]
        .iter()
        .any(|taken| signature.contains(taken))
        && signature.contains("-> Self")
}

#[test]
fn every_option_of_a_builder_has_an_example_of_its_own() {
    let (mut options, mut without) = (0, Vec::new());
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        for (signature, documentation) in public_functions(&text) {
            if is_option(&signature) {
                options += 1;
                if !documentation.contains("```") {
                    without.push(format!("{}: {}", file.display(), signature.trim()));
                }
            }
        }
    }
    assert!(without.is_empty(), "{without:#?}");
    assert!(options > 30, "{options}");
}

#[test]
fn no_heading_for_examples_leads_to_a_link_alone() {
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> =
            text.lines().map(|line| line.trim().trim_start_matches("///")).collect();
        for (number, window) in lines.windows(3).enumerate() {
            assert!(
                !(window[0].trim() == "# Examples" && window[2].trim().starts_with("See [")),
                "{}:{}",
                file.display(),
                number + 1
            );
        }
    }
}
