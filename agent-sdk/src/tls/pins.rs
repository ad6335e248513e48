//! The certificates of one agent that are trusted by their fingerprints.

use std::fmt;

use super::Fingerprint;

/// One fingerprint, or several where a new certificate was announced. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pins(Vec<Fingerprint>);

impl Pins {
    /// Returns `None` if there are none. Their order does not matter.
    pub(crate) fn new(fingerprints: impl IntoIterator<Item = Fingerprint>) -> Option<Self> {
        let mut pins: Vec<_> = fingerprints.into_iter().collect();
        pins.sort_unstable();
        pins.dedup();
        (!pins.is_empty()).then_some(Self(pins))
    }

    pub(crate) fn contains(&self, fingerprint: Fingerprint) -> bool {
        self.0.contains(&fingerprint)
    }
}

impl From<Fingerprint> for Pins {
    fn from(fingerprint: Fingerprint) -> Self {
        Self(vec![fingerprint])
    }
}

/// `sha256:… or sha256:…`.
impl fmt::Display for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pin) in self.0.iter().enumerate() {
            write!(f, "{}{pin}", if index == 0 { "" } else { " or " })?;
        }
        Ok(())
    }
}
