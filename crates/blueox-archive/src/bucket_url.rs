//! Where objects are: `s3://bucket/prefix`, `file:///directory`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A bucket, or a part of one, or a directory that is used like one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BucketUrl {
    /// In a store that speaks S3's protocol.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// What all keys begin with, without slashes around it; may be empty.
        prefix: String,
    },
    /// On a file system.
    Directory(PathBuf),
}

/// A text that names no bucket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no bucket; write s3://bucket, s3://bucket/prefix, a bucket's name, or file:///directory"
)]
pub struct UrlError(pub String);

impl BucketUrl {
    /// Whether a text is the URL of a bucket, and not a path.
    #[must_use]
    pub fn is_url(text: &str) -> bool {
        text.starts_with("s3://") || text.starts_with("file://")
    }

    /// The key of what is at `relative` below this.
    ///
    /// ```
    /// let url: blueox_archive::BucketUrl = "s3://logs/shop".parse().unwrap();
    /// assert_eq!(url.key("type=request/x.parquet"), "shop/type=request/x.parquet");
    /// ```
    #[must_use]
    pub fn key(&self, relative: &str) -> String {
        match self {
            Self::S3 { prefix, .. } if !prefix.is_empty() => format!("{prefix}/{relative}"),
            _ => relative.to_owned(),
        }
    }

    /// How people write the place of what is at `relative` below this.
    #[must_use]
    pub fn at(&self, relative: &str) -> String {
        format!("{self}/{relative}")
    }
}

/// ```
/// use blueox_archive::BucketUrl;
/// let url: BucketUrl = "s3://logs/shop/".parse().unwrap();
/// assert_eq!(url, BucketUrl::S3 { bucket: "logs".into(), prefix: "shop".into() });
/// assert_eq!("logs".parse::<BucketUrl>().unwrap().to_string(), "s3://logs");
/// assert_eq!("file:///srv/logs".parse::<BucketUrl>().unwrap().to_string(), "file:///srv/logs");
/// assert!("http://somewhere".parse::<BucketUrl>().is_err());
/// ```
impl FromStr for BucketUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let wrong = || UrlError(text.to_owned());
        if let Some(path) = text.strip_prefix("file://") {
            return if path.starts_with('/') { Ok(Self::Directory(path.into())) } else { Err(wrong()) };
        }
        let rest = text.strip_prefix("s3://").unwrap_or(text);
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/');
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
        let is_odd = |part: &str| part.is_empty() || part == "." || part == "..";
        if bucket.is_empty()
            || !bucket.starts_with(|first: char| first.is_ascii_alphanumeric())
            || !bucket.chars().all(is_name)
            || (!prefix.is_empty() && prefix.split('/').any(is_odd))
            || prefix.chars().any(char::is_control)
        {
            return Err(wrong());
        }
        Ok(Self::S3 { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
            Self::Directory(path) => write!(f, "file://{}", path.display().to_string().trim_end_matches('/')),
        }
    }
}
