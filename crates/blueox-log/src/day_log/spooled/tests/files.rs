//! What stands in the files, beside what must.

use super::event::{event, first, numbers, type_name};
use super::schedule::{Checked, Schedule};
use crate::day_log::path::relative_path;
use crate::day_log::tiling::check_ranges;
use crate::day_log::{LogFileName, Settled, Window};
use crate::disk::FileIdentity;
use blueox_event::TypeName;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub(super) fn root() -> &'static Path {
    Path::new("/var/log/ox")
}

/// Numbers from here on are events that somebody else wrote.
const STRANGE: u32 = 1 << 30;

/// Where meddlers put what they take away.
pub(super) fn elsewhere() -> &'static Path {
    Path::new("/elsewhere")
}

impl Schedule {
    fn files(&self, below: &Path) -> Vec<(PathBuf, FileIdentity, Vec<u8>)> {
        self.disk
            .contents()
            .into_iter()
            .filter(|(path, _, _)| path.starts_with(below) && !path.starts_with(root().join(".blueox")))
            .collect()
    }

    /// Nothing torn, nothing twice, nothing that is not in the spool, everything in the file of its window and in
    /// order. All that must be there is.
    pub(super) fn check_files(&self, must: &[u32], when: &str) -> Checked {
        let mut found: BTreeMap<u32, PathBuf> = BTreeMap::new();
        let mut strangers = BTreeSet::new();
        for (path, _, bytes) in self.files(root()) {
            let (events, rest) = numbers(&bytes);
            ensure!(rest == 0, "{when}: {path:?} is torn {rest} bytes before its end {}", bytes.len());
            let (theirs, ours): (Vec<u32>, Vec<u32>) =
                events.into_iter().partition(|number| *number >= STRANGE);
            strangers.extend(theirs);
            ensure!(ours.is_sorted(), "{when}: {path:?} is not in order: {ours:?}");
            let again = ours.iter().find(|number| self.sealed.contains(number));
            ensure!(again.is_none(), "{when}: {again:?} was sealed, and is in {path:?} again");
            for number in ours {
                let known = self.known.get(&number);
                let received = known.ok_or_else(|| format!("{when}: {number} is in {path:?} only"))?;
                let seconds = i64::try_from(received.seconds()).expect("BUG: this century");
                let name = [type_name(number)];
                let type_name = TypeName::new(&name).expect("BUG: a letter");
                let expected = root().join(relative_path(type_name, Window::of(seconds, self.rotate)));
                ensure!(path == expected, "{when}: {number} is in {path:?} instead of {expected:?}");
                if let Some(other) = found.insert(number, path.clone()) {
                    return Err(format!("{when}: {number} is in {path:?} and in {other:?}"));
                }
            }
        }
        let missing =
            must.iter().find(|number| !found.contains_key(number) && !self.excused.contains(number));
        ensure!(missing.is_none(), "{when}: {missing:?} is not in any file");
        for number in &self.planted {
            let stands = strangers.contains(number) || self.excused.contains(number);
            ensure!(stands, "{when}: {number}, which somebody else wrote, is gone");
        }
        Ok(())
    }

    /// What is said to be settled is taken away, as when it is sealed. It must never be written again.
    pub(super) fn seal(&mut self) -> Checked {
        let stands = |path: &Path| path == root().join(".blueox/settled");
        let said = self.disk.contents().into_iter().find(|(path, _, _)| stands(path));
        let text = said.map(|(_, _, bytes)| String::from_utf8_lossy(&bytes).into_owned());
        let Some(settled) = text.and_then(|text| Settled::parse(&text)) else { return Ok(()) };
        for (path, _, bytes) in self.files(root()) {
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.and_then(|name| LogFileName::parse(name, None));
            if name.is_some_and(|name| settled.is_final(name.window)) {
                let (events, rest) = numbers(&bytes);
                ensure!(rest == 0, "{path:?} is settled and torn");
                let known = |number: &&u32| self.known.contains_key(number);
                let unknown = events.iter().find(|number| !known(number));
                ensure!(unknown.is_none(), "{unknown:?} is settled in {path:?} and not in the spool");
                self.excused.extend(&events);
                self.sealed.extend(&events);
                self.seen.sealed += events.len() as u64;
                self.disk.meddle(&path, None, true);
            }
        }
        Ok(())
    }

    /// The ranges name every byte of every file once, and the batch of each event.
    pub(super) fn check_ranges(&self) -> Checked {
        let settled = root().join(".blueox/settled");
        let is_meant = |path: &Path| path.starts_with(root()) && !path.starts_with(&settled);
        let files = self.disk.contents().into_iter().filter(|(path, _, _)| is_meant(path));
        let contents = files.map(|(_, identity, bytes)| (identity.parts().1, bytes)).collect();
        check_ranges(&contents, |events| {
            let (number, length) = first(events).expect("BUG: the files were checked");
            (length, self.batches[&number])
        })
    }

    /// Somebody renames a file of ours, or removes it, and may put another in its place. What is in it is theirs from
    /// then on.
    pub(super) fn meddle(&mut self) {
        let mut files = self.files(root());
        if files.is_empty() {
            return;
        }
        let (path, _, bytes) = files.swap_remove(self.random.index(files.len()));
        self.excused.extend(numbers(&bytes).0);
        self.seen.meddled += 1;
        let synced = self.random.one_in(2);
        self.taken += 1;
        if self.random.one_in(2) {
            let to = elsewhere().join(self.taken.to_string());
            self.disk.meddle(&path, Some(&to), synced);
        } else {
            self.disk.meddle(&path, None, synced);
        }
        if self.random.one_in(3) {
            let numbers: Vec<u32> = (0..4).map(|at| STRANGE + 4 * self.taken + at).collect();
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| event(*number)).collect();
            self.disk.plant(&path, &bytes);
            self.planted.extend(numbers);
        }
    }

    /// What was taken away, to see that nobody touches it.
    pub(super) fn taken_away(&self) -> Vec<(PathBuf, FileIdentity, Vec<u8>)> {
        self.files(elsewhere())
    }
}
