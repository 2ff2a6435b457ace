//! A process that is measured while it runs.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Result;
use crate::proc::{cpu_seconds, peak_bytes, resident_bytes};

/// How often it is looked at until it ends; its peak is the kernel's own, so that only its last moment can be missed.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const STOP_MAX: Duration = Duration::from_secs(30);

pub struct Running {
    child: Child,
    process: String,
    pub started: Instant,
    lines: Option<JoinHandle<Vec<(Instant, String)>>>,
}

/// What a process came to that has ended by itself.
pub struct Ended {
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub peak_bytes: u64,
    pub output: String,
    /// Of standard error, with the moment at which each was written.
    pub lines: Vec<(Instant, String)>,
    pub started: Instant,
}

impl Running {
    /// What it writes to standard error is read along.
    pub fn start(mut command: Command) -> Result<Running> {
        let started = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let process = child.id().to_string();
        let lines = child.stderr.take().map(|stderr| std::thread::spawn(move || read_along(stderr)));
        Ok(Running { child, process, started, lines })
    }

    /// In seconds, so far.
    pub fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(&self.process)
    }

    pub fn peak_bytes(&self) -> u64 {
        peak_bytes(&self.process).unwrap_or(0)
    }

    pub fn resident_bytes(&self) -> u64 {
        resident_bytes(&self.process).unwrap_or(0)
    }

    /// Waits until it ends by itself. Fails unless it succeeds.
    pub fn end(mut self) -> Result<Ended> {
        let (mut peak_bytes, mut cpu_seconds) = (0, 0.0);
        let status = loop {
            peak_bytes = self.peak_bytes().max(peak_bytes);
            cpu_seconds = self.cpu_seconds().unwrap_or(0.0).max(cpu_seconds);
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            std::thread::sleep(LOOK_EVERY);
        };
        let seconds = self.started.elapsed().as_secs_f64();
        let lines = self.lines();
        if !status.success() {
            return Err(failed(status, &lines).into());
        }
        let mut output = String::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut output)?;
        }
        Ok(Ended { seconds, cpu_seconds, peak_bytes, output, lines, started: self.started })
    }

    /// Asks it to stop, and waits.
    pub fn stop(mut self) -> Result<()> {
        // Without unsafe code, the shell's own command is how a signal is sent.
        Command::new("kill").arg(&self.process).status()?;
        let asked = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if asked.elapsed() > STOP_MAX {
                return Err(format!("foldback did not stop within {} s", STOP_MAX.as_secs()).into());
            }
            std::thread::sleep(LOOK_EVERY);
        };
        let lines = self.lines();
        if status.success() { Ok(()) } else { Err(failed(status, &lines).into()) }
    }

    fn lines(&mut self) -> Vec<(Instant, String)> {
        self.lines.take().and_then(|lines| lines.join().ok()).unwrap_or_default()
    }
}

impl Drop for Running {
    /// Nothing outlives a measurement that failed.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn read_along(stderr: ChildStderr) -> Vec<(Instant, String)> {
    BufReader::new(stderr).lines().map_while(std::io::Result::ok).map(|line| (Instant::now(), line)).collect()
}

fn failed(status: ExitStatus, lines: &[(Instant, String)]) -> String {
    let last: Vec<&str> = lines.iter().rev().take(5).rev().map(|(_, line)| line.as_str()).collect();
    format!("foldback ended with {status}: {}", last.join("\n"))
}
