//! `soak`: load and faults on loopback, every call accounted for.

use std::time::Duration;

use crate::{
    environment::seconds,
    failure::Failure,
    output::{FormatOption, note, result},
    progress::with_progress,
    soak::{Load, Report, soak, storm},
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

    /// Only make so many connections at once, and again after an outage of 5 s, beside sockets that do
    /// nothing else
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    #[arg(conflicts_with_all = ["seconds", "connections", "in_flight", "seed"])]
    storm: Option<u16>,

    /// How long the agent of the storm is away
    #[arg(long, value_name = "SECONDS", requires = "storm", default_value = "5")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=60))]
    outage: u16,

    /// Only measure those sockets; the result is JSON
    #[arg(long, requires = "storm", hide = true)]
    floor: bool,

    #[command(flatten)]
    format: FormatOption,
}

const AFTER_HELP: &str = "\
Ends with 1 if a promise was broken.

Examples:
  cargo xtask soak
  cargo xtask soak --seconds 600 --connections 100 --seed 7
  cargo xtask soak --storm 1000";

impl Soak {
    pub async fn run(self) -> Result<(), Failure> {
        match self.storm {
            Some(connections) => self.storm(usize::from(connections)).await,
            None => self.soak().await,
        }
    }

    async fn storm(self, connections: usize) -> Result<(), Failure> {
        let outage = Duration::from_secs(self.outage.into());
        if self.floor {
            let floor = serde_json::to_string(&storm::floor(connections, outage).await?);
            return result(&floor.map_err(|error| Failure::failed(error.to_string()))?);
        }
        let storm = storm::storm(connections, outage);
        let report = with_progress(&format!("{connections} connections"), storm).await?;
        self.format.result(&report, || report.to_string())
    }

    async fn soak(self) -> Result<(), Failure> {
        let load = Load {
            lasting: self.seconds,
            connections: usize::from(self.connections),
            in_flight: usize::from(self.in_flight),
            seed: self.seed.unwrap_or_else(rand::random),
        };
        note(format_args!("seed {}", load.seed));
        let what = format!("{} connections for {} s", load.connections, load.lasting.as_secs_f64());
        let report = with_progress(&what, soak(&load)).await?;
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
