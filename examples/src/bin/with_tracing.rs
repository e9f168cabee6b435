//! `with_tracing`: a program that is instrumented with tracing; its spans become events.
//!
//! `BLUEOX_HOST=127.0.0.1 with_tracing` sends them to the oxd of this machine; without BLUEOX_HOST nothing is recorded.

use std::time::Duration;
use tracing::{Instrument, Span, field, info, info_span, instrument};
use tracing_subscriber::layer::SubscriberExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    blueox::init()?;
    blueox::install_panic_hook();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(blueox_tracing::layer()))?;
    let nights: Vec<_> = (1..=3).map(|night| tokio::spawn(report(night))).collect();
    for night in nights {
        let _ = night.await; // one that panicked has an event that says so
    }
    let account = blueox::shutdown(Duration::from_secs(30));
    println!("{} events, {} on the daemon's disk", account.produced, account.accepted);
    Ok(())
}

/// The event `report`, its id that of all below it.
#[instrument(fields(pages = field::Empty))]
async fn report(night: u32) {
    let rows = rows(night).await.unwrap_or_default();
    Span::current().record("pages", rows.len()); // declared above
    blueox::set("rows", &rows); // not declared: the context is BlueOx's own
    print(rows.len()).instrument(info_span!("print", copies = 2)).await;
}

/// The event `report.rows`; when it fails, with an `exception`.
#[instrument(err)]
async fn rows(night: u32) -> Result<Vec<u32>, std::num::TryFromIntError> {
    tokio::time::sleep(Duration::from_millis(5)).await;
    let count = u8::try_from(night * 100)?;
    Ok((0..u32::from(count) / 50).collect())
}

async fn print(pages: usize) {
    info!(pages, "printing"); // the event report.print.log
    assert_ne!(pages, 0, "nothing to print");
}
