//! The way to the daemon: the wire of 2012, ZeroMQ's PUSH.

use blueox_event::wire::zmtp::{Connection, Item, SocketType};
use blueox_shop::step::Step;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const RETRY_AFTER_SECONDS: f64 = 1.0;
/// A daemon sends nothing but its handshake, and PING.
const MAX_MESSAGE_BYTES: usize = 4096;

/// Sends events; connects again when the daemon was away.
#[derive(Debug)]
pub(crate) struct Sender {
    daemon: String,
    link: Option<Link>,
    /// Not before this instant is a connection tried again.
    retry_at: f64,
    /// Whether it was said that the daemon is away.
    away: bool,
    sent: u64,
    dropped: u64,
}

impl Sender {
    /// `daemon` is host:port.
    pub(crate) fn new(daemon: &str) -> Self {
        Self { daemon: daemon.into(), link: None, retry_at: 0.0, away: false, sent: 0, dropped: 0 }
    }

    /// Sends the events of one visit, or drops and counts them while the daemon is away. Waits while the daemon is
    /// slower than the visits come. `now` is in seconds since the epoch.
    pub(crate) fn send(&mut self, steps: &[Step], now: f64) {
        match self.try_send(steps, now) {
            Ok(true) => self.sent += steps.len() as u64,
            Ok(false) => self.dropped += steps.len() as u64,
            Err(error) => {
                self.dropped += steps.len() as u64;
                self.link = None;
                self.retry_at = now + RETRY_AFTER_SECONDS;
                if !self.away {
                    self.away = true;
                    eprintln!("shop: no oxd at {} ({error}); trying again every second", self.daemon);
                }
            }
        }
    }

    /// Whether the daemon takes events now; connects if need be.
    pub(crate) fn is_connected(&mut self, now: f64) -> bool {
        self.send(&[], now);
        self.link.is_some()
    }

    /// What became of the events.
    pub(crate) fn summary(&self) -> String {
        let Self { sent, dropped, daemon, .. } = self;
        match dropped {
            0 => format!("sent {sent} events to {daemon}"),
            _ => format!("sent {sent} events to {daemon}, dropped {dropped} while it was away"),
        }
    }

    fn try_send(&mut self, steps: &[Step], now: f64) -> io::Result<bool> {
        if self.link.is_none() && now >= self.retry_at {
            self.link = Some(Link::open(&self.daemon)?);
            self.away = false;
            eprintln!("shop: sending to {}", self.daemon);
        }
        let Some(link) = &mut self.link else { return Ok(false) };
        link.send(steps)?;
        Ok(true)
    }
}

/// One connection after its handshake.
#[derive(Debug)]
struct Link {
    stream: TcpStream,
    zmtp: Connection,
    unread: Vec<u8>,
}

impl Link {
    fn open(daemon: &str) -> io::Result<Self> {
        let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in daemon.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
                Ok(stream) => return Self::greet(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn greet(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(CONNECT_TIMEOUT))?;
        let zmtp = Connection::connect(SocketType::Push, MAX_MESSAGE_BYTES);
        let mut link = Self { stream, zmtp, unread: Vec::new() };
        loop {
            link.write_output()?;
            if link.understand()? {
                return Ok(link);
            }
            link.read()?;
        }
    }

    fn send(&mut self, steps: &[Step]) -> io::Result<()> {
        self.look_for_news()?;
        for step in steps {
            let (header, map) = step.parts();
            self.zmtp.send(&[&header, &map]).map_err(io::Error::other)?;
        }
        self.write_output()
    }

    /// Notices that the daemon has closed, and answers its PING, without waiting.
    fn look_for_news(&mut self) -> io::Result<()> {
        self.stream.set_nonblocking(true)?;
        let news = self.read();
        self.stream.set_nonblocking(false)?;
        match news {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.understand().map(drop),
        }
    }

    fn read(&mut self) -> io::Result<()> {
        let mut chunk = [0; MAX_MESSAGE_BYTES];
        match self.stream.read(&mut chunk)? {
            0 => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "it has closed the connection")),
            count => {
                self.unread.extend_from_slice(&chunk[..count]);
                Ok(())
            }
        }
    }

    /// Takes what was read; true if the handshake was completed by it.
    fn understand(&mut self) -> io::Result<bool> {
        let mut ready = false;
        loop {
            let step = self.zmtp.advance(&self.unread).map_err(io::Error::other)?;
            let more = step.item.is_some();
            ready |= step.item == Some(Item::Ready);
            let consumed = step.consumed;
            self.unread.drain(..consumed);
            if !more && consumed == 0 {
                return Ok(ready);
            }
        }
    }

    fn write_output(&mut self) -> io::Result<()> {
        self.stream.write_all(self.zmtp.output())?;
        self.zmtp.output().clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_shop::traffic::Shop;
    use std::net::TcpListener;

    /// Takes one connection as a daemon does and gives the messages' second parts until the peer closes.
    fn receive(listener: &TcpListener) -> Vec<Vec<u8>> {
        let (mut stream, _) = listener.accept().unwrap();
        let mut pull = Connection::accept(SocketType::Pull, 1 << 20);
        let (mut unread, mut maps, mut chunk) = (Vec::new(), Vec::new(), [0; 4096]);
        loop {
            match stream.read(&mut chunk).unwrap() {
                0 => return maps,
                count => unread.extend_from_slice(&chunk[..count]),
            }
            loop {
                let step = pull.advance(&unread).unwrap();
                let (consumed, more) = (step.consumed, step.item.is_some());
                if let Some(Item::Message(message)) = step.item {
                    let [_, map] = message.exactly().unwrap();
                    maps.push(map.to_vec());
                }
                unread.drain(..consumed);
                if !more && consumed == 0 {
                    break;
                }
            }
            stream.write_all(pull.output()).unwrap();
            pull.output().clear();
        }
    }

    #[test]
    fn events_arrive_as_they_are() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let steps = Shop::new(1).visit(1_331_640_000.0);
        let expected: Vec<Vec<u8>> = steps.iter().map(Step::to_msgpack).collect();
        let sending = std::thread::spawn(move || {
            let mut sender = Sender::new(&address);
            sender.send(&steps, 0.0);
            (sender.sent, sender.dropped)
        });
        assert_eq!(receive(&listener), expected);
        assert_eq!(sending.join().unwrap(), (expected.len() as u64, 0));
    }

    #[test]
    fn what_nobody_takes_is_counted_and_the_next_visit_after_a_second_tries_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let steps = Shop::new(1).visit(1_331_640_000.0);
        let mut sender = Sender::new(&address.to_string());
        sender.send(&steps, 10.0);
        assert!(sender.away);
        let listener = TcpListener::bind(address).unwrap();
        sender.send(&steps, 10.5);
        assert_eq!((sender.sent, sender.dropped), (0, 2 * steps.len() as u64));
        let sending = std::thread::spawn(move || {
            sender.send(&steps, 11.0);
            (sender.away, sender.sent)
        });
        let received = receive(&listener).len() as u64;
        assert_eq!(sending.join().unwrap(), (false, received));
    }
}
