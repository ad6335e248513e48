//! The port: who connects, and what becomes of it.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering::Relaxed},
    thread,
    time::Duration,
};

use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    task::{JoinHandle, JoinSet, spawn_blocking},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{
    files::{MAX_UPLOAD, read_form},
    http::{BadHead, Head, Transport, answer, file, finish, health, read_body, read_head},
    peer::Control,
    session::Session,
    shared::{Shared, lock},
    upgrade::{self, Refusal},
};

/// How long a peer may take for its TLS handshake, and for its request.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// What a form has besides its file, and the largest other body, in bytes.
const MAX_FORM: usize = 16 * 1024;
/// How long sessions may take to end when the mock stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);
/// After a failed accept (no more file descriptors, as a rule), before the next.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// How often the port of a closed listener is tried, and the pause between two attempts: two seconds.
const RESERVE_ATTEMPTS: u32 = 1000;
const RESERVE_RETRY_DELAY: Duration = Duration::from_millis(2);

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// The task that accepts connections and owns them.
pub(super) struct Listener {
    stop: oneshot::Sender<Shutdown>,
    task: JoinHandle<Option<TcpSocket>>,
}

/// How connections are ended.
#[derive(Clone, Copy)]
pub(super) enum Shutdown {
    /// With a goodbye.
    Graceful,
    /// As when the process is killed.
    Cut,
}

/// Takes a port on 127.0.0.1, which refuses connections until a listener is spawned; 0 is any that is
/// free.
pub(super) fn reserve(number: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    share_with_ended_connections(&socket, true)?;
    socket.bind((Ipv4Addr::LOCALHOST, number).into())?;
    // While it is shared, any program could take it.
    share_with_ended_connections(&socket, false)?;
    Ok(socket)
}

/// Takes the port of a listener that was just closed. While another thread starts a program, that process
/// has the listener's descriptor as well until the program runs, and on a busy machine this takes a while.
async fn reserve_again(number: u16) -> Option<TcpSocket> {
    for _ in 0..RESERVE_ATTEMPTS {
        match reserve(number) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            result => return result.ok(),
        }
        // The program starts in real time, whatever clock the test has.
        spawn_blocking(|| thread::sleep(RESERVE_RETRY_DELAY)).await.ok()?;
    }
    None
}

/// Sets whether a port may be used that connections occupy which have just ended. On Windows they occupy
/// none, and the option would allow far more.
#[cfg_attr(windows, expect(clippy::unnecessary_wraps, unused_variables, reason = "nothing to set"))]
fn share_with_ended_connections(socket: &TcpSocket, share: bool) -> io::Result<()> {
    #[cfg(not(windows))]
    socket.set_reuseaddr(share)?;
    Ok(())
}

impl Listener {
    pub(super) fn spawn(socket: TcpSocket, shared: Arc<Shared>) -> io::Result<Self> {
        share_with_ended_connections(&socket, true)?;
        let socket = socket.listen(BACKLOG)?;
        let (stop, stopped) = oneshot::channel();
        Ok(Self { stop, task: tokio::spawn(accept(socket, shared, stopped)) })
    }

    /// Stops listening and ends every connection; afterwards all of it is gone, but for the port that is
    /// returned.
    pub(super) async fn stop(self, shutdown: Shutdown) -> Option<TcpSocket> {
        // If the task has ended there is nothing left to stop.
        let _ = self.stop.send(shutdown);
        self.task.await.ok().flatten()
    }
}

