//! `host`, `host:port`, `[::1]:port`, `::1`, `:port`: taking an address apart, for whoever listens or connects.

use std::net::Ipv6Addr;

/// As long as a name can be.
const MAX_HOST_BYTES: usize = 255;

/// A host, perhaps empty, and a port if there is one. `None`: it is neither, or could be something else, such as a URL.
pub(crate) fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
    } else if text.parse::<Ipv6Addr>().is_ok() {
        (text, None)
    } else {
        text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
    };
    let strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@' | '[' | ']' | ',');
    if text.is_empty() || host.len() > MAX_HOST_BYTES || host.contains(strange) {
        return None;
    }
    match port {
        Some(port) => Some((host, Some(port.parse().ok()?))),
        None => Some((host, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for (text, host, port) in [
            ("web-2", "web-2", None),
            ("web-2:7", "web-2", Some(7)),
            ("*:3514", "*", Some(3514)),
            (":0", "", Some(0)),
            ("::1", "::1", None),
            ("[::1]", "::1", None),
            ("[::1]:7", "::1", Some(7)),
        ] {
            assert_eq!(split(text), Some((host, port)), "{text}");
        }
        let long = "x".repeat(256);
        for wrong in [
            "",
            "host:port",
            "host:99999",
            "host:",
            "[::1",
            "[::1]7",
            "[web]:7",
            "a b",
            "a,b",
            "http://x:1",
            &long,
        ] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }
}
