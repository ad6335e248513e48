//! Where the agent is, and who logs in: checked before anything is dialled.

use std::fmt;

use tungstenite::http::uri::PathAndQuery;
use zeroize::Zeroizing;

use crate::{
    address::{Address, Host, MAX_NAME},
    error::ConnectError,
    text::Secrets,
};

/// The agent's port, unless configured otherwise (`docs/protocol.md`, documented).
const DEFAULT_PORT: u16 = 8090;
/// The path of the API (`docs/protocol.md`, documented).
const DEFAULT_PATH: &str = "/ws";

/// Where an agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) tls: bool,
    pub(crate) address: Address,
    /// Path and query.
    pub(crate) path: String,
    /// Whether the host's name was written with the dot of the root, so that no domain is searched.
    is_absolute: bool,
}

impl Endpoint {
    /// Reads `ws://HOST[:PORT][/PATH]` or `wss://…`.
    pub(crate) fn parse(url: &str) -> Result<Self, ConnectError> {
        let url = url.trim();
        Self::read(url)
            .map_err(|reason| ConnectError::InvalidUrl { url: without_secrets(url), reason })
    }

    fn read(url: &str) -> Result<Self, &'static str> {
        const SCHEME: &str = "it must begin with `wss://` or `ws://`";
        let (scheme, rest) = url.split_once("://").ok_or(SCHEME)?;
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "wss" => true,
            "ws" => false,
            _ => return Err(SCHEME),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err("user and password do not belong in it; give them apart");
        }
        if authority.is_empty() {
            return Err("it names no host");
        }
        let address = Address::parse_or(authority, DEFAULT_PORT)?;
        let host = authority.split(':').next().unwrap_or_default();
        Ok(Self { tls, address, path: read_path(path)?, is_absolute: host.ends_with('.') })
    }

    /// Returns whether the host is this machine, by name or address.
    pub(crate) fn is_loopback(&self) -> bool {
        match &self.address.host {
            Host::Name(name) => name == "localhost",
            Host::Ip { ip, .. } => ip.is_loopback(),
        }
    }

    /// Host and port as in a URL.
    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Host and port for the peer: without a zone, which only means something here.
    pub(crate) fn host_header(&self) -> String {
        let host = match &self.address.host {
            Host::Ip { ip, .. } => Host::Ip { ip: *ip, zone: None },
            Host::Name(name) => Host::Name(name.clone()),
        };
        Address { host, port: self.address.port }.to_string()
    }

    /// The host as a resolver takes it.
    pub(crate) fn lookup_name(&self) -> String {
        match &self.address.host {
            Host::Ip { ip, zone: Some(zone) } => format!("{ip}%{zone}"),
            Host::Ip { ip, zone: None } => ip.to_string(),
            // Resolvers know it from a file, which has it without the dot.
            Host::Name(name) if self.is_absolute && name != "localhost" => format!("{name}."),
            Host::Name(name) => name.clone(),
        }
    }
}

/// Without the query: it may hold a secret.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, query) = match self.path.split_once('?') {
            Some((path, _)) => (path, "?…"),
            None => (self.path.as_str(), ""),
        };
        let scheme = if self.tls { "wss" } else { "ws" };
        write!(f, "{scheme}://{}{path}{query}", self.address)
    }
}

/// Reads what follows the host. The error says what is wrong.
fn read_path(text: &str) -> Result<String, &'static str> {
    let text = text.split('#').next().unwrap_or_default();
    let path = match text {
        "" | "/" => DEFAULT_PATH.to_owned(),
        query if query.starts_with('?') => format!("/{query}"),
        path => path.to_owned(),
    };
    match PathAndQuery::try_from(path.as_str()) {
        Ok(_) if path.is_ascii() => Ok(path),
        _ => Err("its path holds a character that has to be percent-encoded"),
    }
}

/// The part of a URL that holds no secret even if it is written wrongly: scheme and host. What no host
/// can hold ends it: `root%3Ahunter2%40host`.
fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "…".to_owned() };
    if !["ws", "wss", "http", "https"].contains(&scheme) || rest.contains('@') {
        return "…".to_owned();
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    match rest.get(..end).filter(|host| host.len() <= MAX_NAME).unwrap_or_default() {
        host if host.len() == rest.len() => format!("{scheme}://{host}"),
        host => format!("{scheme}://{host}…"),
    }
}

/// Who logs in. It is wiped from memory when it is dropped.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) username: Zeroizing<String>,
    pub(crate) password: Zeroizing<String>,
}

impl Credentials {
    pub(crate) fn new(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self { username: username.into().into(), password: password.into().into() }
    }

    /// What must not be shown where a peer repeats it.
    pub(crate) fn secrets(&self) -> Secrets {
        Secrets::new(self.username.clone(), self.password.clone())
    }

