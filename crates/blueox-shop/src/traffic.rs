//! What happens in the shop.

use crate::catalogue::{
    AGENTS, BAD_PRICE, BAD_SEARCH, CRON_HOST, DECLINED, EXPIRE_CARTS, Endpoint, Failure, GIVEN_UP, HOSTS,
    Host, POOL_EXHAUSTED, Query, TROUBLED,
};
use crate::dice::Dice;
use crate::incident::{self, Incident};
use crate::step::Step;
use blueox_event::{EventId, Value};

const CRON_EVERY_SECONDS: f64 = 60.0;
/// In every period of this length web-3 has trouble between these two instants.
const TROUBLE_PERIOD_SECONDS: f64 = 300.0;
const TROUBLE_SECONDS: std::ops::Range<f64> = 200.0..260.0;
const CACHE_HITS: f64 = 0.8;
const SLOW_REQUESTS: f64 = 0.01;
const USERS: u32 = 5_000;
const PRODUCTS: u32 = 800;

/// The shop: what is to happen next follows from the seed and from what happened before.
#[derive(Debug)]
pub struct Shop {
    dice: Dice,
    /// In its place there is trouble on web-3 every now and then.
    incident: Option<Incident>,
    /// The incident's deployment has been told.
    is_deployed: bool,
    /// When the first visit ended, in seconds since the epoch.
    opened: Option<f64>,
    last_cron: f64,
}

/// One visit while it is made up: its events come one after another.
struct Visit<'a> {
    dice: &'a mut Dice,
    id: EventId,
    span: u64,
    host: &'static Host,
    pid: u32,
    /// How far the visit has got, in seconds from its beginning.
    elapsed: f64,
    /// Times are counted from the visit's beginning until [`Visit::end`].
    children: Vec<Step>,
}

