//! What a measurement is made on.

use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The machine, in words.
pub(crate) fn describe(directory: &Path) -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown CPU", |(_, model)| model);
    let kernel = read("/proc/sys/kernel/osrelease");
    let memory = read("/proc/meminfo");
    let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    let gib = kib.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default() / f64::from(1 << 20);
    format!(
        "{cores} cores of {model}, {gib:.0} GiB of memory, Linux {}, {}",
        kernel.trim(),
        file_system(&read("/proc/mounts"), directory)
    )
}

/// How many processes wanted to run during the last minute, on average.
pub(crate) fn load_average() -> String {
    read("/proc/loadavg").split(' ').next().unwrap_or("unknown").into()
}

/// Has the host of a virtual machine back so much memory for files: a file is written and removed. Without that, who
/// writes first pays for pages that the host has to find, several times the price of the write, and who writes
/// after another does not.
pub(crate) fn back_memory(directory: &Path, bytes: u64) -> anyhow::Result<()> {
    let directory = tempfile::Builder::new().prefix("oxbench-").tempdir_in(directory)?;
    let mut file = File::create(directory.path().join("memory"))?;
    let block = vec![0; 1 << 20];
    for _ in 0..bytes.div_ceil(block.len() as u64) {
        file.write_all(&block)?;
    }
    Ok(())
}

/// The type of the file system of the longest mount point that holds `directory`.
fn file_system(mounts: &str, directory: &Path) -> String {
    let directory = directory.canonicalize().unwrap_or(directory.into());
    mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            Some((Path::new(fields.next()?), fields.next()?))
        })
        .filter(|(mount, _)| directory.starts_with(mount))
        .max_by_key(|(mount, _)| mount.as_os_str().len())
        .map_or("an unknown file system", |(_, kind)| kind)
        .into()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_point_counts() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n";
        assert_eq!(file_system(mounts, Path::new("/tmp/nowhere")), "tmpfs");
        assert_eq!(file_system(mounts, Path::new("/tmpfs")), "ext4");
    }
}
