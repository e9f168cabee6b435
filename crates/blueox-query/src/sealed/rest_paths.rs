//! Which paths have values in `_rest`, so that a question about others need not read it.

use super::split::{is_plain, text};
use crate::limits::{SEALED_REST_BYTES, SEALED_REST_PATHS};
use blueox_event::Value;
use std::collections::BTreeSet;

/// Paths of values that no column holds; when there are too many, or one cannot be named, any path.
#[derive(Debug, Default)]
pub(super) struct RestPaths {
    paths: BTreeSet<String>,
    bytes: usize,
    any: bool,
    path: String,
}

impl RestPaths {
    /// Takes what is left of an event.
    pub(super) fn add(&mut self, rest: &[(Value, Value)]) {
        if self.any || rest.is_empty() {
            return;
        }
        if is_plain(rest) {
            self.below(rest);
        } else {
            self.any = true;
        }
        self.path.clear();
    }

    /// As deep as an event may be.
    fn below(&mut self, pairs: &[(Value, Value)]) {
        for (key, value) in pairs {
            let length = self.path.len();
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(text(key).expect("BUG: a plain map has names for keys"));
            match value {
                Value::Map(inner) if !inner.is_empty() && is_plain(inner) => self.below(inner),
                _ => self.note(),
            }
            self.path.truncate(length);
        }
    }

    fn note(&mut self) {
        if self.any || self.paths.contains(&self.path) {
            return;
        }
        self.bytes += self.path.len();
        self.any = self.paths.len() >= SEALED_REST_PATHS || self.bytes > SEALED_REST_BYTES;
        self.paths.insert(self.path.clone());
    }

    pub(super) fn into_names(self) -> Vec<String> {
        if self.any { vec![String::new()] } else { self.paths.into_iter().collect() }
    }
}
