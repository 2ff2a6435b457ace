//! A text that must not be seen.

use std::fmt;

/// Holds a URL with a password, or a password. Neither Debug, Display nor serde shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// What stands where a secret would.
pub const HIDDEN: &str = "(hidden)";

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the library that connects with it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Of a URL: scheme, host, port and path, without user, password and parameters. For errors and logs.
    pub fn address(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return HIDDEN.to_owned() };
        let plain = rest.split(['?', '#']).next().unwrap_or_default();
        let authority = plain.split('/').next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let path = &plain[authority.len()..];
        // A password with a bare '/', '?' or '#' in it ends the authority too early: rather nothing than half of it.
        let is_split_in_password = !authority.contains('@') && rest.contains('@') || path.contains('@');
        if is_split_in_password { HIDDEN.to_owned() } else { format!("{scheme}://{host}{path}") }
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
