//! The client against scripted daemons, good and hostile ones, on ports of their own.

mod answers;
mod connecting;
mod live;
mod original;
mod peers;

use blueox_control::{Client, ClientError, Timeouts};
use peers::Peer;
use std::time::Duration;

/// Long enough for a busy machine, short enough for a test that waits for it.
const SHORT: Duration = Duration::from_secs(2);

fn short() -> Timeouts {
    Timeouts { connect: SHORT, answer: SHORT, silence: SHORT }
}

fn connect(peer: &Peer) -> Result<Client, ClientError> {
    Client::connect(&peer.address(), Timeouts::default())
}

fn connect_briefly(peer: &Peer) -> Result<Client, ClientError> {
    Client::connect(&peer.address(), short())
}
