//! Compares two generations, row by row.
//!
//! - `shape`: what is compared of each view
//! - `sample`: which orders and runs, in SQL
//! - `session`: the two connections, one of them at one moment of the live generation
//! - `digest`: which buckets of keys differ, without fetching a row
//! - `rows`: the rows of some buckets
//! - `merge`: finds the rows and columns that differ
//!
//! Memory stays bounded however much differs: there is one digest per bucket, rows are streamed, and only a limited
//! number of differences is listed.

mod digest;
mod merge;
mod rows;
mod sample;
mod session;
mod shape;

pub use merge::compare;
pub use sample::{key_predicate, predicate};
pub use session::{Moment, Side, refused};
pub use shape::{SHAPES, Sampled, Shape};
