//! Files as writers and rotators treat them. A model that is a list of lines says what must come.

use super::*;
use std::fs;
use std::io::Write;

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = File::options().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn follow(&self, from: From) -> FollowedFile {
        FollowedFile::open(&self.path("log"), from).unwrap()
    }
}

fn look(followed: &mut FollowedFile) -> Vec<String> {
    let mut found = Vec::new();
    let mut take = |line: Line<'_>| found.push(String::from_utf8(line.bytes.to_vec()).unwrap());
    while followed.look(&mut take) {}
    found
}

#[test]
fn what_is_appended_comes_and_what_was_there_if_it_is_wanted() {
    let place = Place::new();
    place.append("log", "old\n");
    let (mut new, mut all) = (place.follow(From::End), place.follow(From::Start));
    place.append("log", "one\ntw");
    assert_eq!(look(&mut new), ["one"]);
    assert_eq!(look(&mut all), ["old", "one"]);
    place.append("log", "o\nthree");
    assert_eq!(look(&mut new), ["two"]);
    let mut last = Vec::new();
    new.finish(&mut |line| last.push(line.bytes.to_vec()));
    assert_eq!(last, [b"three".to_vec()]);
}

#[test]
fn a_file_that_is_made_later() {
    let place = Place::new();
    let mut followed = place.follow(From::End);
    assert!(look(&mut followed).is_empty());
    place.append("log", "first\n");
    assert_eq!(look(&mut followed), ["first"]);
}

#[test]
fn a_file_that_is_renamed_is_read_on_beside_the_new_one() {
    let place = Place::new();
    place.append("log", "one\n");
    let mut followed = place.follow(From::Start);
    assert_eq!(look(&mut followed), ["one"]);
    place.append("log", "two\n");
    place.rename("log", "log.1");
    place.append("log.1", "three\n");
    assert_eq!(look(&mut followed), ["two", "three"]);
    place.append("log", "four\n");
    place.append("log.1", "five\n");
    assert_eq!(look(&mut followed), ["five", "four"]);
    // A writer that learns late, and leaves half a line.
    place.append("log.1", "six\nsev");
    assert_eq!(look(&mut followed), ["six"]);
    let quiet: Vec<_> = (0..=QUIET_LOOKS).flat_map(|_| look(&mut followed)).collect();
    assert_eq!(quiet, ["sev"]);
    place.append("log.1", "nobody reads it\n");
    place.append("log", "eight\n");
    assert_eq!(look(&mut followed), ["eight"]);
}

#[test]
fn several_rotations_between_two_looks_lose_nothing_that_is_still_named() {
    let place = Place::new();
    place.append("log", "one\n");
    let mut followed = place.follow(From::Start);
    place.rename("log", "log.1");
    place.append("log", "two\n");
    assert_eq!(look(&mut followed), ["one", "two"]);
    place.rename("log", "log.2");
    place.append("log", "three\n");
    assert_eq!(look(&mut followed), ["three"]);
}

#[test]
fn a_file_that_is_truncated_is_read_anew() {
    let place = Place::new();
    place.append("log", "one\ntwo\n");
    let mut followed = place.follow(From::Start);
    assert_eq!(look(&mut followed), ["one", "two"]);
    fs::copy(place.path("log"), place.path("log.1")).unwrap();
    fs::write(place.path("log"), "").unwrap();
    assert!(look(&mut followed).is_empty());
    place.append("log", "three\n");
    assert_eq!(look(&mut followed), ["three"]);
    // Truncated and grown beyond its old length before the next look.
    fs::write(place.path("log"), "a longer line\nand another\n").unwrap();
    assert_eq!(look(&mut followed), ["a longer line", "and another"]);
    fs::write(place.path("log"), "half").unwrap();
    assert!(look(&mut followed).is_empty());
    fs::write(place.path("log"), "x\n").unwrap();
    assert_eq!(look(&mut followed), ["half", "x"]);
}

#[test]
fn a_file_that_is_removed_is_read_to_its_end() {
    let place = Place::new();
    place.append("log", "one\n");
    let mut followed = place.follow(From::Start);
    let mut writer = File::options().append(true).open(place.path("log")).unwrap();
    fs::remove_file(place.path("log")).unwrap();
    writer.write_all(b"two\n").unwrap();
    assert_eq!(look(&mut followed), ["one", "two"]);
    place.append("log", "three\n");
    writer.write_all(b"four\n").unwrap();
    assert_eq!(look(&mut followed), ["four", "three"]);
}

#[test]
fn what_is_no_file_is_refused() {
    let place = Place::new();
    fs::create_dir(place.path("log")).unwrap();
    let error = FollowedFile::open(&place.path("log"), From::End).unwrap_err();
    assert!(format!("{error:#}").ends_with("it is no file; try: oxingest TYPE < PATH"), "{error:#}");
}

/// What is kept, as it comes back.
fn kept(followed: &FollowedFile) -> Vec<Position> {
    let kept = serde_json::to_string(&followed.positions().unwrap()).unwrap();
    serde_json::from_str(&kept).unwrap()
}

/// Started again, with what was kept.
fn resumed(place: &Place, kept: &[Position]) -> FollowedFile {
    FollowedFile::resume(&place.path("log"), kept).unwrap()
}

#[test]
fn after_a_restart_it_goes_on_at_the_first_line_that_was_not_sent() {
    let place = Place::new();
    place.append("log", "one\ntw");
    let mut before = place.follow(From::Start);
    assert_eq!(look(&mut before), ["one"]);
    let mut after = resumed(&place, &kept(&before));
    assert!(look(&mut after).is_empty());
    place.append("log", "o\nthree\n");
    assert_eq!(look(&mut after), ["two", "three"]);
    assert!(look(&mut resumed(&place, &kept(&after))).is_empty());
}

#[test]
fn what_was_rotated_while_nobody_read_comes_first() {
    let place = Place::new();
    place.append("log", "one\n");
    let mut before = place.follow(From::Start);
    assert_eq!(look(&mut before), ["one"]);
    place.append("log", "two\n");
    place.rename("log", "log.1");
    place.append("log", "three\n");
    let mut after = resumed(&place, &kept(&before));
    assert_eq!(look(&mut after), ["two", "three"]);
    // Both are kept as long as the old one may still grow.
    let both = kept(&after);
    place.append("log.1", "four\n");
    place.append("log", "five\n");
    assert_eq!(look(&mut resumed(&place, &both)), ["four", "five"]);
}

#[test]
fn a_file_that_is_another_one_now_is_read_from_its_beginning() {
    let place = Place::new();
    place.append("log", "one\n");
    let mut before = place.follow(From::Start);
    assert_eq!(look(&mut before), ["one"]);
    let one = kept(&before);
    fs::write(place.path("log"), "an other line\n").unwrap();
    assert_eq!(before.positions(), None, "of which file?");
    assert_eq!(look(&mut resumed(&place, &one)), ["an other line"]);
    fs::write(place.path("log"), "").unwrap();
    let mut after = resumed(&place, &one);
    place.append("log", "new\n");
    assert_eq!(look(&mut after), ["new"]);
    let new = kept(&after);
    fs::remove_file(place.path("log")).unwrap();
    let mut after = resumed(&place, &new);
    assert!(look(&mut after).is_empty());
    place.append("log", "later\n");
    assert_eq!(look(&mut after), ["later"]);
}
