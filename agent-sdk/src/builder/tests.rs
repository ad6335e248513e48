//! Which URLs may be used, and what is shown of a builder.

use std::sync::Arc;

use super::*;
use crate::{
    connection::{self, Shared},
    dial::Door,
};

#[test]
fn plain_text_is_for_this_machine_unless_it_is_allowed() {
    for (url, allow, usable) in [
        ("ws://127.0.0.1:1", false, true),
        ("ws://localhost", false, true),
        ("ws://192.0.2.1", false, false),
        ("ws://192.0.2.1", true, true),
    ] {
        let builder = Builder::new(url.to_owned()).allow_plaintext(allow);
        assert_eq!(builder.endpoint().is_ok(), usable, "{url} {allow}");
    }
}

#[tokio::test]
async fn a_connection_whose_task_never_ran_is_closed() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let builder = Builder::new(format!("ws://{address}")).credentials("root", "x");
    let connector = builder.connector(builder.endpoint().unwrap()).await.unwrap();
    let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    let first = crate::dial::Connection {
        transport: crate::dial::Transport::Plain(tcp),
        received: bytes::BytesMut::new(),
    };
    let credentials = builder.credentials.unwrap();
    let door = Arc::new(Door { connector, credentials });
    let shared = Arc::new(Shared::new(builder.options));
    drop(connection::run(Arc::clone(&shared), door, first));
    let state = shared.watch_state();
    assert!(matches!(&*state.borrow(), connection::State::Closed { .. }));
}

#[test]
fn debug_shows_neither_password_nor_a_url_that_may_hold_one() {
    let builder =
        Builder::new("wss://root:hunter2@host".to_owned()).credentials("root", "correct-horse");
    let text = format!("{builder:?}");
    assert!(!text.contains("hunter2") && !text.contains("correct-horse"), "{text}");
}
