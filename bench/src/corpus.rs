//! Made-up traffic that is like real one: skewed endpoints and users, 20 types, trees of 1 to 200 events, 300 bytes to 3 KB.
//!
//! The same seed gives the same bytes. What is drawn where: `Chance` is splitmix64 (S. Vigna); ranks are Zipf's, durations
//! log-normal.

use anyhow::Context;
use blueox_event::time::UtcDay;
use blueox_event::{EventId, Value};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// 2012-03-13 00:00 UTC
const BEGIN: f64 = 1_331_596_800.0;
const DAY: f64 = 86_400.0;
/// What a request of a customer may be about, the most frequent first.
const ENDPOINTS: [&str; 24] = [
    "/",
    "/search",
    "/products/{}",
    "/cart",
    "/cart/add",
    "/login",
    "/checkout",
    "/account",
    "/orders",
    "/orders/{}",
    "/api/v1/prices",
    "/api/v1/stock",
    "/api/v1/recommend",
    "/images/{}",
    "/help",
    "/wishlist",
    "/reviews/{}",
    "/payment",
    "/payment/callback",
    "/logout",
    "/newsletter",
    "/export",
    "/admin",
    "/admin/report",
];
/// The types below a request or a job, the most frequent first.
const CHILDREN: [&str; 6] = ["sql", "cache", "http", "render", "auth", "search"];
/// The types at the top, the most frequent first.
const TOPS: [&str; 8] =
    ["request", "job", "webhook", "session", "cron.cleanup", "payment", "email", "deploy"];
const WORDS: [&str; 32] = [
    "price",
    "customer",
    "order",
    "stock",
    "shipment",
    "invoice",
    "refund",
    "basket",
    "discount",
    "warehouse",
    "country",
    "currency",
    "delivery",
    "address",
    "coupon",
    "supplier",
    "timeout",
    "retry",
    "connection",
    "pool",
    "index",
    "lookup",
    "token",
    "session",
    "expired",
    "missing",
    "upstream",
    "gateway",
    "partial",
    "queue",
    "worker",
    "lock",
];

/// Draws.
#[derive(Debug, Clone)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, count: usize) -> usize {
        (self.share() * count as f64) as usize
    }

    /// A rank, of which the first is the most frequent: about Zipf's law with exponent 1.
    fn rank(&mut self, count: usize) -> usize {
        (((count as f64 + 1.0).powf(self.share())) as usize - 1).min(count - 1)
    }

    /// Around a median, with a long tail.
    fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let (a, b) = (self.share().max(1e-12), self.share());
        let normal = (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos();
        median * (sigma * normal).exp()
    }

    fn text(&mut self, words: usize) -> String {
        let words: Vec<&str> = (0..words).map(|_| WORDS[self.rank(WORDS.len())]).collect();
        words.join(" ")
    }
}

/// What was written.
#[derive(Debug, Default)]
pub(crate) struct Corpus {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    /// Events by type.
    pub(crate) types: BTreeMap<String, u64>,
    /// The id of a trace somewhere in the middle, and of how many events.
    pub(crate) trace: Option<(String, u64)>,
}

struct Files {
    root: PathBuf,
    open: BTreeMap<PathBuf, BufWriter<File>>,
    corpus: Corpus,
}

/// Writes day files below `root` until they have so many bytes, spread evenly over so many days.
pub(crate) fn write(root: &Path, bytes: u64, days: u32, seed: u64) -> anyhow::Result<Corpus> {
    let mut chance = Chance(seed);
    let mut files = Files { root: root.to_owned(), open: BTreeMap::new(), corpus: Corpus::default() };
    while files.corpus.bytes < bytes {
        // Time follows what has been written: so the last second is reached with the last byte.
        let at = BEGIN + DAY * f64::from(days) * (files.corpus.bytes as f64 / bytes as f64);
        tree(&mut chance, at, &mut files)?;
    }
    for (_, file) in files.open {
        file.into_inner()?.sync_data()?;
    }
    Ok(files.corpus)
}

/// One unit of work and all below it.
fn tree(chance: &mut Chance, at: f64, files: &mut Files) -> anyhow::Result<()> {
    let mut random = [0; 12];
    random[..8].copy_from_slice(&chance.next().to_be_bytes());
    let id = EventId::new(at as u32, random).to_string();
    let top = TOPS[chance.rank(TOPS.len())];
    let host = format!("web-{}", 1 + chance.rank(6));
    // Most have a few sub-events, some have very many.
    let count = (chance.log_normal(3.0, 1.1) as usize).min(199);
    let took = chance.log_normal(0.06, 0.9) + count as f64 * 0.002;
    let start = at - took;
    for number in 0..count {
        let kind = CHILDREN[chance.rank(CHILDREN.len())];
        let begin = start + took * (number as f64 / count as f64);
        let child = took / count as f64 * chance.share();
        let body = child_body(chance, kind);
        let name =
            if top == "request" || top == "job" { format!("{top}.{kind}") } else { format!("job.{kind}") };
        files.put(&name, begin + child, &event(&name, &id, &host, begin, begin + child, body))?;
    }
    let body = top_body(chance, top, took);
    files.put(top, at, &event(top, &id, &host, start, at, body))?;
    if count > 40 && files.corpus.trace.is_none() && files.corpus.events > 10_000 {
        files.corpus.trace = Some((id, count as u64 + 1));
    }
    Ok(())
}

