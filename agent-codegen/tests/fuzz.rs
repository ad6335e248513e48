//! Any bytes whatever as a snapshot, and as an overlay.
//!
//! `cargo test` runs the corpus and a little more; `.ci/fuzz` goes on for longer.

mod total;

use agent_codegen::{Overlay, Report};

#[test]
fn snapshot() {
    bolero::check!().for_each(|bytes: &[u8]| total::check(bytes));
}

#[test]
fn overlay() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let mut report = Report::new();
        let text = String::from_utf8_lossy(bytes);
        let overlay = Overlay::from_text("overlay.toml", &text, &mut report);
        assert!(overlay.is_some() || report.has_errors());
        total::check_with(&overlay.unwrap_or_default());
    });
}
