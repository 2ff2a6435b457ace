//! What Linux knows of a process: processor time and memory.

use std::fs;

use crate::Result;

/// What Linux counts processor time in, whatever the kernel's own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// The numbers of /proc/PID/stat behind the name, which may hold anything.
struct Stat {
    parent: u32,
    own_seconds: f64,
    /// Of children that have ended.
    reaped_seconds: f64,
}

fn stat(process: &str) -> Result<Stat> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, behind) = text.rsplit_once(')').ok_or("/proc/…/stat has no name")?;
    let fields: Vec<&str> = behind.split_whitespace().collect();
    let ticks = |at: usize| -> Result<f64> { Ok(fields.get(at).ok_or("/proc/…/stat is short")?.parse::<f64>()?) };
    Ok(Stat {
        parent: fields.get(1).ok_or("/proc/…/stat is short")?.parse()?,
        own_seconds: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND,
        reaped_seconds: (ticks(13)? + ticks(14)?) / TICKS_PER_SECOND,
    })
}

/// Processor time of a process (or `self`), in its own code and in the kernel for it.
pub fn cpu_seconds(process: &str) -> Result<f64> {
    Ok(stat(process)?.own_seconds)
}

/// The same, and that of its children, of those that have ended too.
pub fn family_cpu_seconds(process: u32) -> Result<f64> {
    let own = stat(&process.to_string())?;
    let mut seconds = own.own_seconds + own.reaped_seconds;
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(name) = name.to_str().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())) else { continue };
        // It may have ended meanwhile.
        if let Ok(child) = stat(name)
            && child.parent == process
        {
            seconds += child.own_seconds;
        }
    }
    Ok(seconds)
}

/// Most memory that a process has had resident. None once it has ended.
pub fn peak_bytes(process: &str) -> Option<u64> {
    status(process, "VmHWM:")
}

/// Memory that it has resident now.
pub fn resident_bytes(process: &str) -> Option<u64> {
    status(process, "VmRSS:")
}

fn status(process: &str, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(kibibytes.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Processor time of this thread, which the kernel counts in nanoseconds.
pub fn thread_cpu_seconds() -> Result<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().ok_or("/proc/thread-self/schedstat is empty")?;
    Ok(nanoseconds.parse::<f64>()? / 1e9)
}
