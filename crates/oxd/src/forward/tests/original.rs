//! Forwarding to an original daemon that stops reading and dies.

use super::agent::Agent;
use super::{DRAIN, LARGE, wait_for};
use blueox_event::wire::zmtp::{Connection, Item, SocketType};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// Shakes hands with a pusher; what came behind that is not looked at.
fn shake_hands(socket: &mut TcpStream) {
    let mut zmtp = Connection::accept(SocketType::Pull, 4 << 20);
    let mut unread = Vec::new();
    loop {
        let mut byte = [0];
        if socket.read(&mut byte).unwrap() == 0 {
            return;
        }
        unread.push(byte[0]);
        let step = zmtp.advance(&unread).unwrap();
        let is_ready = matches!(step.item, Some(Item::Ready));
        unread.drain(..step.consumed);
        socket.write_all(zmtp.output()).unwrap();
        zmtp.output().clear();
        if is_ready {
            return;
        }
    }
}

/// The first opening is native; an original daemon greets at once all the same.
fn accept_zmtp(listener: &TcpListener) -> TcpStream {
    let (mut native, _) = listener.accept().unwrap();
    native.write_all(&[0xff; 10]).unwrap();
    let (mut socket, _) = listener.accept().unwrap();
    shake_hands(&mut socket);
    socket
}

#[test]
fn what_a_dead_peer_never_got_is_counted_as_unsure() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // So small that most of it stays in the sender's kernel.
    rustix::net::sockopt::set_socket_recv_buffer_size(&listener, 4096).unwrap();
    let list = listener.local_addr().unwrap().to_string().parse().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let agent = Agent::start(directory.path(), &[list]);
    let peer = std::thread::spawn(move || (accept_zmtp(&listener), listener));
    let (socket, listener) = peer.join().unwrap();
    wait_for(&agent, "active", |list| list["delivery"] == "at_most_once");
    agent.record(0..10, LARGE);
    wait_for(&agent, "the kernel to have all", |list| list["forwarded"] == 10);
    assert_eq!(agent.list().report(0.0)["unsure"], 0, "the connection is well");
    drop((socket, listener));
    wait_for(&agent, "doubt", |list| list["unsure"].as_u64() > Some(8));
    let report = agent.list().report(0.0);
    assert_eq!((&report["forwarded"], &report["queued"]), (&10.into(), &0.into()));
    assert!(report["unsure"].as_u64() <= Some(10), "{report:#}");
    agent.finish(DRAIN);
}
