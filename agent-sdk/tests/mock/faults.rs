//! Each kind of trouble, seen from the other side.

use std::time::{Duration, Instant};

use agent_sdk::mock::{Certificate, Fault, MockAgent, RawFrames, Refusal, ReplyForm};
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tungstenite::{Error, Message};

use crate::foreign::{Client, catalogue, good_login, plain_mock, within};

async fn tokens(client: &mut Client, count: usize) -> Vec<Value> {
    let mut tokens = Vec::new();
    for _ in 0..count {
        tokens.push(client.next().await["idempotence"].clone());
    }
    tokens
}

#[tokio::test]
async fn a_delayed_reply_is_overtaken() {
    let mock = plain_mock().await;
    let delay = Duration::from_millis(100);
    mock.inject(Fault::delay(delay).for_action("servers"));
    let mut client = Client::login(&mock).await;
    let begin = Instant::now();
    client.send_together(&[("slow", "servers"), ("quick", "whoami")]).await;
    assert_eq!(tokens(&mut client, 2).await, ["quick", "slow"]);
    assert!(begin.elapsed() >= delay);
}

#[tokio::test]
async fn a_lost_reply_never_comes_and_the_fault_is_used_up() {
    let mock = plain_mock().await;
    mock.inject(Fault::lose().times(2));
    let mut client = Client::login(&mock).await;
    client.send_together(&[("1", "whoami"), ("2", "whoami"), ("3", "whoami")]).await;
    assert_eq!(tokens(&mut client, 1).await, ["3"]);
    assert_eq!(mock.request_count(), 3);
}

#[tokio::test]
async fn replies_are_reversed_in_batches_and_a_rest_is_not_forgotten() {
    let mock = plain_mock().await;
    mock.inject(Fault::reverse(3));
    let mut client = Client::login(&mock).await;
    client.send_together(&["1", "2", "3", "4", "5"].map(|token| (token, "whoami"))).await;
    assert_eq!(tokens(&mut client, 5).await, ["3", "2", "1", "5", "4"]);
    mock.clear_faults();
    client.send_together(&[("6", "whoami"), ("7", "whoami")]).await;
    assert_eq!(tokens(&mut client, 2).await, ["6", "7"]);
}

/// The messages that a reply in this form becomes.
async fn formed(form: ReplyForm, frames: usize) -> Vec<Message> {
    let mock = plain_mock().await;
    mock.inject(Fault::form(form).times(1));
    let mut client = Client::login(&mock).await;
    client.send("t", "whoami", json!({})).await;
    let mut messages = Vec::new();
    for _ in 0..frames {
        messages.push(client.frame().await.unwrap().unwrap());
    }
    client.expect_silence().await;
    messages
}

fn json_of(message: &Message) -> Value {
    serde_json::from_slice(&message.clone().into_data()).unwrap()
}

#[tokio::test]
async fn a_reply_comes_in_each_odd_form() {
    let good = json!({
        "idempotence": "t", "status": "ok",
        "parameters": { "username": "root", "permissions": ["*"] },
    });
    let one = async |form| formed(form, 1).await.remove(0);

    serde_json::from_str::<Value>(one(ReplyForm::NotJson).await.to_text().unwrap()).unwrap_err();
    assert_eq!(json_of(&one(ReplyForm::NotAnObject).await), json!([good]));
    let unknown = json_of(&one(ReplyForm::UnknownToken).await);
    assert!(unknown["idempotence"] != "t" && unknown["parameters"] == good["parameters"]);
    let twice = formed(ReplyForm::Twice, 2).await;
    assert!(twice.iter().all(|message| json_of(message) == good));
    let bare = json!({ "idempotence": "t", "parameters": good["parameters"] });
    assert_eq!(json_of(&one(ReplyForm::NoStatus).await), bare);
    let binary = one(ReplyForm::Binary).await;
    assert!(binary.is_binary() && json_of(&binary) == good);
    for frames in [0, 1, 7, 10_000] {
        assert_eq!(json_of(&one(ReplyForm::Fragmented(frames)).await), good, "{frames}");
    }
}

