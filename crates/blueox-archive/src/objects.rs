//! What an object store can do.

use crate::BucketUrl;
use bytes::Bytes;
use std::fmt::Debug;

/// An object, as a store lists it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Object {
    /// Its name below the bucket's URL: `type=request/date=2012-03-13/request-20120313.parquet`.
    pub name: String,
    /// Its length in bytes.
    pub length: u64,
    /// What changes when its bytes do. Of many stores it is the MD5 of them.
    pub etag: Option<String>,
}

/// Why a store does not do what it is asked for.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The environment: it cannot be reached, refuses, has no room.
    #[error("cannot {operation} {url}: {why}")]
    Failed {
        /// What was tried.
        operation: &'static str,
        /// With what.
        url: String,
        /// What the store or the system says.
        why: String,
    },
    /// It is not what it was when it was listed.
    #[error("{url} has changed or gone while it was read; try again")]
    Changed {
        /// The object.
        url: String,
    },
}

/// How creating an object ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is there.
    Now(Object),
    /// One of that name was there before, and was left as it was.
    Before,
}

/// A bucket, or a part of one. Names are relative to its URL.
pub trait Objects: Debug + Send + Sync {
    /// What it is.
    fn url(&self) -> &BucketUrl;

    /// All objects there are, in no order.
    ///
    /// # Errors
    /// When the store does not answer.
    fn list(&self) -> Result<Vec<Object>, ObjectError>;

    /// The object of a name; `None`: there is none.
    ///
    /// # Errors
    /// When the store does not answer.
    fn look_at(&self, name: &str) -> Result<Option<Object>, ObjectError>;

    /// So many bytes from `start` on, all of which the object has.
    ///
    /// # Errors
    /// [`ObjectError::Changed`] when it is not the same object any more, and when the store does not answer.
    fn read(&self, object: &Object, start: u64, length: u64) -> Result<Bytes, ObjectError>;

    /// Creates an object, unless there is one of that name. After an error it may be there or not.
    ///
    /// # Errors
    /// When the store does not answer.
    fn create(&self, name: &str, bytes: Bytes) -> Result<Created, ObjectError>;

    /// Begins an object that is sent in parts. Gives its id.
    ///
    /// # Errors
    /// When the store does not answer.
    fn begin(&self, name: &str) -> Result<String, ObjectError>;

    /// Sends the part of this number, from 0 on. Gives what [`Objects::complete`] wants to know of it.
    ///
    /// # Errors
    /// When the store does not answer.
    fn send_part(&self, name: &str, id: &str, number: usize, bytes: Bytes) -> Result<String, ObjectError>;

    /// Makes one object of all parts, in order. What it says of the object may be little: look at it.
    ///
    /// # Errors
    /// When the store does not answer.
    fn complete(&self, name: &str, id: &str, parts: Vec<String>) -> Result<(), ObjectError>;

    /// Gives an object up that was begun. One that is not known any more is no error.
    ///
    /// # Errors
    /// When the store does not answer.
    fn abort(&self, name: &str, id: &str) -> Result<(), ObjectError>;

    /// Removes an object. One that is not there is no error.
    ///
    /// # Errors
    /// When the store does not answer.
    fn remove(&self, name: &str) -> Result<(), ObjectError>;
}
