//! A relay between two daemons that counts what goes through.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const PIECE_BYTES: usize = 256 << 10;

/// Its threads end with the connections; the one that accepts ends with the program.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) address: SocketAddr,
    forward: Arc<AtomicU64>,
    back: Arc<AtomicU64>,
}

impl Relay {
    pub(super) fn to(destination: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let relay = Self {
            address: listener.local_addr()?,
            forward: Arc::new(AtomicU64::new(0)),
            back: Arc::new(AtomicU64::new(0)),
        };
        let (forward, back) = (Arc::clone(&relay.forward), Arc::clone(&relay.back));
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(destination) else { continue };
                let (Ok(near_too), Ok(far_too)) = (near.try_clone(), far.try_clone()) else { continue };
                let (forward, back) = (Arc::clone(&forward), Arc::clone(&back));
                std::thread::spawn(move || copy(near, far, &forward));
                std::thread::spawn(move || copy(far_too, near_too, &back));
            }
        });
        Ok(relay)
    }

    /// Bytes of payload of TCP, to the destination and back.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.forward.load(Relaxed), self.back.load(Relaxed))
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        count.fetch_add(length as u64, Relaxed);
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    // The other side hears that it is over; it may have gone already.
    let _ = to.shutdown(Shutdown::Write);
}
