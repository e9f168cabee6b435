//! `shop`: a web shop that does not exist sends what it does to an oxd, over the wire of 2012.
//!
//! `blueox_shop` makes up what happens and when, all of it from one seed; [`sender`] takes it to the daemon.

mod arguments;
mod sender;

use crate::arguments::{Arguments, Parsed};
use crate::sender::Sender;
use blueox_examples::clock::Clock;
use blueox_shop::schedule::Schedule;
use blueox_shop::traffic::Shop;
use std::process::ExitCode;

const USAGE: u8 = 2;

fn main() -> ExitCode {
    let environment = std::env::var("BLUEOX_HOST").ok();
    match Arguments::parse(std::env::args().skip(1), environment.as_deref()) {
        Ok(Parsed::Run(arguments)) => {
            run(&arguments);
            ExitCode::SUCCESS
        }
        Ok(Parsed::Print(text)) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("shop: {error}; try: shop --help");
            ExitCode::from(USAGE)
        }
    }
}

fn run(arguments: &Arguments) {
    let clock = Clock;
    let begun = clock.now();
    let mut shop = Shop::new(arguments.seed);
    let mut sender = Sender::new(&arguments.daemon);
    // The past can wait for the daemon; the present cannot.
    while arguments.backfill_seconds > 0.0 && !sender.is_connected(clock.now()) {
        clock.wait_until(clock.now() + 1.0);
    }
    let schedule = Schedule::new(arguments.seed, arguments.rate, begun - arguments.backfill_seconds);
    for end in schedule {
        if arguments.seconds.is_some_and(|seconds| end >= begun + seconds) {
            break;
        }
        clock.wait_until(end);
        sender.send(&shop.visit(end), clock.now());
    }
    eprintln!("shop: {}", sender.summary());
}
