//! `web_shop`: the shop as an axum service, with its events recorded by the library, and visitors who ask it over HTTP.
//!
//! [`shop`] answers, with SQL and cache children, errors and a slow tail; [`visitors`] come at random. To see it, in two terminals:
//! `oxd --log-path ./logs` and `oxview`; then `BLUEOX_HOST=127.0.0.1 web_shop`.

mod shop;
mod visitors;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::TcpListener;

const USAGE: &str = "usage: web_shop [--listen ADDR] [--rate VISITS_PER_SECOND] [--visits N] [--seed N]
The daemon is named by BLUEOX_HOST. With --rate 0 nobody visits; with --visits it ends after so many.";

/// What was asked for.
#[derive(Debug, Clone, Copy)]
struct Arguments {
    listen: SocketAddr,
    rate: f64,
    visits: Option<u64>,
    seed: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(arguments) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("web_shop: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    blueox::init()?;
    blueox::install_panic_hook();
    let listener = TcpListener::bind(arguments.listen).await?;
    let address = listener.local_addr()?;
    println!("the shop is open: http://{address}/");
    let visitors = visitors::come(arguments, address);
    let over = async {
        tokio::select! {
            () = visitors => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    axum::serve(listener, shop::open(arguments.seed, address)).with_graceful_shutdown(over).await?;
    let account = tokio::task::spawn_blocking(|| blueox::shutdown(Duration::from_secs(30))).await?;
    println!(
        "{} events, {} of them on the daemon's disk, {} dropped",
        account.produced, account.accepted, account.dropped
    );
    Ok(())
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut arguments = Arguments { listen, rate: 20.0, visits: None, seed: 1 };
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--listen" => arguments.listen = value.parse().ok()?,
            "--rate" => arguments.rate = value.parse().ok().filter(|rate| (0.0..1e4).contains(rate))?,
            "--visits" => arguments.visits = Some(value.parse().ok()?),
            "--seed" => arguments.seed = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(arguments)
}
