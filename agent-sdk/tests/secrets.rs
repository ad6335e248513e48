//! Whatever is logged, at whatever level, through `log` or `tracing`: no secret is in it.
//!
//! The agent here is a bare socket, so that nothing but the client can log.

mod capture;

use std::{io::Write, time::Duration};

use agent_sdk::{Agent, ReconnectPolicy};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tracing_subscriber::fmt::format::FmtSpan;

use crate::capture::Log;

const PASSWORD: &str = "hunter2-password";
const PARAMETER: &str = "hunter2-parameter";
const REPLY: &str = "hunter2-reply";

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        writeln!(self.clone(), "{} {}", record.target(), record.args()).unwrap();
    }
    fn flush(&self) {}
}

/// Accepts one login, reads one request, answers with a secret event and a good reply.
async fn serve(mut stream: TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.contains(PASSWORD));
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    let mut request = vec![0; 4096];
    assert!(stream.read(&mut request).await.unwrap() > 0);
    let event = json!({ "action": "stdout", "parameters": REPLY }).to_string();
    let mut frame = vec![0x81, u8::try_from(event.len()).unwrap()];
    frame.extend_from_slice(event.as_bytes());
    // Neither JSON nor UTF-8, and secret all the same.
    frame.extend_from_slice(&[0x82, u8::try_from(REPLY.len() + 1).unwrap(), 0xff]);
    frame.extend_from_slice(REPLY.as_bytes());
    stream.write_all(&frame).await.unwrap();
    // The connection ends with the function.
}

#[tokio::test]
async fn no_log_holds_a_secret() {
    let all = Log::default();
    log::set_boxed_logger(Box::new(all.clone())).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_writer(all.clone())
        .with_ansi(false)
        .init();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream).await;
        // The reconnect is refused.
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 401 x\r\n\r\n").await.unwrap();
    });
    let agent = Agent::builder(url)
        .credentials("root", PASSWORD)
        .reconnect(
            ReconnectPolicy::default().initial_backoff(Duration::from_millis(1)).ban_retries(0),
        )
        .connect()
        .await
        .unwrap();
    let mut events = agent.events();
    let parameters = json!({ "username": "new", "password": PARAMETER });
    let error = agent.call_raw("create_user", &parameters).await.unwrap_err();
    let event = events.next().await.unwrap();
    server.await.unwrap();
    let mut state = agent.state();
    let closed = state.wait_for(|state| matches!(state, agent_sdk::State::Closed { .. })).await;
    let closed = closed.unwrap().clone();
    tracing::info!(?agent, ?error, %error, ?event, ?closed, "what a program might log");

    let text = all.text();
    for secret in [PASSWORD, PARAMETER, REPLY] {
        assert!(!text.contains(secret), "{secret} is in the log:\n{text}");
    }
    // It is a log all the same.
    for expected in ["connected", "connection lost", "reconnecting failed", "create_user"] {
        assert!(text.contains(expected), "{expected} is not in the log:\n{text}");
    }
    for field in ["action=", "token=", "outcome=", "duration="] {
        assert!(text.contains(field), "no {field} in the log:\n{text}");
    }
}