impl Shop {
    /// A shop where every five minutes web-3 is in trouble for a minute.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            incident: None,
            is_deployed: false,
            opened: None,
            last_cron: f64::NEG_INFINITY,
        }
    }

    /// A shop where this happens, and nothing else.
    #[must_use]
    pub fn with_incident(seed: u64, incident: Incident) -> Self {
        Self { incident: Some(incident), ..Self::new(seed) }
    }

    /// The events of a visit that ends at `end` seconds since the epoch, children first; once a minute the cron
    /// job's besides.
    pub fn visit(&mut self, end: f64) -> Vec<Step> {
        let since_opening = end - *self.opened.get_or_insert(end);
        let mut steps = self.request(end, since_opening);
        if let Some(incident) = self.incident.filter(|incident| since_opening >= incident.begins)
            && !std::mem::replace(&mut self.is_deployed, true)
        {
            steps.extend(self.deploy(&incident, end));
        }
        if end - self.last_cron >= CRON_EVERY_SECONDS {
            self.last_cron = end;
            steps.extend(self.cron(end));
        }
        steps
    }

    fn request(&mut self, end: f64, since_opening: f64) -> Vec<Step> {
        let endpoint = Endpoint::visited(&mut self.dice);
        let host = self.dice.one_of(&HOSTS);
        let user = self.dice.happens(0.6).then(|| 1 + self.dice.below(USERS));
        let path = endpoint.pattern.replace("{}", &format!("sku-{:04}", self.dice.below(PRODUCTS)));
        let slowness = if self.dice.happens(SLOW_REQUESTS) { 25.0 } else { 1.0 };
        let trouble = self.incident.is_none()
            && TROUBLE_SECONDS.contains(&(since_opening % TROUBLE_PERIOD_SECONDS))
            && host.name == TROUBLED.name
            && !endpoint.queries.is_empty();
        let incident = self.incident;
        let struck = incident.is_some_and(|incident| incident.strikes(endpoint, host, since_opening));
        let is_new = incident.is_some_and(|incident| incident.is_deployed(host, since_opening));
        let version = if is_new { incident::VERSION } else { host.version };
        let bug = self.bug(endpoint);

        let mut visit = Visit::begin(&mut self.dice, host, end);
        visit.work(endpoint.median_seconds / 2.0, slowness);
        let failure = if trouble && visit.dice.happens(0.3) {
            visit.elapsed += 2.0;
            Some(&POOL_EXHAUSTED)
        } else if struck {
            visit.load_without_index(endpoint, user, slowness);
            visit.dice.happens(incident::GIVEN_UP).then_some(&GIVEN_UP).or(bug)
        } else {
            visit.load(endpoint, user, if trouble { 40.0 } else { slowness });
            bug
        };
        visit.work(endpoint.median_seconds / 2.0, 1.0);

        let status = failure.map_or_else(|| visit.status_of(endpoint), |failure| failure.status);
        let median_bytes = if status < 300 { endpoint.median_bytes } else { 300.0 };
        let bytes = visit.dice.effort(median_bytes, 0.4);
        let queries = visit.children.iter().filter(|child| child.type_name == "request.sql").count();
        let mut body = vec![
            ("endpoint", Value::from(endpoint.pattern)),
            (
                "request",
                Value::map([
                    ("method", Value::from(endpoint.method)),
                    ("path", Value::from(path)),
                    ("agent", Value::from(*visit.dice.one_of(&AGENTS))),
                ]),
            ),
            ("response", Value::map([("status", Value::from(status)), ("size", Value::from(bytes as u32))])),
            ("queries", Value::from(queries as u32)),
            ("version", Value::from(version)),
        ];
        if let Some(user) = user {
            body.push(("user", Value::map([("id", Value::from(user))])));
        }
        if let Some(failure) = failure {
            body.push(("exception", exception(failure)));
        }
        visit.end("request", end, Value::map(body))
    }

    fn bug(&mut self, endpoint: &Endpoint) -> Option<&'static Failure> {
        let (failure, probability) = match endpoint.pattern {
            "/orders" => (&DECLINED, 0.06),
            "/search" => (&BAD_SEARCH, 0.005),
            "/cart" | "/cart/lines" => (&BAD_PRICE, 0.008),
            _ => return None,
        };
        let share = if self.incident.is_some() { incident::OTHER_MISTAKES } else { 1.0 };
        self.dice.happens(probability * share).then_some(failure)
    }

    fn deploy(&mut self, incident: &Incident, end: f64) -> Vec<Step> {
        let mut visit = Visit::begin(&mut self.dice, incident.host, end);
        visit.work(4.0, 1.0);
        let body = Value::map([
            ("version", Value::from(incident::VERSION)),
            ("from", Value::from(incident.host.version)),
            ("by", Value::from("release-bot")),
        ]);
        visit.end("deploy", end, body)
    }

    fn cron(&mut self, end: f64) -> Vec<Step> {
        let mut visit = Visit::begin(&mut self.dice, CRON_HOST, end);
        visit.work(0.01, 1.0);
        let removed = visit.query("cron.sql", &EXPIRE_CARTS, 1.0);
        visit.work(0.01, 1.0);
        let body = Value::map([
            ("job", Value::from("expire-carts")),
            ("removed", Value::from(removed)),
            ("version", Value::from(CRON_HOST.version)),
        ]);
        visit.end("cron", end, body)
    }
}

impl<'a> Visit<'a> {
    fn begin(dice: &'a mut Dice, host: &'static Host, end: f64) -> Self {
        let mut random = [0; 12];
        random[..8].copy_from_slice(&dice.number().to_be_bytes());
        random[8..].copy_from_slice(&dice.number().to_be_bytes()[4..]);
        let pid = *dice.one_of(&host.pids);
        let span = dice.number();
        Self {
            dice,
            id: EventId::new(end as u32, random),
            span,
            host,
            pid,
            elapsed: 0.0,
            children: Vec::new(),
        }
    }

    fn work(&mut self, median_seconds: f64, slowness: f64) {
        self.elapsed += self.dice.effort(median_seconds, 0.4) * slowness;
    }

