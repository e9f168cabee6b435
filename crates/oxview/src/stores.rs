//! Object stores: `s3://bucket/prefix`, `file:///directory`.
//!
//! A program that speaks to stores over the network says at its start how ([`connect_by`]); `oxview` itself does not, as that
//! would double what a first build has to build, and leaves it to `oxstore view`.

use crate::clock::Stopwatch;
use anyhow::Context;
use blueox_archive::cache::Cache;
use blueox_archive::directory::Directory;
use blueox_archive::limits::CACHE_BYTES;
use blueox_archive::remote::RemoteObject;
use blueox_archive::{BucketUrl, Object, Objects};
use blueox_query::catalog::{Kind, StoreFile, StoredObject};
use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Makes something of the URL of a bucket that requests can be sent to.
pub type Connect = fn(&BucketUrl) -> anyhow::Result<Arc<dyn Objects>>;

/// The same for the whole process: how the network is reached is the program's, not the question's.
static CONNECT: OnceLock<Connect> = OnceLock::new();

/// A page asks often; what a bucket holds changes once a day.
const LISTED_FOR: Duration = Duration::from_secs(20);

/// Where to look for less room, or none, for what is fetched: bytes.
const CACHE_BYTES_VARIABLE: &str = "BLUEOX_CACHE_BYTES";

type Listed = HashMap<BucketUrl, (Stopwatch, Arc<Bucket>)>;

/// A bucket, and what was in it.
struct Bucket {
    objects: Arc<dyn Objects>,
    listed: Vec<Object>,
}

/// From now on stores are reached this way.
pub(crate) fn connect_by(connect: Connect) {
    let _ = CONNECT.set(connect);
}

/// Whether this is a bucket, or something in one, and no file.
pub(crate) fn is_url(path: &Path) -> bool {
    path.to_str().is_some_and(BucketUrl::is_url)
}

/// The bucket of a URL.
///
/// # Errors
/// When it is none, or what it needs is missing.
pub(crate) fn open(url: &BucketUrl) -> anyhow::Result<Arc<dyn Objects>> {
    match (url, CONNECT.get()) {
        (BucketUrl::Directory(path), _) => Ok(Arc::new(Directory::new(path))),
        (_, Some(connect)) => connect(url),
        (_, None) => anyhow::bail!("{url}: this program does not speak to object stores; use oxstore"),
    }
}

/// What is in buckets, for a catalog.
///
/// # Errors
/// When one does not answer.
pub(crate) fn objects(urls: &[&Path]) -> anyhow::Result<Vec<StoredObject>> {
    let mut found = Vec::new();
    for url in urls {
        let url: BucketUrl = url.to_str().unwrap_or_default().parse()?;
        let bucket = listed(&url)?;
        found.extend(bucket.listed.iter().map(|object| stored(&bucket.objects, object.clone())));
    }
    Ok(found)
}

/// The file of a URL.
///
/// # Errors
/// When there is none, or the bucket does not answer.
pub(crate) fn file(url: &Path) -> anyhow::Result<StoreFile> {
    let text = url.to_str().unwrap_or_default();
    let (bucket, name) = text.rsplit_once('/').unwrap_or((text, ""));
    let objects = open(&bucket.parse()?)?;
    let found = objects.look_at(name)?;
    let object =
        found.with_context(|| format!("{text} is not there; to read what is below it: -l {text}"))?;
    let StoredObject { path, bytes } = stored(&objects, object);
    let kind = if name.ends_with(".parquet") { Kind::Sealed } else { Kind::Archive };
    Ok(StoreFile { object: Some(Arc::clone(&bytes)), ..StoreFile::alone(&path, kind, bytes.length()) })
}

fn stored(objects: &Arc<dyn Objects>, object: Object) -> StoredObject {
    let path = PathBuf::from(objects.url().at(&object.name));
    // What is near enough to be read is not kept twice.
    let cache = if matches!(objects.url(), BucketUrl::Directory(_)) { None } else { cache() };
    StoredObject { path, bytes: Arc::new(RemoteObject::new(Arc::clone(objects), object, cache)) }
}

fn listed(url: &BucketUrl) -> anyhow::Result<Arc<Bucket>> {
    static LISTED: Mutex<Option<Listed>> = Mutex::new(None);
    let mut known = LISTED.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some((when, bucket)) = known.get(url)
        && when.elapsed() < LISTED_FOR
    {
        return Ok(Arc::clone(bucket));
    }
    let objects = match known.get(url) {
        Some((_, bucket)) => Arc::clone(&bucket.objects),
        None => open(url)?,
    };
    let listed = objects.list()?;
    let bucket = Arc::new(Bucket { objects, listed });
    known.insert(url.clone(), (Stopwatch::start(), Arc::clone(&bucket)));
    Ok(bucket)
}

/// `$XDG_CACHE_HOME/blueox`. Where it cannot be used, everything is fetched each time.
fn cache() -> Option<Arc<Cache>> {
    static CACHE: OnceLock<Option<Arc<Cache>>> = OnceLock::new();
    let open = || {
        let home = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let base = home("XDG_CACHE_HOME").or_else(|| Some(home("HOME")?.join(".cache")))?;
        let limit = match std::env::var(CACHE_BYTES_VARIABLE) {
            Ok(text) => text.parse().ok()?,
            Err(_) => CACHE_BYTES,
        };
        Cache::open(&base.join("blueox").join("objects"), limit).ok()
    };
    CACHE.get_or_init(open).clone()
}

/// Becomes `oxstore view`, with the same arguments.
///
/// # Errors
/// When there is no such program.
pub(crate) fn hand_over() -> anyhow::Error {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name("oxstore"));
    let program = beside.filter(|path| path.is_file()).unwrap_or_else(|| PathBuf::from("oxstore"));
    let error = Command::new(&program).arg("view").args(std::env::args_os().skip(1)).exec();
    let error = anyhow::Error::from(error).context(format!("cannot run {}", program.display()));
    error.context("object stores are read by oxstore; install it beside oxview (cargo build -p oxstore)")
}

/// Whether somebody else has to read these.
pub(crate) fn are_beyond(paths: &[&[PathBuf]]) -> bool {
    let is_far = |path: &PathBuf| path.to_str().is_some_and(|text| text.starts_with("s3://"));
    CONNECT.get().is_none() && paths.iter().any(|paths| paths.iter().any(is_far))
}
