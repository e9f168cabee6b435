//! The page's files, built in: one program is all there is to install.

use super::page::Page;
use super::refusal::Refusal;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

struct Asset {
    path: &'static str,
    content_type: &'static str,
    content: &'static [u8],
}

/// A file of `web/dist`, which is built from the sources beside it (`make web`).
macro_rules! asset {
    ($name:literal, $content_type:literal) => {
        Asset {
            path: concat!("/", $name),
            content_type: $content_type,
            content: include_bytes!(concat!("../../../../web/dist/", $name)),
        }
    };
}

static ASSETS: [Asset; 4] = [
    asset!("index.html", "text/html; charset=utf-8"),
    asset!("page.js", "text/javascript; charset=utf-8"),
    asset!("page.css", "text/css; charset=utf-8"),
    asset!("icon.svg", "image/svg+xml"),
];

/// Gives a file. What has no dot in its name is a place within the page.
///
/// # Errors
/// When there is no such file.
pub(crate) async fn get(
    State(page): State<Arc<Page>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if method != Method::GET && method != Method::HEAD {
        return Err(super::serve::read_only().await);
    }
    let path = if uri.path().contains('.') { uri.path() } else { "/index.html" };
    let nothing = || Refusal::new(StatusCode::NOT_FOUND, format!("there is no {path} here"));
    let asset = ASSETS.iter().find(|asset| asset.path == path).ok_or_else(nothing)?;
    let content: Cow<'static, [u8]> = match &page.files {
        None => Cow::Borrowed(asset.content),
        // The path is one of those above, never what was asked for.
        Some(dir) => std::fs::read(dir.join(&asset.path[1..])).map(Cow::Owned).map_err(|_| nothing())?,
    };
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    let caching = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, "no-cache".to_owned())];
    if headers.get(header::IF_NONE_MATCH).map(HeaderValue::as_bytes) == Some(tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, caching).into_response());
    }
    Ok((caching, [(header::CONTENT_TYPE, asset.content_type)], content).into_response())
}
