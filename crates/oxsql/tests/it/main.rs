//! oxsql through its binary.

#[path = "../../../oxview/tests/it/golden.rs"]
mod golden;

mod numbers;
mod process;
mod sample;
