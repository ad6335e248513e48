//! Answers of agents, gateways and strangers to the login.

use super::*;
use crate::text::{EXCERPT_LEN, is_unseen};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn credentials() -> Credentials {
    Credentials::new("root", "hunter2")
}

#[test]
fn a_password_that_is_sent_back_is_not_shown() {
    let endpoint = Endpoint::parse("wss://agent.example:1").unwrap();
    let header = "Sec-WebSocket-Protocol: SMP1.0, root, hunter2";
    for text in [
        format!("HTTP/1.1 400 Bad Request\r\n\r\nbad header {header}"),
        format!("HTTP/1.1 401 {header}\r\n\r\n"),
        format!("HTTP/1.1 302 x\r\nLocation: https://x/?{header}\r\n\r\n"),
        format!("{}{header}", "x".repeat(EXCERPT_LEN - 50)),
    ] {
        let refusal = parse(text.as_bytes(), KEY).unwrap_err();
        let error = refusal.into_error(&endpoint, &credentials());
        assert!(!format!("{error}{error:?}").contains("hunter2"), "{error}");
        let is_hidden = ["***", "(not shown"].iter().any(|mark| error.to_string().contains(mark));
        assert!(is_hidden, "{error}");
    }
}

fn answer(fields: &str) -> String {
    // The pair of key and accept is that of RFC 6455, 1.3.
    format!(
        "HTTP/1.1 101 Switching Protocols\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{fields}\r\n"
    )
}

#[test]
fn every_correct_upgrade_is_accepted() {
    for fields in [
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: SMP1.0\r\n",
        "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        "upgrade: WebSocket\r\nCONNECTION: keep-alive, Upgrade\r\n",
        "Upgrade:websocket\r\nConnection: keep-alive\r\nConnection: upgrade\r\n",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: SMP1.0, u, p\r\n",
    ] {
        let text = answer(fields);
        let with_frame = format!("{text}\u{1}frame");
        assert_eq!(
            parse(with_frame.as_bytes(), KEY),
            Ok(Answer::Accepted { head: text.len() }),
            "{text}"
        );
        for end in 0..text.len() {
            assert_eq!(parse(&text.as_bytes()[..end], KEY), Ok(Answer::Incomplete), "{end}");
        }
    }
}

#[test]
fn interim_answers_before_the_upgrade_are_skipped() {
    let upgrade = answer("Upgrade: websocket\r\nConnection: Upgrade\r\n");
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
    let text = format!("{interim}{upgrade}");
    assert_eq!(parse(text.as_bytes(), KEY), Ok(Answer::Accepted { head: text.len() }));
    for end in 0..text.len() {
        assert_eq!(parse(&text.as_bytes()[..end], KEY), Ok(Answer::Incomplete), "{end}");
    }
    let refused = format!("{interim}HTTP/1.1 401 no\r\n\r\n");
    let refusal = parse(refused.as_bytes(), KEY).unwrap_err();
    assert!(matches!(refusal, Refusal::Status { status: 401, .. }), "{refusal:?}");
    let endless = "HTTP/1.1 100 Continue\r\n\r\n".repeat(MAX_HEAD);
    assert_eq!(parse(endless.as_bytes(), KEY), Err(Refusal::TooLong));
}

