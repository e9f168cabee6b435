//! The shop: one handler for all its pages, which differ by what they ask the database.

use axum::Router;
use axum::extract::{MatchedPath, Path, State};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, on};
use blueox::InContext;
use blueox_examples::catalogue::{BAD_PRICE, BAD_SEARCH, DECLINED, ENDPOINTS, Endpoint, Failure, Query};
use blueox_examples::dice::Dice;
use blueox_http::RequestLayer;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const CACHE_HITS: f64 = 0.8;
const SLOW_REQUESTS: f64 = 0.02;

/// All requests share it.
#[derive(Debug)]
struct Shop {
    dice: Mutex<Dice>,
    /// Where the stock is asked for: by HTTP, as if it were another service's.
    stock: String,
}

/// The shop's pages, each request an event.
pub(crate) fn open(seed: u64, address: SocketAddr) -> Router {
    let shop = Shop { dice: Mutex::new(Dice::new(seed)), stock: format!("http://{address}/stock") };
    let mut pages = Router::new().route("/stock/{sku}", get(stock));
    for endpoint in &ENDPOINTS {
        let path = endpoint.pattern.replace("{}", "{sku}");
        let method =
            if endpoint.method == "GET" { get(page) } else { on(axum::routing::MethodFilter::POST, page) };
        pages = pages.route(&path, method.layer(axum::Extension(endpoint)));
    }
    let events = RequestLayer::new("request").on_request(|event, request| {
        if let Some(path) = request.extensions.get::<MatchedPath>() {
            event.set("endpoint", path.as_str());
        }
    });
    pages.layer(events).with_state(Arc::new(shop))
}

/// Any page.
async fn page(
    State(shop): State<Arc<Shop>>,
    axum::Extension(endpoint): axum::Extension<&'static Endpoint>,
    body: String,
) -> Response {
    blueox::set("version", env!("CARGO_PKG_VERSION"));
    shop.work(endpoint.median_seconds, 1.0).await;
    let slowness = if shop.dice().happens(SLOW_REQUESTS) { 25.0 } else { 1.0 };
    let mut needed = endpoint.queries;
    if let Some(prefix) = endpoint.cache_key
        && shop.look_up(prefix).await
    {
        needed = needed.get(1..).unwrap_or_default();
    }
    for query in needed {
        shop.query(query, slowness).await;
        blueox::add("queries", 1);
    }
    if endpoint.pattern == "/orders" && !body.is_empty() {
        let left = shop.ask_for_stock(body).await;
        blueox::set("stock.left", left);
    }
    if let Some(failure) = shop.failure(endpoint) {
        return fail(failure);
    }
    let bytes = shop.dice().effort(endpoint.median_bytes, 0.4) as usize;
    let status = StatusCode::from_u16(endpoint.status).unwrap_or(StatusCode::OK);
    (status, " ".repeat(bytes)).into_response()
}

/// How many there are.
async fn stock(State(shop): State<Arc<Shop>>, Path(sku): Path<String>) -> String {
    blueox::set("sku", sku);
    shop.work(0.002, 1.0).await;
    shop.dice().below(100).to_string()
}

/// Says what went wrong: as a value in the event, or by a panic, which the library puts there.
fn fail(failure: &Failure) -> Response {
    if failure.type_name == BAD_PRICE.type_name {
        panic!("{}", failure.message);
    }
    blueox::set!("exception.type" = failure.type_name, "exception.message" = failure.message);
    StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

impl Shop {
    fn dice(&self) -> MutexGuard<'_, Dice> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn work(&self, median_seconds: f64, slowness: f64) {
        let seconds = self.dice().effort(median_seconds, 0.4) * slowness;
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }

    /// Whether the cache has it.
    async fn look_up(&self, prefix: &str) -> bool {
        let look = async {
            self.work(0.0006, 1.0).await;
            let is_hit = self.dice().happens(CACHE_HITS);
            blueox::set!(op = "get", key = format_args!("{prefix}:{}", self.dice().below(800)), hit = is_hit);
            is_hit
        };
        look.in_context(blueox::builder(".cache").open()).await
    }

    async fn query(&self, query: &'static Query, slowness: f64) {
        let ask = async {
            blueox::set!(query = query.sql, table = query.table);
            self.work(query.median_seconds, slowness).await;
            blueox::set("rows", 1 + self.dice().below(query.max_rows));
        };
        ask.in_context(blueox::builder(".sql").open()).await;
    }

    /// Asks over HTTP, with the id in the headers: the answering request is a part of this one. The client blocks, so it has a thread.
    async fn ask_for_stock(&self, sku: String) -> Option<u32> {
        let url = format!("{}/{sku}", self.stock);
        let ask = blueox::in_current(move || {
            let _call = blueox::context(".stock");
            let mut request = Request::get(&url).body(()).ok()?;
            blueox_http::inject(request.headers_mut());
            let answer = ureq::run(request).map_err(|error| blueox::set("exception", blueox::error(&error)));
            answer.ok()?.body_mut().read_to_string().ok()?.parse().ok()
        });
        tokio::task::spawn_blocking(ask).await.ok().flatten()
    }

    fn failure(&self, endpoint: &Endpoint) -> Option<&'static Failure> {
        let (failure, probability) = match endpoint.pattern {
            "/orders" => (&DECLINED, 0.06),
            "/search" => (&BAD_SEARCH, 0.02),
            "/cart" => (&BAD_PRICE, 0.01),
            _ => return None,
        };
        self.dice().happens(probability).then_some(failure)
    }
}
