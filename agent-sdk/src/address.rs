//! Host and port, in one spelling for all that mean the same.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// `HOST:PORT`: what identifies an agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// A name or an IP address.
///
/// Names are in lower case and without the dot of the root; an IPv4 address that is written as an
/// IPv6 one is an IPv4 address. So one machine is not two, of which only one is pinned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    Name(String),
    Ip {
        ip: IpAddr,
        /// The network interface of a link-local address, by name or number.
        zone: Option<String>,
    },
}

/// The longest name in the DNS: RFC 1035, 2.3.4.
pub(crate) const MAX_NAME: usize = 253;

impl Address {
    /// Reads `HOST:PORT`; an IPv6 address is in brackets. The error says what is wrong.
    #[cfg(any(feature = "tls", test))]
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (host, port) = split(text)?;
        let port =
            port.ok_or("its port is missing: write `HOST:PORT`, such as `agent.example:8090`")?;
        Ok(Self { host: Host::parse(host)?, port: parse_port(port)? })
    }

    /// Reads `HOST` or `HOST:PORT`, as in a URL. The error says what is wrong.
    pub(crate) fn parse_or(text: &str, default_port: u16) -> Result<Self, &'static str> {
        let (host, port) = split(text)?;
        let port = port.map_or(Ok(default_port), parse_port)?;
        Ok(Self { host: Host::parse(host)?, port })
    }
}

/// Takes brackets off and the port apart.
fn split(text: &str) -> Result<(&str, Option<&str>), &'static str> {
    let Some(rest) = text.strip_prefix('[') else {
        return match text.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                Err("an IPv6 address is put in brackets, such as `[2001:db8::1]:8090`")
            }
            Some((host, port)) => Ok((host, Some(port))),
            None => Ok((text, None)),
        };
    };
    let (host, behind) = rest.split_once(']').ok_or("its `[` has no `]`")?;
    if !host.contains(':') {
        return Err("only an IPv6 address is put in brackets");
    }
    match (behind, behind.strip_prefix(':')) {
        ("", _) => Ok((host, None)),
        (_, Some(port)) => Ok((host, Some(port))),
        _ => Err("behind its `]` there is no `:PORT`"),
    }
}

/// Reads a port number. The error says what is wrong.
fn parse_port(text: &str) -> Result<u16, &'static str> {
    // `parse` alone would take a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or("its port is not a number from 1 to 65535")
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Host {
    /// Reads a host, without brackets. The error says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains(':') {
            return Self::parse_ipv6(text);
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Ip { ip: ip.into(), zone: None });
        }
        if !text.is_ascii() {
            return Err("its host is not ASCII: write a name of other letters as the DNS has it, \
                        which begins with `xn--`");
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_label = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        if name.len() > MAX_NAME || !name.split('.').all(is_label) {
            return Err("its host is neither a name nor an address");
        }
        // Resolvers take `127.1` and `0x7f000001` for 127.0.0.1.
        if name.rsplit('.').next().is_some_and(is_number) {
            return Err("its host looks like an IPv4 address: write that as four decimal numbers");
        }
        Ok(Self::Name(name))
    }

    fn parse_ipv6(text: &str) -> Result<Self, &'static str> {
        let (address, zone) = match text.split_once('%') {
            Some((address, zone)) => (address, Some(zone)),
            None => (text, None),
        };
        let ip: Ipv6Addr = address.parse().map_err(|_| "its IPv6 address is not valid")?;
        let ip = ip.to_canonical();
        // A URL writes the `%` itself as `%25`: RFC 6874, 2.
        let zone = zone.map(|zone| match zone.strip_prefix("25") {
            Some(rest) if !rest.is_empty() => rest,
            _ => zone,
        });
        let is_zone = |zone: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            ip.is_ipv6() && !zone.is_empty() && zone.bytes().all(allowed)
        };
        if zone.is_some_and(|zone| !is_zone(zone)) {
            return Err("its IPv6 zone (the part behind `%`) is not valid");
        }
        Ok(Self::Ip { ip, zone: zone.map(str::to_owned) })
    }
}

/// Returns whether the last label of a name makes it an IPv4 address for a resolver.
fn is_number(label: &str) -> bool {
    let hexadecimal = label
        .strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    hexadecimal || label.bytes().all(|byte| byte.is_ascii_digit())
}

/// As in a URL, but with a bare `%` before the zone.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip { ip: IpAddr::V4(ip), .. } => ip.fmt(f),
            Self::Ip { ip, zone: None } => write!(f, "[{ip}]"),
            Self::Ip { ip, zone: Some(zone) } => write!(f, "[{ip}%{zone}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_machine_has_one_spelling() {
        for (written, same) in [
            ("Agent.Example.:8090", "agent.example:8090"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("[::ffff:127.0.0.1]:1", "127.0.0.1:1"),
            ("[0:0:0:0:0:ffff:7f00:1]:1", "127.0.0.1:1"),
            ("[2001:DB8:0::1]:1", "[2001:db8::1]:1"),
            ("[fe80::1%25eth0]:1", "[fe80::1%eth0]:1"),
            ("[fe80::1%2]:1", "[fe80::1%2]:1"),
            ("localhost:08090", "localhost:8090"),
        ] {
            let address = Address::parse(written).unwrap_or_else(|why| panic!("{written}: {why}"));
            assert_eq!(address.to_string(), same, "{written}");
            assert_eq!(Address::parse(same).as_ref(), Ok(&address), "{written}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (text, why) in [
            ("agent.example", "port is missing"),
            ("[::1]", "port is missing"),
            ("[::1]8090", "no `:PORT`"),
            ("::1", "brackets"),
            ("2001:db8::1:8090", "brackets"),
            ("[127.0.0.1]:1", "only an IPv6"),
            ("[::1:1", "has no `]`"),
            ("a:0", "number from 1"),
            ("a:+1", "number from 1"),
            ("a:65536", "number from 1"),
            ("a:", "number from 1"),
            ("127.1:1", "four decimal"),
            ("0x7f000001:1", "four decimal"),
            ("127.0.0.01:1", "four decimal"),
            ("2130706433:1", "four decimal"),
            (":1", "neither a name"),
            ("a..b:1", "neither a name"),
            ("a\u{200b}:1", "not ASCII"),
            ("ägent:1", "begins with `xn--`"),
            ("\"a:1", "neither a name"),
            ("[fe80::1%]:1", "zone"),
            ("[fe80::1%a/b]:1", "zone"),
            ("[::ffff:127.0.0.1%1]:1", "zone"),
            ("[1::2::3]:1", "not valid"),
        ] {
            let found = Address::parse(text).unwrap_err();
            assert!(found.contains(why), "{text}: {found}");
        }
    }
}
