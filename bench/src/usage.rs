//! What processes and threads use, as Linux counts it.

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};

/// CPU seconds of a process so far, user and system together, to a hundredth (proc(5), `stat`, fields 14 and 15).
pub(crate) fn process_cpu(pid: u32) -> anyhow::Result<f64> {
    Ok(cpu_fields(&pid.to_string())?[..2].iter().sum())
}

/// CPU seconds of this process so far.
pub(crate) fn own_cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// CPU seconds of the calling thread so far.
pub(crate) fn thread_cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// CPU seconds of all children of this process that have ended (fields 16 and 17).
pub(crate) fn children_cpu() -> anyhow::Result<f64> {
    Ok(cpu_fields("self")?[2..].iter().sum())
}

/// User, system, children's user, children's system.
fn cpu_fields(process: &str) -> anyhow::Result<[f64; 4]> {
    let path = format!("/proc/{process}/stat");
    let stat = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    parse_cpu(&stat, rustix::param::clock_ticks_per_second() as f64)
        .with_context(|| format!("cannot read {path}"))
}

fn parse_cpu(stat: &str, ticks_per_second: f64) -> Option<[f64; 4]> {
    // The second field, the name, may hold anything; it ends at the last parenthesis.
    let mut fields = stat.get(stat.rfind(')')? + 2..)?.split(' ').skip(11);
    let mut seconds = [0.0; 4];
    for slot in &mut seconds {
        *slot = fields.next()?.parse::<f64>().ok()? / ticks_per_second;
    }
    Some(seconds)
}

/// Resident memory of a process, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

pub(crate) fn memory(pid: u32) -> anyhow::Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kib.map(|kib| kib * 1024).with_context(|| format!("no {name} in {path}"))
    };
    Ok(Memory { now: field("VmRSS:")?, peak: field("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_blanks_is_passed_over() {
        let stat = "12 (a ) b) S 1 2 3 4 5 6 7 8 9 10 100 50 7 8 20 0";
        assert_eq!(parse_cpu(stat, 100.0), Some([1.0, 0.5, 0.07, 0.08]));
        assert_eq!(parse_cpu("12 (a) S 1", 100.0), None);
    }

    #[test]
    fn this_process_has_used_something() {
        assert!(process_cpu(std::process::id()).is_ok());
        assert!(memory(std::process::id()).unwrap().peak > 0);
    }
}
