//! `foldback rebuild` as an operator starts it.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Measured, Result};

/// How often the child is looked at; its peak is the kernel's own, so that only its last moment can be missed.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// What Linux counts processor time in, whatever the kernel's own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// From the command to its end, when the new generation is live.
pub fn measure(binary: &str) -> Result<Measured> {
    let started = Instant::now();
    let mut child = Command::new(binary).args(["rebuild", "--yes", "--json"]).stdout(Stdio::piped()).spawn()?;
    let process = child.id().to_string();
    let (mut peak_bytes, mut cpu) = (0, 0.0);
    let status = loop {
        peak_bytes = peak(&process).unwrap_or(0).max(peak_bytes);
        cpu = cpu_seconds(&process).unwrap_or(0.0).max(cpu);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(LOOK_EVERY);
    };
    let seconds = started.elapsed().as_secs_f64();
    let rebuilt: Value = match child.stdout.take() {
        Some(out) if status.success() => serde_json::from_reader(out)?,
        _ => return Err(format!("foldback rebuild ended with {status}").into()),
    };
    if rebuilt["state"] != "live" {
        return Err(format!("the new generation is not live: {rebuilt}").into());
    }
    let events = rebuilt["events"].as_u64().ok_or("foldback rebuild doesn't say how many events it folded")?;
    Ok(Measured { events, seconds, cpu_seconds: cpu, peak_bytes: Some(peak_bytes) })
}

/// Every generation but the live one goes, so that each run finds the same.
pub fn drop_others(binary: &str) -> Result<()> {
    let listed = Command::new(binary).args(["generations", "list", "--json"]).output()?;
    let listed: Vec<Value> = serde_json::from_slice(&listed.stdout)?;
    for generation in listed.iter().filter(|generation| generation["state"] != "live") {
        let number = generation["generation"].to_string();
        let status =
            Command::new(binary).args(["generations", "drop", &number, "--yes"]).stdout(Stdio::null()).status()?;
        if !status.success() {
            return Err(format!("generation {number} could not be dropped: {status}").into());
        }
    }
    Ok(())
}

/// Most memory that a process has had resident. None once it has ended.
fn peak(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(kibibytes.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Processor time that a process (or `self`) has used, in its own code and in the kernel for it.
pub fn cpu_seconds(process: &str) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in brackets, may hold anything; the times are the 12th and 13th field behind it.
    let (_, behind) = stat.rsplit_once(')').ok_or("/proc/…/stat has no name")?;
    let ticks: Vec<f64> =
        behind.split_whitespace().skip(11).take(2).map(str::parse).collect::<std::result::Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
}
