//! Which columns a table has, and of which type: by all values that the files have.
//!
//! Sealed files say it in their footers, but for fields some of whose values are in no column; day files, archives and those
//! fields are looked at event by event.

use crate::field::{self, ALWAYS, Field, Kinds, SELDOM};
use crate::reading::{events_of, needs_of};
use crate::statement::Asked;
use crate::store::{Store, Type};
use crate::when::Span;
use blueox_event::msgpack::{RawValue, Token};
use blueox_event::{EncodedEvent, Path as FieldPath};
use blueox_query::catalog::{Kind, StoreFile};
use blueox_query::limits::{SEALED_DEPTH, SURVEY_PATHS};
use blueox_query::lookups::{Findings, Lookups, Slot};
use blueox_query::need::Need;
use blueox_query::sealed::{SealedFile, Standing};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How many columns `*` stands for at most: those that most files have, then by name.
const MOST_COLUMNS: usize = 2_000;

/// The columns of a table that a query may ask for.
pub(crate) fn fields(store: &Store, types: &[(&str, &Type)], asked: &Asked) -> Vec<Field> {
    let files: Vec<(&Type, &StoreFile)> =
        types.iter().flat_map(|(_, found)| found.files.iter().map(move |file| (*found, file))).collect();
    let mut fields: Vec<Field> = ALWAYS.iter().filter_map(|name| Field::own(name)).collect();
    let names = match asked {
        Asked::All => {
            let (own, names) = names(store, &files);
            fields.extend(own.iter().filter_map(|name| Field::own(name)));
            names
        }
        Asked::Names(names) => {
            let own = names.iter().filter_map(|name| Field::own(name));
            fields.extend(own.filter(|own| !ALWAYS.contains(&own.name.as_str())));
            names.iter().cloned().collect()
        }
    };
    let paths: Vec<(String, FieldPath)> =
        names.into_iter().filter_map(|name| Field::path_of(&name).map(|path| (name, path))).collect();
    let kinds = kinds(store, store.span, &files, &paths);
    let found = paths.into_iter().zip(kinds).filter(|(_, kinds)| !kinds.is_empty());
    fields.extend(found.map(|((name, path), kinds)| Field::at(name, path, kinds.form())));
    fields
}

/// A column that only files of another time have, so that a query does not fail because nothing happened.
pub(crate) fn field_elsewhere(store: &Store, table: &str, name: &str) -> Option<Field> {
    let path = Field::path_of(name)?;
    let files = store.files_elsewhere(table);
    let nobody = Type::default();
    let files: Vec<(&Type, &StoreFile)> = files.iter().map(|file| (&nobody, file)).collect();
    let paths = [(name.to_owned(), path)];
    let kinds = kinds(store, Span::default(), &files, &paths)[0];
    let [(name, path)] = paths;
    (!kinds.is_empty()).then(|| Field::at(name, path, kinds.form()))
}

/// The kinds of the values of each path.
fn kinds(
    store: &Store,
    span: Span,
    files: &[(&Type, &StoreFile)],
    paths: &[(String, FieldPath)],
) -> Vec<Kinds> {
    let mut all = vec![Kinds::default(); paths.len()];
    if paths.is_empty() {
        return all;
    }
    let mut lookups = Lookups::default();
    let slots: Vec<Slot> = paths.iter().map(|(_, path)| lookups.add(path)).collect();
    let mut by_event = Vec::new();
    let mut scattered = BTreeSet::new();
    for (_, file) in files {
        if file.kind != Kind::Sealed {
            by_event.push((*file).clone());
            continue;
        }
        // What cannot be opened is told when it is read.
        let Ok(sealed) = SealedFile::open(&file.path) else { continue };
        let types: HashMap<&str, Kinds> =
            sealed.event_columns().map(|(name, data_type)| (name, Kinds::of_column(data_type))).collect();
        let mut is_whole = true;
        for (at, (_, path)) in paths.iter().enumerate() {
            match sealed.standing(path) {
                Standing::Nowhere => {}
                Standing::Column(name) => {
                    all[at] = all[at].and(types.get(name.as_str()).copied().unwrap_or_default());
                }
                Standing::Scattered => {
                    is_whole = false;
                    scattered.insert(at);
                }
            }
        }
        if !is_whole {
            by_event.push((*file).clone());
        }
    }
    let is_hot = by_event.iter().any(|file| file.kind != Kind::Sealed);
    let asked = paths.iter().enumerate().filter(|(at, _)| is_hot || scattered.contains(at));
    let need = needs_of(span, Need::of(asked.map(|(_, (_, path))| path.clone())));
    let parts = vec![vec![Kinds::default(); paths.len()]; store.threads];
    let each = |part: &mut Vec<Kinds>, event: &EncodedEvent<'_>| -> Result<(), ()> {
        if !span.holds(event.end()) {
            return Ok(());
        }
        let mut found = Findings::default();
        lookups.find(event, &mut found);
        for (kinds, slot) in part.iter_mut().zip(&slots) {
            if let Some(found) = found.get(*slot) {
                *kinds = kinds.and(Kinds::of(found));
            }
        }
        Ok(())
    };
    for part in events_of(&by_event, &need, parts, &store.heard, each) {
        for (all, kinds) in all.iter_mut().zip(part) {
            *all = all.and(kinds);
        }
    }
    all
}

