//! Where a value came from, worded so that an operator finds the place.

use std::fmt;
use std::path::PathBuf;

/// Where a value was set. Displayed in errors and by `config show`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Default,
    File(PathBuf),
    /// The environment variable with this name.
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

/// A flag that sets a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// As typed: `--workers`.
    pub flag: &'static str,
    /// `workers.count`
    pub key: &'static str,
    pub value: String,
}
