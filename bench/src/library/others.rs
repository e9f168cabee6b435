//! The other libraries.

use super::subject::Work;
use anyhow::Context;
use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use std::borrow::Cow;
use std::fs::File;
use std::path::Path;
use tracing_subscriber::fmt::format::FmtSpan;

/// tracing-subscriber's own JSON, one line when a span closes.
pub(super) fn with_tracing_json<R>(
    path: &Path,
    measure: impl FnOnce() -> anyhow::Result<R>,
) -> anyhow::Result<R> {
    let file = File::create(path).with_context(|| path.display().to_string())?;
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(std::sync::Mutex::new(file))
        .finish();
    let measured = tracing::subscriber::with_default(subscriber, measure);
    std::fs::remove_file(path)?;
    measured
}

/// Wants everything and does nothing.
struct Discard;

impl tracing::Subscriber for Discard {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

pub(super) fn with_tracing_discarded<R>(measure: impl FnOnce() -> anyhow::Result<R>) -> anyhow::Result<R> {
    tracing::subscriber::with_default(Discard, measure)
}

pub(super) fn tracing_span(work: &Work) {
    let Work { path, user, status, bytes, ratio } = work;
    let _span = tracing::info_span!("request", path, user, status, bytes, ratio).entered();
}

struct Nowhere;

impl Reporter for Nowhere {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        drop(spans);
    }
}

pub(super) fn with_fastrace<R>(measure: impl FnOnce() -> anyhow::Result<R>) -> anyhow::Result<R> {
    fastrace::set_reporter(Nowhere, Config::default());
    let measured = measure();
    fastrace::flush();
    measured
}

pub(super) fn fastrace_span(work: &Work) {
    let root = fastrace::Span::root("request", SpanContext::random());
    root.add_properties(|| {
        [
            (Cow::Borrowed("path"), Cow::Borrowed(work.path)),
            (Cow::Borrowed("user"), Cow::Owned(work.user.to_string())),
            (Cow::Borrowed("status"), Cow::Owned(work.status.to_string())),
            (Cow::Borrowed("bytes"), Cow::Owned(work.bytes.to_string())),
            (Cow::Borrowed("ratio"), Cow::Owned(work.ratio.to_string())),
        ]
    });
}
