//! Files over HTTP, against the mock and against answers that end badly.
#![cfg(all(feature = "mock", feature = "transfer"))]

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use agent_sdk::{
    Agent, ReconnectPolicy, Tls,
    mock::{MockAgent, SeenRequest},
    transfer::{Progress, TransferError},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

const LIMIT: Duration = Duration::from_secs(20);

async fn mock() -> MockAgent {
    let files = ["read_file", "write_file", "file_upload", "file_download"];
    let catalogue: serde_json::Map<_, _> =
        files.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
    MockAgent::builder(json!({ "actions": catalogue })).start().await.unwrap()
}

async fn connect(mock: &MockAgent) -> Agent {
    let pin = Tls::pinned(mock.fingerprint().unwrap()).unwrap();
    let client = Agent::builder(mock.url()).credentials(mock.username(), mock.password());
    client.tls(pin).connect().await.unwrap()
}

/// Bytes that no text and no form could hold by accident.
fn content(size: usize) -> Vec<u8> {
    (0..size).map(|place| place.wrapping_mul(31).to_le_bytes()[0]).collect()
}

fn actions(mock: &MockAgent) -> Vec<String> {
    mock.requests().into_iter().map(|SeenRequest { action, .. }| action).collect()
}

#[tokio::test]
async fn files_of_every_size_arrive_whole_in_both_directions() {
    let (mock, folder) = (mock().await, tempfile::tempdir().unwrap());
    let agent = connect(&mock).await;
    for size in [0, 1, 64 * 1024, 5_000_000] {
        let (there, back) = (folder.path().join("there"), folder.path().join("back"));
        std::fs::write(&there, content(size)).unwrap();
        let sent = agent.upload("/a").send_file(&there).await.unwrap();
        assert_eq!(mock.file("/a").unwrap(), content(size), "{size}");
        let received = agent.download("/a").save_to(&back).await.unwrap();
        assert_eq!(std::fs::read(&back).unwrap(), content(size), "{size}");
        assert_eq!((sent.bytes, &received), (size as u64, &sent));
    }
    let empty = agent.upload("/a").send_bytes("").await.unwrap();
    assert_eq!(
        empty.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "SHA-256 of nothing, FIPS 180-4"
    );
}

#[tokio::test]
async fn streams_go_in_and_out() {
    let mock = mock().await;
    let agent = connect(&mock).await;
    let stream = content(300_000);
    agent.upload("/a").send_reader(&mut &stream[..]).await.unwrap();
    let mut out = Vec::new();
    agent.download("/a").write_to(&mut out).await.unwrap();
    assert_eq!(out, stream);
    assert_eq!(agent.download("/a").bytes().await.unwrap(), stream);
}

#[tokio::test]
async fn progress_grows_to_the_whole() {
    let mock = mock().await;
    let agent = connect(&mock).await;
    let told = Arc::<Mutex<Vec<Progress>>>::default();
    let watch = |told: &Arc<Mutex<Vec<Progress>>>| {
        let told = Arc::clone(told);
        move |progress| told.lock().unwrap().push(progress)
    };
    agent.upload("/a").on_progress(watch(&told)).send_bytes(content(300_000)).await.unwrap();
    agent.download("/a").on_progress(watch(&told)).bytes().await.unwrap();
    let told = told.lock().unwrap();
    let ends: Vec<_> = told.iter().filter(|progress| progress.bytes == 300_000).collect();
    assert_eq!(ends.len(), 2, "each direction ends with the whole");
    assert!(told.iter().all(|progress| progress.total == Some(300_000)), "{told:?}");
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_before_anything_is_sent() {
    let (mock, folder) = (mock().await, tempfile::tempdir().unwrap());
    let agent = connect(&mock).await;
    let file = folder.path().join("large");
    std::fs::write(&file, content(2_000)).unwrap();
    let upload = || agent.upload("/a").max_size(1_999);
    let stream = content(2_000);
    for error in [
        upload().send_file(&file).await.unwrap_err(),
        upload().send_bytes(content(2_000)).await.unwrap_err(),
        upload().send_reader(&mut &stream[..]).await.unwrap_err(),
    ] {
        assert!(matches!(error, TransferError::TooLarge { limit: 1_999, .. }), "{error}");
    }
    assert_eq!(actions(&mock), [""; 0]);

    mock.put_file("/b", content(2_000));
    let error = agent.download("/b").max_size(1_999).save_to(folder.path().join("b")).await;
    assert!(matches!(error, Err(TransferError::TooLarge { size: 2_000, .. })), "{error:?}");
    assert_eq!(files_in(folder.path()), ["large"], "nothing is left behind");
}

#[tokio::test]
async fn what_the_agent_refuses_is_told_without_the_password() {
    let mock = mock().await;
    let agent = connect(&mock).await;
    let error = agent.download("/missing").bytes().await.unwrap_err();
    assert!(matches!(error, TransferError::Call(_)), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let error = agent.upload("/a").send_file(folder.path()).await.unwrap_err();
    assert!(matches!(error, TransferError::Local { .. }), "{error}");
    let text = format!("{error} {error:?} {:?}", agent.upload("/a"));
    assert!(!text.contains(mock.password()), "{text}");
}

#[tokio::test]
async fn two_editors_do_not_overwrite_each_other() {
    let mock = mock().await;
    mock.put_file("/rules", "PvP");
    let agent = connect(&mock).await;
    let (mut mine, mut theirs) =
        (agent.read_text("/rules").await.unwrap(), agent.read_text("/rules").await.unwrap());
    theirs.write("PvE").await.unwrap();
    let error = mine.write("PvPvE").await.unwrap_err();
    assert!(matches!(error, TransferError::Changed { .. }), "{error}");
    assert_eq!(mock.file("/rules").unwrap(), b"PvE");
    let mut mine = agent.read_text("/rules").await.unwrap();
    mine.write("PvPvE").await.unwrap();
    assert_eq!((mine.content(), &mock.file("/rules").unwrap()[..]), ("PvPvE", &b"PvPvE"[..]));
    let writes = actions(&mock).iter().filter(|action| *action == "write_file").count();
    mine.write("PvPvE").await.unwrap();
    let again = actions(&mock).iter().filter(|action| *action == "write_file").count();
    assert_eq!(writes, again, "what is there already is not written again");
}

fn files_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Something in front of the agent that passes the WebSocket on and answers every transfer so.
struct Front {
    url: String,
    _tasks: JoinSet<()>,
}

#[derive(Clone)]
enum Ending {
    Close,
    /// Nothing more comes, and nothing is closed.
    Stay,
}

impl Front {
    async fn new(agent: u16, answer: &str, ending: Ending) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let answer = answer.to_owned();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut visitors = JoinSet::new();
            loop {
                let visitor = listener.accept().await.unwrap().0;
                visitors.spawn(serve(visitor, agent, answer.clone(), ending.clone()));
            }
        });
        Self { url, _tasks: tasks }
    }
}

