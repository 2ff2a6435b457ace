//! Two generations compared, row for row.
//!
//! - `shape`: what is compared of each view
//! - `sample`: which orders and runs, in SQL
//! - `session`: the two connections, one of them at one moment of the live generation
//! - `digest`: which buckets of keys differ, without fetching a row
//! - `rows`: the rows of some buckets
//! - `merge`: names the rows and columns that differ
//!
//! Memory stays bounded however much differs: digests are one row a bucket, rows are streamed, and of those that differ
//! only so many are named.

mod digest;
mod merge;
mod rows;
mod sample;
mod session;
mod shape;

pub use merge::compare;
pub use sample::predicate;
pub use session::{Moment, Side, refused};
pub use shape::{SHAPES, Sampled, Shape};
