//! Getting in: from an address to a connection that is logged in.

mod endpoint;
mod runtime;
mod transport;
#[cfg(feature = "tls")]
mod trust;
mod upgrade;

use std::{io, net::SocketAddr, panic::resume_unwind, pin::pin, sync::Arc, time::Duration};

use bytes::BytesMut;
use tokio::{
    net::{TcpStream, lookup_host},
    task::JoinSet,
    time::{Instant, timeout},
};

#[cfg(test)]
pub(crate) use self::transport::Stream;
#[cfg(feature = "tls")]
pub(crate) use self::trust::Trust;
#[cfg(feature = "health")]
pub(crate) use self::upgrade::NEEDS_TLS;
use self::upgrade::upgrade;
pub(crate) use self::{
    endpoint::{Credentials, Endpoint},
    runtime::on_runtime,
    transport::Transport,
};
use crate::{
    error::{ConnectError, ConnectStage},
    time_limit::{self, PAUSE},
};

/// How long one address of a host may keep the next one waiting: RFC 8305, 5.
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// Makes connections to one agent.
pub(crate) struct Connector {
    pub(crate) endpoint: Endpoint,
    #[cfg(feature = "tls")]
    pub(crate) trust: Option<Trust>,
    /// Whether to refuse any address that is not this machine's own: what a name leads to may
    /// change.
    pub(crate) loopback_only: bool,
    /// The limit for the whole: resolving, TCP, TLS and upgrade together.
    pub(crate) timeout: Duration,
    /// In place of TCP, in tests.
    #[cfg(test)]
    pub(crate) memory: Option<Box<dyn Fn() -> io::Result<Transport> + Send + Sync>>,
}

/// What it takes to be let in by one agent, again and again.
pub(crate) struct Door {
    pub(crate) connector: Connector,
    pub(crate) credentials: Credentials,
}

impl Door {
    /// Connects and logs in.
    pub(crate) async fn enter(&self) -> Result<Connection, ConnectError> {
        self.connector.login(&self.credentials).await
    }
}

/// A connection that is logged in.
pub(crate) struct Connection {
    pub(crate) transport: Transport,
    /// What arrived behind the answer to the upgrade.
    pub(crate) received: BytesMut,
}

impl Connector {
    /// Connects and logs in.
    async fn login(&self, credentials: &Credentials) -> Result<Connection, ConnectError> {
        let deadline = Instant::now() + self.timeout;
        let mut transport = self.open(deadline).await?;
        let deadline = self.after_a_pause(deadline);
        let login = upgrade(&mut transport, &self.endpoint, credentials);
        let received = self.in_time(deadline, ConnectStage::Upgrade, login).await?;
        Ok(Connection { transport, received })
    }

    /// Connects, with TLS if the URL says so, and sends nothing.
    pub(crate) async fn open(&self, deadline: Instant) -> Result<Transport, ConnectError> {
        #[cfg(test)]
        if let Some(connect) = &self.memory {
            let unreachable = |cause| ConnectError::Unreachable {
                address: self.endpoint.authority(),
                cause: Arc::new(cause),
            };
            return connect().map_err(unreachable);
        }
        let addresses = self.in_time(deadline, ConnectStage::Resolving, self.resolve()).await?;
        let deadline = self.after_a_pause(deadline);
        let tcp = self.in_time(deadline, ConnectStage::Connecting, self.connect(addresses)).await?;
        // Frames are coalesced before they are written; waiting once more would only cost time.
        let _ = tcp.set_nodelay(true);
        #[cfg(feature = "tls")]
        if let Some(trust) = &self.trust {
            let deadline = self.after_a_pause(deadline);
            // On the heap, for it is large, and so would be each future of a caller.
            let handshake = Box::pin(trust.handshake(tcp, &self.endpoint, deadline));
            let stream = self.in_time(deadline, ConnectStage::Tls, handshake).await?;
            return Ok(Transport::Tls(Box::new(stream)));
        }
        Ok(Transport::Plain(tcp))
    }

