//! Sealed files and archives in an object store: there, checked, and only then gone from here.
//!
//! Synchronous; what speaks to a store over the network is handed in as [`Objects`] (the program `oxstore` has S3). The modules
//! in the order of a file's way:
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`limits`] | every limit, on one screen |
//! | [`bucket_url`] | `s3://bucket/prefix`, `file:///directory` |
//! | [`objects`] | what an object store can do |
//! | [`directory`] | a directory as one |
//! | [`digest`] | what is compared |
//! | [`verified`] | objects that were read back, remembered |
//! | [`local`] | what of a log path belongs in a store, and at which key |
//! | [`upload`] | one file: sent, compared |
//! | [`unfinished`] | uploads in parts that were begun, to be aborted when nobody ends them |
//! | [`replaced`] | objects that a later one holds the events of |
//! | [`prune`] | files that are there and old go from here |
//! | [`archive`] | all files: several at once, names that others have |
//! | [`download`] | objects become files again |
//! | [`crew`] | several files at once, until told to stop |
//! | [`remote`], [`cache`] | objects read by ranges, and what of them is kept here |
//!
//! # What holds
//!
//! 1. A local file is removed only after an object was compared with it in the same run: its length, and the MD5 of its bytes
//!    as the store says it (an ETag that equals ours is that), else as we read it back.
//! 2. No object is ever overwritten: objects are created under names that nothing has, where the store can ensure it, and what
//!    is there under a name is compared and left alone.
//! 3. An object is removed only when another holds all that it was made of, and was compared with a file here.
//! 4. Interrupted at any step, the next run goes on: what is there is found and compared. Parts of an upload that was never
//!    completed are no object; they are aborted by the run that is interrupted, or by the next one.

pub mod limits;

pub mod bucket_url;
pub mod objects;

pub mod directory;

pub mod digest;
pub mod verified;

pub mod local;

pub mod unfinished;
pub mod upload;

pub mod replaced;

pub mod prune;

pub mod archive;

pub mod download;

pub mod crew;

pub mod cache;
pub mod remote;

mod error;

#[cfg(test)]
mod memory;
#[cfg(test)]
mod tests;

pub use bucket_url::BucketUrl;
pub use error::ArchiveError;
pub use objects::{Object, ObjectError, Objects};
