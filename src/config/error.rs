//! What can be wrong with a configuration. All of these are usage errors: exit code 2.

use std::path::PathBuf;

use super::Source;

/// What is wrong with a configuration. Each names the key and where its value came from; secrets are not quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{key} is {value} ({source_}), but must be {allowed}")]
    Invalid { key: String, value: String, source_: Source, allowed: String },
    #[error("there is no key {key} ({source_}){}", suggested(suggestion))]
    UnknownKey { key: String, source_: Source, suggestion: Option<String> },
    #[error("kafka.properties must not set {property} ({source_}): {instead}")]
    Reserved { property: String, source_: Source, instead: &'static str },
    #[error("{key} is set twice, by {first} and by {second}: remove one")]
    Twice { key: String, first: Source, second: Source },
    #[error(
        "{key} is not set: give it in the configuration file, as {variable}, or in a file named by {variable}_FILE"
    )]
    Missing { key: &'static str, variable: String },
    #[error("{key} ({source_}) names the file {file}, which cannot be read: {reason}")]
    SecretFile { key: String, source_: Source, file: String, reason: String },
    #[error("the configuration file {path} cannot be read: {reason}")]
    Unreadable { path: PathBuf, reason: String },
    #[error("the configuration file {path} is not valid TOML, line {line}: {reason}")]
    Syntax { path: PathBuf, line: usize, reason: String },
}

fn suggested(suggestion: &Option<String>) -> String {
    match suggestion {
        Some(key) => format!("; did you mean {key}?"),
        None => "; `foldback config show` lists all keys".to_owned(),
    }
}
