//! Who runs when.

pub mod doctor;
