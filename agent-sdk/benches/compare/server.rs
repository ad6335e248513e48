//! A small fast agent: it answers every request from a template, and looks at no more of it than
//! the token.
//!
//! It has to be much faster than the clients, or they would wait for it and all look alike:
//! - it finds the token where the last request had it, and searches only if it is not there, so
//!   that clients may write their keys in any order;
//! - a reply is two copies of prepared bytes with the token in between;
//! - it reads no more than a piece at a time and answers that at once, so that the client is at
//!   work again while the rest is being read;
//! - it asks for more without sleeping, unless the service says that it sleeps.

mod connection;
mod replies;

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivatePkcs8KeyDer};

use crate::{
    job::{Ready, Service},
    process,
};
use connection::connection;

/// It ends by itself after this, whatever happens; clients fail then, and so does the program.
const LIFE: Duration = Duration::from_secs(120);
/// The stack of a connection's thread: a TLS handshake needs some, and thousands are to fit.
const STACK: usize = 256 * 1024;
/// The place of the token in the template of a reply.
pub const TOKEN: &str = "TOKEN";
/// The action that is answered with a large reply, where there are such.
pub const LARGE: &str = "large_reply";

/// Serves until its time is over.
///
/// Its first line is a [`Ready`].
pub fn serve(service: Service) {
    process::end_after(LIFE);
    if let Some(core) = service.core {
        process::pin(core);
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let (tls, certificate) = service.tls.then(certified).unzip();
    println!("{}", serde_json::to_string(&Ready { port, certificate }).expect("it can be written"));
    let service = Arc::new(service);
    for stream in listener.incoming() {
        let (service, tls) = (Arc::clone(&service), tls.clone());
        let sleep = service.sleep;
        // A client that goes away is nothing to complain about.
        let work = move || _ = stream.and_then(|stream| accepted(stream, &service, tls));
        if sleep {
            let thread = thread::Builder::new().stack_size(STACK).spawn(work);
            thread.expect("a thread for each connection");
        } else {
            work();
        }
    }
}

fn accepted(
    stream: TcpStream,
    service: &Service,
    tls: Option<Arc<ServerConfig>>,
) -> io::Result<()> {
    let stream = Socket::new(stream, service.sleep)?;
    let Some(config) = tls else { return connection(stream, service) };
    let tls = ServerConnection::new(config).map_err(io::Error::other)?;
    connection(StreamOwned::new(tls, stream), service)
}

/// A certificate of its own for this machine.
fn certified() -> (Arc<ServerConfig>, Vec<u8>) {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a good name");
    let der = own.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![der.clone()], key.into()).expect("a good key");
    (Arc::new(config), der.to_vec())
}

/// A socket that waits in its own way.
struct Socket(TcpStream);

impl Socket {
    fn new(stream: TcpStream, sleep: bool) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(!sleep)?;
        Ok(Self(stream))
    }
}

/// Asks again until there is an answer; at once with a socket that sleeps.
fn ask<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
            answer => return answer,
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        ask(|| self.0.read(buffer))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        ask(|| self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
