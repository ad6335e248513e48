//! The figures as users read them: the table in the benchmarks' README, and the chart beside it.

use std::{fmt::Write, fs, io, path::Path, process::Command, thread};

use crate::{chart, report::Row};

/// The lines around the table in the README.
const BEGIN: &str = "<!-- speed: written by the benchmark -->\n";
const END: &str = "<!-- end of speed -->\n";

/// Puts the table into the README, and the chart into a file of its own.
pub fn write(rows: &[Row]) -> io::Result<()> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::write(package.join("speed.svg"), chart::draw(rows))?;
    let readme = package.join("README.md");
    let text = fs::read_to_string(&readme)?;
    let changed = replaced(&text, &table(rows)).ok_or_else(|| {
        io::Error::other(format!("{} has no line {}", readme.display(), BEGIN.trim()))
    })?;
    fs::write(readme, changed)
}

/// The README with another table.
fn replaced(readme: &str, table: &str) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

fn table(rows: &[Row]) -> String {
    let mut text =
        String::from("| | median | lowest–highest | goal | absolute |\n|---|---|---|---|---|\n");
    for row in rows {
        let title = row.title();
        let (low, median, high) = row.spread();
        let goal = row.goal.map_or_else(String::new, |goal| goal.to_string());
        let verdict = if row.is_met() { "" } else { ", missed" };
        let _ = writeln!(
            text,
            "| {} | {median:.2} {} | {low:.2}–{high:.2} | {goal}{verdict} | {} |",
            title, row.unit, row.note
        );
    }
    let _ = writeln!(text, "\n{}", machine());
    text
}

/// What the figures were taken on.
fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output().ok();
    let rustc = rustc.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let cores = thread::available_parallelism().map_or(0, Into::into);
    let parts = [
        processor.unwrap_or_else(|| "an unknown processor".to_owned()),
        format!("{cores} cores"),
        format!("{} {}", std::env::consts::OS, kernel.split('-').next().unwrap_or_default().trim()),
        rustc.split(' ').take(2).collect::<Vec<_>>().join(" "),
    ];
    format!("Measured on: {}.", parts.join(", "))
}
