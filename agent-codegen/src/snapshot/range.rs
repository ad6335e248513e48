//! Ranges of versions.

use std::{fmt, str::FromStr};

use super::Version;
use crate::text::Quoted;

/// A range of versions, written as in Rust: `1.1.34..`, `1.1.34..=1.2.0`, `1.1.34..1.2.0` without the
/// last one, `..=1.2.0`, or `..` for all.
///
/// # Examples
///
/// ```
/// use agent_codegen::snapshot::{Version, VersionRange};
///
/// let range: VersionRange = "1.1.34..=1.2.0".parse()?;
/// let holds = |text| range.contains(&Version::read(text).unwrap());
/// assert!(holds("1.1.34") && holds("1.2.0-rc.1") && holds("v1.2.0"));
/// assert!(!holds("1.1.34-rc.1") && !holds("1.2.1"));
/// # Ok::<(), agent_codegen::snapshot::VersionRangeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRange {
    text: String,
    start: Option<Version>,
    end: Option<Version>,
    /// Whether the end is in the range.
    inclusive: bool,
}

impl VersionRange {
    /// Returns whether a version is in the range.
    #[must_use]
    pub fn contains(&self, version: &Version) -> bool {
        let is_before_end = |end: &Version| version < end || (self.inclusive && version == end);
        self.start.as_ref().is_none_or(|start| start <= version)
            && self.end.as_ref().is_none_or(is_before_end)
    }

    /// The first version, if it is named.
    pub(crate) fn start(&self) -> Option<&Version> {
        self.start.as_ref()
    }

    /// The version at which the range ends and which it does not hold.
    pub(crate) fn excluded_end(&self) -> Option<&Version> {
        self.end.as_ref().filter(|_| !self.inclusive)
    }
}

/// Shows the range as it was written.
impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for VersionRange {
    type Err = VersionRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let error = |problem: Problem| VersionRangeError { text: text.to_owned(), problem };
        let Some((start, end)) = text.split_once("..") else {
            let is_version = Version::read(text).is_some();
            return Err(error(if is_version { Problem::OneVersion } else { Problem::NoRange }));
        };
        let (end, inclusive) = end.strip_prefix('=').map_or((end, false), |end| (end, true));
        let version = |text: &str| match text.trim() {
            "" => Ok(None),
            text => Version::read(text)
                .map(Some)
                .ok_or_else(|| error(Problem::NoVersion(text.to_owned()))),
        };
        let (start, end) = (version(start)?, version(end)?);
        if inclusive && end.is_none() {
            return Err(error(Problem::NoRange));
        }
        let is_empty = match (&start, &end) {
            (Some(start), Some(end)) => start > end || (start == end && !inclusive),
            _ => false,
        };
        if is_empty {
            return Err(error(Problem::Empty));
        }
        Ok(Self { text: text.to_owned(), start, end, inclusive })
    }
}

/// Why a text is no range of versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no range of versions: {problem}", Quoted(text))]
pub struct VersionRangeError {
    text: String,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error(
        "it is one version; `..` after it means all later ones too, `..=` before it all up to it"
    )]
    OneVersion,
    #[error("it is written like `1.1.34..`, `1.1.34..=1.2.0` or `..=1.2.0`")]
    NoRange,
    #[error("{} is no version; one is written like `1.1.34` or `1.2.0-rc.1`", Quoted(.0))]
    NoVersion(String),
    #[error("it ends before it begins; `..=` includes the last version")]
    Empty,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(range: &str, version: &str) -> bool {
        let range: VersionRange = range.parse().expect(range);
        range.contains(&Version::read(version).expect(version))
    }

    #[test]
    fn a_range_is_read_as_in_rust_and_ordered_as_versions_are() {
        for (range, inside, outside) in [
            ("1.1.34..", &["1.1.34", "v1.1.35", "2"][..], &["1.1.33", "1.1.34-rc.10"][..]),
            ("v1.1.34-rc.9..", &["1.1.34-rc.10", "1.1.34"], &["1.1.34-rc.8"]),
            ("1.1.34..1.2.0", &["1.1.34", "1.2.0-rc.1"], &["1.2.0", "1.2"]),
            ("1.1.34..=1.2", &["1.2.0"], &["1.2.0.1"]),
            ("..=1.2.0", &["0.1", "1.2.0"], &["1.2.1"]),
            (" .. ", &["0", "99"], &[]),
            ("1.2.0..=1.2.0", &["1.2"], &["1.2.1", "1.1"]),
        ] {
            assert!(inside.iter().all(|version| holds(range, version)), "{range}");
            assert!(!outside.iter().any(|version| holds(range, version)), "{range}");
        }
    }

    #[test]
    fn what_is_no_range_says_how_one_is_written() {
        for (text, told) in [
            ("1.1.34", "`1.1.34` is no range of versions: it is one version"),
            ("latest..", "`latest` is no version"),
            ("1.1..x", "`x` is no version"),
            ("1.1.34..=", "written like"),
            ("", "written like"),
            (">=1.1", "written like"),
            ("1.2.0..1.1.34", "ends before it begins"),
            ("1.2.0..1.2", "`..=` includes the last version"),
        ] {
            let error = text.parse::<VersionRange>().expect_err(text).to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
