//! The floor: the least that a client on tokio-tungstenite has to do.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt, poll};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tungstenite::{Message, client::IntoClientRequest};

use crate::{Measured, process::cpu_time};

#[derive(Serialize)]
struct Request<'a> {
    action: &'a str,
    parameters: Parameters<'a>,
    idempotence: &'a str,
}

#[derive(Serialize)]
struct Parameters<'a> {
    server: &'a str,
}

#[derive(Deserialize)]
struct Reply<'a> {
    idempotence: &'a str,
    #[serde(borrow)]
    parameters: &'a serde_json::value::RawValue,
}

fn request(number: usize) -> Message {
    let token = format!("{number:032x}");
    let request = Request {
        action: "server_start",
        parameters: Parameters { server: "AxiomMain" },
        idempotence: &token,
    };
    Message::text(serde_json::to_string(&request).expect("a request can be written"))
}

/// Keeps so many requests in flight until the time is over.
pub async fn run(port: u16, in_flight: usize, time: Duration) -> Measured {
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.expect("the server listens");
    tcp.set_nodelay(true).expect("an option of every socket");
    let mut login = format!("ws://127.0.0.1:{port}/ws").into_client_request().expect("a good URL");
    let list = "SMP1.0, root, secret".parse().expect("a good header");
    login.headers_mut().insert("Sec-WebSocket-Protocol", list);
    let (mut socket, _) = client_async(login, tcp).await.expect("the server accepts");

    let (began, cpu) = (Instant::now(), cpu_time());
    let mut waiting = vec![true; in_flight];
    for number in 0..in_flight {
        socket.feed(request(number)).await.expect("the server reads");
    }
    let mut calls = 0_u32;
    loop {
        socket.flush().await.expect("the server reads");
        let mut next = socket.next().await;
        // All that has arrived, then one flush.
        loop {
            let message = next.expect("the server stays").expect("the server writes frames");
            let Message::Text(text) = message else { panic!("the server writes text") };
            let reply: Reply<'_> = serde_json::from_str(&text).expect("a good reply");
            let number = usize::from_str_radix(reply.idempotence, 16).expect("our token");
            assert!(waiting[number] && reply.parameters.get().len() > 2);
            calls += 1;
            socket.feed(request(number)).await.expect("the server reads");
            match poll!(socket.next()) {
                std::task::Poll::Ready(message) => next = message,
                std::task::Poll::Pending => break,
            }
        }
        if began.elapsed() > time {
            break;
        }
    }
    let (elapsed, cpu) = (began.elapsed(), cpu_time().saturating_sub(cpu));
    waiting.clear();
    Measured {
        rate: f64::from(calls) / elapsed.as_secs_f64(),
        cpu: cpu.as_secs_f64() * 1e6 / f64::from(calls),
    }
}
