//! The state of a server.

use std::{
    convert::Infallible,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The state of a server, in the agent's own word.
///
/// Agents write `server.running`, and perhaps `running` or `RUNNING` (`docs/protocol.md`, observed
/// by others): states are equal if their last dotted words are, in any case. The original is kept,
/// and so is a state that this crate does not know.
///
/// # Examples
///
/// ```
/// use agent_sdk::{KnownState, ServerState};
///
/// let state = ServerState::new("server.running");
/// assert_eq!(state, "Running");
/// assert_eq!(state.known(), Some(KnownState::Running));
/// assert_eq!(state.to_string(), "server.running");
///
/// let state = ServerState::new("server.defragmenting");
/// assert_eq!((state.known(), state.word()), (None, "defragmenting"));
/// ```
#[derive(Clone, Debug)]
pub struct ServerState(Box<str>);

/// The states of a server that this crate knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KnownState {
    /// On its way to [`Running`](Self::Running).
    Starting,
    /// At work.
    Running,
    /// On its way to [`Stopped`](Self::Stopped), perhaps with a countdown before.
    Stopping,
    /// Not at work.
    Stopped,
    /// On its way from running to running.
    Restarting,
    /// Ended by itself.
    Crashed,
    /// Ended by force.
    Killed,
    /// Being updated.
    Updating,
    /// Being installed.
    Deploying,
    /// Removed from the host.
    Removed,
}

impl KnownState {
    /// Each known state with the words that mean it.
    const WORDS: [(Self, &[&str]); 10] = [
        (Self::Starting, &["starting"]),
        (Self::Running, &["running", "started", "restarted", "online"]),
        (Self::Stopping, &["stopping"]),
        (Self::Stopped, &["stopped", "offline"]),
        (Self::Restarting, &["restarting"]),
        (Self::Crashed, &["crashed"]),
        (Self::Killed, &["killed"]),
        (Self::Updating, &["updating"]),
        (Self::Deploying, &["deploying", "installing"]),
        (Self::Removed, &["removed", "deleted"]),
    ];

    /// Finds the state that a word means.
    pub(super) fn of(word: &str) -> Option<Self> {
        let means = |words: &&[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        Self::WORDS.iter().find(|(_, words)| means(words)).map(|(state, _)| *state)
    }
}

impl ServerState {
    /// Takes a state as the agent writes it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into_boxed_str())
    }

    /// The state as the agent wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last dotted word: `running` of `server.running`.
    #[must_use]
    pub fn word(&self) -> &str {
        let word = self.0.trim();
        word.rsplit_once('.').map_or(word, |(_, last)| last)
    }

    /// The state among those that this crate knows; `None` for any other word.
    #[must_use]
    pub fn known(&self) -> Option<KnownState> {
        KnownState::of(self.word())
    }
}

impl PartialEq for ServerState {
    fn eq(&self, other: &Self) -> bool {
        self.word().eq_ignore_ascii_case(other.word())
    }
}

impl Eq for ServerState {}

impl Hash for ServerState {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.word().to_ascii_lowercase().hash(hasher);
    }
}

impl PartialEq<str> for ServerState {
    fn eq(&self, other: &str) -> bool {
        *self == Self::new(other)
    }
}

impl PartialEq<&str> for ServerState {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl PartialEq<KnownState> for ServerState {
    fn eq(&self, other: &KnownState) -> bool {
        self.known() == Some(*other)
    }
}

impl fmt::Display for ServerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ServerState {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::new(text))
    }
}

impl From<&str> for ServerState {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for ServerState {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl Serialize for ServerState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ServerState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    #[test]
    fn states_are_equal_if_their_last_words_are() {
        let hashes = RandomState::new();
        let running = ServerState::new("server.running");
        for same in ["running", "RUNNING", "server.Running", "agent.server.running", " running "] {
            let same = ServerState::new(same);
            assert_eq!(running, same);
            assert_eq!(hashes.hash_one(&running), hashes.hash_one(&same));
        }
        for other in ["server.stopped", "running.not", "run", "", "server.", "not running"] {
            assert_ne!(running, other);
        }
    }

    #[test]
    fn a_state_that_is_not_known_is_kept_as_it_was_written() {
        let state: ServerState = serde_json::from_str(r#""server.Defragmenting""#).unwrap();
        assert_eq!(state.known(), None);
        assert_eq!(state.to_string(), "server.Defragmenting");
        assert_eq!(serde_json::to_string(&state).unwrap(), r#""server.Defragmenting""#);
        assert_eq!("x".parse(), Ok(ServerState::new("x")));
    }

    #[test]
    fn each_known_word_means_one_state() {
        let mut words: Vec<_> = KnownState::WORDS.iter().flat_map(|(_, words)| *words).collect();
        words.sort_unstable();
        let count = words.len();
        words.dedup();
        assert_eq!(words.len(), count);
    }
}
