//! Looking at a large day file: ours and the original's oxview.

use crate::clock::{self, Stopwatch};
use crate::usage;
use anyhow::{Context, bail};
use blueox_event::{EventId, Value};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

pub(crate) const FILTER: &str = "type = request* and body.response.status >= 500";

/// A day file of made-up requests, and a piece from its beginning; both are removed when this is dropped.
#[derive(Debug)]
pub(crate) struct LargeFile {
    pub(crate) whole: PathBuf,
    pub(crate) whole_bytes: u64,
    pub(crate) piece: PathBuf,
    pub(crate) piece_bytes: u64,
    pub(crate) events: u64,
    /// How many match [`FILTER`].
    pub(crate) matching: u64,
    _directory: TempDir,
}

impl LargeFile {
    /// Writes events until the files have at least so many bytes.
    pub(crate) fn write(directory: &Path, whole_bytes: u64, piece_bytes: u64) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("oxbench-").tempdir_in(directory)?;
        let mut file = Self {
            whole: directory.path().join("request-20120313.log"),
            whole_bytes: 0,
            piece: directory.path().join("piece-20120313.log"),
            piece_bytes: 0,
            events: 0,
            matching: 0,
            _directory: directory,
        };
        let mut whole = BufWriter::with_capacity(1 << 20, File::create(&file.whole)?);
        let mut piece = BufWriter::with_capacity(1 << 20, File::create(&file.piece)?);
        while file.whole_bytes < whole_bytes {
            let bytes = request(file.events);
            whole.write_all(&bytes)?;
            if file.piece_bytes < piece_bytes {
                piece.write_all(&bytes)?;
                file.piece_bytes += bytes.len() as u64;
            }
            file.whole_bytes += bytes.len() as u64;
            file.matching += u64::from(status(file.events) >= 500);
            file.events += 1;
        }
        // What is still to be written back would disturb what is measured.
        whole.into_inner()?.sync_data()?;
        piece.into_inner()?.sync_data()?;
        Ok(file)
    }
}

/// One in fifty has failed.
fn status(number: u64) -> u32 {
    if number.is_multiple_of(50) { 503 } else { 200 }
}

/// About 650 bytes, in the order of keys that the original's clients have.
fn request(number: u64) -> Vec<u8> {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let end = 1_331_640_000.0 + number as f64 * 0.04;
    let mut random = [0; 12];
    random[4..].copy_from_slice(&mixed.to_be_bytes());
    let user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    Value::map([
        ("id", Value::from(EventId::new(end as u32, random).to_string())),
        ("type", Value::from("request")),
        ("host", Value::from(format!("web-{}", 1 + mixed % 4))),
        ("pid", Value::from(4_121u32)),
        ("start", Value::from(end - (mixed % 997) as f64 / 1e4)),
        ("end", Value::from(end)),
        (
            "body",
            Value::map([
                ("endpoint", Value::from("/products/{}")),
                (
                    "request",
                    Value::map([
                        ("method", Value::from("GET")),
                        ("path", Value::from(format!("/products/sku-{:04}?page={}", mixed % 800, mixed % 7))),
                        ("user_agent", Value::from(user_agent)),
                        ("referer", Value::from("https://shop.example/search?q=blue+ox&sort=price")),
                    ]),
                ),
                ("user", Value::map([("id", Value::from(mixed % 5_000)), ("locale", Value::from("en_GB"))])),
                ("sql", Value::map([("count", Value::from(3u32)), ("seconds", Value::from(0.0123))])),
                ("cache", Value::map([("hits", Value::from(5u32)), ("misses", Value::from(1u32))])),
                ("message", Value::from("x".repeat(100 + (mixed % 100) as usize))),
                ("version", Value::from("2.14.0")),
                (
                    "response",
                    Value::map([
                        ("status", Value::from(status(number))),
                        ("size", Value::from(mixed % 60_000)),
                    ]),
                ),
            ]),
        ),
    ])
    .to_msgpack()
}

/// How long a command took, and what it used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) wall_seconds: f64,
    pub(crate) cpu_seconds: f64,
}

/// Runs a command that prints to /dev/null, with `input` piped into it by cat if there is one.
pub(crate) fn run(program: &Path, arguments: &[&str], input: Option<&Path>) -> anyhow::Result<Cost> {
    let (cpu, watch) = (usage::children_cpu()?, Stopwatch::start());
    let mut command = prepare(program, arguments);
    command.stdout(Stdio::null());
    let mut cat = None;
    if let Some(input) = input {
        let mut feeding = Command::new("cat").arg(input).stdout(Stdio::piped()).spawn()?;
        command.stdin(feeding.stdout.take().expect("BUG: it was piped"));
        cat = Some(feeding);
    }
    let output = command.output().with_context(|| format!("cannot start {}", program.display()))?;
    let wall_seconds = watch.seconds();
    if let Some(mut cat) = cat {
        cat.wait()?;
    }
    check(program, output.status, &output.stderr)?;
    Ok(Cost { wall_seconds, cpu_seconds: usage::children_cpu()? - cpu })
}

/// How many lines a command prints.
pub(crate) fn lines(program: &Path, arguments: &[&str]) -> anyhow::Result<u64> {
    let output = prepare(program, arguments).output()?;
    check(program, output.status, &output.stderr)?;
    Ok(output.stdout.iter().filter(|byte| **byte == b'\n').count() as u64)
}

/// When the first line of a command was there, and when it had ended after its reader was gone: `command | head -1`.
pub(crate) fn head(program: &Path, arguments: &[&str]) -> anyhow::Result<(f64, f64)> {
    let watch = Stopwatch::start();
    let mut child = prepare(program, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("BUG: it was piped")).read_line(&mut line)?;
    let first = watch.seconds();
    // The reader was dropped: the pipe is closed.
    let output = child.wait_with_output()?;
    let ended = watch.seconds();
    check(program, output.status, &output.stderr)?;
    if line.is_empty() {
        bail!("{} printed nothing", program.display());
    }
    Ok((first, ended))
}

fn prepare(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).env("TZ", "UTC").env("NO_COLOR", "1");
    command
}

fn check(program: &Path, status: std::process::ExitStatus, stderr: &[u8]) -> anyhow::Result<()> {
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(stderr);
    bail!("{} ended with {status}: {}", program.display(), said.lines().last().unwrap_or("it said nothing"))
}

/// Reads a file once, so that all who follow find it in memory.
pub(crate) fn warm(path: &Path) -> anyhow::Result<()> {
    std::io::copy(&mut File::open(path)?, &mut std::io::sink())?;
    clock::pause(std::time::Duration::from_millis(200));
    Ok(())
}
