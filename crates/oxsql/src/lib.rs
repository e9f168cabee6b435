//! SQL over the events of a store: day files, archives and sealed files, each event once.
//!
//! DataFusion plans and runs; what it reads is what `oxview` reads, by the same catalog. The modules in the order of a query's
//! way to its answer:
//!
//! | module | what it holds |
//! | --- | --- |
//! | `args` | the command line |
//! | `session` | one run |
//! | `store` | the files that are meant, and the tables that they are |
//! | `statement` | the text of a query: what it asks for, dotted names without quotes |
//! | `field` | a column: where in an event its values are, and of which type they are |
//! | `survey` | which columns a table has |
//! | `table` | tables as DataFusion knows them: what of a query is answered by not reading |
//! | `pushdown` | the filters of a query, as what is needed of a store |
//! | `rows` | events into batches of columns |
//! | `reading` | the parts of a table, one after another |
//! | `heard` | what was damaged, unreadable, and how much was read |
//! | `number` | numbers in text, so that fields whose type has changed can be counted |
//! | `lenient` | comparisons and sums over such fields |
//! | `percentile` | `p(99, x)` |
//! | `engine` | DataFusion, with all of this in it, within a limit of memory |
//! | `mistake` | a query that is wrong: the word underlined, and what was meant |
//! | `form` | the answer as a table, JSON, CSV, Parquet, Arrow |
//!
//! What `oxview` has too (times, colours, damage, standard output) is its own source, read by path: a change there is a change
//! here.

mod args;
mod session;

#[path = "../../oxview/src/generate.rs"]
mod generate;
#[allow(dead_code, reason = "of the viewer")]
#[path = "../../oxview/src/when.rs"]
mod when;

mod store;

#[allow(dead_code, reason = "of the viewer")]
#[path = "../../oxview/src/input.rs"]
mod input;
#[path = "../../oxview/src/unsealed.rs"]
mod unsealed;

mod field;
mod statement;
mod survey;

mod pushdown;
mod table;

mod reading;
mod rows;

mod heard;

mod lenient;
mod number;
mod percentile;

mod engine;
mod mistake;

mod form;

#[allow(dead_code, reason = "of the viewer")]
#[path = "../../oxview/src/damage.rs"]
mod damage;
#[allow(dead_code, reason = "of the viewer")]
#[path = "../../oxview/src/duration.rs"]
mod duration;
#[allow(dead_code, reason = "of the viewer")]
#[path = "../../oxview/src/text.rs"]
mod text;

#[allow(dead_code, reason = "of the viewer")]
#[path = "../../oxview/src/clock.rs"]
mod clock;
#[allow(dead_code, reason = "of the viewer")]
#[path = "../../oxview/src/failure.rs"]
mod failure;
#[allow(dead_code, reason = "of the viewer")]
#[path = "../../oxview/src/interrupt.rs"]
mod interrupt;
#[allow(dead_code, reason = "of the viewer")]
#[path = "../../oxview/src/output.rs"]
mod output;
#[allow(dead_code, reason = "of the viewer")]
#[path = "../../oxview/src/palette.rs"]
mod palette;

use clap::Parser;
use std::process::ExitCode;

/// Runs the tool on this process's arguments and standard streams.
#[must_use]
pub fn run() -> ExitCode {
    let args = match args::Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // A closed pipe is no reason to complain about it.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { failure::USAGE } else { 0 });
        }
    };
    failure::exit_code_of("oxsql", session::run(&args), args.color)
}
