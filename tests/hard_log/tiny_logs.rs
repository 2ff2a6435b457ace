//! The reference itself, against results that were worked out by hand.
