//! `oxctl shutdown`

use crate::figures::span;
use crate::json;
use crate::output::Answer;
use blueox_control::{Client, DaemonKind};
use std::io::{self, IsTerminal};
use std::time::Duration;

/// How long a daemon may take to go, after its drain.
const GRACE: Duration = Duration::from_secs(5);

/// The longest drain of its own choice that a daemon is waited for.
const MAX_DRAIN: Duration = Duration::from_secs(600);

/// Tells the daemon to stop and waits until its port is closed.
pub(crate) fn shut_down(client: &Client, drain: Option<Duration>, raw: bool) -> anyhow::Result<Answer> {
    let answer = client.shutdown(drain)?;
    let is_original = client.kind() == DaemonKind::Original;
    let drain = match (drain, answer.drain) {
        _ if is_original => Duration::ZERO,
        (Some(drain), _) => drain,
        (None, own) => own.unwrap_or_default().min(MAX_DRAIN),
    };
    let name = if is_original { "original oxd (ZMTP)" } else { "oxd" };
    let address = client.address();
    if io::stderr().is_terminal() {
        eprintln!("{name} at {address} is stopping (drains for at most {})", span(drain.as_secs_f64()));
    }
    let within = drain + GRACE;
    let has_stopped = client.wait_until_closed(within);
    if raw {
        let text =
            json::text(&serde_json::json!({ "ok": has_stopped, "drain_seconds": drain.as_secs_f64() }));
        return Ok(if has_stopped { Answer::good(text) } else { Answer::bad(text) });
    }
    if !has_stopped {
        let after = span(within.as_secs_f64());
        anyhow::bail!(
            "the {name} at {address} was told to stop and still listens after {after}; look at its log, or give it more time: --drain 2m"
        );
    }
    Ok(Answer::good(format!("{name} at {address} has stopped\n")))
}