async fn serve(mut visitor: TcpStream, agent: u16, answer: String, ending: Ending) {
    let mut first = [0; 4];
    while visitor.peek(&mut first).await.unwrap() < first.len() {}
    if &first != b"POST" {
        let mut upstream = TcpStream::connect(("127.0.0.1", agent)).await.unwrap();
        let _ = copy_bidirectional(&mut visitor, &mut upstream).await;
        return;
    }
    let mut request = vec![0; 64 * 1024];
    let _ = visitor.read(&mut request).await;
    let _ = visitor.write_all(answer.as_bytes()).await;
    if matches!(ending, Ending::Stay) {
        std::future::pending::<()>().await;
    }
}

/// A plain mock, an agent behind a front, and the front.
async fn behind(answer: &str, ending: Ending) -> (MockAgent, Agent, Front) {
    let mock = MockAgent::builder(json!({ "actions": { "file_download": {}, "file_upload": {} } }));
    let mock = mock.tls(false).start().await.unwrap();
    mock.put_file("/a", content(1_000));
    let front = Front::new(mock.port(), answer, ending).await;
    let client = Agent::builder(&front.url).credentials(mock.username(), mock.password());
    let agent = client.reconnect(ReconnectPolicy::never()).connect().await.unwrap();
    (mock, agent, front)
}

const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly the beginning";

