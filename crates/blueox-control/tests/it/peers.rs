//! Scripted daemons: threads that listen on a port of their own.

use blueox_control::ControlAddress;
use blueox_event::wire::zmtp::{Connection, Item, SocketType};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// What listens until it is closed or dropped.
pub(crate) struct Peer {
    target: SocketAddr,
    closed: Arc<AtomicBool>,
}

impl Peer {
    /// Serves every connection in a thread of its own.
    pub(crate) fn listen(serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        let closed = Arc::new(AtomicBool::new(false));
        let is_closed = Arc::clone(&closed);
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if is_closed.load(Ordering::SeqCst) {
                    return;
                }
                let serve = Arc::clone(&serve);
                // A client that has gone away is no failure of a script.
                thread::spawn(move || drop(serve(stream)));
            }
        });
        Self { target, closed }
    }

    pub(crate) fn target(&self) -> SocketAddr {
        self.target
    }

    pub(crate) fn address(&self) -> ControlAddress {
        self.target.to_string().parse().unwrap()
    }

    pub(crate) fn close(&self) {
        self.closer().close();
    }

    /// Something by which a script can close its own port.
    pub(crate) fn closer(&self) -> Closer {
        Closer { target: self.target, closed: Arc::clone(&self.closed) }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.close();
    }
}

/// An address where nobody listens, nor will anybody as long as the connection is held whose near end it is.
pub(crate) fn refusing() -> ([TcpStream; 2], SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, target) = listener.accept().unwrap();
    ([near, far], target)
}

/// Closes a [`Peer`].
pub(crate) struct Closer {
    target: SocketAddr,
    closed: Arc<AtomicBool>,
}

impl Closer {
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect_timeout(&self.target, Duration::from_secs(1));
    }
}

/// A request over HTTP.
pub(crate) struct Request {
    /// The method and what follows it: `GET /v1/status?x=1`.
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn read(stream: &TcpStream) -> io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let (line, headers) = lines.split_first().ok_or(io::ErrorKind::UnexpectedEof)?;
        let headers: Vec<_> = headers
            .iter()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
        reader.read_exact(&mut body)?;
        Ok(Self { line: line.trim_end_matches(" HTTP/1.1").to_owned(), headers, body })
    }
}

/// A daemon of ours: ZMTP with the property that says so, and `answer` for what comes over HTTP.
pub(crate) fn blueox(
    answer: impl Fn(&Request, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> Peer {
    Peer::listen(move |mut stream| {
        let mut first = [0];
        stream.peek(&mut first)?;
        if first[0] == 0xff {
            let connection =
                Connection::accept(SocketType::Rep, 4096).with_property("X-BlueOx", "1.0.0-test");
            return zmtp(stream, connection, |_, _| {});
        }
        let request = Request::read(&stream)?;
        answer(&request, &mut stream)
    })
}

/// An original daemon's control port: `reply` is given the request's MsgPack.
pub(crate) fn original(reply: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Peer {
    Peer::listen(move |stream| {
        zmtp(stream, Connection::accept(SocketType::Rep, 4096), |connection, item| {
            if let Item::Message(message) = item {
                let [_, request] = message.exactly().unwrap();
                connection.send(&[b"", &reply(request)]).unwrap();
            }
        })
    })
}

/// An original daemon's streaming port: once somebody has subscribed, `publish` says what is sent for it.
pub(crate) fn publisher(publish: impl Fn(&[u8]) -> Vec<[Vec<u8>; 2]> + Send + Sync + 'static) -> Peer {
    Peer::listen(move |stream| {
        zmtp(stream, Connection::accept(SocketType::Pub, 4096), |connection, item| {
            if let Item::Subscribe(prefix) = item {
                for [topic, event] in publish(prefix) {
                    connection.send(&[&topic, &event]).unwrap();
                }
            }
        })
    })
}

/// Speaks ZMTP until the other side closes.
pub(crate) fn zmtp(
    mut stream: TcpStream,
    mut connection: Connection,
    mut take: impl FnMut(&mut Connection, Item<'_>),
) -> io::Result<()> {
    let mut input = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        stream.write_all(&std::mem::take(connection.output()))?;
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        input.extend_from_slice(&buffer[..read]);
        let mut consumed = 0;
        loop {
            let step = connection.advance(&input[consumed..]).map_err(io::Error::other)?;
            consumed += step.consumed;
            let Some(item) = step.item else { break };
            take(&mut connection, item);
        }
        input.drain(..consumed);
    }
}

/// A whole answer.
pub(crate) fn answer(stream: &mut TcpStream, status: u16, body: &str) -> io::Result<()> {
    // In one piece: who reads a first piece only must see the whole first line.
    let answer = format!("HTTP/1.1 {status} Scripted\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes())
}

/// The beginning of a chunked answer.
pub(crate) fn begin_chunks(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
}

/// One chunk of it; an empty one is its end.
pub(crate) fn chunk(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(&[format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat())
}

/// Holds a connection open until the other side closes it.
pub(crate) fn hold(stream: &mut TcpStream) -> io::Result<()> {
    io::copy(stream, &mut io::sink()).map(drop)
}