#[test]
fn an_answer_that_is_no_upgrade_names_its_likely_cause() {
    let health = "{\"agent\":{\"version\":\"1.1.34\",\"ssl\":false},\"status\":\"running\"}";
    for (url, text, cause) in [
        ("wss://a", "HTTP/1.1 400 Bad Request\r\n\r\n".to_owned(), "drops the header `Upgrade`"),
        ("wss://a", "HTTP/1.1 426 x\r\n\r\n".to_owned(), "drops the header `Upgrade`"),
        ("wss://a/x?y=z", "HTTP/1.1 404 x\r\n\r\n".to_owned(), "the path `/x` is wrong"),
        ("wss://a", format!("HTTP/1.1 200 OK\r\n\r\n{health}"), "the agent's health check"),
        (
            "wss://a",
            format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                 10\r\n{}\r\n{:x};x=y\r\n{}\r\n0\r\n\r\n",
                &health[..16],
                health.len() - 16,
                &health[16..]
            ),
            "health",
        ),
        (
            "ws://localhost",
            "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
                .to_owned(),
            "begins with `wss://`",
        ),
        ("ws://localhost", "\x15\x03\x03\0\x02\x02\x32".to_owned(), "begins with `wss://`"),
        ("ws://localhost", "\0\0\x0c\x04\0\0\0\0\0".to_owned(), "HTTP/2"),
    ] {
        let endpoint = Endpoint::parse(url).unwrap();
        let refusal = parse(text.as_bytes(), KEY).unwrap_err();
        let error = refusal.into_error(&endpoint, &credentials()).to_string();
        assert!(error.contains(cause), "{text:?}: {error}");
    }
}

/// Growing would leave parts of the password in memory that is given back.
#[test]
fn the_request_is_made_without_growing() {
    let endpoint = Endpoint::parse("wss://agent.example:1/ws").unwrap();
    let made = request(&endpoint, &credentials(), &generate_key());
    assert!(made.len() < REQUEST_LEN, "{}", made.len());
    assert!(made.ends_with("SMP1.0, root, hunter2\r\n\r\n"));
}

