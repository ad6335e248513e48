//! The report of `generate` and `check`: findings to standard error, the outcome to standard output.

use agent_codegen::Severity;

use crate::{
    failure::Failure,
    generation::{Mode, Outcome},
    output::{self, FormatOption},
};

/// Prints the findings and the outcome. A difference that a check found is a failure, and so is an
/// error. `remedy` is what writes the files that a check found different.
pub fn print_report(
    outcome: &Outcome,
    mode: Mode,
    remedy: &str,
    format: &FormatOption,
) -> Result<(), Failure> {
    if !format.is_json() {
        // A check is for what is wrong; `generate` also says how names came about.
        let least = if mode == Mode::Check { Severity::Warning } else { Severity::Note };
        let shown = outcome.report.at_least(least);
        if !shown.is_empty() {
            output::print_message(&shown);
        }
        if shown.iter().any(|finding| finding.code() == "no-type") {
            output::note(
                "`cargo xtask generate --draft-overlay FILE` writes entries for all of them",
            );
        }
    }
    if let (Some(live), false) = (&outcome.live, format.is_json()) {
        output::result(&format!("{} and the running agent:", live.snapshot.display()))?;
        output::drawn(live.changes.draw(output::has_colours(&std::io::stdout())).trim_end())?;
        output::result("\nsnapshots and generated code:")?;
    }
    let failed = outcome.report.has_errors();
    // What could not be understood is not up to date, even if no file has to change.
    if format.is_json() || !(failed && outcome.is_current()) {
        format.result(outcome, || match mode {
            _ if outcome.is_current() => "everything is up to date".to_owned(),
            Mode::Check => outcome.list().trim_end().to_owned(),
            Mode::Write => outcome.written(),
        })?;
    }
    if failed {
        return Err(Failure::failed(
            "not everything could be generated; the findings above say why",
        ));
    }
    if mode == Mode::Write || outcome.is_current() {
        return Ok(());
    }
    Err(Failure::check_failed(match &outcome.live {
        Some(live) if live.fails => {
            "the running agent has another catalogue; `cargo xtask update` follows it, as \
             `cargo xtask fetch` and `cargo xtask generate` do step by step"
                .to_owned()
        }
        _ if !outcome.altered.is_empty() => {
            "snapshots that were committed are what an agent said; restore them, and give another \
             catalogue a file of its own"
                .to_owned()
        }
        _ => format!("the files are not what the snapshot makes; {remedy} rewrites them"),
    }))
}
