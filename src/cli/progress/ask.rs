//! Asks the person at the terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Whether there is someone to ask.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Waits for the answer. Anything but `y` or `yes` means no, and so does `stop`.
pub fn ask(question: &str, stop: &CancellationToken) -> bool {
    // If standard error is closed, nobody sees the question; an answer still counts.
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let (answer, answered) = mpsc::channel();
    // A read from a terminal can't be cancelled; the process ends without waiting for this thread.
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line);
        // The caller may have been stopped meanwhile.
        let _ = answer.send(read.map(|_| line));
    });
    loop {
        match answered.recv_timeout(LOOK_EVERY) {
            Ok(line) => return line.is_ok_and(|line| is_yes(&line)),
            Err(RecvTimeoutError::Timeout) if !stop.is_cancelled() => {}
            Err(_) => {
                // So that the next output starts on a new line.
                let _ = writeln!(io::stderr());
                return false;
            }
        }
    }
}

fn is_yes(line: &str) -> bool {
    ["y", "yes"].contains(&line.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_no_consent() {
        assert!(is_yes("y\n") && is_yes(" YES \n"));
        assert!(!is_yes("") && !is_yes("\n") && !is_yes("yesterday\n"));
    }
}
