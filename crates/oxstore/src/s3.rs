//! A bucket of a store that speaks S3's protocol.

use anyhow::{Context, bail};
use blueox_archive::objects::Created;
use blueox_archive::{BucketUrl, Object, ObjectError, Objects};
use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    Error, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutResult, RetryConfig,
};
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use tokio::runtime::Runtime;

/// For so long, and so often, a request is repeated.
const RETRIES: usize = 5;
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);

/// A bucket, and the threads that speak to it.
#[derive(Debug)]
struct S3 {
    url: BucketUrl,
    store: Arc<AmazonS3>,
    runtime: Runtime,
}

/// Prepares a bucket for requests, with the usual variables of the environment. None is sent yet.
///
/// # Errors
/// When a variable makes no sense, or data would go over a network unencrypted without being told to.
pub(crate) fn connect(url: &BucketUrl) -> anyhow::Result<Arc<dyn Objects>> {
    let BucketUrl::S3 { bucket, .. } = url else { bail!("{url} is no bucket of S3") };
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(RetryConfig {
        max_retries: RETRIES,
        retry_timeout: RETRY_TIMEOUT,
        ..RetryConfig::default()
    });
    if variable("AWS_CHECKSUM_ALGORITHM").is_none() {
        // What arrives is compared there; what is kept is compared here.
        builder = builder.with_checksum_algorithm(Checksum::SHA256);
    }
    let endpoint = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
    if let Some(endpoint) = endpoint.filter(|endpoint| endpoint.starts_with("http://")) {
        let is_allowed = variable("AWS_ALLOW_HTTP").is_some_and(|told| told.eq_ignore_ascii_case("true"));
        if !is_allowed && !is_loopback(&endpoint) {
            bail!("{endpoint} is not encrypted; where that is meant, set AWS_ALLOW_HTTP=true");
        }
        builder = builder.with_allow_http(true);
    }
    let store = builder.build().with_context(|| format!("cannot use {url}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("s3")
        .enable_all()
        .build()
        .context("cannot start a thread")?;
    Ok(Arc::new(S3 { url: url.clone(), store: Arc::new(store), runtime }))
}

fn is_loopback(endpoint: &str) -> bool {
    let rest = endpoint.trim_start_matches("http://");
    let host = rest.split('/').next().unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

impl S3 {
    fn path(&self, name: &str) -> Result<Path, ObjectError> {
        Path::parse(self.url.key(name)).map_err(|error| self.failed("use", name)(error.into()))
    }

    fn failed(&self, operation: &'static str, name: &str) -> impl Fn(Error) -> ObjectError {
        let url = if name.is_empty() { self.url.to_string() } else { self.url.at(name) };
        move |error| ObjectError::Failed { operation, url: url.clone(), why: why(&error) }
    }

    /// Waits for what happens on the thread of the store. May be called from anywhere, other runtimes' threads too.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, receiver) = sync_channel(1);
        self.runtime.spawn(async move {
            let _ = sender.send(work.await);
        });
        let lost = |_| Error::Generic { store: "S3", source: "the request was given up".into() };
        receiver.recv().map_err(lost)?
    }

    fn object(&self, meta: ObjectMeta) -> Option<Object> {
        let prefix = self.url.key("");
        let name = meta.location.as_ref().strip_prefix(&prefix)?.to_owned();
        Some(Object { name, length: meta.size, etag: meta.e_tag })
    }
}

impl Objects for S3 {
    fn url(&self) -> &BucketUrl {
        &self.url
    }

    fn list(&self) -> Result<Vec<Object>, ObjectError> {
        let (store, prefix) = (Arc::clone(&self.store), self.path("")?);
        let found: Vec<ObjectMeta> = self
            .wait(async move { store.list(Some(&prefix)).try_collect().await })
            .map_err(self.failed("list", ""))?;
        Ok(found.into_iter().filter_map(|meta| self.object(meta)).collect())
    }

    fn look_at(&self, name: &str) -> Result<Option<Object>, ObjectError> {
        let (store, path) = (Arc::clone(&self.store), self.path(name)?);
        match self.wait(async move { store.head(&path).await }) {
            Ok(meta) => Ok(self.object(meta)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("look at", name)(error)),
        }
    }

    fn read(&self, object: &Object, start: u64, length: u64) -> Result<Bytes, ObjectError> {
        let (store, path) = (Arc::clone(&self.store), self.path(&object.name)?);
        let options = GetOptions {
            range: Some((start..start + length).into()),
            if_match: object.etag.clone(),
            ..GetOptions::default()
        };
        match self.wait(async move { store.get_opts(&path, options).await?.bytes().await }) {
            Ok(bytes) => Ok(bytes),
            Err(Error::NotFound { .. } | Error::Precondition { .. }) => {
                Err(ObjectError::Changed { url: self.url.at(&object.name) })
            }
            Err(error) => Err(self.failed("read", &object.name)(error)),
        }
    }

    fn create(&self, name: &str, bytes: Bytes) -> Result<Created, ObjectError> {
        let (store, path) = (Arc::clone(&self.store), self.path(name)?);
        let length = bytes.len() as u64;
        let payload = bytes.clone();
        let put =
            self.wait(async move { store.put_opts(&path, payload.into(), PutMode::Create.into()).await });
        let put = match put {
            Err(Error::AlreadyExists { .. }) => return Ok(Created::Before),
            Err(error) if is_not_implemented(&error) => {
                // A store that cannot be told to: it was looked just before, and names of different collectors differ.
                let (store, path) = (Arc::clone(&self.store), self.path(name)?);
                self.wait(async move { store.put(&path, bytes.into()).await })
            }
            put => put,
        };
        let PutResult { e_tag: etag, .. } = put.map_err(self.failed("create", name))?;
        Ok(Created::Now(Object { name: name.to_owned(), length, etag }))
    }

    fn begin(&self, name: &str) -> Result<String, ObjectError> {
        let (store, path) = (Arc::clone(&self.store), self.path(name)?);
        self.wait(async move { store.create_multipart(&path).await }).map_err(self.failed("create", name))
    }

    fn send_part(&self, name: &str, id: &str, number: usize, bytes: Bytes) -> Result<String, ObjectError> {
        let (store, path, id) = (Arc::clone(&self.store), self.path(name)?, id.to_owned());
        let sent = self.wait(async move { store.put_part(&path, &id, number, bytes.into()).await });
        sent.map(|part| part.content_id).map_err(self.failed("send a part of", name))
    }

    fn complete(&self, name: &str, id: &str, parts: Vec<String>) -> Result<(), ObjectError> {
        let (store, path, id) = (Arc::clone(&self.store), self.path(name)?, id.to_owned());
        let parts = parts.into_iter().map(|content_id| PartId { content_id }).collect();
        let done = self.wait(async move { store.complete_multipart(&path, &id, parts).await });
        done.map(drop).map_err(self.failed("complete", name))
    }

    fn abort(&self, name: &str, id: &str) -> Result<(), ObjectError> {
        let (store, path, id) = (Arc::clone(&self.store), self.path(name)?, id.to_owned());
        match self.wait(async move { store.abort_multipart(&path, &id).await }) {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("give up the parts of", name)(error)),
        }
    }

    fn remove(&self, name: &str) -> Result<(), ObjectError> {
        let (store, path) = (Arc::clone(&self.store), self.path(name)?);
        match self.wait(async move { store.delete(&path).await }) {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("remove", name)(error)),
        }
    }
}

/// Whether a store says that it has no conditional requests.
fn is_not_implemented(error: &Error) -> bool {
    matches!(error, Error::NotImplemented { .. } | Error::NotSupported { .. })
        || why(error).contains("501 Not Implemented")
}

/// What the library says, with what lies below it, and each part once.
fn why(error: &Error) -> String {
    let mut text = error.to_string();
    let mut below = std::error::Error::source(error);
    while let Some(error) = below {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        below = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_unencrypted() {
        for near in ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:80/x", "http://127.8.8.8/"] {
            assert!(is_loopback(near), "{near}");
        }
        for far in ["http://10.0.0.1:9000", "http://localhost.example", "http://[2001:db8::1]", "http://"] {
            assert!(!is_loopback(far), "{far}");
        }
    }
}
