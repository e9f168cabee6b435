//! A connection to a daemon that speaks BlueOx's own protocol.

use super::LinkEnd;
use super::outbox::{Entry, Outbox};
use super::route::Socket;
use crate::clock::Moment;
use crate::process::{Incarnation, pid};
use crate::random::Random;
use crate::recorder::{Recorder, machine_name};
use blueox_event::wire::native::{
    BUFFER_LIMIT, Batch, Introduction, Ledger, NativeError, Notice, Role, Sender, Session, StreamId, Token,
};
use std::time::Duration;

/// Batches are put into the output while less than this waits there, in bytes.
const OUTPUT_BYTES: usize = 512 << 10;

/// After a refusal the daemon is not asked again for so long.
const REFUSED_WAIT: Duration = Duration::from_secs(5);

/// The stream, over all its connections.
pub(super) struct Native {
    sender: Sender,
    session: u64,
    host: String,
    token: Option<String>,
    random: Random,
    input: Vec<u8>,
    is_leaving: bool,
}

impl Native {
    pub(super) fn new(recorder: &Recorder) -> Self {
        let mut random = Random::unseeded();
        let config = &recorder.config;
        Self {
            sender: Sender::new(draw_stream(&mut random), Role::Application),
            session: 0,
            host: config.host.clone().unwrap_or_else(machine_name),
            token: config.token.clone(),
            random,
            input: Vec::new(),
            is_leaving: false,
        }
    }

    /// A connection was made.
    pub(super) fn connected(&mut self, now: Moment) {
        self.session += 1;
        let token = self.token.as_ref().and_then(|token| Token::new(token.as_bytes()));
        let introduction =
            Introduction { session: Session(self.session), host: &self.host, pid: pid(), token };
        self.sender.connect(&introduction, now.as_duration());
        self.input.clear();
        self.is_leaving = false;
    }

    pub(super) fn disconnected(&mut self) {
        self.sender.disconnect();
        self.input.clear();
    }

    /// Whether the daemon takes batches.
    pub(super) fn is_welcome(&self) -> bool {
        self.sender.is_open() || self.is_leaving
    }

    pub(super) fn has_output(&mut self) -> bool {
        !self.sender.output().is_empty()
    }

    /// When there is something to do though nothing came.
    pub(super) fn due(&self) -> Option<Moment> {
        self.sender.due().map(|due| Moment::default().after(due))
    }

    /// Reads and writes what can be read and written.
    pub(super) fn exchange(
        &mut self,
        socket: &mut Socket,
        outbox: &mut Outbox,
        now: Moment,
        ledger: &Ledger,
        is_ending: bool,
    ) -> Result<(), LinkEnd> {
        let is_open = socket.read_into(&mut self.input, BUFFER_LIMIT)?;
        self.read(outbox, now)?;
        if !is_open {
            return Err(LinkEnd::Broken("the daemon has closed the connection".into()));
        }
        self.sender.beat(now.as_duration(), ledger).map_err(|error| LinkEnd::Broken(error.to_string()))?;
        loop {
            self.send(outbox, now);
            if is_ending && outbox.is_empty() && self.sender.is_open() && !self.is_leaving {
                self.sender.report(now.as_duration(), ledger);
                self.is_leaving = self.sender.bye().is_ok();
            }
            let before = self.sender.output().len();
            socket.write_from(self.sender.output())?;
            let is_through = self.sender.output().is_empty();
            if before == 0 || !is_through {
                return Ok(());
            }
        }
    }

    fn read(&mut self, outbox: &mut Outbox, now: Moment) -> Result<(), LinkEnd> {
        let mut consumed = 0;
        loop {
            let step = match self.sender.advance(&self.input[consumed..], now.as_duration()) {
                Ok(step) => step,
                Err(NativeError::NotNative { first: 0xff }) => return Err(LinkEnd::IsOriginal),
                Err(error) => return Err(LinkEnd::Broken(error.to_string())),
            };
            consumed += step.consumed;
            let Some(notice) = step.item else {
                if step.consumed == 0 {
                    break;
                }
                continue;
            };
            match notice {
                Notice::Welcomed { resume, .. } => outbox.acked(resume.previous()),
                Notice::Acked { high_water } => outbox.acked(high_water),
                Notice::Rewound { .. } => {}
                Notice::RolledBack { .. } => {
                    self.sender = Sender::new(draw_stream(&mut self.random), Role::Application);
                    self.session = 0;
                    outbox.forget_numbers();
                    return Err(LinkEnd::Broken("the daemon knows more of this stream than was sent".into()));
                }
                Notice::Busy { retry } => {
                    return Err(LinkEnd::Later(retry, "the daemon is busy, its spool may be full".into()));
                }
                Notice::Refused { text, .. } => {
                    return Err(LinkEnd::Later(REFUSED_WAIT, format!("the daemon refuses: {text}")));
                }
                Notice::GoingAway { text, .. } => {
                    return Err(LinkEnd::Broken(format!("the daemon goes away: {text}")));
                }
                Notice::Farewell => return Err(LinkEnd::Farewell),
            }
        }
        self.input.drain(..consumed);
        Ok(())
    }

    /// Puts batches into the output, in order, as far as credit and room allow.
    fn send(&mut self, outbox: &mut Outbox, now: Moment) {
        while self.sender.output().len() < OUTPUT_BYTES {
            let Some(seq) = self.sender.next_to_send() else { return };
            if seq >= self.sender.next_seq() {
                match outbox.next_length() {
                    Some(length) if self.sender.may_send(length) => {
                        let seq = self.sender.number();
                        outbox.number(seq, now);
                    }
                    _ => return,
                }
            }
            let sent = match outbox.entry(seq) {
                Some(Entry::Batch { events, bytes }) if self.sender.may_send(bytes.len()) => {
                    Batch::plain(seq, events, bytes).and_then(|batch| self.sender.send(&batch))
                }
                Some(Entry::Lost(lost)) if self.sender.may_send(0) => self.sender.lost(&lost),
                _ => return,
            };
            sent.expect("BUG: a batch within all limits, in its turn and within the credit was not taken");
        }
    }
}

fn draw_stream(random: &mut Random) -> StreamId {
    let incarnation = Incarnation::current();
    StreamId(u128::from(random.number(incarnation)) << 64 | u128::from(random.number(incarnation)))
}
