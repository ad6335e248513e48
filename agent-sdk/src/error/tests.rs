//! Rules that the text of every error obeys.

use std::{error::Error as _, io, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::*;
use crate::{reply::Reply, text::Secrets};

const ALL: &str = "a variant of each kind is in the list: add the new one";

fn io_error() -> Arc<io::Error> {
    Arc::new(io::Error::new(io::ErrorKind::ConnectionReset, io::Error::other("a cause within")))
}

/// One of each variant; the match fails to compile when one is added.
fn connect_errors() -> Vec<ConnectError> {
    use ConnectError as E;
    let text = || "some text".to_owned();
    let listed = |error: &E| match error {
        E::InvalidUrl { .. }
        | E::InvalidCredentials { .. }
        | E::PlaintextRefused { .. }
        | E::NoRuntime { .. }
        | E::Resolve { .. }
        | E::Unreachable { .. }
        | E::TimedOut { .. }
        | E::Tls { .. }
        | E::CertificateUntrusted { .. }
        | E::CertificateUnsupported { .. }
        | E::CertificateChanged { .. }
        | E::Impostor { .. }
        | E::TrustFile { .. }
        | E::LoginRejected { .. }
        | E::ClosedWithoutAnswer { .. }
        | E::Redirected { .. }
        | E::ServerError { .. }
        | E::NotAnAgent { .. }
        | E::Incompatible { .. }
        | E::Broken { .. } => {}
    };
    let all = vec![
        E::InvalidUrl { url: text(), reason: "a reason" },
        E::InvalidCredentials { which: "password", reason: "a reason" },
        E::PlaintextRefused { host: text() },
        E::NoRuntime { reason: text() },
        E::Resolve { host: text(), cause: io_error() },
        E::Unreachable { address: text(), cause: io_error() },
        E::TimedOut { address: text(), after: Duration::ZERO, stage: ConnectStage::Tls },
        E::Tls { address: text(), reason: text() },
        E::CertificateUntrusted { address: text(), fingerprint: text(), reason: text() },
        E::CertificateUnsupported { address: text(), fingerprint: text(), problem: text() },
        E::CertificateChanged { address: text(), expected: text(), found: text(), remedy: text() },
        E::Impostor { address: text(), fingerprint: text() },
        E::TrustFile { path: text(), reason: text() },
        E::LoginRejected { address: text(), status: 401, said: text() },
        E::ClosedWithoutAnswer { address: text() },
        E::Redirected { address: text(), status: 302, location: text() },
        E::ServerError { address: text(), status: 503, said: text() },
        E::NotAnAgent { address: text(), said: text() },
        E::Incompatible { agent: text(), problems: text() },
        E::Broken { address: text(), stage: ConnectStage::Upgrade, cause: io_error() },
    ];
    all.iter().for_each(listed);
    let mut kinds: Vec<_> = all.iter().map(std::mem::discriminant).collect();
    kinds.dedup();
    assert_eq!(kinds.len(), 20, "{ALL}");
    all
}

fn json_error() -> serde_json::Error {
    serde_json::from_str::<Value>("{").unwrap_err()
}

fn call_errors() -> Vec<Error> {
    let action = || Box::from("echo");
    let not_sent = [
        NotSent::TimedOut(Duration::ZERO),
        NotSent::Parameters(json_error()),
        NotSent::NotAnObject,
        NotSent::TooLarge { size: 2, limit: 1 },
        NotSent::Disconnected,
        NotSent::ActionGone,
        NotSent::ActionChanged { change: "`by` is required, and new".into() },
    ];
    let lost = || Arc::new(DisconnectReason::Broken { source: io_error() });
    let unknown = [
        Unanswered::TimedOut(Duration::ZERO),
        Unanswered::ConnectionLost(lost()),
        Unanswered::Closed,
    ];
    let failure = connect_errors().pop().unwrap();
    let closed = [
        CloseReason::Requested,
        CloseReason::Lost(lost()),
        CloseReason::FinalCloseCode(lost()),
        CloseReason::GaveUp { attempts: 3, last: failure.clone() },
        CloseReason::Unstable { attempts: 3, last: lost() },
        CloseReason::Refused(failure),
        CloseReason::RuntimeEnded,
    ];
    let reply = Reply::new("echo".into(), crate::wire::Payload::Copied(b"{}".to_vec()), None);
    let whole = [
        Error::Rejected(Box::new(Rejected::new(
            "echo",
            json!({"error": "no"}),
            &Secrets::default(),
        ))),
        Error::Decode(Box::new(DecodeError::new(".", reply, &json_error()))),
        Error::ReplyTooLarge { action: action(), size: 2, limit: 1 },
    ];
    let not_sent = not_sent.map(|reason| Error::NotSent { action: action(), reason });
    let unknown = unknown.map(|reason| Error::OutcomeUnknown { action: action(), reason });
    let closed = closed.map(|why| Error::Closed { action: action(), why: Arc::new(why) });
    not_sent.into_iter().chain(unknown).chain(closed).chain(whole).collect()
}

fn every_error() -> Vec<Box<dyn std::error::Error>> {
    let connect = connect_errors().into_iter().map(|error| Box::new(error) as _);
    connect.chain(call_errors().into_iter().map(|error| Box::new(error) as _)).collect()
}

/// Reporters print an error and then its sources: `os error 104` came twice.
#[test]
fn no_cause_is_printed_twice() {
    for error in every_error() {
        assert!(error.source().is_none(), "`{error}` already says what its source says");
    }
    assert!(NotSent::Parameters(json_error()).source().is_none());
}

#[test]
fn causes_are_in_the_text() {
    let cause = io_error().to_string();
    let texts: Vec<_> = every_error().iter().map(ToString::to_string).collect();
    // Three ways not to connect, and four to lose a connection or to fail to make it again.
    assert_eq!(texts.iter().filter(|text| text.contains(&cause)).count(), 3 + 6);
}

#[test]
fn texts_name_the_api_and_no_command_line() {
    for error in every_error() {
        let text = error.to_string();
        assert!(!text.contains("--") && !text.contains("AGENT_"), "{text}");
        assert!(!text.contains('\n') && !text.ends_with('.'), "{text}");
    }
}

#[test]
fn a_rejected_login_is_never_to_be_retried() {
    for error in connect_errors() {
        assert!(!(error.is_login_rejected() && error.may_be_retried()), "{error}");
        assert_eq!(
            error.is_login_rejected(),
            matches!(error, ConnectError::LoginRejected { .. }),
            "{error}"
        );
    }
}

/// The items of a list were shown as they came, with what the request had held.
#[test]
fn the_words_of_a_rejection_are_found_in_lists_and_no_values_beside_them() {
    let secret = json!({ "field": "password", "value": "hunter2" });
    for (detail, words) in [
        (json!(["no such server", "no such mod"]), "no such server; no such mod"),
        (json!([{ "message": "too short", "value": "hunter2" }]), "too short"),
        (json!({ "error": [{ "code": 7, "reason": "busy" }, "hunt"] }), "busy; hunt"),
        (json!({ "error": { "detail": [["deep"]] } }), "deep"),
        (json!([secret]), "it gave only `field`, `value`"),
        (json!({ "error": [] }), "it gave only `error`"),
        (json!([404, false, null]), "404; false"),
        (json!([[], null]), "it gave no reason"),
        (json!(vec!["x"; 100]), "x; x; x; x"),
    ] {
        let rejected = Rejected::new("login", detail, &Secrets::default());
        assert_eq!(rejected.message(), words);
        assert!(!format!("{rejected} {rejected:?}").contains("hunter2"), "{rejected:?}");
    }
}

/// A flag, or an empty text, hid the words beside it.
#[test]
fn the_words_of_a_rejection_count_more_than_flags_and_numbers() {
    for (detail, words) in [
        (json!({ "error": true, "message": "no such server" }), "no such server"),
        (json!({ "error": "", "reason": "busy" }), "busy"),
        (json!({ "error": 404, "detail": { "message": "no such mod" } }), "no such mod"),
        (json!({ "error": {}, "message": [], "detail": "busy" }), "busy"),
        (json!({ "error": 404, "message": null }), "404"),
        (json!({ "error": true }), "it gave only `error`"),
        (json!(" \u{200b}"), "it gave no reason"),
        (json!(true), "true"),
    ] {
        let rejected = Rejected::new("login", detail, &Secrets::default());
        assert_eq!(rejected.message(), words);
    }
}
