//! Who visits the shop: threads that ask for a page, wait, and ask for the next.

use crate::Arguments;
use blueox_examples::catalogue::{AGENTS, Endpoint};
use blueox_examples::clock::Clock;
use blueox_examples::dice::Dice;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const VISITORS: u64 = 8;

/// Comes to an end when all visits that were asked for are over; without visitors never.
pub(crate) async fn come(arguments: Arguments, shop: SocketAddr) {
    if arguments.rate == 0.0 {
        return std::future::pending().await;
    }
    let left = Arc::new(AtomicU64::new(arguments.visits.unwrap_or(u64::MAX)));
    let visitors: Vec<_> = (0..VISITORS)
        .map(|number| {
            let left = Arc::clone(&left);
            let dice = Dice::new(arguments.seed ^ number << 32);
            tokio::task::spawn_blocking(move || visit(shop, arguments.rate, dice, &left))
        })
        .collect();
    for visitor in visitors {
        let _ = visitor.await; // one who panicked is gone as well
    }
}

fn visit(shop: SocketAddr, rate: f64, mut dice: Dice, left: &AtomicU64) {
    let client: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let is_next = |left: u64| left.checked_sub(1);
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_next).is_ok() {
        Clock.wait_until(Clock.now() + dice.interval(VISITORS as f64 / rate));
        let endpoint = Endpoint::visited(&mut dice);
        let sku = format!("sku-{:04}", dice.below(800));
        let url = format!("http://{shop}{}", endpoint.pattern.replace("{}", &sku));
        let agent = *dice.one_of(&AGENTS);
        // The shop is to fail now and then.
        let _ = match endpoint.method {
            "GET" => client.get(&url).header("user-agent", agent).call(),
            _ => client.post(&url).header("user-agent", agent).send(&sku),
        };
    }
}
