//! Where a value came from, in words that lead an operator to it.

use std::fmt;
use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Default,
    File(PathBuf),
    /// The environment variable of this name.
    Environment(String),
    /// The file that holds a secret, and what named that file.
    SecretFile {
        path: PathBuf,
        named_by: Box<Source>,
    },
    /// The flag, as typed: `--workers`.
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::SecretFile { path, named_by } => write!(f, "file {}, named by {named_by}", path.display()),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}
