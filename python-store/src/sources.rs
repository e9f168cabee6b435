//! Which files the events that are asked for stand in.

use crate::failure::Failure;
use crate::interrupt::interruptible;
use crate::selection::Selection;
use blueox_event::time::UtcDay;
use blueox_log::ranges::Remark;
use blueox_query::catalog::{Catalog, Kind, Meant, StoreFile};
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The files of a snapshot: what is appended to them later is not part of any answer.
#[pyclass(frozen, from_py_object)]
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    pub(crate) selection: Selection,
    pub(crate) days: BTreeMap<UtcDay, Vec<StoreFile>>,
    remarks: Vec<String>,
}

#[pymethods]
impl Sources {
    /// Looks through directories (log paths, directories of sealed files) and takes files as they are. `slack`: a file's day is that
    /// of arrival, and so many seconds more are looked at.
    #[new]
    #[expect(clippy::needless_pass_by_value, reason = "a list comes from Python as a Vec")]
    fn new(py: Python<'_>, paths: Vec<PathBuf>, selection: Selection, slack: f64) -> PyResult<Self> {
        Ok(interruptible(py, |_| Self::open(&paths, selection, slack))??)
    }

    /// What there is to say beside the events: damage, and copies that cannot be told apart.
    #[getter]
    fn remarks(&self) -> Vec<String> {
        self.remarks.clone()
    }

    /// How many files there are.
    fn __len__(&self) -> usize {
        self.days.values().map(Vec::len).sum()
    }
}

impl Sources {
    fn open(paths: &[PathBuf], selection: Selection, slack: f64) -> Result<Self, Failure> {
        let mut dirs = Vec::new();
        let mut files = Vec::new();
        for path in paths {
            let metadata = fs::metadata(path).map_err(Failure::io("read", path))?;
            if metadata.is_dir() {
                dirs.push(path.clone());
            } else {
                files.push(StoreFile::alone(path, packing(path)?, metadata.len()));
            }
        }
        let meant = Meant {
            since: selection.since(),
            until: selection.until(),
            slack,
            is_type: &|name| selection.may_match_type(name),
            days: None,
        };
        let mut catalog = Catalog::open(&dirs, &meant)?;
        if !dirs.is_empty() && files.is_empty() && catalog.span().is_none() {
            let place = dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ");
            return Err(Failure::Asked(format!(
                "no day files and no sealed files below {place}; is it the log path of an oxd?"
            )));
        }
        let mut remarks: Vec<String> = catalog.unreadable().iter().map(|(_, why)| why.clone()).collect();
        remarks.extend(catalog.drop_overlap(&dirs)?.iter().map(said));
        let mut days = catalog.days;
        for file in files {
            days.entry(file.name.window.day).or_default().push(file);
        }
        Ok(Self { selection, days, remarks })
    }

    /// All files, with what they are: an archive by its first bytes and not by its name.
    pub(crate) fn files(&self) -> impl Iterator<Item = &StoreFile> {
        self.days.values().flatten()
    }
}

/// What a file's first bytes say. No event begins like any of these.
pub(crate) fn packing(path: &Path) -> Result<Kind, Failure> {
    let mut first = Vec::new();
    let read = File::open(path).and_then(|file| file.take(4).read_to_end(&mut first));
    read.map_err(Failure::io("read", path))?;
    Ok(match first[..] {
        [b'P', b'A', b'R', b'1', ..] => Kind::Sealed,
        [b'B', b'Z', b'h', ..] | [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => Kind::Archive,
        _ => Kind::Hot,
    })
}

fn said(remark: &Remark) -> String {
    match remark {
        Remark::None { root } => format!(
            "{} does not say which batches it holds: events that another log path has too are given twice",
            root.display()
        ),
        Remark::Damaged { path, damage } => format!(
            "{}: {} damaged bytes at offset {}: events that another log path has too may be given twice",
            path.display(),
            damage.length,
            damage.offset
        ),
        Remark::Unfit { path } => format!(
            "{} is not as it was written: events of it that another log path has too are given twice",
            path.display()
        ),
    }
}
