//! Lines of standard input.

use crate::ingest::Ingest;
use crate::interrupt::Interrupt;
use crate::lines::Lines;
use anyhow::Context;
use rustix::event::{PollFd, PollFlags};
use std::io::{ErrorKind, Read};
use std::time::Duration;

/// How long a signal may stay unseen that came between a look and a wait.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// Reads to the end, or until it is interrupted.
pub(crate) fn read(type_name: &str, ingest: &mut Ingest, interrupt: &Interrupt) -> anyhow::Result<()> {
    let (mut lines, mut piece) = (Lines::default(), vec![0; 64 << 10]);
    let mut input = std::io::stdin().lock();
    loop {
        let stdin = rustix::stdio::stdin();
        let mut watched = [PollFd::from_borrowed_fd(stdin, PollFlags::IN)];
        interrupt.wait(&mut watched, LONGEST_WAIT);
        if interrupt.is_asked() {
            break;
        }
        if watched[0].revents().is_empty() {
            continue;
        }
        match input.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => lines.push(&piece[..length], &mut |line| ingest.line(type_name, line)),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            Err(error) => return Err(error).context("cannot read standard input"),
        }
    }
    lines.finish(&mut |line| ingest.line(type_name, line));
    Ok(())
}