#[tokio::test]
async fn a_fragmented_reply_comes_in_that_many_frames() {
    use tokio::io::AsyncReadExt;

    let mock = plain_mock().await;
    mock.inject(Fault::form(ReplyForm::Fragmented(3)));
    let mut client = Client::login(&mock).await;
    client.send("t", "whoami", json!({})).await;
    let mut stream = client.socket.into_inner();
    let mut heads = Vec::new();
    for _ in 0..3 {
        let head = [stream.read_u8().await.unwrap(), stream.read_u8().await.unwrap()];
        let mut payload = vec![0; usize::from(head[1])];
        stream.read_exact(&mut payload).await.unwrap();
        heads.push(head[0]);
    }
    // Text, continuation, and continuation with the final bit.
    assert_eq!(heads, [0x01, 0x00, 0x80]);
}

#[tokio::test]
async fn a_reply_that_is_not_utf8_is_an_error_of_the_protocol() {
    let mock = plain_mock().await;
    mock.inject(Fault::form(ReplyForm::InvalidUtf8));
    let mut client = Client::login(&mock).await;
    client.send("t", "whoami", json!({})).await;
    assert!(matches!(client.frame().await, Some(Err(Error::Utf8(_)))));
}

#[tokio::test]
async fn a_reply_and_an_event_can_be_huge() {
    const SIZE: usize = (64 << 20) + 1;
    let mock = plain_mock().await;
    mock.inject(Fault::form(ReplyForm::Padded(SIZE)).times(1));
    let mut client = Client::login(&mock).await;
    client.send("t", "whoami", json!({})).await;
    assert!(client.frame().await.unwrap().unwrap().len() > SIZE);
    let event = json!({ "action": "system_info", "padding": "x".repeat(SIZE) });
    let (frame, ()) = tokio::join!(client.frame(), mock.push_event(&event));
    assert!(frame.unwrap().unwrap().len() > SIZE);
    client.expect_silence().await;
}

#[tokio::test]
async fn frames_that_nobody_has_asked_for_come_as_they_were_given() {
    let mock = plain_mock().await;
    let mut client = Client::login(&mock).await;
    mock.push_frames(RawFrames::Text(b"not json".to_vec())).await;
    mock.push_frames(RawFrames::Binary(vec![0xff])).await;
    mock.push_frames(RawFrames::Fragments(vec![b"{".to_vec(), vec![], b"}".to_vec()])).await;
    mock.push_frames(RawFrames::Ping(b"p".to_vec())).await;
    for expected in [
        Message::text("not json"),
        Message::binary(vec![0xff]),
        Message::text("{}"),
        Message::Ping(b"p".as_slice().into()),
    ] {
        assert_eq!(client.frame().await.unwrap().unwrap(), expected);
    }
    client.expect_silence().await;
    mock.push_frames(RawFrames::Text(vec![b'"', 0xff, b'"'])).await;
    assert!(matches!(client.frame().await, Some(Err(Error::Utf8(_)))));
}

#[tokio::test]
async fn a_half_open_connection_says_nothing_and_stays() {
    let mock = plain_mock().await;
    let mut frozen = Client::login(&mock).await;
    mock.freeze();
    frozen.send("t", "whoami", json!({})).await;
    frozen.socket.send(Message::Ping("p".into())).await.unwrap();
    // It holds up nobody else, who prove that the mock has had every chance to answer.
    let mut other = Client::login(&mock).await;
    for _ in 0..2000 {
        within(mock.push_event(&json!({ "action": "news" }))).await;
        other.next().await;
    }
    assert!(frozen.socket.next().now_or_never().is_none(), "neither a reply nor an end");
    assert_eq!((mock.connections(), mock.request_count()), (2, 0));
    mock.cut_connections();
    assert!(!matches!(frozen.frame().await, Some(Ok(_))));
    within(mock.wait_for_connections(0)).await;
}

