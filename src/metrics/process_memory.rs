//! How much memory this process holds, and how much it may. Known on Linux only.

use std::fs::read_to_string;

/// Where the kernel says how much the process's control group may hold: cgroup v2 as containers and systemd units see
/// it, then v1.
const GROUP_LIMITS: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];

/// What the process holds now.
pub fn resident_bytes() -> Option<u64> {
    kibibytes_after("VmRSS:", &read_to_string("/proc/self/status").ok()?)
}

/// What the process may hold before the kernel ends it: the machine's memory, or less where its group has a limit.
pub fn allowed_bytes() -> Option<u64> {
    let machine = kibibytes_after("MemTotal:", &read_to_string("/proc/meminfo").ok()?)?;
    // A group without a limit says "max", or a number that no machine reaches.
    let groups = GROUP_LIMITS
        .iter()
        .filter_map(|file| read_to_string(file).ok()?.trim().parse().ok());
    Some(groups.fold(machine, u64::min))
}

/// The number of a line such as `VmRSS:     1024 kB`, in bytes.
fn kibibytes_after(name: &str, text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::kibibytes_after;

    #[test]
    fn a_line_of_the_kernels_is_read() {
        let text = "Name:\tx\nVmRSS:\t  2048 kB\nThreads:\t1\n";
        assert_eq!(kibibytes_after("VmRSS:", text), Some(2 << 20));
        assert_eq!(kibibytes_after("Threads:", text), None);
        assert_eq!(kibibytes_after("VmHWM:", text), None);
    }
}
