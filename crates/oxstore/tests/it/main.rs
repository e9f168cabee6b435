//! oxstore through its binary.

#[allow(dead_code, reason = "oxview's tests need more of it")]
#[path = "../../../oxview/tests/it/sample.rs"]
mod sample;

mod bucket;
mod store;