    /// Refuses what the login header cannot carry: it is a list, separated by commas.
    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        for (which, value) in
            [("username", self.username.as_str()), ("password", self.password.as_str())]
        {
            let reason = if value.is_empty() {
                "it is empty"
            } else if value.trim() != value {
                "it begins or ends with white space, which the login header loses"
            } else if value.contains(',') {
                "it contains a comma, which the login header uses as separator"
            } else if value.chars().any(char::is_control) {
                "it contains a control character, such as a line break"
            } else {
                continue;
            };
            return Err(ConnectError::InvalidCredentials { which, reason });
        }
        Ok(())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &*self.username).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(url: &str) -> String {
        Endpoint::parse(url).unwrap_err().to_string()
    }

    #[test]
    fn port_and_path_have_defaults() {
        for (url, authority, path) in [
            ("wss://203.0.113.7:8443", "203.0.113.7:8443", "/ws"),
            ("wss://agent.example", "agent.example:8090", "/ws"),
            ("ws://localhost/", "localhost:8090", "/ws"),
            ("wss://[::1]", "[::1]:8090", "/ws"),
            ("wss://[2001:db8::1]:1/other?x=1", "[2001:db8::1]:1", "/other?x=1"),
            ("WSS://Agent.Example.:1?x", "agent.example:1", "/?x"),
            ("wss://[::ffff:127.0.0.1]#here", "127.0.0.1:8090", "/ws"),
            ("wss://[fe80::1%25eth0]", "[fe80::1%eth0]:8090", "/ws"),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!(endpoint.authority(), authority, "{url}");
            assert_eq!(endpoint.path, path, "{url}");
            assert_eq!(endpoint.tls, url.to_lowercase().starts_with("wss"), "{url}");
        }
    }

    #[test]
    fn the_peer_does_not_see_a_zone_and_the_resolver_does() {
        for (url, header, lookup) in [
            ("wss://[fe80::1%25eth0]:1", "[fe80::1]:1", "fe80::1%eth0"),
            ("wss://[::1]:1", "[::1]:1", "::1"),
            ("wss://Agent.Example.:1", "agent.example:1", "agent.example."),
            ("wss://localhost.:1", "localhost:1", "localhost"),
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!(endpoint.host_header(), header);
            assert_eq!(endpoint.lookup_name(), lookup);
        }
    }

    #[test]
    fn loopback_is_known_by_name_and_address() {
        for (url, loopback) in [
            ("ws://localhost", true),
            ("ws://127.9.9.9", true),
            ("ws://[::1]:1", true),
            ("ws://localhost.", true),
            ("ws://[::ffff:127.0.0.1]", true),
            ("ws://localhost.example", false),
            ("ws://10.0.0.1", false),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().is_loopback(), loopback, "{url}");
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_says_why() {
        assert!(reason("https://a").contains("must begin with `wss://`"));
        assert!(reason("agent.example").contains("must begin with `wss://`"));
        assert!(reason("wss://").contains("names no host"));
        assert!(reason("wss://fe80::1").contains("brackets"));
        assert!(reason("wss://a/ b").contains("percent-encoded"));
        assert!(reason("wss://a:99999").contains("port"), "{}", reason("wss://a:99999"));
        assert!(reason("wss://a:0").contains("port"));
        assert!(reason("").contains("URL"));
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_shown() {
        for url in [
            "wss://root:hunter2@host",
            "wss://root:hunter2/x@host",
            "http://root:hunter2@h:1/x",
            "wss://root:hunter2",
            "wss://host:x/?password=hunter2",
            "root:hunter2@host",
            "hunter2",
            "hunter2://x",
            "wss://root:hunter2@@host",
            "wss://root%3Ahunter2%40host",
            "wss://root%3ahunter2%2540host:8090/ws",
            "wss://root,hunter2,host",
            "wss://SMP1.0,%20root,%20hunter2@host",
            "wss://root;hunter2",
            "wss://root\\hunter2",
            "wss://root\u{ff1a}hunter2\u{ff20}host",
            "wss:///root:hunter2",
            "wss:root:hunter2//host",
            "WSS://root:hunter2@host",
            "ftp://root:hunter2",
        ] {
            assert!(!reason(url).contains("hunter2"), "{}", reason(url));
        }
        let endpoint = Endpoint::parse("wss://host/ws?password=hunter2").unwrap();
        assert_eq!(endpoint.to_string(), "wss://host:8090/ws?…");
    }

    #[test]
    fn credentials_that_cannot_travel_are_named_and_not_shown() {
        for (username, password, which, why) in [
            ("", "hunter2", "username", "empty"),
            ("root", "", "password", "empty"),
            ("root", "hunter2,", "password", "comma"),
            ("ro,ot", "hunter2", "username", "comma"),
            ("root", "hunter2 ", "password", "white space"),
            ("root", "hunter2\r\nX: y", "password", "control"),
            ("root", "\u{a0}hunter2", "password", "white space"),
        ] {
            let credentials = Credentials::new(username, password);
            let text = credentials.check().unwrap_err().to_string();
            assert!(text.contains(which) && text.contains(why), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
            assert!(!format!("{credentials:?}").contains("hunter2"));
        }
        let fine = Credentials::new("root", "pa ss;wörd");
        assert!(fine.check().is_ok());
    }
}
