//! How a command ends when it isn't done: a sentence and an exit code.

use std::process::ExitCode;

use crate::config::ConfigError;
use crate::store::StoreError;

#[derive(Debug)]
pub enum Failure {
    /// Exit code 1.
    Failed(String),
    /// Exit code 1, and everything is said already.
    Told,
    /// Exit code 2: the arguments or the configuration.
    Usage(String),
    /// Exit code 3: what was compared is not equal; printed already.
    Differences,
    /// Exit code 4: a check forbids it.
    Guard(String),
    /// Whoever read our output has gone (`foldback … | head`): nothing is wrong.
    ReaderGone,
}

impl Failure {
    pub fn failed(sentence: impl Into<String>) -> Self {
        Self::Failed(sentence.into())
    }

    /// Says the sentence on standard error; several stand on lines of their own.
    pub(super) fn report(&self) -> ExitCode {
        if let Self::Failed(sentence) | Self::Usage(sentence) | Self::Guard(sentence) = self {
            use std::io::Write;
            for line in sentence.trim_end().lines() {
                // Nobody is left to be told where even standard error is closed.
                let _ = writeln!(std::io::stderr(), "foldback: {line}");
            }
        }
        ExitCode::from(self.code())
    }

    fn code(&self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Failed(_) | Self::Told => 1,
            Self::Usage(_) => 2,
            Self::Differences => 3,
            Self::Guard(_) => 4,
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}