fn event(name: &str, id: &str, host: &str, start: f64, end: f64, body: Value) -> Vec<u8> {
    Value::map([
        ("id", Value::from(id)),
        ("type", Value::from(name)),
        ("host", Value::from(host)),
        ("pid", Value::from(4_000 + host.len() as u32 * 7)),
        ("start", Value::from(start)),
        ("end", Value::from(end)),
        ("body", body),
    ])
    .to_msgpack()
}

fn top_body(chance: &mut Chance, top: &str, took: f64) -> Value {
    let endpoint = ENDPOINTS[chance.rank(ENDPOINTS.len())];
    let user = chance.rank(50_000) as u64;
    let failed = chance.share() < if endpoint == "/payment" { 0.08 } else { 0.01 };
    let status: u32 =
        if failed { 500 + chance.below(4) as u32 } else { [200, 200, 200, 304, 404][chance.rank(5)] };
    let version = format!("2.{}.{}", 10 + chance.rank(3), chance.rank(4));
    let mut body = vec![
        ("endpoint", Value::from(endpoint)),
        (
            "request",
            Value::map([
                ("method", Value::from(["GET", "POST", "PUT"][chance.rank(3)])),
                ("path", Value::from(endpoint.replace("{}", &chance.rank(4_000).to_string()))),
                (
                    "user_agent",
                    Value::from(format!("Mozilla/5.0 (X11; Linux x86_64; rv:{}.0)", 110 + chance.rank(20))),
                ),
                ("bytes", Value::from(chance.log_normal(700.0, 1.0) as u64)),
            ]),
        ),
        (
            "response",
            Value::map([
                ("status", Value::from(status)),
                ("size", Value::from(chance.log_normal(9_000.0, 1.2) as u64)),
            ]),
        ),
        (
            "user",
            Value::map([
                ("id", Value::from(user)),
                ("plan", Value::from(["free", "pro", "team"][chance.rank(3)])),
            ]),
        ),
        ("version", Value::from(version)),
        ("cpu", Value::from(took * chance.share())),
        ("kind", Value::from(top)),
    ];
    if chance.share() < 0.3 {
        let tags = (0..1 + chance.rank(4)).map(|_| Value::from(WORDS[chance.rank(WORDS.len())]));
        body.push(("tags", Value::Array(tags.collect())));
    }
    if failed {
        let words = 40 + chance.below(250);
        body.push((
            "exception",
            Value::from(format!("Traceback (most recent call last):\n{}", chance.text(words))),
        ));
    }
    let words = 4 + chance.rank(120);
    body.push(("message", Value::from(chance.text(words))));
    Value::map(body)
}

fn child_body(chance: &mut Chance, kind: &str) -> Value {
    let (table, words) = (WORDS[chance.rank(12)], 6 + chance.rank(60));
    match kind {
        "sql" => Value::map([
            (
                "query",
                Value::from(format!(
                    "SELECT {} FROM {table} WHERE id = ?",
                    chance.text(words).replace(' ', ", ")
                )),
            ),
            ("rows", Value::from(chance.rank(1_000) as u64)),
            ("table", Value::from(table)),
        ]),
        "cache" => Value::map([
            ("key", Value::from(format!("{table}:{}", chance.rank(100_000)))),
            ("hit", Value::Bool(chance.share() < 0.85)),
            ("note", Value::from(chance.text(words))),
        ]),
        _ => Value::map([
            ("target", Value::from(format!("https://{table}.shop.example/v1/{kind}"))),
            ("attempts", Value::from(1 + chance.rank(3) as u64)),
            ("detail", Value::from(chance.text(words))),
        ]),
    }
}

impl Files {
    fn put(&mut self, name: &str, end: f64, bytes: &[u8]) -> anyhow::Result<()> {
        let day = UtcDay::of(end.max(BEGIN) as i64);
        let path = self.root.join(day.to_string()).join(format!("{name}-{day}.log"));
        if !self.open.contains_key(&path) {
            fs::create_dir_all(path.parent().expect("BUG: it stands in a day's directory"))?;
            let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
            self.open.insert(path.clone(), BufWriter::with_capacity(1 << 18, file));
        }
        self.open.get_mut(&path).expect("BUG: inserted above").write_all(bytes)?;
        self.corpus.events += 1;
        self.corpus.bytes += bytes.len() as u64;
        *self.corpus.types.entry(name.to_owned()).or_default() += 1;
        Ok(())
    }
}
