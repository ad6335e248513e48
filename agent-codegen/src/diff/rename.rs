//! What is gone and what is new, where both are evidently one thing under two names.

use std::collections::BTreeSet;

/// So many pairs are looked at; a catalogue with more was replaced and not edited.
const MOST_PAIRS: usize = 100_000;

/// Names of more bytes than this are not compared letter by letter, which costs their square.
const LONGEST: usize = 64;

/// From here on two names are spellings of one, in percent.
pub(super) const ALIKE: u8 = 70;

/// Two names of one thing.
pub(super) struct Renamed<'a> {
    pub old: &'a str,
    pub new: &'a str,
    /// Why they are taken for one.
    pub evidence: String,
}

/// The pairs of which each is the best match of the other, and no other match is as good: whatever
/// is in doubt is no rename. The order of the names does not matter.
pub(super) fn pairs<'a>(
    gone: &BTreeSet<&'a str>,
    new: &BTreeSet<&'a str>,
    evidence: impl Fn(&str, &str) -> Option<(u32, String)>,
) -> Vec<Renamed<'a>> {
    if gone.len() * new.len() > MOST_PAIRS {
        return Vec::new();
    }
    let all = gone.iter().flat_map(|old| new.iter().map(move |new| (*old, *new)));
    let matches: Vec<_> = all
        .filter_map(|(old, new)| evidence(old, new).map(|(score, why)| (old, new, score, why)))
        .collect();
    let is_best = |index: usize, old: &str, new: &str, score: u32| {
        matches
            .iter()
            .enumerate()
            .all(|(other, it)| other == index || (it.0 != old && it.1 != new) || it.2 < score)
    };
    let best = matches.iter().enumerate().filter(|(index, it)| is_best(*index, it.0, it.1, it.2));
    best.map(|(_, (old, new, _, evidence))| Renamed { old, new, evidence: evidence.clone() })
        .collect()
}

/// How alike two names are, in percent; the same both ways.
pub(super) fn likeness(one: &str, other: &str) -> u8 {
    if one.len() > LONGEST || other.len() > LONGEST {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
    let percent = (strsim::normalized_damerau_levenshtein(one, other) * 100.0) as u8;
    percent
}
