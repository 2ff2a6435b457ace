//! Bodies of answers, in camelCase; src/serve/openapi.json describes them, and a test holds the two together.

pub mod backlog;
pub mod export_row;
pub mod generations;
pub mod order;
pub mod page;
pub mod replay;
pub mod runs;
pub mod snapshot;
pub mod timeline;
