//! What is gone and what is new, where both are evidently one thing under two names.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToSnakeCase;

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
    let (mut of_old, mut of_new) = (BTreeMap::new(), BTreeMap::new());
    for (old, new, score, _) in &matches {
        of_old.entry(*old).or_insert_with(Best::default).count(*score);
        of_new.entry(*new).or_insert_with(Best::default).count(*score);
    }
    let is_best = |best: Option<&Best>, score| best.is_some_and(|best| best.is_only(score));
    let best = matches.into_iter().filter(|(old, new, score, _)| {
        is_best(of_old.get(old), *score) && is_best(of_new.get(new), *score)
    });
    best.map(|(old, new, _, evidence)| Renamed { old, new, evidence }).collect()
}

/// The best score of a name's matches, and how many have it.
#[derive(Default)]
struct Best {
    score: u32,
    count: usize,
}

impl Best {
    fn count(&mut self, score: u32) {
        if score > self.score {
            *self = Self { score, count: 0 };
        }
        self.count += usize::from(score == self.score);
    }

    fn is_only(&self, score: u32) -> bool {
        self.count == 1 && self.score == score
    }
}

/// How alike two names are, in percent, whatever order their words are in; the same both ways.
pub(super) fn likeness(one: &str, other: &str) -> u8 {
    if one.len() > LONGEST || other.len() > LONGEST {
        return 0;
    }
    let percent = |one: &str, other: &str| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        let percent = (strsim::normalized_damerau_levenshtein(one, other) * 100.0) as u8;
        percent
    };
    percent(one, other).max(percent(&sorted_words(one), &sorted_words(other)))
}

/// A name with its words in an order of their own, however they are written: `listBackups` as
/// `backups_list`.
fn sorted_words(name: &str) -> String {
    let name = name.to_snake_case();
    let mut words: Vec<_> = name.split('_').collect();
    words.sort_unstable();
    words.join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pairs among these, by a score for some of them.
    fn paired<'a>(scores: &[(&'a str, &'a str, u32)]) -> Vec<(&'a str, &'a str)> {
        let gone = scores.iter().map(|(old, ..)| *old).collect();
        let new = scores.iter().map(|(_, new, _)| *new).collect();
        let renamed = pairs(&gone, &new, |old, new| {
            let known = scores.iter().find(|(one, other, _)| (*one, *other) == (old, new))?;
            Some((known.2, String::new()))
        });
        renamed.iter().map(|it| (it.old, it.new)).collect()
    }

    #[test]
    fn a_pair_is_the_one_best_match_of_both_its_names() {
        assert_eq!(paired(&[("a", "x", 1)]), [("a", "x")]);
        assert_eq!(paired(&[("a", "x", 1), ("a", "y", 2)]), [("a", "y")]);
        assert_eq!(paired(&[("a", "x", 2), ("b", "x", 1)]), [("a", "x")]);
        let two = [("a", "x", 3), ("a", "y", 1), ("b", "y", 2)];
        assert_eq!(paired(&two), [("a", "x"), ("b", "y")]);
        // `x` is best for `a`, and for `x` it is `b`.
        assert_eq!(paired(&[("a", "x", 1), ("b", "x", 2), ("b", "y", 3)]), [("b", "y")]);
        // Of two that are as good, neither is evident.
        assert_eq!(paired(&[("a", "x", 2), ("a", "y", 2), ("a", "z", 1)]), []);
        assert_eq!(paired(&[("a", "x", 2), ("b", "x", 2), ("c", "x", 1)]), []);
    }

    #[test]
    fn what_was_replaced_as_a_whole_is_not_searched_for_renames() {
        let names: Vec<String> = (0..500).map(|number| number.to_string()).collect();
        let some = |count: usize| names.iter().take(count).map(String::as_str).collect();
        let count = |gone: usize, new: usize| {
            let is_same = |old: &str, new: &str| (old == new).then(|| (1, String::new()));
            pairs(&some(gone), &some(new), is_same).len()
        };
        assert_eq!((count(250, 400), count(400, 250)), (250, 250));
        assert_eq!((count(251, 400), count(317, 316), count(500, 500)), (0, 0, 0));
    }

    #[test]
    fn names_that_are_too_long_to_be_compared_are_not_alike() {
        let (longest, longer) = ("a".repeat(LONGEST), "a".repeat(LONGEST + 1));
        assert_eq!(likeness(&longest, &longest), 100);
        assert_eq!((likeness(&longest, &longer), likeness(&longer, &longest)), (0, 0));
        assert_eq!(likeness(&longer, &longer), 0);
    }

    #[test]
    fn names_are_alike_by_their_letters_or_by_their_words() {
        for (one, other, alike) in [
            ("lfit", "lift", true),
            ("heigth", "height", true),
            ("list_tasks", "tasks_list", true),
            ("steam_cancel_download", "steam_download_cancel", true),
            ("server_start", "server_stop", true),
            ("Foo", "foo", true),
            ("serverStart", "start-server", true),
            ("lift", "sink", false),
            ("create_user", "delete_role", false),
        ] {
            assert_eq!(likeness(one, other) >= ALIKE, alike, "{one} {other}");
            assert_eq!(likeness(one, other), likeness(other, one));
        }
    }
}
