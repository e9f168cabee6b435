//! All targets, with what their inputs are made of.

use crate::corpus;

/// A decoder and what its inputs are made of.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name of the function.
    pub name: &'static str,
    /// The function: panics where a promise is broken.
    pub run: fn(&[u8]),
    /// Good inputs.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Pieces of inputs.
    pub words: &'static [&'static [u8]],
    /// Where pieces begin in an input that is still readable.
    pub boundaries: fn(&[u8]) -> Vec<usize>,
}

macro_rules! targets {
    ($($name:ident: $seeds:expr, $words:expr, $boundaries:expr;)*) => {
        /// Every target.
        pub static TARGETS: &[Target] = &[$(Target {
            name: stringify!($name),
            run: crate::$name,
            seeds: $seeds,
            words: $words,
            boundaries: $boundaries,
        }),*];
    };
}

targets! {
    msgpack: corpus::values, corpus::MSGPACK_WORDS, corpus::msgpack_boundaries;
    event: corpus::events, corpus::MSGPACK_WORDS, corpus::msgpack_boundaries;
    event_stream: corpus::event_streams, corpus::MSGPACK_WORDS, corpus::stream_boundaries;
    filter: corpus::filters, corpus::FILTER_WORDS, corpus::text_boundaries;
    path: corpus::paths, corpus::PATH_WORDS, corpus::text_boundaries;
    original_header: corpus::original_headers, corpus::HEADER_WORDS, corpus::header_boundaries;
    zmtp_accept: corpus::zmtp_streams, corpus::ZMTP_WORDS, corpus::zmtp_boundaries;
    zmtp_connect: corpus::zmtp_streams, corpus::ZMTP_WORDS, corpus::zmtp_boundaries;
    json_text: corpus::json_lines, corpus::JSON_WORDS, corpus::text_boundaries;
    log_file_name: corpus::log_file_names, corpus::FILE_NAME_WORDS, corpus::text_boundaries;
}
