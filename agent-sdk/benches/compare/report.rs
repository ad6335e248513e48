//! What is measured, the goal it is measured against, and how it is shown.

use std::fmt;

/// What most rows are relative to.
pub const OF_FLOOR: &str = "of the floor";
/// What most rows measure.
pub const RATE: &str = "calls per second";
pub const CPU: &str = "CPU per call";

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
    fn with_room(self, room: f64) -> Self {
        match self {
            Self::AtLeast(limit) => Self::AtLeast(limit / room),
            Self::AtMost(limit) => Self::AtMost(limit * room),
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
    /// What was done, such as `256 in flight`.
    pub name: String,
    /// What of it was measured, such as `calls per second`.
    pub what: &'static str,
    /// What the values are, such as `of the floor` or `KiB`.
    pub unit: &'static str,
    /// None if it could not be measured.
    pub values: Vec<f64>,
    pub goal: Option<Goal>,
    /// The absolute figures behind it, or why there are none.
    pub note: String,
    /// What the chart calls it, if it is a client that one may choose.
    pub chart: Option<&'static str>,
    /// By how much a check lets the goal be missed, since machines are noisy.
    room: f64,
    /// Whether other work on the machine has spoilt it.
    is_disturbed: bool,
}

impl Row {
    pub fn new(
        name: impl Into<String>,
        what: &'static str,
        unit: &'static str,
        values: Vec<f64>,
    ) -> Self {
        Self {
            name: name.into(),
            what,
            unit,
            values,
            goal: None,
            note: String::new(),
            chart: None,
            room: 1.25,
            is_disturbed: false,
        }
    }

    /// A row that cannot be measured here.
    pub fn left_out(name: &str, why: &str) -> Self {
        Self::new(name, "left out", "", Vec::new()).note(why.to_owned())
    }

    pub fn goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    pub fn note(self, note: String) -> Self {
        Self { note, ..self }
    }

    pub fn chart(self, label: &'static str) -> Self {
        Self { chart: Some(label), ..self }
    }

    pub fn room(self, room: f64) -> Self {
        Self { room, ..self }
    }

    /// Takes it for spoilt where the floor did not get most of its processor.
    pub fn disturbed_unless(self, busy: f64) -> Self {
        Self { is_disturbed: busy < 0.8, ..self }
    }

    pub fn title(&self) -> String {
        format!("{}: {}", self.name, self.what)
    }

    /// The lowest, the median and the highest value.
    pub fn spread(&self) -> (f64, f64, f64) {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        match (sorted.first(), sorted.get(sorted.len() / 2), sorted.last()) {
            (Some(low), Some(median), Some(high)) => (*low, *median, *high),
            _ => (f64::NAN, f64::NAN, f64::NAN),
        }
    }

    /// Returns whether it was measured, and by an otherwise idle machine.
    pub fn is_good(&self) -> bool {
        !self.values.is_empty() && !self.is_disturbed
    }

    /// Returns whether the median reaches the goal.
    pub fn is_met(&self) -> bool {
        self.goal.is_none_or(|goal| goal.is_met(self.spread().1))
    }

    /// Returns whether the median is so far from the goal that noise does not explain it.
    pub fn is_missed_by_far(&self) -> bool {
        let is_met = |goal: Goal| goal.with_room(self.room).is_met(self.spread().1);
        self.is_good() && !self.goal.is_none_or(is_met)
    }
}

/// The median of some values.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    Row::new("", "", "", values.collect()).spread().1
}

/// Prints the heading of the rows.
pub fn print_head() {
    println!("{:<44} median (lowest–highest)  goal", "");
}

/// Prints a row, on a terminal of 80 columns in two lines.
pub fn print(row: &Row) {
    if row.values.is_empty() {
        println!("{}: {}", row.title(), row.note);
        return;
    }
    let (low, median, high) = row.spread();
    let goal = row.goal.map_or_else(String::new, |goal| goal.to_string());
    let verdict = if row.is_met() { "" } else { " MISSED" };
    let range = format!("({low:.2}–{high:.2})");
    println!("{:<44} {median:>6.2} {range:<13}  {goal}{verdict}", row.title());
    let disturbed = if row.is_disturbed { "the machine was busy: no judgement; " } else { "" };
    println!(
        "    {disturbed}{}{}{}",
        row.unit,
        if row.note.is_empty() { "" } else { "; " },
        row.note
    );
}
