//! A secret text.

use std::fmt;

/// A password, or a URL that may contain one. Debug, Display and serde never show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Placeholder for a secret.
pub const HIDDEN: &str = "(hidden)";

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the library that connects with it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A URL's scheme, host, port and path, without user, password and parameters. For errors and logs.
    pub fn address(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return HIDDEN.to_owned() };
        let plain = rest.split(['?', '#']).next().unwrap_or_default();
        let authority = plain.split('/').next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let path = &plain[authority.len()..];
        // A password with an unescaped '/', '?' or '#' ends the authority too early: better nothing than half of it.
        let is_split_in_password = rest[authority.len()..].contains('@');
        if is_split_in_password || !is_host(host) { HIDDEN.to_owned() } else { format!("{scheme}://{host}{path}") }
    }
}

/// `host`, `host:port` or `[address]:port`. Anything else may be `user:password` before a forgotten `@host`.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (text, ""),
    };
    let is_address = name.starts_with('[') && name.ends_with(']');
    let is_name = |char: char| char.is_alphanumeric() || "-._%".contains(char);
    port.chars().all(|char| char.is_ascii_digit()) && (is_address || name.chars().all(is_name))
}

/// A value as an error quotes it, or as `config show` does. A URL may have got into any key.
pub fn quoted(text: &str) -> String {
    match text.contains("://") {
        true => Secret::new(text).address(),
        false => text.to_owned(),
    }
}

/// For flags.
impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}
