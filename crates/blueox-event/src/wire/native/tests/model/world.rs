//! Agents, collectors and their connections, and all that can happen to them.

use super::super::super::{
    Admission, Arrival, ByteCount, NativeError, Notice, RefusedReason, Role, Seq, StreamId, Welcome,
};
use super::super::{NOW, introduction, welcome};
use super::action::{Action, Budget, Mistake, Setup, To};
use super::agent::Agent;
use super::collector::{Collector, Kind, Record};
use super::link::{Link, frames};
use std::collections::BTreeMap;

/// Two small frames may be under way.
const CREDIT: u64 = 512;

/// A promise that was broken.
#[derive(Debug)]
pub(super) struct Broken(pub(super) String);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    setup: Setup,
    budget: Budget,
    agents: Vec<Agent>,
    collectors: Vec<Collector>,
    links: BTreeMap<u8, Link>,
}

impl World {
    pub(super) fn new(setup: Setup, budget: Budget) -> Self {
        let role = if setup.applications { Role::Application } else { Role::Daemon };
        let agents = (0..setup.agents).map(|n| Agent::new(StreamId(n as u128 + 1), role)).collect();
        let collectors = (0..setup.collectors).map(|_| Collector::new()).collect();
        Self { setup, budget, agents, collectors, links: BTreeMap::new() }
    }

    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for (n, agent) in self.agents.iter().enumerate().filter(|(_, agent)| !agent.has_left) {
            let mut when = |possible: bool, action| actions.extend(possible.then_some(action));
            when(agent.written.get() < self.setup.batches, Action::Write(n));
            when(agent.may_send(), Action::Send(n));
            let has_all = agent.written.get() == self.setup.batches && agent.sender.acked() == agent.written;
            when(self.setup.applications && has_all && agent.sender.is_open(), Action::Bye(n));
            when(self.budget.losses > 0 && agent.next_to_lose().is_some(), Action::Lose(n));
            when(agent.cursor < agent.sender.acked(), Action::Persist(n));
            when(self.budget.agent_crashes > 0, Action::CrashAgent(n));
            if self.budget.connects > 0 {
                actions.extend((0..self.collectors.len()).map(|to| Action::Connect(n, to)));
            }
        }
        for (n, collector) in self.collectors.iter().enumerate() {
            actions.extend((!collector.pending.is_empty()).then_some(Action::Commit(n)));
            actions.extend((self.budget.collector_crashes > 0).then_some(Action::CrashCollector(n)));
        }
        for (&id, link) in &self.links {
            for (to, queue) in [(To::Collector, &link.to_collector), (To::Agent, &link.to_agent)] {
                let mut when = |possible: bool, action| actions.extend(possible.then_some(action));
                let may_confuse = self.budget.confusions > 0;
                when(!queue.is_empty(), Action::Deliver(id, to));
                when(may_confuse && !queue.is_empty(), Action::Drop(id, to));
                when(may_confuse && !queue.is_empty(), Action::Double(id, to));
                when(may_confuse && queue.len() > 1, Action::Swap(id, to));
            }
            actions.extend((self.budget.cuts > 0).then_some(Action::Cut(id)));
            if link.receiver.high_water().is_some() {
                actions.extend((self.budget.stops > 0).then_some(Action::Grant(id, 0)));
                actions.push(Action::Grant(id, CREDIT));
            }
        }
        actions
    }

    pub(super) fn act(&mut self, action: &Action) -> Result<(), Broken> {
        match *action {
            Action::Write(n) => self.agents[n].write(),
            Action::Connect(n, to) => {
                self.budget.connects -= 1;
                self.connect(n, to);
            }
            Action::Send(n) => self.agents[n].send()?,
            Action::Bye(n) => self.agents[n].sender.bye().map_err(|error| Broken(error.to_string()))?,
            Action::Lose(n) => {
                self.budget.losses -= 1;
                let seq = self.agents[n].next_to_lose();
                self.agents[n].lost.extend(seq);
            }
            Action::Persist(n) => self.agents[n].cursor = self.agents[n].sender.acked(),
            Action::CrashAgent(n) => {
                self.budget.agent_crashes -= 1;
                self.let_go(n);
                self.agents[n].crash(self.setup.applications);
            }
            Action::Commit(n) => self.commit(n)?,
            Action::CrashCollector(n) => {
                self.budget.collector_crashes -= 1;
                self.collectors[n].crash();
                let dead: Vec<u8> =
                    self.links.iter().filter(|(_, link)| link.collector == n).map(|(id, _)| *id).collect();
                dead.into_iter().for_each(|id| self.close(id));
            }
            Action::Deliver(id, To::Collector) => self.deliver_to_collector(id)?,
            Action::Deliver(id, To::Agent) => self.deliver_to_agent(id)?,
            Action::Drop(id, to) => self.confuse(id, to, |queue| drop(queue.pop_front())),
            Action::Double(id, to) => self.confuse(id, to, |queue| queue.extend(queue.front().cloned())),
            Action::Swap(id, to) => self.confuse(id, to, |queue| queue.swap(0, 1)),
            Action::Cut(id) => {
                self.budget.cuts -= 1;
                self.close(id);
            }
            Action::Grant(id, credit) => {
                self.budget.stops -= u8::from(credit == 0);
                let granted = self.links.get_mut(&id).map(|link| link.receiver.grant(ByteCount(credit)));
                granted.transpose().map_err(|error| Broken(error.to_string()))?;
            }
        }
        self.settle()
    }

    fn connect(&mut self, n: usize, to: usize) {
        self.let_go(n);
        let agent = &mut self.agents[n];
        agent.session += 1;
        agent.sender.connect(&introduction(agent.session), NOW);
        let id =
            (0..=u8::MAX).find(|id| !self.links.contains_key(id)).expect("BUG: there are few connections");
        agent.link = Some(id);
        let forgets = self.setup.mistake == Some(Mistake::ForgetsTheFloor);
        self.links.insert(id, Link::new(n, to, forgets));
    }

    /// The agent stops using its connection, which hangs at the other end.
    fn let_go(&mut self, n: usize) {
        if let Some(link) = self.agents[n].link.take().and_then(|id| self.links.get_mut(&id)) {
            link.hangs = true;
            link.to_agent.clear();
        }
        self.agents[n].sender.disconnect();
    }

    /// The connection is gone at both ends, and what is under way with it.
    fn close(&mut self, id: u8) {
        let Some(link) = self.links.remove(&id) else { return };
        if let Some((stream, session)) = link.who {
            self.collectors[link.collector].table.leave(stream, session);
        }
        if self.agents[link.agent].link == Some(id) {
            self.agents[link.agent].link = None;
            self.agents[link.agent].sender.disconnect();
        }
    }

    fn confuse(&mut self, id: u8, to: To, how: impl FnOnce(&mut std::collections::VecDeque<Vec<u8>>)) {
        self.budget.confusions -= 1;
        if let Some(link) = self.links.get_mut(&id) {
            link.is_confused = true;
            how(match to {
                To::Collector => &mut link.to_collector,
                To::Agent => &mut link.to_agent,
            });
        }
    }

    fn deliver_to_collector(&mut self, id: u8) -> Result<(), Broken> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let frame = link.to_collector.pop_front().unwrap_or_default();
        let mut input = &frame[..];
        loop {
            let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
            let step = match link.receiver.advance(input) {
                Ok(step) => step,
                Err(error) => return self.protocol_error(id, error),
            };
            input = &input[step.consumed..];
            let Some(arrival) = step.item else { return Ok(()) };
            self.arrived(id, arrival)?;
        }
    }

    fn arrived(&mut self, id: u8, arrival: Arrival<'_>) -> Result<(), Broken> {
        let (kind, first, last, gap, cost) = match arrival {
            Arrival::Hello(hello) => return self.hello(id, hello.stream, hello.sender.session),
            Arrival::Ping(_) => return Ok(()),
            Arrival::Data { batch, gap } => {
                if batch.payload != super::super::payload(batch.seq.get()) {
                    return Err(Broken(format!("{batch:?} has another batch's payload")));
                }
                (Kind::Data, batch.seq, batch.seq, gap, 256)
            }
            Arrival::Lost { lost, gap } => (Kind::Lost, lost.numbers.first(), lost.numbers.last(), gap, 256),
            Arrival::Bye { last_seq, gap } => (Kind::End, last_seq, last_seq, gap, 0),
        };
        let link = &mut self.links.get_mut(&id).expect("BUG: it has just brought something");
        let (stream, session) = link.who.expect("BUG: HELLO comes first");
        let collector = &mut self.collectors[link.collector];
        if let Some(gap) = gap {
            let (first, last) = (gap.first(), gap.last());
            collector.pending.push(Record {
                stream,
                kind: Kind::Gap,
                first,
                last,
                link: id,
                session,
                cost: 0,
            });
        }
        collector.pending.push(Record { stream, kind, first, last, link: id, session, cost });
        if matches!(self.setup.mistake, Some(Mistake::AckBeforeDurable | Mistake::AckBeforeDurableUnseen)) {
            link.receiver.durable(last).map_err(|error| Broken(error.to_string()))?;
        }
        Ok(())
    }

    fn hello(
        &mut self,
        id: u8,
        stream: StreamId,
        session: super::super::super::Session,
    ) -> Result<(), Broken> {
        let link = self.links.get_mut(&id).expect("BUG: it has just brought HELLO");
        let collector = &mut self.collectors[link.collector];
        if self.setup.mistake != Some(Mistake::NoFence) {
            match collector.table.enter(stream, session) {
                Admission::Enters => {}
                Admission::Refused { .. } | Admission::Full => {
                    let refused = link.receiver.refuse(RefusedReason::Session, "");
                    return refused.map_err(|error| Broken(error.to_string()));
                }
                Admission::TakesOver { previous } => {
                    let is_old = |link: &Link| link.who == Some((stream, previous));
                    let old = self.links.iter().find(|(_, link)| is_old(link)).map(|(id, _)| *id);
                    old.into_iter().for_each(|id| self.close(id));
                }
            }
        }
        let link = self.links.get_mut(&id).expect("BUG: another one was closed");
        link.who = Some((stream, session));
        link.waits = true;
        Ok(())
    }

    fn deliver_to_agent(&mut self, id: u8) -> Result<(), Broken> {
        let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
        let frame = link.to_agent.pop_front().unwrap_or_default();
        let agent = &mut self.agents[link.agent];
        let mut input = &frame[..];
        loop {
            let step = match agent.sender.advance(input, NOW) {
                Ok(step) => step,
                Err(error) => return self.protocol_error(id, error),
            };
            input = &input[step.consumed..];
            match step.item {
                None => return Ok(()),
                Some(Notice::RolledBack { high_water, last }) => {
                    return Err(Broken(format!("rolled back? {high_water} of {last}")));
                }
                Some(Notice::Farewell) => agent.has_left = true,
                Some(_) => {}
            }
        }
    }

    fn protocol_error(&mut self, id: u8, error: NativeError) -> Result<(), Broken> {
        if self.links.get(&id).is_some_and(|link| !link.is_confused) {
            return Err(Broken(format!("protocol error on an orderly network: {error}")));
        }
        self.close(id);
        Ok(())
    }

    fn commit(&mut self, n: usize) -> Result<(), Broken> {
        for record in self.collectors[n].commit()? {
            let still_there = |link: &&mut Link| link.who == Some((record.stream, record.session));
            let Some(link) = self.links.get_mut(&record.link).filter(still_there) else { continue };
            let told = link.receiver.durable(record.last);
            let told =
                if record.kind == Kind::End { told.and_then(|()| link.receiver.farewell()) } else { told };
            // A connection that was taken down by an error is acked no more.
            if told.is_err() && !link.is_confused {
                return Err(Broken(format!("{record:?} cannot be acked: {told:?}")));
            }
        }
        Ok(())
    }

    /// What happens at once: HELLO is answered when it may be, output gets under way, dead connections go.
    fn settle(&mut self) -> Result<(), Broken> {
        for link in self.links.values_mut().filter(|link| link.waits) {
            let collector = &self.collectors[link.collector];
            let Some((stream, _)) = link.who else { continue };
            let is_settled = collector.pending.iter().all(|record| record.stream != stream);
            if is_settled || matches!(self.setup.mistake, Some(Mistake::HastyWelcome | Mistake::NoFence)) {
                let high_water = collector.mark(stream);
                let answer = Welcome { high_water, ..welcome(0, CREDIT) };
                link.receiver.welcome(&answer).map_err(|error| Broken(error.to_string()))?;
                link.waits = false;
            }
        }
        for link in self.links.values_mut() {
            let written = frames(&std::mem::take(link.receiver.output()));
            if self.setup.mistake != Some(Mistake::AckBeforeDurableUnseen) {
                let stored = link.who.map(|(stream, _)| self.collectors[link.collector].stored_up_to(stream));
                written.iter().try_for_each(|frame| check_ack(frame, stored.unwrap_or_default()))?;
            }
            if !link.hangs {
                link.to_agent.extend(written);
            }
        }
        for agent in &mut self.agents {
            let written = frames(&std::mem::take(agent.sender.output()));
            if let Some(link) = agent.link.and_then(|id| self.links.get_mut(&id)) {
                link.to_collector.extend(written);
            }
        }
        let is_dead = |link: &Link| link.hangs && link.to_collector.is_empty();
        let dead: Vec<u8> = self.links.iter().filter(|(_, link)| is_dead(link)).map(|(id, _)| *id).collect();
        dead.into_iter().for_each(|id| self.close(id));
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), Broken> {
        for agent in &self.agents {
            for seq in (1..=agent.sender.acked().max(agent.cursor).get()).map(Seq::new) {
                let stored = |collector: &Collector| match collector.store.get(&(agent.stream, seq)) {
                    Some(Kind::Data) => true,
                    Some(Kind::Lost) => agent.lost.contains(&seq),
                    _ => false,
                };
                if !self.collectors.iter().any(stored) {
                    return Err(Broken(format!("{seq} is acked and not stored")));
                }
            }
        }
        for (id, link) in &self.links {
            let pending = self.collectors[link.collector].pending.iter();
            let costs: Vec<u64> = pending
                .filter(|record| link.who == Some((record.stream, record.session)) && record.cost > 0)
                .map(|record| record.cost)
                .collect();
            let is_early = self.setup.mistake.is_some();
            if costs.len() > 1 && costs.iter().sum::<u64>() > CREDIT && !is_early {
                return Err(Broken(format!("{costs:?} bytes are under way on {id}, {CREDIT} were granted")));
            }
        }
        Ok(())
    }

    pub(super) fn has_overlap(&self) -> bool {
        let [first, second] = &self.collectors[..] else { return false };
        let has = |other: &Collector, key, kind: &Kind| {
            *kind == Kind::Data && other.store.get(key) == Some(&Kind::Data)
        };
        first.store.iter().any(|(key, kind)| has(second, key, kind))
    }

    /// No more faults: everybody connects to the first collector until all that was written is acked.
    pub(super) fn heal(&mut self) -> Result<(), Broken> {
        self.budget = Budget::NONE;
        for n in 0..self.agents.len() {
            if self.agents[n].has_left {
                continue;
            }
            self.connect(n, 0);
            self.settle()?;
        }
        for _ in 0..1000 {
            let useful = |action: &Action| {
                !matches!(action, Action::Write(_) | Action::Grant(..) | Action::Persist(_))
            };
            let Some(action) = self.actions().into_iter().find(useful) else { break };
            self.act(&action)?;
            self.check()?;
        }
        for agent in &self.agents {
            if agent.sender.acked() != agent.written {
                return Err(Broken(format!("not all is acked: {agent:?}")));
            }
        }
        Ok(())
    }
}

/// An ACK or a WELCOME says no more than is durable.
fn check_ack(frame: &[u8], durable: Seq) -> Result<(), Broken> {
    let at = match frame[0] {
        5 => 12,
        2 => 12 + 24,
        _ => return Ok(()),
    };
    let high_water = frame[at..at + 8].iter().rev().fold(0u64, |n, byte| n << 8 | u64::from(*byte));
    if high_water > durable.get() {
        return Err(Broken(format!("a collector acks {high_water} when {durable} is durable")));
    }
    Ok(())
}