#[tokio::test]
async fn a_restart_cuts_all_and_keeps_the_port_and_the_servers() {
    let mock = plain_mock().await;
    let mut clients = [Client::login(&mock).await, Client::login(&mock).await];
    clients[0].call("server_start", json!({ "server": "survival" })).await;
    let url = mock.url();
    mock.restart().await.unwrap();
    for client in &mut clients {
        assert!(!matches!(client.frame().await, Some(Ok(_))), "no goodbye");
    }
    assert_eq!((mock.url(), mock.connections()), (url, 0));
    let servers = Client::login(&mock).await.call("servers", json!({})).await;
    assert_eq!(servers["parameters"]["servers"][0]["state"], "server.running");
}

#[tokio::test]
async fn while_it_is_down_connections_are_refused() {
    let mock = plain_mock().await;
    mock.go_down().await;
    let refused = tokio::net::TcpStream::connect(("127.0.0.1", mock.port())).await;
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    mock.come_up().await.unwrap();
    Client::login(&mock).await;
    assert_eq!(mock.come_up().await.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}

/// The port was neither open nor reserved, and opening it again failed.
#[tokio::test]
async fn a_shutdown_that_is_not_awaited_happens_all_the_same() {
    let mock = plain_mock().await;
    let mut client = Client::login(&mock).await;
    assert!(mock.go_down().now_or_never().is_none());
    mock.come_up().await.unwrap();
    assert!(!matches!(client.frame().await, Some(Ok(_))), "cut");
    Client::login(&mock).await;
}

/// Under load another test was given the port, and the mock could not come up again.
#[tokio::test]
async fn no_other_program_takes_the_port_while_the_mock_is_down() {
    let mock = plain_mock().await;
    mock.go_down().await;
    mock.go_down().await;
    let other = TcpListener::bind(("127.0.0.1", mock.port())).await;
    assert_eq!(other.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    mock.come_up().await.unwrap();
    Client::login(&mock).await;
}

#[tokio::test]
async fn the_certificate_can_change() {
    let mock = MockAgent::builder(catalogue()).start().await.unwrap();
    let before = mock.fingerprint();
    mock.replace_certificate(&Certificate::SelfSigned).unwrap();
    mock.restart().await.unwrap();
    assert_ne!(mock.fingerprint(), before);
    Client::login(&mock).await;
    let plain = plain_mock().await;
    let error = plain.replace_certificate(&Certificate::SelfSigned).unwrap_err();
    assert!(error.to_string().contains("without TLS"), "{error}");
}

async fn status(mock: &MockAgent) -> Option<u16> {
    match Client::dial(mock, Some(&good_login(mock))).await {
        Ok(_) => None,
        Err(Error::Http(answer)) => Some(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn good_logins_can_be_refused_for_a_while() {
    let mock = plain_mock().await;
    for _ in 0..6 {
        mock.refuse_logins(Some(Refusal::ServerError));
        assert_eq!(status(&mock).await, Some(500));
        mock.refuse_logins(None);
        assert_eq!(status(&mock).await, None, "it does not count as a bad login");
    }
}

#[tokio::test]
async fn a_ban_can_be_had_at_once_and_lifted() {
    let mock = plain_mock().await;
    mock.ban();
    assert_eq!(status(&mock).await, Some(401));
    mock.clear_bans();
    assert_eq!(status(&mock).await, None);
}

#[tokio::test]
async fn calls_go_on_in_a_flood_of_events() {
    const EVENTS: u32 = 100_000;
    let mock = MockAgent::builder(catalogue()).start().await.unwrap();
    let mut client = Client::login(&mock).await;
    let flood = async {
        for n in 0..EVENTS {
            mock.push_event(&json!({ "action": "flood", "n": n })).await;
        }
    };
    let read = async {
        let (mut events, mut replies) = (0, 0);
        client.send("t", "whoami", json!({})).await;
        while events < EVENTS {
            let message = client.next().await;
            if message["idempotence"] == "t" {
                replies += 1;
                client.send("t", "whoami", json!({})).await;
            } else {
                assert_eq!(message["n"], events, "in order");
                events += 1;
            }
        }
        replies
    };
    let ((), replies) = tokio::join!(flood, read);
    assert!(replies > 10, "{replies} replies in the flood");
}
