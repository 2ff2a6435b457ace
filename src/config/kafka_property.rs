//! The names of librdkafka's settings below `kafka.properties`.

pub(super) const PREFIX: &str = "kafka.properties.";

/// The librdkafka name in a key below `kafka.properties`.
pub(super) fn name(key: &str) -> Option<&str> {
    key.strip_prefix(PREFIX).filter(|name| !name.is_empty())
}

/// Whether a setting's value must not be seen.
pub(super) fn is_secret(name: &str) -> bool {
    const PARTS: &[&str] = &["password", "passphrase", "secret", "key.pem", "private.key", "oauthbearer.config"];
    PARTS.iter().any(|part| name.contains(part)) && !name.ends_with(".location") && !name.ends_with(".file")
}
