//! In which versions of the agent something exists.

/// In which of the known versions something exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Availability {
    /// Runs of versions, from the oldest to the newest; none where all known versions have it.
    runs: Vec<Run>,
}

/// Versions in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    /// The first version; `None` if no older one is known.
    since: Option<String>,
    /// The last version; `None` if no newer one is known.
    until: Option<String>,
}

impl Availability {
    /// Takes all known versions, from the oldest to the newest, each with whether it has it.
    pub fn of<'a>(known: impl IntoIterator<Item = (&'a str, bool)>) -> Self {
        let known: Vec<_> = known.into_iter().collect();
        let mut runs = Vec::new();
        let mut end = 0;
        for run in known.chunk_by(|one, next| one.1 == next.1) {
            let begin = end;
            end += run.len();
            if let (Some((first, true)), Some((last, _))) = (run.first(), run.last())
                && run.len() < known.len()
            {
                runs.push(Run {
                    since: (begin > 0).then(|| (*first).to_owned()),
                    until: (end < known.len()).then(|| (*last).to_owned()),
                });
            }
        }
        Self { runs }
    }

    /// Returns whether some of the known versions have it and others have not.
    pub fn varies(&self) -> bool {
        !self.runs.is_empty()
    }

    /// The first of the last known versions in a row that have it, if an older one has not.
    pub fn since(&self) -> Option<&str> {
        self.runs.last()?.since.as_deref()
    }

    /// The last known version that has it, if it is not the newest one.
    pub fn until(&self) -> Option<&str> {
        self.runs.last()?.until.as_deref()
    }

    /// The versions as a sentence of Markdown that begins with a word, if one is given:
    /// `Required since 1.2.0.`; `None` where all have it.
    pub fn sentence(&self, word: &str) -> Option<String> {
        let runs: Vec<_> = self.runs.iter().map(Run::words).collect();
        let versions = runs.join(", and ");
        match (versions.split_at_checked(1), word) {
            (None | Some(("", _)), _) => None,
            (Some((first, rest)), "") => Some(format!("{}{rest}.", first.to_uppercase())),
            _ => Some(format!("{word} {versions}.")),
        }
    }
}

impl Run {
    /// What is a version needs no mark of escape in Markdown.
    fn words(&self) -> String {
        match (&self.since, &self.until) {
            (Some(since), Some(until)) if since == until => format!("in {since} alone"),
            (Some(since), Some(until)) => format!("since {since}, until {until}"),
            (Some(since), None) => format!("since {since}"),
            (None, Some(until)) => format!("until {until}"),
            (None, None) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_become_a_sentence_gaps_included() {
        for (has, sentence, since, until) in [
            ([true, true, true, true], None, None, None),
            ([false, true, true, true], Some("Since 2."), Some("2"), None),
            ([true, true, true, false], Some("Until 3."), None, Some("3")),
            ([false, true, true, false], Some("Since 2, until 3."), Some("2"), Some("3")),
            ([false, true, false, false], Some("In 2 alone."), Some("2"), Some("2")),
            ([true, false, true, true], Some("Until 1, and since 3."), Some("3"), None),
            ([false, true, false, true], Some("In 2 alone, and since 4."), Some("4"), None),
            ([false, false, false, false], None, None, None),
        ] {
            let versions = Availability::of(["1", "2", "3", "4"].into_iter().zip(has));
            assert_eq!(versions.sentence("").as_deref(), sentence, "{has:?}");
            assert_eq!((versions.since(), versions.until()), (since, until), "{has:?}");
            assert_eq!(versions.varies(), sentence.is_some(), "{has:?}");
        }
        let required = Availability::of([("1", false), ("2", true)]);
        assert_eq!(required.sentence("Required").as_deref(), Some("Required since 2."));
    }
}
