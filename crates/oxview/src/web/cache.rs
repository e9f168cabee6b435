//! Answers that come out the same when they are asked for again: of times that are over, while no file has changed.

use super::limits::CACHE_BYTES;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Answers by what was asked, the least recently used given up first.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<String, (u64, Arc<str>)>,
    bytes: usize,
    uses: u64,
}

impl Cache {
    pub(crate) fn get(&self, question: &str) -> Option<Arc<str>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.uses += 1;
        let uses = kept.uses;
        let (used, answer) = kept.answers.get_mut(question)?;
        *used = uses;
        Some(Arc::clone(answer))
    }

    pub(crate) fn put(&self, question: String, answer: &Arc<str>) {
        let bytes = question.len() + answer.len();
        if bytes > CACHE_BYTES / 4 {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&question);
        while kept.bytes + bytes > CACHE_BYTES {
            let oldest = kept.answers.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
            kept.remove(&oldest.expect("BUG: what takes memory is there"));
        }
        kept.uses += 1;
        let used = kept.uses;
        kept.bytes += bytes;
        kept.answers.insert(question, (used, Arc::clone(answer)));
    }
}

impl Kept {
    fn remove(&mut self, question: &str) {
        if let Some((key, (_, answer))) = self.answers.remove_entry(question) {
            self.bytes -= key.len() + answer.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_for_lately_goes_first() {
        let cache = Cache::default();
        let large: Arc<str> = "x".repeat(CACHE_BYTES / 5).into();
        for question in ["a", "b", "c", "d"] {
            cache.put(question.to_owned(), &large);
        }
        assert!(cache.get("a").is_some());
        cache.put("e".to_owned(), &large);
        let found = ["a", "b", "c", "d", "e"].map(|question| cache.get(question).is_some());
        assert_eq!(found, [true, false, true, true, true]);
        cache.put("huge".to_owned(), &"x".repeat(CACHE_BYTES).into());
        assert!(cache.get("huge").is_none());
        cache.put("a".to_owned(), &"y".into());
        assert_eq!(cache.get("a").as_deref(), Some("y"));
    }
}
