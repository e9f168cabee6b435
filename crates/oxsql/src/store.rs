//! The files that are meant, and the tables that they are: one for each type, and `events` for all.

use crate::damage::DamageReport;
use crate::failure::Usage;
use crate::heard::Heard;
use crate::input::Packing;
use crate::text::printable_text;
use crate::when::{Span, Until};
use blueox_event::EncodedEvent;
use blueox_log::day_log::scan::{Scanner, Step};
use blueox_log::ranges::Remark;
use blueox_query::catalog::{Catalog, Kind, Meant, StoreFile};
use blueox_query::sealed::SealedFile;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The table of all types.
pub(crate) const ALL: &str = "events";
/// A type is told from the first event of a file whose name was cut; of a damaged one it is sought in so many bytes.
const FIRST_BYTES: u64 = 8 << 20;

/// Everything that can be asked.
#[derive(Debug)]
pub(crate) struct Store {
    dirs: Vec<PathBuf>,
    pub(crate) span: Span,
    /// By type.
    types: BTreeMap<String, Type>,
    /// Other names of types, where no type is named so.
    aliases: BTreeMap<String, String>,
    /// All files, whatever their time: opened when a column is sought that no event of the span has.
    elsewhere: OnceLock<Vec<(String, StoreFile)>>,
    pub(crate) heard: Arc<Heard>,
    pub(crate) threads: usize,
}

/// The files of a type.
#[derive(Debug, Clone, Default)]
pub(crate) struct Type {
    pub(crate) bytes: Vec<u8>,
    pub(crate) files: Vec<StoreFile>,
}

impl Store {
    /// Looks through log paths. `slack` is in seconds.
    ///
    /// # Errors
    /// When a directory cannot be read, or nothing is there.
    pub(crate) fn open(
        dirs: Vec<PathBuf>,
        span: Span,
        slack: f64,
        threads: usize,
        heard: Arc<Heard>,
    ) -> anyhow::Result<Self> {
        let meant = Meant { since: span.since, until: span.until.map(Until::seconds), slack, ..Meant::all() };
        let mut catalog = Catalog::open(&dirs, &meant)?;
        say_of_unreadable(&catalog, &heard);
        for remark in catalog.drop_overlap(&dirs)? {
            say_of_ranges(&remark, &heard);
        }
        let has_days = catalog.span().is_some();
        let mut store = Self {
            dirs,
            span,
            types: BTreeMap::new(),
            aliases: BTreeMap::new(),
            elsewhere: OnceLock::new(),
            heard,
            threads,
        };
        for file in catalog.into_files() {
            let Some(file) = store.looked_at(file) else { continue };
            let bytes = type_of(&file);
            store.known(bytes).files.push(file);
        }
        // Types of other days are tables too, with no rows: what is asked every hour need not have happened in this one.
        if !span.is_open() {
            let named: Vec<Vec<u8>> = store.elsewhere().iter().map(|(_, file)| type_of(file)).collect();
            for bytes in named {
                store.known(bytes);
            }
        }
        if !has_days && store.types.is_empty() {
            let place = store.dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ");
            return Err(anyhow::anyhow!(
                "no day files below {place} (such as {place}/20120313/request-20120313.log), and no sealed files; is it the \
                 log path of an oxd?"
            ));
        }
        store.name_aliases();
        Ok(store)
    }

