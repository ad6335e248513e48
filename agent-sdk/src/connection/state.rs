//! The public state of a connection.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Serialize, Serializer};

use crate::error::{CloseReason, ConnectError, DisconnectReason, Pace, as_seconds};

/// The state of a connection; [`Agent::state`](crate::Agent::state) watches it.
///
/// It serialises as an object whose `state` is `connecting`, `connected`, `reconnecting` or `closed`;
/// durations are in seconds, the time is in seconds since the Unix epoch, errors are texts.
///
/// # Examples
///
/// ```
/// # fn example(state: &agent_sdk::State) -> Result<(), serde_json::Error> {
/// println!("{}", serde_json::to_string(state)?); // such as {"state":"connected"}
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// A connection is being made, and the subscriptions are being repeated on it.
    Connecting,
    /// Calls are sent and events arrive. The subscriptions hold, but for those that
    /// [`Event::SubscriptionMissing`](crate::Event::SubscriptionMissing) names and
    /// [`Statistics::missing_subscriptions`](crate::Statistics::missing_subscriptions) counts.
    Connected,
    /// The connection was lost, or an attempt failed; calls wait.
    #[non_exhaustive]
    Reconnecting {
        /// The number of the next attempt, beginning with 1. It counts on until a connection has
        /// lasted for 5 s.
        attempt: u32,
        /// How long after this state the attempt will be made.
        #[serde(serialize_with = "as_seconds")]
        delay: Duration,
        /// When the attempt will be made, by the system's clock.
        #[serde(serialize_with = "unix_seconds")]
        next: SystemTime,
        /// Why the delay is what it is.
        pace: Pace,
        /// Why the connection was lost.
        #[serde(serialize_with = "shared")]
        cause: Arc<DisconnectReason>,
        /// Why the last attempt failed; `None` before the first one.
        failure: Option<ConnectError>,
    },
    /// It has ended for good; calls end with [`Error::Closed`](crate::Error::Closed).
    Closed {
        /// Why.
        #[serde(serialize_with = "shared")]
        why: Arc<CloseReason>,
    },
}

#[cfg_attr(
    windows,
    expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")
)]
fn unix_seconds<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    as_seconds(&time.duration_since(UNIX_EPOCH).unwrap_or_default(), serializer)
}

fn shared<S: Serializer>(value: &Arc<impl Serialize>, serializer: S) -> Result<S::Ok, S::Error> {
    value.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `Instant`, which nothing can serialise, stood in it.
    #[test]
    fn a_state_can_be_sent_to_a_dashboard() {
        let reconnecting = State::Reconnecting {
            attempt: 2,
            delay: Duration::from_millis(1500),
            next: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            pace: Pace::Quick,
            cause: Arc::new(DisconnectReason::EndOfStream),
            failure: Some(ConnectError::ClosedWithoutAnswer { address: "host:1".to_owned() }),
        };
        let json = serde_json::to_value(&reconnecting).unwrap();
        assert!(json["failure"].as_str().unwrap().starts_with("host:1 closed"), "{json}");
        assert_eq!(
            (&json["state"], &json["attempt"], &json["delay"], &json["next"], &json["cause"]),
            (
                &json!("reconnecting"),
                &json!(2),
                &json!(1.5),
                &json!(1_800_000_000.0),
                &json!({ "kind": "end_of_stream" })
            )
        );
        let closed = State::Closed { why: Arc::new(CloseReason::Requested) };
        assert_eq!(
            serde_json::to_value(&closed).unwrap(),
            json!({ "state": "closed", "why": "it was closed from this side" })
        );
        assert_eq!(serde_json::to_value(State::Connected).unwrap(), json!({"state": "connected"}));
    }
}
