//! What is measured: the same work, recorded by different libraries.

use super::others;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// The loop and the values alone.
    Nothing,
    /// BlueOx without a configuration.
    Unconfigured,
    /// BlueOx, sent to an oxd.
    Sent,
    /// BlueOx, sampled away.
    SampledAway,
    /// A span of tracing, written as JSON to a file when it closes.
    TracingJson,
    /// A span of tracing that a subscriber takes and throws away.
    TracingDiscarded,
    /// A span of tracing without a subscriber.
    TracingNone,
    /// A local span of fastrace, with a reporter that throws it away.
    Fastrace,
}

impl Subject {
    pub(super) const ALL: [Self; 8] = [
        Self::Nothing,
        Self::Unconfigured,
        Self::Sent,
        Self::SampledAway,
        Self::TracingJson,
        Self::TracingDiscarded,
        Self::TracingNone,
        Self::Fastrace,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "the loop alone",
            Self::Unconfigured => "**blueox, not configured**",
            Self::Sent => "**blueox, recorded and sent to an oxd**",
            Self::SampledAway => "**blueox, sampled away**",
            Self::TracingJson => "tracing, span as JSON to a file",
            Self::TracingDiscarded => "tracing, a subscriber that discards",
            Self::TracingNone => "tracing, no subscriber",
            Self::Fastrace => "fastrace, a reporter that discards",
        }
    }

    /// Calls `measure` while the library is set up for this.
    pub(super) fn prepared<R>(
        self,
        daemon: &str,
        directory: &Path,
        measure: impl FnOnce() -> anyhow::Result<R>,
    ) -> anyhow::Result<R> {
        match self {
            Self::Sent | Self::SampledAway => {
                blueox::configure(blueox::Config::to(daemon).memory(64 << 20))?;
                let measured = measure();
                let account = blueox::shutdown(Duration::from_secs(60));
                anyhow::ensure!(account.dropped == 0, "events were dropped, which is cheaper: {account:?}");
                measured
            }
            Self::TracingJson => others::with_tracing_json(&directory.join("tracing.json"), measure),
            Self::TracingDiscarded => others::with_tracing_discarded(measure),
            Self::Fastrace => others::with_fastrace(measure),
            Self::Nothing | Self::Unconfigured | Self::TracingNone => measure(),
        }
    }

    /// The work, so many times.
    pub(super) fn repeat(self, times: u32) {
        for n in 0..times {
            let work = Work::new(n);
            match self {
                Self::Nothing => drop(black_box(&work)),
                Self::Unconfigured | Self::Sent => {
                    let _request = blueox::context("request");
                    work.set();
                }
                Self::SampledAway => {
                    let _request = blueox::builder("request").sample(".", 0.0).enter();
                    work.set();
                }
                Self::TracingJson | Self::TracingDiscarded | Self::TracingNone => others::tracing_span(&work),
                Self::Fastrace => others::fastrace_span(&work),
            }
        }
    }
}

/// The five values of a request.
pub(super) struct Work {
    pub(super) path: &'static str,
    pub(super) user: u64,
    pub(super) status: u64,
    pub(super) bytes: u64,
    pub(super) ratio: f64,
}

impl Work {
    fn new(n: u32) -> Self {
        let n = u64::from(black_box(n));
        Self {
            path: black_box("/cart/checkout"),
            user: n * 7919,
            status: 200 + n % 5,
            bytes: 5120 + n,
            ratio: n as f64 * 0.25,
        }
    }

    fn set(&self) {
        blueox::set("path", self.path);
        blueox::set("user", self.user);
        blueox::set("response.status", self.status);
        blueox::set("response.bytes", self.bytes);
        blueox::set("ratio", self.ratio);
    }
}
