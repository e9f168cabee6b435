//! A question over stored events, from its parameters to its answer.

use super::command;
use super::limits::{REMARKS, STATISTICS_BYTES};
use super::page::Page;
use super::parameters::Parameters;
use super::range::{Asked, SINCE};
use super::refusal::Refusal;
use super::store::{Counts, Remarked, Scanned};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A kind of question.
pub(crate) trait Question: Send + Sized + 'static {
    /// What counts the events.
    type Counts: Counts + 'static;

    /// Reads its own parameters; those of [`Asked`] are read already.
    ///
    /// # Errors
    /// When one of them makes no sense.
    fn read(parameters: &mut Parameters, asked: &Asked, now: f64) -> Result<Self, Refusal>;

    /// Nothing counted yet.
    ///
    /// # Errors
    /// When it asks for too much.
    fn counts(&self, asked: &Asked) -> Result<Self::Counts, Refusal>;

    /// Says what was counted.
    ///
    /// # Errors
    /// When there is no answer.
    fn answer(&self, asked: &Asked, counts: Self::Counts, answer: &mut Answer) -> Result<(), Refusal>;

    /// A further filter and the words with which `oxview` answers the same; `None`: it does not.
    fn command(&self, asked: &Asked) -> Option<(Option<String>, Vec<String>)>;
}

/// The members of an answer that are the question's own.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    members: Map<String, Value>,
    /// Members that are JSON already.
    written: Vec<(&'static str, String)>,
    remarks: Vec<Remarked>,
}

impl Answer {
    pub(crate) fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.members.insert(name.to_owned(), value.into());
    }

    /// Adds a member that is JSON already.
    pub(crate) fn put_json(&mut self, name: &'static str, json: String) {
        self.written.push((name, json));
    }

    /// Says why it is less than it should be.
    pub(crate) fn remark(&mut self, reason: &'static str, text: impl Into<String>) {
        self.remarks.push(Remarked::new(reason, text));
    }

    fn write(mut self, asked: &Asked, scanned: &Scanned, late: bool) -> String {
        if late {
            let text =
                "the time for one question is over: the numbers are of what was read so far; ask for less";
            self.remark("time", text);
        }
        let mut remarks = scanned.remarks.clone();
        remarks.append(&mut self.remarks);
        remarks.truncate(REMARKS);
        let mut whole = Map::new();
        whole.insert("range".to_owned(), json!({ "since": asked.since, "until": asked.until }));
        whole.insert(
            "scanned".to_owned(),
            json!({
                "events": scanned.events, "matched": scanned.matched, "bytes": scanned.bytes,
                "files": scanned.files, "seconds": scanned.seconds, "cached": false,
            }),
        );
        whole.insert("complete".to_owned(), remarks.is_empty().into());
        whole.insert("remarks".to_owned(), remarks.iter().map(Remarked::to_json).collect());
        whole.append(&mut self.members);
        let mut text = Value::Object(whole).to_string();
        text.pop();
        for (name, json) in self.written {
            write!(text, ",\"{name}\":{json}").expect("BUG: writing to memory failed");
        }
        text
    }
}

/// Where and how a request asked, for commands that ask the same.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    host: String,
    path_and_query: String,
}

impl Place {
    pub(crate) fn new(headers: &HeaderMap, uri: &Uri) -> Self {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:3515");
        Self {
            host: host.to_owned(),
            path_and_query: uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string),
        }
    }
}

/// Answers a question whose parameters are all in the query.
///
/// # Errors
/// See [`Refusal`].
pub(crate) async fn ask<Q: Question>(
    State(page): State<Arc<Page>>,
    RawQuery(query): RawQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let mut parameters = Parameters::parse(&query.unwrap_or_default())?;
    let now = page.now();
    let asked = Asked::read(&mut parameters, None, SINCE, now)?;
    let question = Q::read(&mut parameters, &asked, now)?;
    parameters.finish()?;
    answer(page, asked, question, &parameters, &Place::new(&headers, &uri)).await
}

/// Answers a question that was read.
///
/// # Errors
/// See [`Refusal`].
pub(crate) async fn answer<Q: Question>(
    page: Arc<Page>,
    asked: Asked,
    question: Q,
    parameters: &Parameters,
    place: &Place,
) -> Result<Response, Refusal> {
    let command = question
        .command(&asked)
        .map(|(filter, words)| command::oxview(&page.store.dirs, &asked, filter.as_deref(), &words));
    let curl = command::curl(&place.host, &place.path_and_query, page.guard.token.is_some());
    let name = format!("{} {}", std::any::type_name::<Q>(), parameters.canonical());
    let id = asked.selection.id().unwrap_or_default().to_owned();
    let job = {
        let page = Arc::clone(&page);
        move |stop: &AtomicBool| work(&page, &asked, &question, &format!("{name} {id:?}"), stop)
    };
    let (done, late) = page.work.run(job).await?;
    let mut text = match done? {
        Done::Before(text) => text.replacen("\"cached\":false", "\"cached\":true", 1),
        Done::Now { asked, scanned, answer, question } => {
            let whole = !late && scanned.remarks.is_empty() && answer.remarks.is_empty();
            let text = answer.write(&asked, &scanned, late);
            if let Some(question) = question.filter(|_| whole) {
                page.cache.put(question, &text.as_str().into());
            }
            text
        }
    };
    let command = json!({ "oxview": command, "curl": curl });
    write!(text, ",\"command\":{command}}}").expect("BUG: writing to memory failed");
    Ok(json_response(text))
}

enum Done {
    Before(Arc<str>),
    Now { asked: Box<Asked>, scanned: Scanned, answer: Answer, question: Option<String> },
}

fn work<Q: Question>(
    page: &Page,
    asked: &Asked,
    question: &Q,
    name: &str,
    stop: &AtomicBool,
) -> Result<Done, Refusal> {
    let snapshot = page.store.snapshot(&asked.selection)?;
    let name = asked
        .is_fixed
        .then(|| format!("{name} {:?} {:?} {:x}", asked.since, asked.until, snapshot.fingerprint()));
    if let Some(before) = name.as_ref().and_then(|name| page.cache.get(name)) {
        return Ok(Done::Before(before));
    }
    let (counts, scanned) = snapshot.count(&asked.selection, question.counts(asked)?, stop)?;
    let mut answer = Answer::default();
    question.answer(asked, counts, &mut answer)?;
    Ok(Done::Now { asked: Box::new(asked.clone()), scanned, answer, question: name })
}

/// The memory that one question's groups may take.
pub(crate) fn bounded(
    statistics: blueox_query::statistics::Statistics,
) -> blueox_query::statistics::Statistics {
    statistics.with_limit(STATISTICS_BYTES)
}

/// JSON that is written already.
pub(crate) fn json_response(text: String) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response()
}
