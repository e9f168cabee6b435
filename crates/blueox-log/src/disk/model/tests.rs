//! The model really does what it says.

use super::*;

fn path(text: &str) -> &Path {
    Path::new(text)
}

fn disk(seed: u64) -> ModelDisk {
    let disk = ModelDisk::new(seed, u64::MAX);
    disk.create_dir_durably(path("/d")).unwrap();
    disk
}

/// A file whose name and first bytes are durable.
fn with_file(seed: u64, data: &[u8]) -> (ModelDisk, ModelFile) {
    let disk = disk(seed);
    let file = disk.create(path("/d/f")).unwrap();
    file.write_to(0, data).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(path("/d")).unwrap();
    (disk, file)
}

fn content(disk: &ModelDisk, name: &str) -> Option<Vec<u8>> {
    disk.contents().into_iter().find(|(at, _, _)| at == path(name)).map(|(_, _, bytes)| bytes)
}

/// What comes out, over many seeds.
fn outcomes<T: Ord>(run: impl Fn(u64) -> T) -> BTreeSet<T> {
    (0..400).map(run).collect()
}

#[test]
fn synced_bytes_stay_and_others_go_by_the_sector_in_any_order_and_torn() {
    let seen = outcomes(|seed| {
        let (disk, file) = with_file(seed, &[1; 3 * 512]);
        file.write_to(0, &[2; 3 * 512]).unwrap();
        disk.crash();
        let bytes = content(&disk, "/d/f").unwrap();
        let sector = |at: usize| match &bytes[at * 512..(at + 1) * 512] {
            all if all.iter().all(|byte| *byte == 1) => 'o',
            all if all.iter().all(|byte| *byte == 2) => 'n',
            _ => 't',
        };
        [sector(0), sector(1), sector(2)]
    });
    for expected in ["ooo", "nnn", "oon", "non", "onn", "tno", "otn"] {
        let expected: Vec<char> = expected.chars().collect();
        assert!(seen.contains(&expected[..]), "{expected:?} is not among {seen:?}");
    }
}

#[test]
fn a_killed_process_loses_nothing_that_it_wrote() {
    let (disk, file) = with_file(1, &[1; 100]);
    file.append(&[2; 1000]).unwrap();
    let late = disk.create(path("/d/late")).unwrap();
    disk.kill();
    assert_eq!(content(&disk, "/d/f").unwrap().len(), 1100);
    assert!(content(&disk, "/d/late").is_some());
    assert!(late.append(b"x").is_err(), "its handles are dead");
}

#[test]
fn a_length_is_kept_or_not_whether_it_grew_or_was_cut() {
    let seen = outcomes(|seed| {
        let (disk, file) = with_file(seed, &[1; 1000]);
        file.truncate(100).unwrap();
        file.append(&[2; 2000]).unwrap();
        disk.crash();
        let bytes = content(&disk, "/d/f").unwrap();
        assert!(bytes[..100].iter().all(|byte| *byte != 0), "what was synced and not cut stays");
        (bytes.len(), bytes.get(2090).copied())
    });
    let lengths: BTreeSet<usize> = seen.iter().map(|(length, _)| *length).collect();
    assert_eq!(lengths, [100, 1000, 2100].into());
    assert!(seen.contains(&(2100, Some(0))) && seen.contains(&(2100, Some(2))), "zeros where data is lost");
    let (disk, file) = with_file(3, &[1; 1000]);
    file.truncate(100).unwrap();
    file.sync_data().unwrap();
    disk.crash();
    assert_eq!(content(&disk, "/d/f").unwrap().len(), 100);
}

#[test]
fn names_are_lost_one_by_one_until_their_own_directory_is_synced() {
    let seen = outcomes(|seed| {
        let disk = disk(seed);
        disk.create_dir_all(path("/d/e")).unwrap();
        for name in ["/d/a", "/d/b", "/d/e/c"] {
            disk.create(path(name)).unwrap();
        }
        disk.sync_dir(path("/d/e")).unwrap();
        disk.crash();
        ["/d/a", "/d/b", "/d/e/c"].map(|name| content(&disk, name).is_some())
    });
    assert_eq!(seen.len(), 8, "every combination: {seen:?}");
    let kept = outcomes(|seed| {
        let disk = disk(seed);
        disk.create_dir_durably(path("/d/e")).unwrap();
        disk.create(path("/d/e/c")).unwrap();
        disk.sync_dir(path("/d/e")).unwrap();
        disk.crash();
        content(&disk, "/d/e/c").is_some()
    });
    assert_eq!(kept, [true].into());
}

