//! Where the agent is, and who logs in: checked before anything is dialled.

use std::{fmt, net::IpAddr};

use tungstenite::http::Uri;

use crate::error::ConnectError;

/// The agent's port, unless configured otherwise (`PROTOCOL.md`, V).
const DEFAULT_PORT: u16 = 8090;
/// The path of the API (`PROTOCOL.md`, V).
const DEFAULT_PATH: &str = "/ws";

/// An agent's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) tls: bool,
    /// A name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) path: String,
}

impl Endpoint {
    /// Reads `ws://HOST[:PORT][/PATH]` or `wss://…`.
    pub(crate) fn parse(url: &str) -> Result<Self, ConnectError> {
        let invalid =
            |reason| ConnectError::InvalidUrl { url: without_user(url).to_owned(), reason };
        let uri: Uri =
            url.trim().parse().map_err(|_| invalid("it is not of the form `wss://HOST:PORT`"))?;
        let tls = match uri.scheme_str() {
            Some("wss") => true,
            Some("ws") => false,
            _ => return Err(invalid("it must begin with `wss://` or `ws://`")),
        };
        let authority = uri.authority().ok_or_else(|| invalid("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(invalid("user and password do not belong in it; give them apart"));
        }
        let host = authority.host().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err(invalid("it names no host"));
        }
        let port = match authority.as_str().rsplit_once(':') {
            // The colons of an IPv6 address stand before its bracket.
            Some((_, port)) if !port.contains(']') => {
                port.parse().map_err(|_| invalid("its port is not a number from 1 to 65535"))?
            }
            _ => DEFAULT_PORT,
        };
        if port == 0 {
            return Err(invalid("its port is not a number from 1 to 65535"));
        }
        let path = match uri.path_and_query().map_or("/", |path| path.as_str()) {
            "/" | "" => DEFAULT_PATH,
            path => path,
        };
        Ok(Self { tls, host: host.to_owned(), port, path: path.to_owned() })
    }

    /// Whether the host is this machine, by name or address.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Host and port as in a URL.
    pub(crate) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.tls { "wss" } else { "ws" }, self.authority(), self.path)
    }
}

/// The URL without what might be a password: all that stands before the last `@`.
fn without_user(url: &str) -> &str {
    url.rsplit_once('@').map_or(url, |(_, rest)| rest)
}

/// Who logs in.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) username: String,
    pub(crate) password: String,
}

impl Credentials {
    /// Refuses what the login header cannot carry: it is a list, separated by commas.
    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        for (which, value) in [("username", &self.username), ("password", &self.password)] {
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
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
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
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!(endpoint.authority(), authority, "{url}");
            assert_eq!(endpoint.path, path, "{url}");
            assert_eq!(endpoint.tls, url.starts_with("wss"), "{url}");
        }
    }

    #[test]
    fn loopback_is_known_by_name_and_address() {
        for (url, loopback) in [
            ("ws://localhost", true),
            ("ws://127.9.9.9", true),
            ("ws://[::1]:1", true),
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
        assert!(reason("wss://").contains("not of the form"));
        assert!(reason("wss://a:99999").contains("port"), "{}", reason("wss://a:99999"));
        assert!(reason("wss://a:0").contains("port"));
        assert!(reason("").contains("URL"));
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_shown() {
        for url in
            ["wss://root:hunter2@host", "wss://root:hunter2/x@host", "http://root:hunter2@h:1/x"]
        {
            assert!(!reason(url).contains("hunter2"), "{}", reason(url));
        }
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
            let credentials =
                Credentials { username: username.to_owned(), password: password.to_owned() };
            let text = credentials.check().unwrap_err().to_string();
            assert!(text.contains(which) && text.contains(why), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
            assert!(!format!("{credentials:?}").contains("hunter2"));
        }
        let fine = Credentials { username: "root".to_owned(), password: "pa ss;wörd".to_owned() };
        assert!(fine.check().is_ok());
    }
}
