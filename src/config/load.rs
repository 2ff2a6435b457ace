//! Merges file, environment and flags into one validated [`Config`].

use std::path::PathBuf;

use super::source::Flag;
use super::values::Values;
use super::{Config, ConfigError, environment, file};

/// The process's inputs. Passed in, so that a test needs no environment of its own.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    pub file: Option<PathBuf>,
    /// All environment variables; those that don't start with `FOLDBACK__` are ignored.
    pub environment: Vec<(String, String)>,
    pub flags: Vec<Flag>,
}

impl Inputs {
    /// The environment of this process, without file and flags.
    pub fn from_process() -> Self {
        let environment = std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect();
        Self { environment, ..Self::default() }
    }
}

impl Config {
    /// Reads the file, overrides it by the environment and then by the flags, and validates the result.
    pub fn load(inputs: &Inputs) -> Result<Self, ConfigError> {
        let mut values = match &inputs.file {
            Some(path) => file::read(path)?,
            None => Values::default(),
        };
        values.merge(environment::read(&inputs.environment)?);
        values.merge(Values::of_flags(&inputs.flags));
        Self::from_values(values)
    }

    /// The settings of this TOML text, with defaults for the rest. `name` is the file's name in errors.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, ConfigError> {
        Self::from_values(file::parse(name.as_ref(), text)?)
    }
}
