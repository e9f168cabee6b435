//! An event of a given length that stands for those that were passed, where a scanner goes on in the middle of a file: all that it
//! keeps of them is how long the shortest was.

/// The shortest that has two of an event's own fields.
const SHORTEST: usize = b"\x83\xa4type\xa1t\xa3end\x01\xa2id\x01".len();

/// An event of `length` bytes that nothing in can be taken for another.
pub(super) fn of(length: usize) -> Vec<u8> {
    let mut event = b"\x83\xa4type\xa1t\xa3end\x01\xa2id".to_vec();
    let room = length.max(SHORTEST) - event.len();
    let text = match room {
        1 => 0,
        2..=32 => room - 1,
        33..=257 => room - 2,
        258..=65_538 => room - 3,
        _ => room - 5,
    };
    match room {
        1 => event.push(0x01),
        2..=32 => event.push(0xa0 | text as u8),
        33..=257 => event.extend([0xd9, text as u8]),
        258..=65_538 => event.extend([&[0xda], &(text as u16).to_be_bytes()[..]].concat()),
        _ => event.extend([&[0xdb], &(text as u32).to_be_bytes()[..]].concat()),
    }
    event.resize(event.len() + text, b'x');
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_log::day_log::scan::{Item, Scanner};

    #[test]
    fn it_is_as_long_as_is_asked_and_an_event_to_a_scanner() {
        for length in (SHORTEST..400).chain([65_500, 65_549, 65_550, 65_560, 70_000]) {
            let event = of(length);
            assert_eq!(event.len(), length);
            let mut scanner = Scanner::new(&event[..]);
            let item = scanner.next_item().unwrap();
            assert!(matches!(item, Some(Item::Event { offset: 0, .. })), "{length}");
            assert_eq!(scanner.next_item().unwrap(), None, "{length}");
        }
    }
}
