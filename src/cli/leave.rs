//! The last step of every command.

#![allow(unsafe_code)]

use std::io::Write;

/// Ends the process without what libraries clean up at exit. librdkafka's threads may outlive their clients by a moment, or
/// for as long as a DNS lookup hangs, and still use OpenSSL, whose exit handler takes its tables from under them: a stop in
/// two thousand ended with SIGSEGV.
pub(super) fn leave(code: u8) -> ! {
    // If nobody reads it any more, there is nobody left to tell.
    let _ = std::io::stdout().flush();
    // SAFETY: it returns to nobody, touches no memory of ours, and the kernel takes back whatever is open.
    unsafe { libc::_exit(code.into()) }
}