/// Accepts until told to stop, and keeps the port then. If [`Listener`] is dropped that counts as
/// [`Shutdown::Cut`].
async fn accept(
    socket: TcpListener,
    shared: Arc<Shared>,
    mut stopped: oneshot::Receiver<Shutdown>,
) -> Option<TcpSocket> {
    let mut connections = JoinSet::new();
    let shutdown = loop {
        tokio::select! {
            shutdown = &mut stopped => break shutdown.unwrap_or(Shutdown::Cut),
            Some(_) = connections.join_next() => {}
            accepted = socket.accept() => match accepted {
                // A connection over the limit is dropped.
                Ok((stream, from)) if connections.len() < shared.options.max_connections => {
                    connections.spawn(serve(Arc::clone(&shared), stream, from));
                }
                Ok(_) => {}
                Err(_) => sleep(ACCEPT_RETRY_DELAY).await,
            },
        }
    };
    let number = socket.local_addr().ok()?.port();
    drop(socket);
    let port = reserve_again(number).await;
    if matches!(shutdown, Shutdown::Graceful) {
        shared.peers.control_all(Control::Close);
        let ended = async { while connections.join_next().await.is_some() {} };
        // What has not ended by then is cut off.
        let _ = timeout(SHUTDOWN_TIMEOUT, ended).await;
    }
    connections.shutdown().await;
    port
}

/// Serves one connection to its end.
async fn serve(shared: Arc<Shared>, stream: TcpStream, from: SocketAddr) {
    shared.lasting.thawed().await;
    // Replies are written in batches already; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let identity = lock(&shared.identity).clone();
    let Some(identity) = identity else {
        return talk(shared, stream, from.ip()).await;
    };
    let handshake = TlsAcceptor::from(identity.config).accept(stream);
    // A peer that does not want TLS, or not this certificate, has left.
    if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, handshake).await {
        // TLS keeps its state in the stream, which is too much for the stack.
        Box::pin(talk(shared, stream, from.ip())).await;
    }
}

/// Reads the request and does what it asks for.
async fn talk(shared: Arc<Shared>, mut stream: impl Transport, from: IpAddr) {
    // A connection that has failed can carry no answer.
    let _ = match timeout(HANDSHAKE_TIMEOUT, read_head(&mut stream)).await {
        Ok(Ok(head)) => route(shared, stream, head, from).await,
        Ok(Err(BadHead::Refused(status))) => finish(stream, plain(status).as_bytes()).await,
        Ok(Err(BadHead::Gone)) | Err(_) => Ok(()),
    };
}

async fn route(
    shared: Arc<Shared>,
    stream: impl Transport,
    head: Head,
    from: IpAddr,
) -> io::Result<()> {
    let path = head.path.split('?').next();
    if let Some(status) = shared.lasting.gateway().filter(|_| path != Some("/_stats")) {
        shared.counts.refused.fetch_add(u64::from(path == Some("/ws")), Relaxed);
        return upgrade::refuse(stream, Refusal::Status(status)).await;
    }
    match (head.method.as_str(), path) {
        ("GET", Some("/ws")) => login(shared, stream, head, from).await,
        ("GET", Some("/")) => {
            let body = health(&shared.options.version, shared.options.tls).to_string();
            finish(stream, answer("200 OK", "", "application/json", &body).as_bytes()).await
        }
        ("GET", Some("/_stats")) => {
            let body = shared.stats().to_string();
            finish(stream, answer("200 OK", "", "application/json", &body).as_bytes()).await
        }
        ("POST", Some("/upload")) => upload(shared, stream, head, from).await,
        ("POST", Some("/download")) => download(shared, stream, head, from).await,
        _ => finish(stream, plain("404 Not Found").as_bytes()).await,
    }
}