    /// Fetches what the page shows.
    fn load(&mut self, endpoint: &Endpoint, user: Option<u32>, slowness: f64) {
        for query in self.needed(endpoint, user) {
            self.query("request.sql", query, slowness);
        }
    }

    /// What the cache does not spare it.
    fn needed(&mut self, endpoint: &Endpoint, user: Option<u32>) -> &'static [&'static Query] {
        let mut needed = endpoint.queries;
        if let Some(prefix) = endpoint.cache_key {
            let key = match (prefix, user) {
                ("session", Some(user)) => format!("session:{user}"),
                ("home", _) => "home".into(),
                _ => format!("{prefix}:{}", self.dice.below(PRODUCTS)),
            };
            if self.look_up(&key) {
                needed = needed.get(1..).unwrap_or_default();
            }
        }
        needed
    }

    fn look_up(&mut self, key: &str) -> bool {
        let start = self.elapsed;
        self.work(0.0006, 1.0);
        let hit = self.dice.happens(CACHE_HITS);
        let body = Value::map([
            ("op", Value::from("get")),
            ("key", Value::from(key)),
            ("hit", Value::from(hit)),
            ("size", Value::from(if hit { 200 + self.dice.below(8_000) } else { 0 })),
        ]);
        self.child("request.cache", start, body);
        hit
    }

    /// As the new version fetches it: the last query goes over the whole table.
    fn load_without_index(&mut self, endpoint: &Endpoint, user: Option<u32>, slowness: f64) {
        let needed = self.needed(endpoint, user);
        for query in needed.iter().take(needed.len().saturating_sub(1)) {
            self.query("request.sql", query, slowness);
        }
        let start = self.elapsed;
        self.elapsed += self.dice.effort(incident::SLOW_SECONDS, 0.3);
        let table = endpoint.queries.last().map_or("carts", |query| query.table);
        let body = Value::map([
            ("query", Value::from(format!("SELECT * FROM {table} WHERE lower(session) = lower(%s)"))),
            ("table", Value::from(table)),
            ("rows", Value::from(1 + self.dice.below(20))),
            ("plan", Value::from("Seq Scan")),
        ]);
        self.child("request.sql", start, body);
    }

    /// Gives how many rows it was.
    fn query(&mut self, type_name: &'static str, query: &Query, slowness: f64) -> u32 {
        let start = self.elapsed;
        self.work(query.median_seconds, slowness);
        let rows = 1 + self.dice.below(query.max_rows);
        let body = Value::map([
            ("query", Value::from(query.sql)),
            ("table", Value::from(query.table)),
            ("rows", Value::from(rows)),
        ]);
        self.child(type_name, start, body);
        rows
    }

    fn child(&mut self, type_name: &'static str, start: f64, body: Value) {
        let child = Step {
            type_name,
            id: self.id,
            span: self.dice.number(),
            parent: Some(self.span),
            host: self.host.name,
            pid: self.pid,
            start,
            end: self.elapsed,
            body,
        };
        self.children.push(child);
    }

    fn status_of(&mut self, endpoint: &Endpoint) -> u16 {
        match endpoint.pattern {
            "/products/{}" if self.dice.happens(0.02) => 404,
            "/login" if self.dice.happens(0.15) => 401,
            _ if endpoint.method == "GET" && self.dice.happens(0.05) => 304,
            _ => endpoint.status,
        }
    }

    /// All of it, shifted so that it ends at `end`.
    fn end(self, type_name: &'static str, end: f64, body: Value) -> Vec<Step> {
        let start = end - self.elapsed;
        let mut steps = self.children;
        for step in &mut steps {
            step.start += start;
            step.end += start;
        }
        let (id, span, host, pid) = (self.id, self.span, self.host.name, self.pid);
        steps.push(Step { type_name, id, span, parent: None, host, pid, start, end, body });
        steps
    }
}

