//! Generates the actions of a snapshot for another crate.
//!
//! ```sh
//! cargo run --package agent-codegen --example generate -- schemas/agent-1.1.34.json actions
//! ```

use std::{path::Path, process::ExitCode};

use agent_codegen::{Generator, Overlay, Report, Snapshot};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [snapshot, folder] = arguments.as_slice() else {
        eprintln!("usage: generate SNAPSHOT FOLDER");
        return ExitCode::from(2);
    };
    let mut report = Report::new();
    let start = std::time::Instant::now();
    let snapshot = Snapshot::read(Path::new(snapshot), &mut report);
    let code = snapshot.map(|snapshot| {
        Generator::for_other_crate().generate(&snapshot, &Overlay::default(), &mut report)
    });
    eprint!("{report}");
    let Some(code) = code.filter(|_| !report.has_errors()) else { return ExitCode::from(3) };
    println!("{:.3}", start.elapsed().as_secs_f64());
    match code.write(Path::new(folder)) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}: {error}", Path::new(folder).display());
            ExitCode::from(3)
        }
    }
}
