//! What is measured, the goal it is measured against, and how it is shown.

use std::fmt;

/// What most rows are relative to.
pub const OF_FLOOR: &str = "of the floor";
/// What most rows measure.
pub const RATE: &str = "calls per second";
/// How much worse than its goal a figure may be before a check fails, since machines are noisy.
const ROOM: f64 = 1.25;

/// What a figure has to reach.
#[derive(Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// At most, as far as it is for the SDK to decide: shown, and no check fails by it.
    Wish(f64),
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(limit) => value >= limit,
            Self::AtMost(limit) | Self::Wish(limit) => value <= limit,
        }
    }

    /// A goal that is easier to reach.
    fn with_room(self) -> Self {
        match self {
            Self::AtLeast(limit) => Self::AtLeast(limit / ROOM),
            Self::AtMost(limit) => Self::AtMost(limit * ROOM),
            Self::Wish(_) => Self::Wish(f64::INFINITY),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(limit) => write!(f, "≥ {limit}"),
            Self::AtMost(limit) | Self::Wish(limit) => write!(f, "≤ {limit}"),
        }
    }
}

/// One line of the table: a figure that was measured once in each round.
pub struct Row {
    /// What it is, such as `256 in flight: rate`.
    pub name: String,
    /// What the values are, such as `of the floor` or `KiB`.
    pub unit: &'static str,
    pub values: Vec<f64>,
    pub goal: Option<Goal>,
    /// The absolute figures behind it, for the curious.
    pub note: String,
}

impl Row {
    /// The lowest, the median and the highest value.
    pub fn spread(&self) -> (f64, f64, f64) {
        spread(&self.values)
    }

    /// Whether the median reaches the goal.
    pub fn is_met(&self) -> bool {
        self.goal.is_none_or(|goal| goal.is_met(self.spread().1))
    }

    /// Whether the median is so far from the goal that noise does not explain it.
    pub fn is_missed_by_far(&self) -> bool {
        self.goal.is_some_and(|goal| !goal.with_room().is_met(self.spread().1))
    }

    /// Whether it compares calls per second with those of the floor.
    pub fn is_rate(&self) -> bool {
        self.name.ends_with(RATE) && self.unit == OF_FLOOR
    }

    /// The name without what is measured.
    pub fn short_name(&self) -> &str {
        self.name.split_once(": ").map_or(&self.name, |(name, _)| name)
    }
}

/// The lowest, the median and the highest of some values.
pub fn spread(values: &[f64]) -> (f64, f64, f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.first(), sorted.get(sorted.len() / 2), sorted.last()) {
        (Some(low), Some(median), Some(high)) => (*low, *median, *high),
        _ => (f64::NAN, f64::NAN, f64::NAN),
    }
}

/// Prints a line of the table.
pub fn print(row: &Row) {
    let (low, median, high) = row.spread();
    let goal = row.goal.map_or_else(String::new, |goal| goal.to_string());
    let verdict = if row.is_met() { "" } else { "  MISSED" };
    println!(
        "{:<44} {median:>8.2} ({low:.2}–{high:.2}) {:<16} {goal:>8}{verdict}  {}",
        row.name, row.unit, row.note
    );
}

/// Says why a group is not measured here.
pub fn left_out(group: &str, why: &str) -> Vec<Row> {
    println!("{group:<44} left out: {why}");
    Vec::new()
}
