//! `soak`: load and faults on loopback, every call accounted for.

use std::time::Duration;

use crate::{
    connection::seconds,
    failure::Failure,
    output::{FormatOption, note},
    soak::{Load, Report, soak},
};

/// Put the client under load and faults on this machine, and account for every call
///
/// Connections go through a proxy that cuts, delays and freezes them, and the agent that only
/// pretends restarts, all at random. In the end what each call was told is compared with what the
/// agent counted: nothing executed twice, nothing executed that was told `not sent`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Soak {
    /// How long to make calls
    #[arg(long, value_name = "N", value_parser = seconds, default_value = "60")]
    seconds: Duration,

    /// How many connections to hold
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    connections: u16,

    /// How many calls each connection has in flight
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    in_flight: u16,

    /// What the faults are drawn from; the same number draws the same faults [default: a random one]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    #[command(flatten)]
    format: FormatOption,
}

const AFTER_HELP: &str = "\
Ends with 1 if a promise was broken.

Examples:
  cargo xtask soak
  cargo xtask soak --seconds 600 --connections 100 --seed 7";

impl Soak {
    pub async fn run(self) -> Result<(), Failure> {
        let load = Load {
            lasting: self.seconds,
            connections: usize::from(self.connections),
            in_flight: usize::from(self.in_flight),
            seed: self.seed.unwrap_or_else(rand::random),
        };
        note(format_args!("seed {}", load.seed));
        let report = soak(&load).await?;
        self.format.result(&report, || report.to_string())?;
        verdict(&report)
    }
}

fn verdict(report: &Report) -> Result<(), Failure> {
    match report.broken().as_slice() {
        [] => Ok(()),
        broken => Err(Failure::check_failed(format!(
            "a promise was broken with seed {}: {}",
            report.seed,
            broken.join("; ")
        ))),
    }
}
