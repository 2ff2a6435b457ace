//! Provider orders: their events, and what an order comes to.

pub mod event;
pub mod guardrail;
pub mod money;
pub mod order;
pub mod packed;
pub mod refill;
pub mod register;
pub mod replay;
pub mod sequence;
pub mod telemetry;
