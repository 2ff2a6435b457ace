//! The schema registry: its client, schemas by id for the decoder, and schemas of ours that are checked and registered.
//!
//! - `client`: requests and answers
//! - `fetch`: an id that the decoder needs, however long the registry is away
//! - `describe`: a value for people, with a schema that is asked for while they wait
//! - `resolver`: the same for everybody who waits, told to `Readiness`
//! - `schemas`: the bundled schemas against the registry's

pub mod client;
pub mod describe;
pub mod fetch;
pub mod resolver;
pub mod schemas;

pub use client::{RegisteredSchema, RegistryClient, RegistryError, RegistrySettings, RegistrySetupError, SubjectFacts};
pub use fetch::{Registry, RegistryOutage, Resolution};
pub use resolver::Resolver;
