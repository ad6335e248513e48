//! Where things may be in an event: nothing of it is documented, so every likely place is tried.

use std::borrow::Cow;

use crate::wire::json;

/// Where the kind may be, in the order of preference.
const KINDS: [&str; 4] = ["action", "event", "type", "topic"];
/// Where the topic may be, in the order of preference.
const TOPICS: [&str; 3] = ["topic", "server", "server_id"];
/// Where a server's id may be in the server's own object.
const IDS: [&str; 4] = ["id", "server_id", "server", "name"];
/// What may be wrapped around the details of an event.
const WRAPPERS: [&str; 3] = ["parameters", "data", "payload"];
/// What may hold an object that tells of a server or of its state.
const SERVERS: [&str; 4] = ["server", "state", "status", "change"];
/// Wrappers within wrappers that are looked into.
const MAX_DEPTH: usize = 3;

/// Returns the value of a key of an object; the last one if the key is there more than once, as in
/// the value that is built of it.
pub(super) fn value<'a>(object: &'a [u8], key: &str) -> Option<&'a [u8]> {
    json::entries(object).filter(|(name, _)| name == key).map(|(_, value)| value).last()
}

/// Returns the value of use under the foremost of these keys; under one key the innermost and the
/// last. The outermost object comes first.
fn foremost<'a, T>(
    objects: &[&'a [u8]],
    keys: &[&str],
    read: impl Fn(&'a [u8]) -> Option<T>,
) -> Option<T> {
    let mut best: Option<(usize, T)> = None;
    for (name, value) in objects.iter().flat_map(|object| json::entries(object)) {
        let Some(rank) = keys.iter().position(|key| *key == name) else { continue };
        if best.as_ref().is_none_or(|(found, _)| rank <= *found)
            && let Some(value) = read(value)
        {
            best = Some((rank, value));
        }
    }
    best.map(|(_, value)| value)
}

/// Returns the kind of an event.
pub(super) fn kind(message: &[u8]) -> Option<Cow<'_, str>> {
    foremost(&[message], &KINDS, json::text)
}

/// The objects in which the details of an event may be, the outermost first.
pub(super) struct Place<'a> {
    objects: Vec<&'a [u8]>,
}

impl<'a> Place<'a> {
    /// The message itself, and what its wrappers hold.
    pub(super) fn of_message(message: &'a [u8]) -> Self {
        let mut objects = vec![message];
        let mut level = vec![message];
        for _ in 0..MAX_DEPTH {
            level = level.into_iter().flat_map(wrapped).collect();
            objects.extend(&level);
        }
        Self { objects }
    }

    /// Adds the objects that tell of a server and of its state.
    pub(super) fn with_servers(mut self) -> Self {
        let inner = |object| SERVERS.iter().filter_map(move |key| value(object, key));
        let servers: Vec<_> = self.objects.iter().copied().flat_map(inner).collect();
        self.objects.extend(servers);
        self
    }

    /// The value of use under the foremost of these keys.
    pub(super) fn find<T>(&self, keys: &[&str], read: impl Fn(&'a [u8]) -> Option<T>) -> Option<T> {
        foremost(&self.objects, keys, read)
    }

    /// The topic: a text, a number, or the id in a server's own object. The outermost counts.
    pub(super) fn topic(&self) -> Option<Cow<'a, str>> {
        let id = |value| json::id(value).or_else(|| foremost(&[value], &IDS, json::id));
        self.objects.iter().find_map(|object| foremost(&[*object], &TOPICS, id))
    }
}

/// The values of an object's wrappers, in the order of the wrappers.
fn wrapped(object: &[u8]) -> Vec<&[u8]> {
    let mut found = [None; WRAPPERS.len()];
    for (name, value) in json::entries(object) {
        if let Some(place) = WRAPPERS.iter().position(|wrapper| *wrapper == name) {
            found[place] = Some(value);
        }
    }
    found.into_iter().flatten().collect()
}
