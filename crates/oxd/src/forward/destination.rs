//! Where events are forwarded to.

use crate::host_port;
use std::fmt;
use std::str::FromStr;

/// Where collectors listen unless an address says otherwise.
const COLLECTION_PORT: u16 = 3514;
/// So many destinations one list may have.
const MAX_DESTINATIONS: usize = 16;

/// A collector's address: `host`, `host:port`, `[::1]:port` or `:port` on this host. The name is looked up at each
/// connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Destination {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no destination; write host, host:port, [::1]:port or :port");
        let (host, port) = host_port::split(text).ok_or_else(wrong)?;
        let port = port.unwrap_or(COLLECTION_PORT);
        if port == 0 || host.contains('*') {
            return Err(wrong());
        }
        Ok(Self { host: if host.is_empty() { "127.0.0.1".into() } else { host.to_owned() }, port })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(formatter, "[{host}]:{port}")
        } else {
            write!(formatter, "{host}:{port}")
        }
    }
}

/// Destinations in order: the first is used while it is well, the others are its backups. Never empty, no address
/// twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailoverList(Vec<Destination>);

impl FailoverList {
    /// Checks the rules.
    pub(crate) fn new(destinations: Vec<Destination>) -> Result<Self, String> {
        if destinations.is_empty() {
            return Err("a list needs one destination at least".into());
        }
        if destinations.len() > MAX_DESTINATIONS {
            return Err(format!("a list has {MAX_DESTINATIONS} destinations at most"));
        }
        for (index, destination) in destinations.iter().enumerate() {
            if destinations[..index].contains(destination) {
                return Err(format!("{destination} stands twice in the list"));
            }
        }
        Ok(Self(destinations))
    }

    pub(crate) fn as_slice(&self) -> &[Destination] {
        &self.0
    }
}

impl FromStr for FailoverList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::new(text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for FailoverList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, destination) in self.0.iter().enumerate() {
            write!(formatter, "{}{destination}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// An address that stands in two lists: its collector would take the second copy for duplicates of the first.
pub(crate) fn shared_by_two(lists: &[FailoverList]) -> Option<&Destination> {
    lists.iter().enumerate().find_map(|(index, list)| {
        let others = &lists[..index];
        list.0.iter().find(|destination| others.iter().any(|other| other.0.contains(destination)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let read = |text: &str| text.parse::<FailoverList>().map(|list| list.to_string());
        assert_eq!(read("master").unwrap(), "master:3514");
        assert_eq!(read("a:1, [::1]:2,::1,:9").unwrap(), "a:1,[::1]:2,[::1]:3514,127.0.0.1:9");
        for wrong in ["", "a,", "*:3514", "a:0", "a:b", "a,a", "a,a:3514", "http://x", "[::1", "a b"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let lists = ["a,b", "c,b"].map(|text| text.parse().unwrap());
        assert_eq!(shared_by_two(&lists).unwrap().to_string(), "b:3514");
        assert_eq!(shared_by_two(&lists[..1]), None);
    }
}