#[tokio::test]
async fn a_download_that_breaks_off_leaves_the_old_file_and_nothing_else() {
    let (_mock, agent, _front) = behind(HALF, Ending::Close).await;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("backup.zip");
    std::fs::write(&target, "the old one").unwrap();
    let error = agent.download("/a").save_to(&target).await.unwrap_err();
    assert!(matches!(error, TransferError::Broken { bytes: 18, .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "the old one");
    assert_eq!(files_in(folder.path()), ["backup.zip"]);
}

/// HTTP Basic ends the username at its colon, so that each transfer was a bad login, and five are a ban.
#[tokio::test]
async fn a_username_that_no_transfer_can_carry_is_refused_before_it_is_sent() {
    let actions = json!({ "actions": { "file_download": {}, "file_upload": {} } });
    let mock = MockAgent::builder(actions).credentials("ops:eu", "secret").tls(false);
    let mock = mock.start().await.unwrap();
    mock.put_file("/a", content(10));
    let client = Agent::builder(mock.url()).credentials("ops:eu", "secret");
    let agent = client.connect().await.unwrap();
    for error in [
        agent.upload("/a").send_bytes("x").await.unwrap_err(),
        agent.download("/a").bytes().await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("colon"), "{error}");
    }
    assert_eq!(mock.refused_logins(), 0);
}

/// Opening it waited for a writer, and the runtime did not end before one came.
#[cfg(unix)]
#[tokio::test]
async fn a_named_pipe_is_refused_at_once_as_an_upload() {
    let (mock, folder) = (mock().await, tempfile::tempdir().unwrap());
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let agent = connect(&mock).await;
    let upload = agent.upload("/a").send_file(&pipe);
    let error = timeout(LIMIT, upload).await.expect("an end").unwrap_err();
    assert!(error.to_string().contains("no regular file"), "{error}");
}

/// A part of a file, or its compressed form, replaced the file of this machine.
#[tokio::test]
async fn what_may_not_be_the_whole_file_replaces_none() {
    for (answer, why) in [
        ("HTTP/1.1 206 x\r\nContent-Length: 4\r\n\r\npart", "HTTP 206"),
        ("HTTP/1.1 204 No Content\r\n\r\n", "HTTP 204"),
        ("HTTP/1.1 200 OK\r\n\r\nthe connection ends somewhere", "where it ends"),
        ("HTTP/1.0 200 OK\r\n\r\nthe connection ends somewhere", "where it ends"),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nz", "compressed"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n", "broke off after 4"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "broke off"),
        ("HTTP/1.1 101 x\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", ""),
    ] {
        let (_mock, agent, _front) = behind(answer, Ending::Close).await;
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("backup.zip");
        std::fs::write(&target, "the old one").unwrap();
        let error = agent.download("/a").save_to(&target).await.unwrap_err();
        assert!(error.to_string().contains(why), "{answer:?}: {error}");
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "the old one", "{answer:?}");
        assert_eq!(files_in(folder.path()), ["backup.zip"], "{answer:?}");
    }
}

#[tokio::test]
async fn a_transfer_in_which_nothing_moves_is_given_up() {
    let (_mock, agent, _front) = behind(HALF, Ending::Stay).await;
    let stall = Duration::from_millis(100);
    let download = agent.download("/a").stall_timeout(stall).bytes();
    let error = timeout(LIMIT, download).await.expect("an end").unwrap_err();
    assert!(matches!(error, TransferError::Stalled { bytes: 18, .. }), "{error}");

    let (_mock, agent, _front) = behind("", Ending::Stay).await;
    let upload = agent.upload("/a").stall_timeout(stall).send_bytes(content(8_000_000));
    let error = timeout(LIMIT, upload).await.expect("an end").unwrap_err();
    assert!(matches!(error, TransferError::Stalled { .. }), "{error}");
}

#[tokio::test]
async fn a_dropped_download_leaves_nothing_behind() {
    let (_mock, agent, _front) = behind(HALF, Ending::Stay).await;
    let folder = tempfile::tempdir().unwrap();
    let begun = Arc::new(tokio::sync::Notify::new());
    let beginning = Arc::clone(&begun);
    let download = agent.download("/a").on_progress(move |_| beginning.notify_one());
    tokio::select! {
        done = download.save_to(folder.path().join("a")) => panic!("{done:?}"),
        () = begun.notified() => {}
    }
    assert_eq!(files_in(folder.path()), [""; 0]);
}

#[tokio::test]
async fn a_refusal_of_something_in_between_is_told_on_one_line() {
    let body =
        "HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\n\u{1b}[2Jerror:\r\nat most 1 MiB";
    let (_mock, agent, _front) = behind(body, Ending::Close).await;
    let error = agent.upload("/a").send_bytes(content(10)).await.unwrap_err();
    let TransferError::Refused { status: 413, .. } = &error else { panic!("{error}") };
    let text = error.to_string();
    assert!(text.contains("at most 1 MiB") && !text.contains(['\u{1b}', '\n']), "{text:?}");
}
