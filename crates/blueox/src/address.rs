//! Where a daemon is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The collection port of the original and of `oxd`.
///
/// ```
/// let address: blueox::Address = "web-1".parse()?;
/// assert_eq!(address.to_string(), format!("web-1:{}", blueox::COLLECTION_PORT));
/// # Ok::<(), blueox::AddressError>(())
/// ```
pub const COLLECTION_PORT: u16 = 3514;

/// Where a daemon collects: a host and a port, or a Unix socket.
///
/// ```
/// use blueox::Address;
/// assert_eq!("web-1".parse::<Address>().unwrap().to_string(), "web-1:3514");
/// assert_eq!("[::1]:9000".parse::<Address>().unwrap().to_string(), "[::1]:9000");
/// assert_eq!("unix:/run/blueox/oxd.sock".parse::<Address>().unwrap().to_string(), "unix:/run/blueox/oxd.sock");
/// assert!("web-1:port".parse::<Address>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// Over TCP.
    Tcp {
        /// A name or an IP address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// Over a Unix socket.
    Unix(PathBuf),
}

/// Text that is no [`Address`].
///
/// ```
/// let error = "web-1:http".parse::<blueox::Address>().unwrap_err();
/// assert!(error.to_string().contains("the port is no number"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no daemon's address: {problem}; try host, host:port, [ipv6]:port or unix:/path")]
pub struct AddressError {
    text: String,
    problem: &'static str,
}

impl Address {
    /// Whether it is this machine, by its name alone.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => {
                host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fail = |problem| Err(AddressError { text: text.into(), problem });
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { fail("the path is empty") } else { Ok(Self::Unix(path.into())) };
        }
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let Some((host, port)) = rest.split_once(']') else { return fail("the bracket is not closed") };
            (host, port.strip_prefix(':').or(port.is_empty().then_some("")))
        } else if text.matches(':').count() > 1 {
            (text, Some("")) // an IPv6 address without brackets
        } else {
            text.split_once(':').map_or((text, Some("")), |(host, port)| (host, Some(port)))
        };
        let port = match port {
            None => return fail("something follows the bracket"),
            Some("") => COLLECTION_PORT,
            Some(digits) => match digits.parse() {
                Ok(0) | Err(_) => return fail("the port is no number from 1 to 65535"),
                Ok(port) => port,
            },
        };
        match host {
            "" if text.is_empty() => fail("it is empty"),
            "*" => fail("* is for a daemon that listens, not for who connects"),
            "" => Ok(Self::Tcp { host: "127.0.0.1".into(), port }),
            host if host.bytes().any(|byte| byte.is_ascii_whitespace() || byte == 0) => {
                fail("there is a space in the host")
            }
            host => Ok(Self::Tcp { host: host.into(), port }),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
