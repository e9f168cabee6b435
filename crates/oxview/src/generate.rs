//! Shell completions and the manual page.

use crate::failure::Usage;
use anyhow::Context;
use clap::{Command, ValueEnum};
use clap_complete::Shell;

/// What `--generate` asks for of a program, as text.
///
/// # Errors
/// [`Usage`] when that is nothing known.
pub(crate) fn generate(mut command: Command, what: &[String]) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    match what.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["man"] => clap_mangen::Man::new(command).render(&mut out).context("cannot write the manual page")?,
        ["completions", shell] => {
            let shell = Shell::from_str(shell, true)
                .map_err(|_| Usage(format!("no completions for {shell:?}; there are {}", shells())))?;
            let name = command.get_name().to_owned();
            clap_complete::generate(shell, &mut command, name, &mut out);
        }
        _ => {
            return Err(Usage(format!("write --generate man, or --generate completions {}", shells())).into());
        }
    }
    Ok(out)
}

fn shells() -> String {
    Shell::value_variants().iter().map(Shell::to_string).collect::<Vec<_>>().join("|")
}
