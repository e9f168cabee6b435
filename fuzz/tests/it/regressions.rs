//! Inputs that once failed, as a failure prints them: target and hex.

const REGRESSIONS: &[(&str, &str)] = &[
    // 60 maps, each the key of the next: every level of their JSON doubled the text.
    (
        "msgpack",
        concat!(
            "81818181818181818181818181818181818181818181818181818181818181818181818181818181",
            "81818181818181818181818181818181818181810101010101010101010101010101010101010101",
            "01010101010101010101010101010101010101010101010101010101010101010101010101010101",
            "01",
        ),
    ),
    // The same as the id of an event.
    (
        "event",
        concat!(
            "81a26964818181818181818181818181818181818181818181818181818181818181818181818181",
            "81818181818181818181818181818181818181818181818101010101010101010101010101010101",
            "01010101010101010101010101010101010101010101010101010101010101010101010101010101",
            "0101010101",
        ),
    ),
];

pub(crate) fn of(name: &str) -> impl Iterator<Item = Vec<u8>> {
    REGRESSIONS.iter().filter(move |(target, _)| *target == name).map(|(_, hex)| decode(hex))
}

fn decode(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hex digit") as u8;
    hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
