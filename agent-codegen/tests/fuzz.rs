//! Any bytes whatever, in each place where the generator reads what it did not write.
//!
//! `cargo test` runs the corpora in `__fuzz__` and a second of random bytes; `.ci/fuzz` goes on for
//! longer, guided by coverage.

mod total;

use std::fs;

use agent_codegen::{
    Overlay, Report, Snapshot,
    diff::{Diff, Side, Verdict},
    is_unseen,
    types::Word,
};

#[test]
fn fuzz_snapshot() {
    bolero::check!().for_each(|bytes: &[u8]| total::check(bytes));
}

#[test]
fn fuzz_overlay() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let mut report = Report::new();
        let text = String::from_utf8_lossy(bytes);
        let overlay = Overlay::from_text("overlay.toml", &text, &mut report);
        assert!(overlay.is_some() || report.has_errors());
        total::check_with(&overlay.unwrap_or_default());
    });
}

/// The schema of a reply, which a file beside the overlay holds.
#[test]
fn fuzz_reply_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("overlay.toml");
    fs::write(&path, "[actions.servers]\nreply = 'reply.json'").unwrap();
    let overlay = Overlay::read(&path, &mut Report::new()).unwrap();
    bolero::check!().for_each(|bytes: &[u8]| {
        fs::write(folder.path().join("reply.json"), bytes).unwrap();
        total::check_with(&overlay);
    });
}

/// A type word on the first line, and a value that a person types on the second.
#[test]
fn fuzz_type_word() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let (word, value) = text.split_once('\n').unwrap_or((&text, "0"));
        let word = Word::read(word);
        if let Ok(value) = word.param_type.value(value) {
            assert!(word.param_type.admits(&value), "{word:?} does not admit {value}");
        }
    });
}

/// Two catalogues, a line each.
#[test]
fn fuzz_diff() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let (old, new) = bytes.split_at(at);
        let read = |bytes| Snapshot::from_bytes("input.json", bytes, &mut Report::new());
        let (Some(old), Some(new)) = (read(old), read(new)) else { return };
        let overlay = Overlay::default();
        let sides = [&old, &new].map(|snapshot| Side::new(snapshot, &overlay));
        for side in &sides {
            assert_eq!(Diff::between(side, side).verdict(), Verdict::None);
        }
        let [old, new] = sides;
        let there = Diff::between(&old, &new);
        let back = Diff::between(&new, &old);
        assert_eq!(there.changes().is_empty(), back.changes().is_empty());
        for text in [there.draw(false), there.markdown(), there.annotations(), there.changelog()] {
            assert!(!text.contains(|c| c != '\n' && is_unseen(c)), "{text:?}");
        }
    });
}