    /// The names of all tables; those of types are first.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        let types = self.types.keys().map(String::as_str).filter(|name| *name != ALL);
        types.chain([ALL]).chain(self.aliases.keys().map(String::as_str))
    }

    /// Those with one name for each.
    pub(crate) fn main_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.names().take(self.types.len() + usize::from(!self.types.contains_key(ALL)))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.types(name).is_some()
    }

    /// The types of a table, by their names.
    pub(crate) fn types(&self, name: &str) -> Option<Vec<(&str, &Type)>> {
        let all = || self.types.iter().map(|(name, found)| (name.as_str(), found)).collect();
        if name == ALL {
            return Some(all());
        }
        let name = self.aliases.get(name).map_or(name, String::as_str);
        self.types.get_key_value(name).map(|(name, found)| vec![(name.as_str(), found)])
    }

    /// The files of a table of any time; none where all time is asked for anyway.
    pub(crate) fn files_elsewhere(&self, name: &str) -> Vec<StoreFile> {
        let types = self.types(name).filter(|_| !self.span.is_open()).unwrap_or_default();
        let names: HashSet<&str> = types.iter().map(|(name, _)| *name).collect();
        let of_table = self.elsewhere().iter().filter(|(name, _)| names.contains(name.as_str()));
        of_table.map(|(_, file)| file.clone()).collect()
    }

    fn elsewhere(&self) -> &[(String, StoreFile)] {
        self.elsewhere.get_or_init(|| {
            let files = Catalog::open(&self.dirs, &Meant::all()).map(Catalog::into_files).unwrap_or_default();
            files.into_iter().map(|file| (printable_text(&type_of(&file)), file)).collect()
        })
    }

    fn known(&mut self, bytes: Vec<u8>) -> &mut Type {
        let name = printable_text(&bytes);
        self.types.entry(name).or_insert_with(|| Type { bytes, files: Vec::new() })
    }

    /// Names without dots, where they are free.
    fn name_aliases(&mut self) {
        let mut taken: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in self.types.keys() {
            let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
            let alias: String = name.chars().map(plain).collect();
            if alias != *name && alias != ALL && !self.types.contains_key(&alias) {
                taken.entry(alias).or_default().push(name.clone());
            }
        }
        let free = taken.into_iter().filter(|(_, names)| names.len() == 1);
        self.aliases = free.map(|(alias, mut names)| (alias, names.remove(0))).collect();
    }

    /// A file with its kind as its content says, not its name; `None`: it cannot be read, which is told.
    fn looked_at(&self, file: StoreFile) -> Option<StoreFile> {
        let packing = first_bytes(&file.path, 4).map(|first| Packing::of(&first));
        let kind = match packing {
            Ok(Packing::Plain) => Kind::Hot,
            Ok(Packing::Parquet) => Kind::Sealed,
            Ok(_) => Kind::Archive,
            Err(error) => {
                let name = printable_text(file.path.as_os_str().as_encoded_bytes());
                self.heard.unreadable(format!("cannot open {name}: {error}"));
                return None;
            }
        };
        Some(StoreFile { kind, ..file })
    }
}

/// The log paths to read.
///
/// # Errors
/// [`Usage`] when none is given, or one of them is not there.
pub(crate) fn directories(dirs: &[PathBuf]) -> Result<Vec<PathBuf>, Usage> {
    if dirs.is_empty() {
        return Err(Usage("say where the events are: oxsql -l /var/log/blueox 'SELECT ...'".to_owned()));
    }
    for dir in dirs {
        if let Some((scheme, _)) = dir.to_str().and_then(|dir| dir.split_once("://")) {
            return Err(Usage(format!(
                "-l {}: {scheme}:// is not read in SQL yet; download it: oxstore download",
                dir.display()
            )));
        }
        if dir.is_file() {
            return Err(Usage(format!(
                "-l {}: that is a file; give the log path that it is in",
                dir.display()
            )));
        }
    }
    Ok(dirs.to_vec())
}

fn first_bytes(path: &Path, count: u64) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    File::open(path)?.take(count).read_to_end(&mut first)?;
    Ok(first)
}

/// The type of a file's events, by its name, or by what is in it where the name was too long.
fn type_of(file: &StoreFile) -> Vec<u8> {
    if !file.name.encoded_type.contains("%~") {
        return file.name.type_name.clone();
    }
    let whole = match file.kind {
        Kind::Sealed => SealedFile::open(&file.path).ok().map(|sealed| sealed.type_name().to_vec()),
        Kind::Hot => first_type(&file.path),
        Kind::Archive => None,
    };
    whole.unwrap_or_else(|| file.name.encoded_type.clone().into_bytes())
}

fn first_type(path: &Path) -> Option<Vec<u8>> {
    let mut scanner = Scanner::new(File::open(path).ok()?.take(FIRST_BYTES));
    let mut found = None;
    loop {
        let step = scanner.step_to(|event: &EncodedEvent<'_>| {
            found = Some(event.type_bytes().to_vec());
            true
        });
        match step {
            Step::Event { .. } | Step::End => return found,
            Step::Damage(_) => {}
            Step::More => match scanner.fill() {
                Ok(0) => scanner.finish(),
                Ok(_) => {}
                Err(_) => return None,
            },
        }
    }
}

fn say_of_unreadable(catalog: &Catalog, heard: &Heard) {
    for (_, why) in catalog.unreadable() {
        heard.damaged(why.clone());
    }
}

fn say_of_ranges(remark: &Remark, heard: &Heard) {
    let name = |path: &Path| printable_text(path.as_os_str().as_encoded_bytes());
    match remark {
        Remark::None { root } => heard.say(format!(
            "{} does not say which batches it holds (an original daemon, or --spool none): events that another log path has \
             too count twice",
            name(root)
        )),
        Remark::Damaged { path, damage } => {
            let mut lines = DamageReport::default();
            lines.add_ranges(&name(path), damage);
            lines.take_lines().into_iter().for_each(|line| heard.damaged(line));
        }
        Remark::Unfit { path } => heard.say(format!(
            "{} is not as it was written: events of it that another log path has too count twice",
            name(path)
        )),
    }
}
