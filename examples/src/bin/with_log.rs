//! `with_log`: a program that writes its log by the crate log; its lines become events, below the context that they are written in.
//!
//! `BLUEOX_HOST=127.0.0.1 with_log` sends them to the oxd of this machine; without BLUEOX_HOST nothing is recorded.

use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    blueox::init()?;
    blueox_logger::Logger::new(log::LevelFilter::Info).install()?;
    log::info!("begins"); // the event log
    for name in ["carts", "orders", "/"] {
        clean(name);
    }
    let account = blueox::shutdown(Duration::from_secs(30));
    println!("{} events, {} on the daemon's disk", account.produced, account.accepted);
    Ok(())
}

fn clean(table: &str) {
    let _job = blueox::context("clean"); // the event clean
    blueox::set("table", table);
    log::info!(table; "cleaning"); // the event clean.log, with the job's id
    if let Err(error) = delete_old(table) {
        log::error!(error = error.as_str(); "not cleaned"); // an exception in both
    }
}

fn delete_old(table: &str) -> Result<(), String> {
    if table == "/" { Err(format!("there is no table {table:?}")) } else { Ok(()) }
}
