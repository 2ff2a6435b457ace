//! The names of this machine and of who works at it.

use std::fs;

/// `name@host`, or the name alone where the host has none.
pub fn at_host(name: &str) -> String {
    let host = fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = host.trim();
    if host.is_empty() { name.to_owned() } else { format!("{name}@{host}") }
}

/// User and host, as far as the environment has them.
pub fn whoami() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "unknown".to_owned());
    at_host(&user)
}
