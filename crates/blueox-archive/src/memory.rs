//! A store in memory, of which one answer or one byte can be wrong.

use crate::BucketUrl;
use crate::digest::Digest;
use crate::objects::{Created, Object, ObjectError, Objects};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The request does not arrive.
    Lost,
    /// It arrives, and the answer does not.
    AnswerLost,
    /// What arrives is not what was sent.
    Bent,
    /// The run is told to stop just then.
    Stop,
    /// Half of what was sent arrives.
    Short,
}

#[derive(Debug)]
pub(crate) struct Memory {
    url: BucketUrl,
    /// Whether ETags are sums, as they are of most stores.
    etags_are_sums: bool,
    pub(crate) stop: Arc<AtomicBool>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) objects: BTreeMap<String, (Bytes, String)>,
    pub(crate) uploads: BTreeMap<(String, String), BTreeMap<usize, Bytes>>,
    /// Requests until something goes wrong.
    pub(crate) fault: Option<(usize, Fault)>,
    pub(crate) requests: usize,
    pub(crate) read_bytes: u64,
}

impl Memory {
    pub(crate) fn new(etags_are_sums: bool) -> Arc<Self> {
        let url = "s3://memory/logs".parse().unwrap();
        Arc::new(Self { url, etags_are_sums, stop: Arc::default(), state: Mutex::default() })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Counts a request. Gives what goes wrong with it.
    fn request(&self, name: &str) -> Result<(MutexGuard<'_, State>, Option<Fault>), ObjectError> {
        let mut state = self.state();
        state.requests += 1;
        let mut fault = None;
        if let Some((left, what)) = &mut state.fault {
            if *left == 0 {
                fault = Some(*what);
                state.fault = None;
            } else {
                *left -= 1;
            }
        }
        match fault {
            Some(Fault::Lost) => return Err(self.failed(name)),
            Some(Fault::Stop) => self.stop.store(true, Ordering::Relaxed),
            _ => {}
        }
        Ok((state, fault))
    }

    fn failed(&self, name: &str) -> ObjectError {
        ObjectError::Failed { operation: "reach", url: self.url.at(name), why: "no answer".to_owned() }
    }

    fn answer<T>(&self, name: &str, fault: Option<Fault>, answer: T) -> Result<T, ObjectError> {
        if fault == Some(Fault::AnswerLost) { Err(self.failed(name)) } else { Ok(answer) }
    }

    fn object(&self, name: &str, (bytes, etag): &(Bytes, String)) -> Object {
        Object { name: name.to_owned(), length: bytes.len() as u64, etag: Some(etag.clone()) }
    }

    fn with_etag(&self, bytes: Bytes, version: usize) -> (Bytes, String) {
        let etag = if self.etags_are_sums {
            format!("\"{}\"", Digest::of(&bytes).whole)
        } else {
            format!("\"{version:032x}\"")
        };
        (bytes, etag)
    }
}

fn arrived(bytes: Bytes, fault: Option<Fault>) -> Bytes {
    match fault {
        Some(Fault::Bent) => {
            let mut bent = bytes.to_vec();
            if let Some(middle) = bent.len().checked_div(2).filter(|middle| *middle < bytes.len()) {
                bent[middle] ^= 4;
            }
            bent.into()
        }
        Some(Fault::Short) => bytes.slice(..bytes.len() / 2),
        _ => bytes,
    }
}

impl Objects for Memory {
    fn url(&self) -> &BucketUrl {
        &self.url
    }

    fn list(&self) -> Result<Vec<Object>, ObjectError> {
        let (state, fault) = self.request("")?;
        let found = state.objects.iter().map(|(name, kept)| self.object(name, kept)).collect();
        self.answer("", fault, found)
    }

    fn look_at(&self, name: &str) -> Result<Option<Object>, ObjectError> {
        let (state, fault) = self.request(name)?;
        let found = state.objects.get(name).map(|kept| self.object(name, kept));
        self.answer(name, fault, found)
    }

    fn read(&self, object: &Object, start: u64, length: u64) -> Result<Bytes, ObjectError> {
        let (mut state, fault) = self.request(&object.name)?;
        state.read_bytes += length;
        let changed = || ObjectError::Changed { url: self.url.at(&object.name) };
        let kept = state.objects.get(&object.name).ok_or_else(changed)?;
        if self.object(&object.name, kept) != *object {
            return Err(changed());
        }
        let end = (start + length).min(kept.0.len() as u64);
        let bytes = kept.0.slice(start as usize..end as usize);
        self.answer(&object.name, fault, arrived(bytes, fault))
    }

    fn create(&self, name: &str, bytes: Bytes) -> Result<Created, ObjectError> {
        let (mut state, fault) = self.request(name)?;
        if state.objects.contains_key(name) {
            return self.answer(name, fault, Created::Before);
        }
        let kept = self.with_etag(arrived(bytes, fault), state.requests);
        let object = self.object(name, &kept);
        state.objects.insert(name.to_owned(), kept);
        self.answer(name, fault, Created::Now(object))
    }

    fn begin(&self, name: &str) -> Result<String, ObjectError> {
        let (mut state, fault) = self.request(name)?;
        let id = format!("upload-{}", state.requests);
        state.uploads.insert((name.to_owned(), id.clone()), BTreeMap::new());
        self.answer(name, fault, id)
    }

    fn send_part(&self, name: &str, id: &str, number: usize, bytes: Bytes) -> Result<String, ObjectError> {
        let (mut state, fault) = self.request(name)?;
        let key = (name.to_owned(), id.to_owned());
        let upload = state.uploads.get_mut(&key).ok_or_else(|| self.failed(name))?;
        upload.insert(number, arrived(bytes, fault));
        self.answer(name, fault, number.to_string())
    }

    fn complete(&self, name: &str, id: &str, parts: Vec<String>) -> Result<(), ObjectError> {
        let (mut state, fault) = self.request(name)?;
        let key = (name.to_owned(), id.to_owned());
        let upload = state.uploads.remove(&key).ok_or_else(|| self.failed(name))?;
        let chosen = parts.iter().map(|number| upload[&number.parse().unwrap()].to_vec());
        let kept = self.with_etag(chosen.collect::<Vec<_>>().concat().into(), state.requests);
        state.objects.insert(name.to_owned(), kept);
        self.answer(name, fault, ())
    }

    fn abort(&self, name: &str, id: &str) -> Result<(), ObjectError> {
        let (mut state, fault) = self.request(name)?;
        state.uploads.remove(&(name.to_owned(), id.to_owned()));
        self.answer(name, fault, ())
    }

    fn remove(&self, name: &str) -> Result<(), ObjectError> {
        let (mut state, fault) = self.request(name)?;
        state.objects.remove(name);
        self.answer(name, fault, ())
    }
}
