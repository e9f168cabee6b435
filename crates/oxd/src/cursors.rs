//! Who reads the spool, as it was and as it is to be.

use crate::spool_disk::SpoolDisk;
use blueox_log::spool::{CursorName, FileLength, Place, Record, Spool, SpoolError, Timestamp, Writer};

/// Gives each of the wanted readers its place, durably: where it was, or for a new one the oldest that is still there. The
/// others are forgotten, and what only they had not read goes.
pub(crate) fn adopt(
    writer: &mut Writer<SpoolDisk>,
    spool: &Spool<SpoolDisk>,
    wanted: &[CursorName],
    now: Timestamp,
) -> Result<Vec<Place>, SpoolError> {
    let known: Vec<_> = writer.cursors().iter().map(|(name, place)| (name.clone(), *place)).collect();
    for (cursor, place) in known.iter().filter(|(cursor, _)| !wanted.contains(cursor)) {
        let events = spool.tail().events.saturating_sub(place.events);
        if events > 0 {
            tracing::warn!(
                %cursor, events,
                "this reader of the spool is no longer configured: events that it had not read are not written or forwarded by it"
            );
        } else {
            tracing::info!(%cursor, "this reader of the spool is no longer configured");
        }
        forget(writer, cursor, *place, now)?;
    }
    for cursor in wanted.iter().filter(|cursor| !known.iter().any(|(known, _)| known == *cursor)) {
        writer.move_cursor(cursor, spool.oldest())?;
    }
    writer.persist_cursors(now)?;
    let place = |cursor| known.iter().find(|(known, _)| known == cursor).map(|(_, place)| *place);
    Ok(wanted.iter().map(|cursor| place(cursor).unwrap_or_else(|| spool.oldest())).collect())
}

/// Its files are closed first: should it come back they must not be cut to what they were.
fn forget(
    writer: &mut Writer<SpoolDisk>,
    cursor: &CursorName,
    place: Place,
    now: Timestamp,
) -> Result<(), SpoolError> {
    let closed = |(file, open): (&blueox_log::spool::FileId, &blueox_log::spool::OpenFile)| FileLength {
        file: *file,
        length: open.length,
        closed: true,
    };
    let files: Vec<_> = writer.files().iter().map(closed).collect();
    if cursor.as_str() == super::keeper::LOG_CURSOR && !files.is_empty() {
        writer.append(&Record::Materialised { cursor, place, files: &files }, now)?;
        writer.commit(now)?;
    }
    writer.remove_cursor(cursor, now)?;
    writer.commit(now)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_log::spool::{FullPolicy, SpoolConfig, StreamId};

    #[test]
    fn readers_come_and_go() {
        let directory = tempfile::tempdir().unwrap();
        let config = SpoolConfig::new(1 << 20, FullPolicy::Block, StreamId(7)).unwrap();
        let open = || Spool::open(SpoolDisk::Real, directory.path(), config).unwrap();
        let names = |names: &[&str]| names.iter().map(|name| CursorName::new(name)).collect::<Vec<_>>();
        let now = Timestamp(1);

        let mut opened = open();
        let places = adopt(&mut opened.writer, &opened.spool, &names(&["log"]), now).unwrap();
        assert_eq!(places, [opened.spool.oldest()]);
        let batch = Record::Data { source: None, count: 1, origin: b"", events: b"\x80" };
        opened.writer.append(&batch, now).unwrap();
        let tail = opened.writer.commit(now).unwrap();
        opened.writer.move_cursor(&names(&["log"])[0], tail).unwrap();
        opened.writer.persist_cursors(now).unwrap();
        drop(opened);

        // A new reader gets what is there; the other one has had it.
        let mut opened = open();
        let places = adopt(&mut opened.writer, &opened.spool, &names(&["log", "forward:0"]), now).unwrap();
        assert_eq!(places, [tail, opened.spool.oldest()]);
        drop(opened);

        let mut opened = open();
        adopt(&mut opened.writer, &opened.spool, &names(&["forward:0"]), now).unwrap();
        drop(opened);
        assert_eq!(open().writer.cursors().keys().cloned().collect::<Vec<_>>(), names(&["forward:0"]));
    }
}
