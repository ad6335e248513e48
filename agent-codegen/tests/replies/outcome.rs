//! What comes of the schemas of replies.

use std::collections::{BTreeMap, BTreeSet};

use agent_codegen::{Generator, Overlay, Report, Snapshot};
use serde_json::{Value, json};

/// What comes of replies that are described: each file's text in one line, and the findings.
pub struct Outcome {
    pub files: BTreeMap<String, String>,
    pub report: Report,
}

impl Outcome {
    pub fn file(&self, name: &str) -> &str {
        self.files.get(name).map_or("", String::as_str)
    }

    pub fn replies(&self) -> &str {
        self.file("replies.rs")
    }

    #[track_caller]
    pub fn says(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.replies().contains(part), "{part} in {}\n{}", self.replies(), self.report);
        }
    }

    pub fn found(&self) -> Vec<(&str, Option<&str>)> {
        self.report.iter().map(|found| (found.message(), found.document_path())).collect()
    }

    /// The names of all types of replies.
    pub fn types(&self) -> BTreeSet<String> {
        let text = format!("{} {}", self.replies(), self.file("types.rs"));
        let words: Vec<_> = text.split([' ', '(', ';', '<', '{']).collect();
        let declared =
            words.windows(3).filter(|it| matches!(it, ["pub", "struct" | "enum" | "type", _]));
        declared.map(|it| it[2].to_owned()).collect()
    }
}

/// Generates with a schema for each of some actions, by the names of files.
pub fn generate(actions: &str, overlay: &str, files: &[(&str, &str)]) -> Outcome {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("it can be written");
    }
    let path = folder.path().join("overlay.toml");
    std::fs::write(&path, overlay).expect("it can be written");
    let mut report = Report::new();
    let actions: serde_json::Map<_, _> =
        actions.split(' ').map(|name| (name.to_owned(), json!({}))).collect();
    let snapshot = json!({ "actions": actions }).to_string();
    let snapshot = Snapshot::from_bytes("test.json", snapshot.as_bytes(), &mut report);
    let overlay = Overlay::read(&path, &mut report).unwrap_or_else(|| panic!("{report}"));
    let snapshot = snapshot.unwrap_or_else(|| panic!("{report}"));
    let code = Generator::new().generate(&snapshot, &overlay, &mut report);
    let flat = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let files = code.files().iter().map(|(name, text)| (name.clone(), flat(text)));
    Outcome { files: files.collect(), report }
}

/// Generates with one schema for the reply to the action `act`.
pub fn reply(schema: &Value) -> Outcome {
    generate("act", "[actions.act]\nreply = 'act.json'", &[("act.json", &schema.to_string())])
}

/// Generates with one property `p`, which has to be there.
pub fn property(schema: &Value) -> Outcome {
    reply(&json!({ "required": ["p"], "properties": { "p": schema } }))
}
