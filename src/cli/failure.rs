//! How a command fails: with a message and an exit code.

use crate::config::ConfigError;
use crate::store::StoreError;

/// How a command fails. `report` prints the message to standard error and gives the exit code.
#[derive(Debug)]
pub enum Failure {
    /// Exit code 1.
    Failed(String),
    /// Exit code 1; everything has been printed already.
    Reported,
    /// Exit code 2: a mistake in the arguments or the configuration.
    Usage(String),
    /// Exit code 3: the comparison found differences, which have been printed.
    Differences,
    /// Exit code 4: refused by a guard.
    Guard(String),
    /// The reader of our output has closed it (`foldback … | head`), which is fine.
    ReaderGone,
}

impl Failure {
    pub fn failed(sentence: impl Into<String>) -> Self {
        Self::Failed(sentence.into())
    }

    /// Prints the message to standard error, one sentence per line.
    pub(super) fn report(&self) -> u8 {
        if let Self::Failed(sentence) | Self::Usage(sentence) | Self::Guard(sentence) = self {
            use std::io::Write;
            for line in sentence.trim_end().lines() {
                // If standard error is closed too, there is nobody left to tell.
                let _ = writeln!(std::io::stderr(), "foldback: {line}");
            }
        }
        self.code()
    }

    fn code(&self) -> u8 {
        match self {
            Self::ReaderGone => 0,
            Self::Failed(_) | Self::Reported => 1,
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
