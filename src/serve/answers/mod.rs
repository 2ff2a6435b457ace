//! Bodies of answers, in camelCase. Their doc comments, bounds and examples are the OpenAPI document's.

pub mod backlog;
pub mod dead_letter;
pub mod export_row;
pub mod gaps;
pub mod generations;
pub mod order;
pub mod page;
pub mod replay;
pub mod runs;
pub mod snapshot;
pub mod timeline;
