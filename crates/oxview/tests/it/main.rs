//! oxview through its binary.

mod damage;
mod fixtures;
mod follow;
mod golden;
mod pipes;
mod sample;
mod statistics;
