//! Requests and their events, through services and over real connections.

mod connections;
mod services;