/// Takes a file for which `file_upload` gave a token.
async fn upload(
    shared: Arc<Shared>,
    mut stream: impl Transport,
    mut head: Head,
    from: IpAddr,
) -> io::Result<()> {
    if !admit_basic(&shared, &head, from) {
        return finish(stream, plain("401 Unauthorized").as_bytes()).await;
    }
    let body = match read_body(&mut stream, &mut head, MAX_UPLOAD + MAX_FORM).await {
        Ok(body) => body,
        Err(status) => return finish(stream, plain(status).as_bytes()).await,
    };
    let kind = head.header("Content-Type").unwrap_or_default();
    let stored = match read_form(&kind, &body) {
        Some((token, content)) => lock(&shared.files).upload(&token, content),
        None => Err("it is no form with a token and a file"),
    };
    let answer = match stored {
        Ok(()) => answer("200 OK", "", "application/json", r#"{"status":"ok"}"#),
        Err(why) => answer("400 Bad Request", "", "text/plain", why),
    };
    finish(stream, answer.as_bytes()).await
}

/// Gives a file for which `file_download` gave a token.
async fn download(
    shared: Arc<Shared>,
    mut stream: impl Transport,
    mut head: Head,
    from: IpAddr,
) -> io::Result<()> {
    if !admit_basic(&shared, &head, from) {
        return finish(stream, plain("401 Unauthorized").as_bytes()).await;
    }
    let body = match read_body(&mut stream, &mut head, MAX_FORM).await {
        Ok(body) => body,
        Err(status) => return finish(stream, plain(status).as_bytes()).await,
    };
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let content = lock(&shared.files).download(request["token"].as_str().unwrap_or_default());
    match content {
        Some(content) => finish(stream, &file(&content)).await,
        None => finish(stream, plain("404 Not Found").as_bytes()).await,
    }
}

/// Returns whether a request by HTTP Basic is let in; a bad one counts towards the ban.
fn admit_basic(shared: &Shared, head: &Head, from: IpAddr) -> bool {
    let is_known = shared.users.iter().any(|user| user.match_basic(head));
    let admitted = shared.limiter.admit(from, is_known);
    if !admitted {
        shared.counts.refused.fetch_add(1, Relaxed);
    }
    admitted
}

/// Upgrades the connection if the login is good.
async fn login(
    shared: Arc<Shared>,
    stream: impl Transport,
    head: Head,
    from: IpAddr,
) -> io::Result<()> {
    if !asks_for_websocket(&head) {
        return finish(stream, plain("426 Upgrade Required").as_bytes()).await;
    }
    sleep(shared.lasting.slow_handshake).await;
    let refused = shared.lasting.refuse_upgrade.map(Refusal::Status);
    let refuse_all = lock(&shared.refuse_all).or(refused);
    if let Some(refusal) = refuse_all {
        shared.counts.refused.fetch_add(1, Relaxed);
        return upgrade::refuse(stream, refusal).await;
    }
    let user = shared.users.iter().find(|user| user.match_head(&head)).cloned();
    let admitted = shared.limiter.admit(from, user.is_some());
    let Some(user) = user.filter(|_| admitted) else {
        shared.counts.refused.fetch_add(1, Relaxed);
        return upgrade::refuse(stream, shared.options.refusal).await;
    };
    shared.counts.logins.fetch_add(1, Relaxed);
    let answer = upgrade::accepted(&head, shared.options.subprotocol, &shared.options.quirks);
    // The session is counted before the answer is sent, so that a client that was let in finds itself
    // there.
    let handle = shared.peers.open(user);
    let mut session = Session::new(shared, stream, head.rest, handle).await;
    session.begin(answer).await?;
    session.run().await;
    Ok(())
}

fn asks_for_websocket(head: &Head) -> bool {
    head.header_has("Connection", "upgrade")
        && head.header_has("Upgrade", "websocket")
        && head.header_has("Sec-WebSocket-Version", "13")
        && head.header("Sec-WebSocket-Key").is_some()
}

/// An answer that says no more than its status.
fn plain(status: &str) -> String {
    answer(status, "", "text/plain", status)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Under load `restart` failed with "address already in use": a process that another test was
    /// starting had inherited the listener.
    #[tokio::test(start_paused = true)]
    async fn a_port_is_taken_again_although_a_starting_process_still_has_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let number = listener.local_addr().unwrap().port();
        let inherited = listener.try_clone().unwrap();
        drop(listener);
        assert_eq!(reserve(number).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let (port, ()) = tokio::join!(reserve_again(number), async { drop(inherited) });
        assert_eq!(port.unwrap().local_addr().unwrap().port(), number);
    }
}