    pub(crate) async fn in_time<T>(
        &self,
        deadline: Instant,
        stage: ConnectStage,
        work: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, ConnectError> {
        time_limit::until(deadline, pin!(work)).await.unwrap_or_else(|| {
            Err(ConnectError::TimedOut {
                address: self.endpoint.authority(),
                after: self.timeout,
                stage,
            })
        })
    }

    /// The deadline of the next stage. Where one ends so late, the process was stopped: that time was
    /// not the peer's, which gets it anew.
    fn after_a_pause(&self, deadline: Instant) -> Instant {
        let now = Instant::now();
        if now < deadline + PAUSE { deadline } else { now + self.timeout }
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, ConnectError> {
        let trouble = |cause| ConnectError::Resolve {
            host: self.endpoint.address.host.to_string(),
            cause: Arc::new(cause),
        };
        let name = self.endpoint.lookup_name();
        let found = lookup_host((name.as_str(), self.endpoint.address.port)).await;
        let addresses = alternate(found.map_err(trouble)?.collect());
        if addresses.is_empty() {
            return Err(trouble(io::Error::new(io::ErrorKind::NotFound, "it has no address")));
        }
        self.permitted(addresses)
    }

    /// Refuses to send the password elsewhere than the name promises: `localhost` is another
    /// machine where a hosts file or a search domain says so.
    fn permitted(&self, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, ConnectError> {
        let is_elsewhere = |address: &&SocketAddr| !address.ip().to_canonical().is_loopback();
        match addresses.iter().find(is_elsewhere).filter(|_| self.loopback_only) {
            Some(elsewhere) => Err(ConnectError::PlaintextRefused {
                host: format!("{} ({})", self.endpoint.address.host, elsewhere.ip()),
            }),
            None => Ok(addresses),
        }
    }

    /// Happy eyeballs: the addresses one after the other, each with a short start over the next;
    /// the first that answers wins.
    async fn connect(&self, addresses: Vec<SocketAddr>) -> Result<TcpStream, ConnectError> {
        let mut waiting = addresses.into_iter();
        let mut attempts = JoinSet::new();
        let mut last_error = io::Error::other("there was no address to try");
        loop {
            if let Some(address) = waiting.next() {
                attempts.spawn(connect_to_other(address));
            }
            let ended = if waiting.len() == 0 {
                attempts.join_next().await
            } else {
                match timeout(NEXT_ADDRESS, attempts.join_next()).await {
                    Ok(ended) => ended,
                    Err(_) => continue,
                }
            };
            match ended {
                Some(Ok(Ok(stream))) => return Ok(stream),
                Some(Ok(Err(error))) => last_error = error,
                Some(Err(error)) if error.is_panic() => resume_unwind(error.into_panic()),
                Some(Err(error)) => last_error = io::Error::other(error),
                None if waiting.len() > 0 => {}
                None => {
                    return Err(ConnectError::Unreachable {
                        address: self.endpoint.authority(),
                        cause: Arc::new(last_error),
                    });
                }
            }
        }
    }
}

/// Connects, but not to itself: a port of this machine on which nothing listens can be the one from which
/// the connection is made.
async fn connect_to_other(address: SocketAddr) -> io::Result<TcpStream> {
    refuse_itself(TcpStream::connect(address).await?)
}

fn refuse_itself(stream: TcpStream) -> io::Result<TcpStream> {
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

/// The addresses with the two families in turn, beginning with the one that the resolver prefers:
/// RFC 8305, 4.
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().copied() else { return addresses };
    let total = addresses.len();
    let (preferred, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first.is_ipv6());
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut ordered = Vec::with_capacity(total);
    while ordered.len() < total {
        ordered.extend(preferred.next());
        ordered.extend(other.next());
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_alternate() {
        let addresses: Vec<SocketAddr> = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let ordered: Vec<String> = alternate(addresses).iter().map(ToString::to_string).collect();
        assert_eq!(ordered, ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]);
    }

    fn dialer() -> Connector {
        Connector {
            endpoint: Endpoint::parse("ws://localhost:1").unwrap(),
            #[cfg(feature = "tls")]
            trust: None,
            loopback_only: true,
            timeout: Duration::from_secs(10),
            memory: None,
        }
    }

    /// Without it, the address is that of no machine.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_zone_of_a_link_local_address_is_dialled() {
        for zone in ["%25lo", "%lo", "%251"] {
            let endpoint = Endpoint::parse(&format!("wss://[fe80::1{zone}]:1")).unwrap();
            let connector = Connector { endpoint, loopback_only: false, ..dialer() };
            let addresses = connector.resolve().await.unwrap();
            let is_zoned =
                |address: &SocketAddr| matches!(address, SocketAddr::V6(ip) if ip.scope_id() == 1);
            assert!(addresses.iter().all(is_zoned), "{zone}: {addresses:?}");
        }
    }

    /// A hosts file or a search domain can make another machine of it.
    #[test]
    fn a_localhost_that_is_another_machine_is_not_sent_the_password() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let own = ["127.0.0.1:1", "[::1]:1", "127.8.9.1:1", "[::ffff:127.0.0.1]:1"];
        assert!(dialer().permitted(addresses(&own)).is_ok());
        for other in ["192.0.2.1:1", "[2001:db8::1]:1", "[::ffff:192.0.2.1]:1", "0.0.0.0:1"] {
            for list in [vec![other], vec!["127.0.0.1:1", other], vec![other, "[::1]:1"]] {
                let error = dialer().permitted(addresses(&list)).unwrap_err();
                assert!(error.to_string().contains("localhost ("), "{error}");
                let allowed = Connector { loopback_only: false, ..dialer() };
                assert!(allowed.permitted(addresses(&list)).is_ok());
            }
        }
    }

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_to_the_next_at_once() {
        let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refused = dead.local_addr().unwrap();
        drop(dead);
        let alive = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = vec![refused, refused, alive.local_addr().unwrap()];
        let stream = dialer().connect(addresses).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), alive.local_addr().unwrap());
        let error = dialer().connect(vec![refused, refused]).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    }

    /// It read its own login as the answer, and counted it as a rejected one.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_connection_to_itself_is_none() {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let own = socket.local_addr().unwrap();
        let error = refuse_itself(socket.connect(own).await.unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }

    /// Linux drops what does not fit into a listener's queue, so that connecting hangs.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_address_that_hangs_gives_way_to_the_next_soon() {
        let full = tokio::net::TcpSocket::new_v4().unwrap();
        full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let full = full.listen(1).unwrap();
        let hanging = full.local_addr().unwrap();
        let mut fillers = Vec::new();
        while let Ok(Ok(filler)) =
            timeout(Duration::from_millis(100), TcpStream::connect(hanging)).await
        {
            fillers.push(filler);
        }
        let alive = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = vec![hanging, alive.local_addr().unwrap()];
        let stream = timeout(Duration::from_secs(5), dialer().connect(addresses)).await.unwrap();
        assert_eq!(stream.unwrap().peer_addr().unwrap(), alive.local_addr().unwrap());
    }
}
