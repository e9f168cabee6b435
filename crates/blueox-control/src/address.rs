//! Where a control port is.

use crate::limits::DEFAULT_CONTROL_PORT;
use std::env;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The environment variable that names the control port, as for the original's tools.
pub const CLIENT_HOST_VARIABLE: &str = "BLUEOX_CLIENT_HOST";

/// The host and port of a control port: `host`, `host:port`, `[::1]:port`, `:port`, `*`. Without a host, and
/// for those that mean all interfaces, it is this machine.
///
/// ```
/// use blueox_control::ControlAddress;
/// let address: ControlAddress = "web-2".parse().unwrap();
/// assert_eq!(address.to_string(), "web-2:3513");
/// assert_eq!(":4000".parse::<ControlAddress>().unwrap().to_string(), "127.0.0.1:4000");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ControlAddress {
    host: String,
    port: u16,
}

/// Text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?}{origin} is no address: {reason}; write host, host:port, [::1]:port or :port")]
pub struct AddressError {
    text: String,
    /// Where the text was found, if that is not plain.
    origin: String,
    reason: &'static str,
}

impl ControlAddress {
    /// The address that [`CLIENT_HOST_VARIABLE`] names, else 127.0.0.1:3513.
    ///
    /// # Errors
    /// When the variable holds something else than an address.
    pub fn from_environment() -> Result<Self, AddressError> {
        match env::var_os(CLIENT_HOST_VARIABLE) {
            Some(text) if !text.is_empty() => text
                .to_string_lossy()
                .parse()
                .map_err(|error| AddressError { origin: format!(" in {CLIENT_HOST_VARIABLE}"), ..error }),
            _ => Ok(Self::default()),
        }
    }

    /// The host: a name or an IP address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The same host with another port.
    #[must_use]
    pub fn with_port(&self, port: u16) -> Self {
        Self { host: self.host.clone(), port }
    }

    /// Whether it names this machine in a way that needs no resolver.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl Default for ControlAddress {
    fn default() -> Self {
        Self { host: Ipv4Addr::LOCALHOST.to_string(), port: DEFAULT_CONTROL_PORT }
    }
}

impl FromStr for ControlAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = |reason| AddressError { text: text.to_owned(), origin: String::new(), reason };
        let (host, port) = split(text.trim()).map_err(error)?;
        let port = match port {
            None => DEFAULT_CONTROL_PORT,
            // The digits are asked for because a parsed number may begin with a plus sign.
            Some(port) => match port.parse() {
                Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => number,
                _ => return Err(error("a port is a number from 1 to 65535")),
            },
        };
        Ok(Self { host: reachable(host), port })
    }
}

/// Splits `text` into a host and what stands where a port is expected.
fn split(text: &str) -> Result<(&str, Option<&str>), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.contains("://") {
        return Err("it is a URL");
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("a bracket is not closed")?;
        // A scope (fe80::1%eth0) is left to the resolver.
        if host.split('%').next().is_none_or(|ip| ip.parse::<Ipv6Addr>().is_err()) {
            return Err("brackets hold an IPv6 address");
        }
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err("after the bracket comes a colon and a port"),
        };
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Ok((text, None));
    }
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    if port.is_some_and(|port| port.contains(':')) {
        return Err("an IPv6 address with a port needs brackets");
    }
    if host
        .contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@' | '[' | ']' | ','))
    {
        return Err("a host is a name or an IP address");
    }
    Ok((host, port))
}

/// What a client connects to where a daemon would listen on all interfaces.
fn reachable(host: &str) -> String {
    match host {
        "" | "*" | "0.0.0.0" => Ipv4Addr::LOCALHOST.to_string(),
        "::" => Ipv6Addr::LOCALHOST.to_string(),
        host => host.to_owned(),
    }
}

/// `host:port`, an IPv6 address in brackets.
impl fmt::Display for ControlAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_one() {
        for (text, expected) in [
            ("web-2", "web-2:3513"),
            ("web-2:4000", "web-2:4000"),
            (" 10.0.0.1 ", "10.0.0.1:3513"),
            (":4000", "127.0.0.1:4000"),
            ("*", "127.0.0.1:3513"),
            ("*:4000", "127.0.0.1:4000"),
            ("0.0.0.0:4000", "127.0.0.1:4000"),
            ("[::1]:4000", "[::1]:4000"),
            ("[::1]", "[::1]:3513"),
            ("::1", "[::1]:3513"),
            ("[::]:4000", "[::1]:4000"),
            ("[fe80::1%eth0]:4000", "[fe80::1%eth0]:4000"),
        ] {
            let address: ControlAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), expected, "{text}");
            assert_eq!(expected.parse(), Ok(address), "{text}");
        }
    }

    #[test]
    fn what_is_none_says_why() {
        for (text, reason) in [
            ("", "it is empty"),
            ("web-2:", "a port is"),
            ("web-2:0", "a port is"),
            ("web-2:+1", "a port is"),
            ("web-2:65536", "a port is"),
            ("web-2:http", "a port is"),
            ("http://web-2", "it is a URL"),
            ("::1:3513:x", "needs brackets"),
            ("[::1", "not closed"),
            ("[web-2]:1", "an IPv6 address"),
            ("[::1]3513", "after the bracket"),
            ("web 2", "a host is"),
        ] {
            let error = text.parse::<ControlAddress>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_an_address_that_reads_as_it_is_written_or_none(text in "\\PC{0,20}|[a-z:*.0-9\\[\\]%]{0,20}") {
            if let Ok(address) = text.parse::<ControlAddress>() {
                proptest::prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