/// What one thread sees of names.
#[derive(Debug, Clone, Default)]
struct Names {
    own: BTreeSet<&'static str>,
    paths: BTreeMap<String, u64>,
}

/// The names of the columns of all fields that any event has, and its seldom own fields.
fn names(store: &Store, files: &[(&Type, &StoreFile)]) -> (BTreeSet<&'static str>, Vec<String>) {
    let mut all = Names::default();
    let mut by_event = Vec::new();
    for (_, file) in files {
        if file.kind != Kind::Sealed {
            by_event.push((*file).clone());
            continue;
        }
        let Ok(sealed) = SealedFile::open(&file.path) else { continue };
        all.own.extend(SELDOM.iter().filter(|own| sealed.own_standing(own) != Standing::Nowhere));
        for (name, _) in sealed.event_columns() {
            if name == "duration" {
                *all.paths.entry(field::name_of(name)).or_default() += 1;
            } else if Field::own(name).is_none() {
                *all.paths.entry(name.to_owned()).or_default() += 1;
            }
        }
        if sealed.scattered_paths().any(str::is_empty) {
            by_event.push((*file).clone());
        }
        for path in sealed.scattered_paths().filter(|path| !path.is_empty()) {
            *all.paths.entry(field::name_of(path)).or_default() += 1;
        }
    }
    let span = store.span;
    let each = |part: &mut Names, event: &EncodedEvent<'_>| -> Result<(), ()> {
        if span.holds(event.end()) {
            part.add(event);
        }
        Ok(())
    };
    let parts = vec![Names::default(); store.threads];
    for part in events_of(&by_event, &needs_of(span, Need::default()), parts, &store.heard, each) {
        all.own.extend(part.own);
        for (name, count) in part.paths {
            *all.paths.entry(name).or_default() += count;
        }
    }
    let mut names: Vec<(String, u64)> = all.paths.into_iter().collect();
    if names.len() > MOST_COLUMNS {
        names.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let more = names.len() - MOST_COLUMNS;
        names.truncate(MOST_COLUMNS);
        store.heard.say(format!("* stands for {MOST_COLUMNS} columns; {more} more, which fewer events have, can be asked for by name"));
        names.sort();
    }
    (all.own, names.into_iter().map(|(name, _)| name).collect())
}

impl Names {
    fn add(&mut self, event: &EncodedEvent<'_>) {
        self.own.extend(SELDOM.iter().filter(|own| event.raw().get(own.as_bytes()).is_some()));
        if let Some(body) = event.body().filter(|body| is_plain(*body)) {
            self.below(body, &mut String::new(), 1);
        }
    }

    fn below(&mut self, map: RawValue<'_>, path: &mut String, depth: usize) {
        for (key, value) in map.pairs().into_iter().flatten() {
            let Some(name) = key.as_text().and_then(|name| str::from_utf8(name).ok()) else { continue };
            let length = path.len();
            if length > 0 {
                path.push('.');
            }
            path.push_str(name);
            if depth < SEALED_DEPTH && is_plain(value) {
                self.below(value, path, depth + 1);
            } else {
                let column = field::name_of(path);
                if let Some(count) = self.paths.get_mut(&column) {
                    *count += 1;
                } else if self.paths.len() < SURVEY_PATHS {
                    self.paths.insert(column, 1);
                }
            }
            path.truncate(length);
        }
    }
}

/// Whether a value is a map whose keys can be names of a path; what is below others is one value.
fn is_plain(value: RawValue<'_>) -> bool {
    let is_name = |key: RawValue<'_>| {
        let name = match key.token() {
            Token::Str(name) => str::from_utf8(name).ok(),
            _ => None,
        };
        name.is_some_and(|name| !name.is_empty() && !name.contains(['.', '`']))
    };
    let mut any = false;
    let all = value.pairs().is_some_and(|mut pairs| {
        pairs.all(|(key, _)| {
            any = true;
            is_name(key)
        })
    });
    any && all
}
