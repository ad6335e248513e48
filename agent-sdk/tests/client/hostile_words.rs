//! What a hostile agent, or what stands before it, says: errors and logs show it harmlessly.

use agent_sdk::{Agent, ReconnectPolicy};
use data_encoding::{BASE64, HEXLOWER};
use proptest::prelude::*;
use serde_json::json;
use tracing::Level;

use crate::{
    bare::{Bare, CLOSE},
    capture::Log,
    common::{is_closed, soon},
};

const USERNAME: &str = "operator";
const PASSWORD: &str = "7f3b0c9e-Hunter2/6d1f";
/// Longer than any error is with its own words.
const LONGEST: usize = 1200;

/// The password in the codings in which peers repeat it.
fn codings() -> [String; 9] {
    [
        PASSWORD.to_owned(),
        PASSWORD.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat(),
        PASSWORD.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat(),
        BASE64.encode(PASSWORD.as_bytes()),
        format!("Basic {}", BASE64.encode(format!("{USERNAME}:{PASSWORD}").as_bytes())),
        HEXLOWER.encode(PASSWORD.as_bytes()),
        PASSWORD.chars().map(|c| format!("&#{};", u32::from(c))).collect::<Vec<_>>().concat(),
        PASSWORD.chars().rev().collect(),
        PASSWORD.chars().flat_map(|c| [c, '\u{200b}']).collect(),
    ]
}

/// Fails unless a text is on one line, of bounded length, and holds neither the password nor what a
/// terminal obeys.
fn check(name: &str, text: &str) {
    assert!(text.chars().count() <= LONGEST, "{name}: {} characters", text.chars().count());
    let acts =
        |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}');
    assert!(!text.contains(acts), "{name}: {text:?}");
    for secret in codings() {
        assert!(!text.contains(&secret), "{name}: {text}");
    }
    // Nor any telling part of it.
    assert!(!text.contains("Hunter") && !text.contains("7f3b0c"), "{name}: {text}");
}

/// Has a bare agent say the words in every place where it can, and checks what is made of them.
async fn say(words: &str) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::DEBUG)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let bare = Bare::new().await;
    let client =
        || bare.client().credentials(USERNAME, PASSWORD).reconnect(ReconnectPolicy::never());

    let field: String = words.chars().filter(|c| !c.is_control()).collect();
    for answer in [
        format!("HTTP/1.1 401 {field}\r\n\r\n{words}"),
        format!("HTTP/1.1 302 x\r\nLocation: {field}\r\n\r\n"),
        format!("HTTP/1.1 503 x\r\n\r\n{words}"),
        format!("HTTP/1.1 200 x\r\n\r\n{words}"),
        words.to_owned(),
    ] {
        let (result, ()) = tokio::join!(client().connect(), bare.refuse(answer.as_bytes()));
        let error = result.unwrap_err();
        check("refusal", &error.to_string());
        check("refusal, debug", &format!("{error:?}"));
    }
    let (result, ()) = tokio::join!(client().health(), bare.refuse(words.as_bytes()));
    check("health", &result.unwrap_err().to_string());

    let (agent, mut session) = bare.pair(client()).await;
    for detail in
        [json!(words), json!({"error": {"message": words}}), json!({words: 1}), json!([words])]
    {
        let answering = async {
            let request = session.request().await;
            session.reject(&request, &detail).await;
        };
        let (result, ()) = tokio::join!(agent.call_raw("whoami", ()), answering);
        let error = result.unwrap_err();
        check("rejection", &error.to_string());
        check("rejection, debug", &format!("{error:?}"));
    }
    close(&agent, &mut session, words).await;
    for line in log.text().lines() {
        check("log", line);
    }
}

/// Closes with the words as the reason, cut to what a close frame holds.
async fn close(agent: &Agent, session: &mut crate::bare::Session, words: &str) {
    let end = (0..=120).rev().find(|end| words.is_char_boundary(*end)).unwrap_or_default();
    let reason = words.get(..end).unwrap_or(words);
    session.write(CLOSE, &[&4000_u16.to_be_bytes(), reason.as_bytes()].concat()).await;
    let mut state = agent.state();
    let state = soon(state.wait_for(is_closed)).await.unwrap().clone();
    check("state", &format!("{state:?}"));
    check("call", &agent.call_raw("whoami", ()).await.unwrap_err().to_string());
}

/// The password used to be shown in all codings but its own, and in close reasons also in that.
#[tokio::test]
async fn a_password_that_is_repeated_is_in_no_error_and_no_log() {
    for coded in codings() {
        say(&format!("cannot serve [{coded}] \u{1b}]0;owned\u{7}\u{202e}\nerror: forged")).await;
        // Cut by the limit of close frames, or of what is shown.
        say(&format!("{}{coded}", "x".repeat(110))).await;
        say(&format!("{}{coded}", "x ".repeat(90))).await;
    }
}

#[tokio::test]
async fn a_rejection_of_a_megabyte_is_a_short_error() {
    say(&"\u{1b}[31m long \u{9b}".repeat(1 << 17)).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_said_is_shown_harmlessly(
        before in "[^%\\\\]{0,120}",
        which in 0..9_usize,
        after in ".{0,200}",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let coded = &codings()[which];
        runtime.block_on(say(&format!("{before}{coded}{after}")));
    }
}
