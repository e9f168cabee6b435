//! The library as an application sees it.

mod allocations;
mod collector;
mod contexts;
mod hostile;
mod refusals;
mod transport;