fn exception(failure: &Failure) -> Value {
    let Failure { type_name, message, raised_in, line, .. } = failure;
    let traceback = format!(
        "Traceback (most recent call last):\n  File \"shop/web.py\", line 40, in dispatch\n    \
         return handler(request)\n  File \"{raised_in}\n    {line}\n{type_name}: {message}\n"
    );
    Value::map([
        ("type", Value::from(*type_name)),
        ("message", Value::from(*message)),
        ("traceback", Value::from(traceback)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::{EncodedEvent, Filter};
    use std::collections::HashSet;

    const NOON: f64 = 1_331_640_000.0;

    fn ten_minutes(seed: u64) -> Vec<Vec<Step>> {
        let mut shop = Shop::new(seed);
        (0..12_000).map(|n| shop.visit(NOON + f64::from(n) / 20.0)).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_events() {
        assert_eq!(ten_minutes(3), ten_minutes(3));
        assert_ne!(ten_minutes(3)[0], ten_minutes(4)[0]);
    }

    #[test]
    fn the_incident_is_where_it_was_planted_and_nowhere_else() {
        let incident = Incident::new(5, 300.0);
        let mut shop = Shop::with_incident(5, incident);
        let steps: Vec<Step> = (0..12_000).flat_map(|n| shop.visit(NOON + f64::from(n) / 20.0)).collect();
        let events: Vec<Vec<u8>> = steps.iter().map(Step::to_msgpack).collect();
        let count = |filter: &str| {
            let filter = Filter::parse(filter).unwrap();
            events.iter().filter(|event| filter.matches(&EncodedEvent::parse(event).unwrap())).count()
        };
        let Incident { endpoint, host, .. } = incident;
        let place = format!(
            "endpoint = \"{}\" and host = {} and version = {}",
            endpoint.pattern,
            host.name,
            incident::VERSION
        );
        let slow = count(&format!("type = request and duration > 700ms and {place}"));
        let given_up = count(&format!("exception.type = GatewayTimeout and {place}"));
        assert!(slow > 20 && given_up > 0, "{place}: {slow} slow, {given_up} given up");
        assert_eq!(count("exception.type = GatewayTimeout"), given_up);
        assert_eq!(count("type = deploy"), 1);
        assert_eq!(count(&format!("version = {} and not host = {}", incident::VERSION, host.name)), 0);
    }

    #[test]
    fn children_stand_before_their_parent_and_lie_within_it() {
        let mut spans = HashSet::new();
        for steps in ten_minutes(1) {
            let mut children = Vec::new();
            for step in steps {
                assert!(spans.insert(step.span), "a span that was there before");
                assert!(step.start <= step.end);
                if step.parent.is_some() {
                    children.push(step);
                    continue;
                }
                for child in children.drain(..) {
                    assert_eq!((child.parent, child.id, child.host), (Some(step.span), step.id, step.host));
                    assert!(child.type_name.starts_with(step.type_name));
                    assert!(step.start <= child.start && child.end <= step.end);
                }
            }
            assert!(children.is_empty(), "children without a parent");
        }
    }

    #[test]
    fn there_is_something_to_see() {
        let events: Vec<Vec<u8>> = ten_minutes(1).iter().flatten().map(Step::to_msgpack).collect();
        let count = |filter: &str| {
            let filter = Filter::parse(filter).unwrap();
            events.iter().filter(|event| filter.matches(&EncodedEvent::parse(event).unwrap())).count()
        };
        assert_eq!(count("type = request"), 12_000);
        assert_eq!(count("type = cron"), 10);
        for (filter, expected) in [
            ("type = request.sql", 10_000..20_000),
            ("type = request.cache", 8_000..10_000),
            ("type = request and response.status >= 500", 100..600),
            ("exception.type = PoolTimeout", 50..400),
            ("exception.type = PoolTimeout and not host = web-3", 0..1),
            ("type = request and duration > 1s", 100..900),
            ("type = request and user.id > 0 and request.path ~ '^/products/sku-'", 1_500..3_500),
        ] {
            let found = count(filter);
            assert!(expected.contains(&found), "{filter}: {found}");
        }
    }
}
