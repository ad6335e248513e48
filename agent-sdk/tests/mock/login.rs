//! The upgrade request, and all the answers to it.

use std::time::Duration;

use agent_sdk::mock::{MockAgent, Refusal, Role, Subprotocol, UpgradeQuirk, User};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::foreign::{
    Client, catalogue, exchange, good_login, plain_mock, raw_upgrade, tcp, within,
};

/// The head of the answer to a good login.
async fn accepted_head(mock: &MockAgent) -> String {
    let mut stream = tcp(mock).await;
    let login = format!("Sec-WebSocket-Protocol: {}\r\n", good_login(mock));
    stream.write_all(raw_upgrade(&login).as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn the_answer_to_a_good_login_names_the_protocol() {
    let mock = plain_mock().await;
    let client = Client::login(&mock).await;
    assert_eq!(client.answer.headers()["Sec-WebSocket-Protocol"], "SMP1.0");
    assert_eq!((mock.logins(), mock.refused_logins(), mock.connections()), (1, 0, 1));
}

#[tokio::test]
async fn each_form_of_the_answer_can_be_chosen() {
    let plain = || MockAgent::builder(catalogue()).tls(false);
    let head =
        accepted_head(&plain().subprotocol(Subprotocol::Absent).start().await.unwrap()).await;
    assert!(!head.to_lowercase().contains("protocol:"), "{head}");

    let mock = plain().subprotocol(Subprotocol::Echoed).start().await.unwrap();
    assert!(accepted_head(&mock).await.contains(&good_login(&mock)));

    let mock = plain().upgrade_quirk(UpgradeQuirk::KeepAlive).start().await.unwrap();
    assert!(accepted_head(&mock).await.contains("Connection: keep-alive, Upgrade\r\n"));

    let mock = plain().upgrade_quirk(UpgradeQuirk::OddCase).start().await.unwrap();
    let head = accepted_head(&mock).await;
    assert!(head.contains("\r\nuPGRADE: WEBSOCKET\r\n"), "{head}");
    // The accept key of RFC 6455, section 1.3.
    assert!(head.contains(": s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
}

#[tokio::test]
async fn a_split_head_comes_in_pieces() {
    let mock = MockAgent::builder(catalogue())
        .tls(false)
        .upgrade_quirk(UpgradeQuirk::SplitHead)
        .start()
        .await
        .unwrap();
    let mut stream = tcp(&mock).await;
    let login = format!("Sec-WebSocket-Protocol: {}\r\n", good_login(&mock));
    stream.write_all(raw_upgrade(&login).as_bytes()).await.unwrap();
    let mut first = [0; 1024];
    let length = stream.read(&mut first).await.unwrap();
    assert!(!first[..length].windows(4).any(|end| end == b"\r\n\r\n"));
    assert_eq!(Client::login(&mock).await.call("whoami", json!({})).await["status"], "ok");
}

#[tokio::test]
async fn the_greeting_comes_in_the_packet_of_the_head() {
    let mock = MockAgent::builder(catalogue())
        .tls(false)
        .upgrade_quirk(UpgradeQuirk::FramesInHead)
        .greeting([json!({ "action": "hello" })])
        .start()
        .await
        .unwrap();
    let mut stream = tcp(&mock).await;
    let login = format!("Sec-WebSocket-Protocol: {}\r\n", good_login(&mock));
    stream.write_all(raw_upgrade(&login).as_bytes()).await.unwrap();
    let mut first = [0; 1024];
    let length = stream.read(&mut first).await.unwrap();
    let text = String::from_utf8_lossy(&first[..length]);
    assert!(text.starts_with("HTTP/1.1 101 ") && text.ends_with(r#"{"action":"hello"}"#), "{text}");
}

#[tokio::test]
async fn every_wrong_login_is_refused() {
    let mock = MockAgent::builder(catalogue())
        .tls(false)
        .credentials("root", "right")
        .ban(0, Duration::ZERO)
        .start()
        .await
        .unwrap();
    let wrong = [
        None,
        Some("SMP1.0"),
        Some("SMP1.0, root, wrong"),
        Some("SMP1.0, Root, right"),
        Some("SMP2.0, root, right"),
        Some("SMP1.0, root, right, more"),
        Some("root, right"),
    ];
    for login in wrong {
        let Err(tungstenite::Error::Http(answer)) = Client::dial(&mock, login).await else {
            panic!("{login:?} was let in");
        };
        assert_eq!(answer.status(), 401, "{login:?}");
    }
    assert_eq!((mock.logins(), mock.refused_logins(), mock.connections()), (0, 7, 0));
}

#[tokio::test]
async fn the_login_may_come_as_several_headers() {
    let mock =
        MockAgent::builder(catalogue()).tls(false).credentials("me", "pw").start().await.unwrap();
    let mut stream = tcp(&mock).await;
    let lines = ["SMP1.0", "me", "pw"].map(|item| format!("sec-websocket-protocol: {item}\r\n"));
    stream.write_all(raw_upgrade(&lines.concat()).as_bytes()).await.unwrap();
    within(mock.wait_for_connections(1)).await;
}

#[tokio::test]
async fn each_refusal_can_be_chosen() {
    let starts = [
        (Refusal::Unauthorized, "HTTP/1.1 401 Unauthorized\r\n"),
        (Refusal::Forbidden, "HTTP/1.1 403 Forbidden\r\n"),
        (Refusal::Redirect, "HTTP/1.1 302 Found\r\nLocation: https://agent.invalid/ws\r\n"),
        (Refusal::ServerError, "HTTP/1.1 500 Internal Server Error\r\n"),
        (Refusal::Html, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"),
        (Refusal::NotHttp, "SSH-2.0-"),
        (Refusal::WrongAccept, "HTTP/1.1 101 Switching Protocols\r\n"),
        (Refusal::Close, ""),
    ];
    for (refusal, start) in starts {
        let mock =
            MockAgent::builder(catalogue()).tls(false).refusal(refusal).start().await.unwrap();
        let answer = exchange(&mock, raw_upgrade("").as_bytes()).await.unwrap();
        assert!(answer.starts_with(start), "{refusal:?}: {answer}");
        assert_eq!(answer.is_empty(), start.is_empty(), "{refusal:?}: {answer}");
    }
}

#[tokio::test]
async fn a_refusal_can_be_a_reset() {
    let mock =
        MockAgent::builder(catalogue()).tls(false).refusal(Refusal::Reset).start().await.unwrap();
    let error = exchange(&mock, raw_upgrade("").as_bytes()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_refusal_can_be_endless() {
    for refusal in [Refusal::EndlessHead, Refusal::Trickle] {
        let mock =
            MockAgent::builder(catalogue()).tls(false).refusal(refusal).start().await.unwrap();
        let mut stream = tcp(&mock).await;
        stream.write_all(raw_upgrade("").as_bytes()).await.unwrap();
        let mut bytes = [0; 64];
        stream.read_exact(&mut bytes).await.unwrap();
        assert!(bytes.ends_with(b"xxxxxx"), "{refusal:?}");
    }
}

#[tokio::test]
async fn a_refusal_can_be_silence() {
    let mock =
        MockAgent::builder(catalogue()).tls(false).refusal(Refusal::Silence).start().await.unwrap();
    let mut stream = tcp(&mock).await;
    stream.write_all(raw_upgrade("").as_bytes()).await.unwrap();
    // The mock has had its chance once it has refused this login and answered somebody else.
    while mock.refused_logins() == 0 {
        exchange(&mock, b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    }
    let error = stream.try_read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "neither a word nor an end");
}

#[tokio::test]
async fn five_bad_logins_ban_the_good_one() {
    let mock = plain_mock().await;
    let good = good_login(&mock);
    for _ in 0..5 {
        assert!(Client::dial(&mock, Some(&good)).await.is_ok());
        assert!(Client::dial(&mock, Some("SMP1.0, root, wrong")).await.is_err());
    }
    assert!(Client::dial(&mock, Some(&good)).await.is_err());
    mock.clear_bans();
    assert!(Client::dial(&mock, Some(&good)).await.is_ok());
}

#[tokio::test]
async fn the_health_check_needs_no_login() {
    let mock = MockAgent::builder(catalogue()).tls(false).version("2.0").start().await.unwrap();
    let answer = exchange(&mock, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let expected = json!({
        "agent": { "version": "2.0", "ssl": false },
        "system": { "hostname": "mock-agent" },
        "status": "running",
    });
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), expected);
}

#[tokio::test]
async fn what_is_neither_login_nor_health_check_is_told_so() {
    let mock = plain_mock().await;
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(20_000));
    for (request, status) in [
        ("GET /other HTTP/1.1\r\n\r\n", "404"),
        ("POST / HTTP/1.1\r\n\r\n", "404"),
        ("GET /ws HTTP/1.1\r\n\r\n", "426"),
        ("\u{1}\u{2}\r\n\r\n", "400"),
        (&endless, "431"),
    ] {
        let answer = exchange(&mock, request.as_bytes()).await.unwrap();
        assert_eq!(answer.get(9..12), Some(status), "{answer}");
    }
    assert_eq!(mock.refused_logins(), 0);
}

#[tokio::test]
async fn the_password_is_in_no_debug_output() {
    let builder = MockAgent::builder(catalogue()).credentials("root", "hunter2");
    assert!(!format!("{builder:?}").contains("hunter2"));
    let mock = builder.start().await.unwrap();
    let shown = format!("{mock:?}");
    assert!(shown.contains("root") && !shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn a_password_of_the_mocks_own_is_a_random_uuid() {
    let (one, other) = (plain_mock().await, plain_mock().await);
    assert_ne!(one.password(), other.password());
    assert_eq!(uuid::Uuid::parse_str(one.password()).unwrap().get_version_num(), 4);
}

#[tokio::test]
async fn a_user_may_do_no_more_than_the_permissions_say_and_on_no_other_servers() {
    let user = User::new("mod", "pw").permissions(["server.view", "server.start"]);
    let mock = MockAgent::builder(catalogue())
        .tls(false)
        .servers(["survival", "creative"])
        .user(user.servers(["survival"]))
        .start()
        .await
        .unwrap();
    let mut client = Client::dial(&mock, Some("SMP1.0, mod, pw")).await.unwrap();
    let me = client.call("whoami", json!({})).await;
    let permissions = json!(["server.view", "server.start"]);
    assert_eq!(me["parameters"], json!({ "username": "mod", "permissions": permissions }));
    let servers = client.call("servers", json!({})).await;
    assert_eq!(servers["parameters"]["servers"].as_array().map(Vec::len), Some(1));
    let start = async |client: &mut Client, server: &str| {
        client.call("server_start", json!({ "server": server })).await
    };
    assert_eq!(start(&mut client, "survival").await["status"], "ok");
    let other = start(&mut client, "creative").await;
    assert_eq!(other["parameters"]["error"], "there is no server `creative`");
    let denied = client.call("server_stop", json!({ "server": "survival" })).await;
    assert_eq!(denied["status"], "error");
    assert_eq!(denied["parameters"]["error"], "permission denied: `server.stop` is needed");
    assert_eq!(start(&mut Client::login(&mock).await, "creative").await["status"], "ok");
}

/// A user who sees some servers alone read the others' lines on the console.
#[tokio::test]
async fn the_console_shows_a_user_no_lines_of_servers_out_of_reach() {
    let moderator = Role::new(["server.*", "agent.*"]).servers(["survival"]);
    let mock = MockAgent::builder(catalogue())
        .tls(false)
        .servers(["creative", "survival"])
        .user(User::new("mod", "pw").role(moderator))
        .start()
        .await
        .unwrap();
    let mut client = Client::dial(&mock, Some("SMP1.0, mod, pw")).await.unwrap();
    client.call("enable_stdout", json!({})).await;
    let mut root = Client::login(&mock).await;
    for server in ["creative", "survival"] {
        root.call("server_start", json!({ "server": server })).await;
    }
    loop {
        let line = client.next_of("stdout").await.to_string();
        assert!(!line.contains("creative"), "{line}");
        if line.contains("survival") && line.contains("running") {
            break;
        }
    }
}

#[tokio::test]
async fn a_role_permits_on_its_own_servers_alone() {
    let user = User::new("mod", "pw")
        .role(Role::new(["server.start"]).servers(["survival"]))
        .role(Role::new(["server.view"]));
    let mock = MockAgent::builder(catalogue())
        .tls(false)
        .servers(["survival", "creative"])
        .user(user)
        .start()
        .await
        .unwrap();
    let mut client = Client::dial(&mock, Some("SMP1.0, mod, pw")).await.unwrap();
    let me = client.call("whoami", json!({})).await;
    assert_eq!(me["parameters"]["permissions"], json!(["server.start", "server.view"]));
    let started = client.call("server_start", json!({ "server": "survival" })).await;
    assert_eq!(started["status"], "ok");
    let denied = client.call("server_start", json!({ "server": "creative" })).await;
    assert_eq!(denied["parameters"]["error"], "permission denied: `server.start` is needed");
    let listed = client.call("servers", json!({})).await;
    assert_eq!(listed["parameters"]["servers"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_role_reaches_no_backups_of_other_servers() {
    let user = User::new("mod", "pw")
        .role(Role::new(["delete.*", "create.*"]).servers(["survival"]))
        .role(Role::new(["server.view"]).servers(["lobby"]));
    let mut actions = catalogue();
    for action in ["create_backup", "delete_backup"] {
        actions["actions"][action] = json!({});
    }
    let builder = MockAgent::builder(actions).tls(false).user(user);
    let mock = builder.servers(["survival", "creative", "lobby"]).start().await.unwrap();
    let mut root = Client::login(&mock).await;
    for server in ["survival", "creative", "lobby"] {
        root.call("create_backup", json!({ "server": server })).await;
    }
    let mut client = Client::dial(&mock, Some("SMP1.0, mod, pw")).await.unwrap();
    for (backup, told) in
        [("backup-1", json!({})), ("backup-2", json!({ "error": "there is no backup `backup-2`" }))]
    {
        let reply = client.call("delete_backup", json!({ "backup": backup })).await;
        assert_eq!(reply["parameters"], told);
    }
    let denied = client.call("delete_backup", json!({ "backup": "backup-3" })).await;
    assert_eq!(denied["parameters"]["error"], "permission denied: `delete.backup` is needed");
}
