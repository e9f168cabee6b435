//! Spans and events of tracing, as they arrive.

mod events;
mod spans;

use blueox::testing::{Capture, capture};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

/// A subscriber with the layer for this thread, and what it records.
fn subscribed() -> (Capture, DefaultGuard) {
    let subscriber = tracing_subscriber::registry().with(blueox_tracing::layer());
    (capture(), tracing::subscriber::set_default(subscriber))
}

fn types(events: &Capture) -> Vec<String> {
    events.all().iter().map(blueox::testing::CapturedEvent::type_name).collect()
}