#[test]
fn a_wrong_upgrade_is_refused() {
    for (fields, reason) in [
        ("Connection: Upgrade\r\n", "something else"),
        ("Upgrade: h2c\r\nConnection: Upgrade\r\n", "something else"),
        ("Upgrade: websocket\r\n", "Connection"),
        (
            "Upgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Extensions: permessage-deflate\r\n",
            "extension",
        ),
    ] {
        match parse(answer(fields).as_bytes(), KEY) {
            Err(Refusal::WrongUpgrade(why)) => assert!(why.contains(reason), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    let text = answer("Upgrade: websocket\r\nConnection: Upgrade\r\n");
    assert!(matches!(parse(text.as_bytes(), "other"), Err(Refusal::WrongUpgrade(_))));
}

#[test]
fn each_status_has_its_error() {
    let endpoint = Endpoint::parse("wss://agent.example:1").unwrap();
    for (text, expected) in [
        ("HTTP/1.1 401 Unauthorized\r\n\r\nno", "rejected the credentials"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "bans an address for a minute"),
        ("HTTP/1.1 301 Moved\r\nLocation: https://x/\r\n\r\n", "redirects to `https://x/`"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "cannot serve now (HTTP 502 Bad Gateway)"),
        ("HTTP/1.1 200 OK\r\n\r\n<h1>\x1b[31mHi</h1>", "HTTP 200 OK: <h1> [31mHi</h1>"),
        ("HTTP/1.1 404 Not Found\r\n\r\n", "like an Architect agent: HTTP 404"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "it sent `SSH-2.0-OpenSSH_9.2`"),
    ] {
        let error = parse(text.as_bytes(), KEY)
            .unwrap_err()
            .into_error(&endpoint, &credentials())
            .to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("agent.example:1"), "{error}");
    }
}

/// A 503 with a field that breaks the rules was taken for no HTTP, and so for a login that may have been
/// counted; a 401 was tried again.
#[test]
fn a_status_counts_whatever_fields_are_behind_it() {
    let endpoint = Endpoint::parse("wss://agent.example:1").unwrap();
    for fields in [
        "X Cache: miss\r\n".to_owned(),
        "X-Cache : miss\r\n".to_owned(),
        "no colon\r\n".to_owned(),
        ": no name\r\n".to_owned(),
        "X-Cache: one\r\n two\r\n".to_owned(),
        "X-Cache: \u{1}\r\n".to_owned(),
        "X-Cache: \0\r\n".to_owned(),
        "X-Cache: lone\rreturn\r\n".to_owned(),
        "Content-Length: -1\r\n".to_owned(),
        "Content-Length: 99999999999999999999\r\n".to_owned(),
        "Content-Length: 3, 3\r\nTransfer-Encoding: gzip, chunked\r\n".to_owned(),
        "A: b\r\n".repeat(MAX_FIELDS + 1),
        format!("Set-Cookie: {}\r\n", "x".repeat(MAX_HEAD)),
        format!("Set-Cookie: {}", "x".repeat(MAX_HEAD)),
    ] {
        for start in ["HTTP/1.1", "HTTP/1.0", "HTTP/1.1 ", "\r\nHTTP/1.1"] {
            let error = |line: &str| {
                let text = format!("{start} {line}\r\n{fields}\r\n");
                parse(text.as_bytes(), KEY).unwrap_err().into_error(&endpoint, &credentials())
            };
            let (busy, rejected) = (error("503 Service Unavailable"), error("401"));
            assert!(matches!(busy, ConnectError::ServerError { status: 503, .. }), "{busy}");
            assert!(rejected.is_login_rejected(), "{rejected}");
        }
    }
}

#[test]
fn a_body_is_shown_without_its_chunks() {
    for (body, shown, is_whole) in [
        ("3\r\nban\r\n4\r\nned!\r\n0\r\n\r\n", "banned!", true),
        ("3;x=\"y\"\r\nban\r\n", "ban", false),
        ("fffffffffffffff\r\nbanned", "banned", false),
        ("3\r\nban\r\nned", "banned", false),
        ("what is this", "what is this", false),
        ("", "", false),
    ] {
        let text = format!("HTTP/1.1 403 x\r\nTransfer-Encoding: Chunked\r\n\r\n{body}");
        match parse(text.as_bytes(), KEY) {
            Err(Refusal::Status { body, whole, .. }) => {
                assert_eq!((&*body, whole), (shown, is_whole));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_head_has_a_limit() {
    let long = format!("HTTP/1.1 101 x\r\nA: {}", "x".repeat(MAX_HEAD));
    assert_eq!(parse(long.as_bytes(), KEY), Err(Refusal::TooLong));
    let whole = answer(&format!("A: {}\r\n", "x".repeat(MAX_HEAD)));
    assert_eq!(parse(whole.as_bytes(), KEY), Err(Refusal::TooLong));
    let many = answer(&"A: b\r\n".repeat(MAX_FIELDS + 1));
    assert_eq!(parse(many.as_bytes(), KEY), Err(Refusal::TooLong));
}

/// Whatever a stranger answers is an answer, a refusal, or not whole yet; its text is short and
/// moves no cursor.
#[test]
fn fuzz_answer() {
    let endpoint = Endpoint::parse("wss://agent.example:1").unwrap();
    bolero::check!().for_each(|received: &[u8]| match parse(received, KEY) {
        Ok(Answer::Incomplete) => assert!(received.len() <= MAX_HEAD),
        Ok(Answer::Accepted { head }) => assert!(head <= received.len()),
        Err(refusal) => {
            let error = refusal.into_error(&endpoint, &credentials()).to_string();
            assert!(error.chars().count() < 2 * EXCERPT_LEN + 600, "{error}");
            assert!(!error.contains(|c| is_unseen(c) || char::is_control(c)), "{error:?}");
        }
    });
}

#[tokio::test]
async fn a_reason_in_a_packet_of_its_own_is_read() {
    let endpoint = Endpoint::parse("wss://agent.example:1").unwrap();
    for (head, body) in [
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 11\r\n\r\n", "{\"error\":1}"),
        // Its end is not announced and does not come.
        ("HTTP/1.1 401 Unauthorized\r\n\r\n", "{\"error\":1}"),
    ] {
        let (mut client, mut server) = tokio::io::duplex(4096);
        let answering = async {
            server.write_all(head.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
            server.write_all(body.as_bytes()).await.unwrap();
            std::future::pending::<()>().await;
        };
        let credentials = credentials();
        let error = tokio::select! {
            () = answering => unreachable!(),
            result = upgrade(&mut client, &endpoint, &credentials) => result.unwrap_err(),
        };
        assert!(error.to_string().contains("401 Unauthorized: {\"error\":1})"), "{error}");
    }
}
