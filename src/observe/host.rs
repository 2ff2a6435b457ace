//! The name of this machine.

use std::fs;

/// `name@host`, or the name alone where the host has none.
pub fn at_host(name: &str) -> String {
    let host = fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = host.trim();
    if host.is_empty() { name.to_owned() } else { format!("{name}@{host}") }
}
