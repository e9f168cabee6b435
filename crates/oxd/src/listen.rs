//! Addresses to listen on, and the sockets.

use crate::host_port;
use anyhow::{Context, bail};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use tokio::net::TcpListener;

/// `*:3514`, `host`, `host:port`, `[::1]:3514`, `:3514`: where to listen. Without a host: 127.0.0.1; `*`: all
/// interfaces. The name is resolved when the daemon starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListenAddress {
    host: Option<String>,
    port: Option<u16>,
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = host_port::split(text).ok_or_else(|| {
            format!("{text:?} is no address; write host, host:port, [::1]:port, *:port or :port")
        })?;
        Ok(Self { host: (!host.is_empty()).then(|| host.to_owned()), port })
    }
}

impl ListenAddress {
    /// The same host with another port.
    pub(crate) fn with_port(&self, port: u16) -> Self {
        Self { host: self.host.clone(), port: Some(port) }
    }

    /// Whether the address leaves it to the system to choose a port.
    pub(crate) fn any_port(&self) -> bool {
        self.port == Some(0)
    }

    /// Opens the socket; `default_port` counts when the address has none.
    pub(crate) async fn listen(&self, default_port: u16) -> anyhow::Result<TcpListener> {
        let port = self.port.unwrap_or(default_port);
        let candidates: Vec<SocketAddr> = match self.host.as_deref() {
            None => vec![(Ipv4Addr::LOCALHOST, port).into()],
            // The IPv6 wildcard takes IPv4 too; where there is no IPv6 the other is tried.
            Some("*") => vec![(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()],
            Some(host) => (host, port)
                .to_socket_addrs()
                .with_context(|| format!("cannot find the address of {host:?}"))?
                .collect(),
        };
        let mut last = None;
        for address in candidates {
            match TcpListener::bind(address).await {
                Ok(listener) => return Ok(listener),
                Err(error) => last = Some((address, error)),
            }
        }
        let Some((address, error)) = last else { bail!("no address was found for {:?}", self.host) };
        let hint = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "; is another oxd running? see oxctl status, or choose another port"
            }
            std::io::ErrorKind::PermissionDenied => "; ports below 1024 need privileges",
            std::io::ErrorKind::AddrNotAvailable => "; the host has no such address",
            _ => "",
        };
        Err(error).with_context(|| format!("cannot listen on {address}{hint}"))
    }
}

/// Whether an address can only be reached from this host.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let read = |text: &str| text.parse::<ListenAddress>().map(|address| (address.host, address.port));
        let host = |host: &str| Some(host.to_owned());
        assert_eq!(read("*:3514"), Ok((host("*"), Some(3514))));
        assert_eq!(read("master"), Ok((host("master"), None)));
        assert_eq!(read("[::1]:7"), Ok((host("::1"), Some(7))));
        assert_eq!(read("::1"), Ok((host("::1"), None)));
        assert_eq!(read(":0"), Ok((None, Some(0))));
        for wrong in ["", "host:port", "host:99999", "[::1", "[::1]7", "a b", "http://x:1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