#[test]
fn renames_and_removals_are_lost_too() {
    let renamed = outcomes(|seed| {
        let (disk, _file) = with_file(seed, b"x");
        disk.rename(path("/d/f"), path("/d/g")).unwrap();
        disk.crash();
        ["/d/f", "/d/g"].map(|name| content(&disk, name).is_some())
    });
    assert_eq!(renamed, [[true, false], [false, true]].into(), "never both, never none");
    let removed = outcomes(|seed| {
        let (disk, _file) = with_file(seed, b"x");
        disk.remove(path("/d/f")).unwrap();
        disk.crash();
        content(&disk, "/d/f").is_some()
    });
    assert_eq!(removed, [true, false].into());
}

#[test]
fn every_operation_fails_when_it_is_told_to() {
    type Operation = fn(&ModelDisk, &ModelFile) -> io::Result<()>;
    let operations: [(&str, Operation); 16] = [
        ("create_dir_all", |disk, _| disk.create_dir_all(path("/d/new"))),
        ("open_append", |disk, _| disk.open_append(path("/d/g")).map(drop)),
        ("identity of a name", |disk, _| disk.identity(path("/d/f")).map(drop)),
        ("sync_dir", |disk, _| disk.sync_dir(path("/d"))),
        ("sync_file_system", |disk, _| disk.sync_file_system(path("/d"))),
        ("open_existing", |disk, _| disk.open_existing(path("/d/f")).map(drop)),
        ("create", |disk, _| disk.create(path("/d/g")).map(drop)),
        ("list", |disk, _| disk.list(path("/d")).map(drop)),
        ("rename", |disk, _| disk.rename(path("/d/f"), path("/d/g"))),
        ("remove", |disk, _| disk.remove(path("/d/f"))),
        ("lock", |disk, _| disk.lock(path("/d/lock")).map(drop)),
        ("append", |_, file| file.append(b"more")),
        ("truncate", |_, file| file.truncate(1)),
        ("sync_data", |_, file| file.sync_data()),
        ("read_from", |_, file| file.read_from(0, &mut [0; 9]).map(drop)),
        ("preallocate", |_, file| file.preallocate(9999)),
    ];
    for (name, operation) in operations {
        let errors = outcomes(|seed| {
            let (disk, file) = with_file(seed, b"some bytes");
            disk.fail_after(0, false);
            let error = operation(&disk, &file).expect_err(name).raw_os_error();
            assert!(operation(&disk, &file).is_ok(), "{name} fails once");
            error
        });
        let looks = ["identity of a name", "open_existing", "list", "read_from"].contains(&name);
        let expected = if looks { vec![Some(EIO)] } else { vec![Some(EIO), Some(ENOSPC)] };
        assert_eq!(errors.into_iter().collect::<Vec<_>>(), expected, "{name}");
    }
}

#[test]
fn a_full_disk_takes_what_fits_and_says_so() {
    let lengths = outcomes(|seed| {
        let (disk, file) = with_file(seed, &[1; 100]);
        disk.set_capacity(110);
        let error = file.append(&[2; 100]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(file.preallocate(200).is_err());
        file.write_to(0, &[3; 100]).unwrap();
        content(&disk, "/d/f").unwrap().len()
    });
    assert_eq!(lengths, (100..=110).collect());
}

#[test]
fn a_failed_sync_calls_pages_clean_that_the_disk_does_not_have() {
    let seen = outcomes(|seed| {
        let (disk, file) = with_file(seed, &[1; 512]);
        file.write_to(0, &[2; 512]).unwrap();
        disk.fail_after(0, true);
        file.sync_data().unwrap_err();
        file.sync_data().expect("trying again proves nothing");
        let cached = content(&disk, "/d/f").unwrap()[0];
        disk.evict();
        (cached, content(&disk, "/d/f").unwrap()[0])
    });
    assert_eq!(seen, [(2, 1), (2, 2)].into());
}

#[test]
fn an_inode_is_used_again_when_nothing_leads_to_its_file() {
    let reused = |synced: bool, held: bool| {
        outcomes(|seed| {
            let (disk, file) = with_file(seed, b"x");
            let before = file.identity().unwrap();
            let file = held.then_some(file);
            disk.meddle(path("/d/f"), None, synced);
            let same = disk.create(path("/d/f")).unwrap().identity().unwrap() == before;
            drop(file);
            same
        })
    };
    assert_eq!(reused(true, false), [true, false].into());
    assert_eq!(reused(true, true), [false].into(), "somebody has it open");
    assert_eq!(reused(false, false), [false].into(), "its removal may be lost");
}

#[test]
fn a_flipped_bit_stays_flipped() {
    let (disk, _file) = with_file(1, &[0; 4]);
    disk.flip(path("/d/f"), 2, 7);
    disk.crash();
    assert_eq!(content(&disk, "/d/f").unwrap(), [0, 0, 128, 0]);
}
