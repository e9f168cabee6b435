//! What the shop consists of: hosts, pages, queries, errors.

use crate::dice::Dice;

/// What is deployed: the old one and the new one.
pub const VERSIONS: [&str; 2] = ["2.14.0", "2.14.1"];

/// What visitors look with.
pub const AGENTS: [&str; 4] =
    ["Firefox/128", "Chrome/126 Mobile", "Safari/17.5", "Googlebot/2.1 (+http://www.google.com/bot.html)"];

/// A machine of the shop.
#[derive(Debug)]
pub struct Host {
    /// As it stands in events.
    pub name: &'static str,
    /// Its two processes.
    pub pids: [u32; 2],
    /// What is deployed there.
    pub version: &'static str,
}

/// All machines.
pub const HOSTS: [Host; 4] = [
    Host { name: "web-1", pids: [4117, 4118], version: VERSIONS[0] },
    Host { name: "web-2", pids: [4121, 4122], version: VERSIONS[0] },
    Host { name: "web-3", pids: [3980, 3981], version: VERSIONS[0] },
    Host { name: "web-4", pids: [5233, 5234], version: VERSIONS[1] },
];

/// The machine that is in trouble every now and then.
pub const TROUBLED: &Host = &HOSTS[2];
/// The machine that runs the cron job.
pub const CRON_HOST: &Host = &HOSTS[0];

/// A query that a page makes.
#[derive(Debug)]
pub struct Query {
    /// The table that it is about.
    pub table: &'static str,
    /// Its text.
    pub sql: &'static str,
    /// Half of the times it takes less.
    pub median_seconds: f64,
    /// It never gives more.
    pub max_rows: u32,
}

const USER: Query = Query {
    table: "users",
    sql: "SELECT id, email, locale FROM users WHERE id = %s",
    median_seconds: 0.002,
    max_rows: 1,
};
const PRODUCTS: Query = Query {
    table: "products",
    sql: "SELECT p.id, p.name, p.price FROM products p JOIN shelves s ON s.product = p.id WHERE s.id = %s LIMIT 48",
    median_seconds: 0.012,
    max_rows: 48,
};
const PRODUCT: Query = Query {
    table: "products",
    sql: "SELECT * FROM products WHERE sku = %s",
    median_seconds: 0.003,
    max_rows: 1,
};
const SEARCH: Query = Query {
    table: "products",
    sql: "SELECT id, name, price FROM products WHERE document @@ plainto_tsquery(%s) ORDER BY rank DESC LIMIT 20",
    median_seconds: 0.045,
    max_rows: 20,
};
const CART: Query = Query {
    table: "carts",
    sql: "SELECT c.id, l.sku, l.amount FROM carts c JOIN cart_lines l ON l.cart = c.id WHERE c.user = %s",
    median_seconds: 0.006,
    max_rows: 9,
};
const ADD_LINE: Query = Query {
    table: "cart_lines",
    sql: "INSERT INTO cart_lines (cart, sku, amount) VALUES (%s, %s, %s)",
    median_seconds: 0.004,
    max_rows: 1,
};
const PLACE_ORDER: Query = Query {
    table: "orders",
    sql: "INSERT INTO orders (user, total, state) VALUES (%s, %s, 'new') RETURNING id",
    median_seconds: 0.015,
    max_rows: 1,
};
const TAKE_STOCK: Query = Query {
    table: "stock",
    sql: "UPDATE stock SET amount = amount - %s WHERE sku = %s AND amount >= %s",
    median_seconds: 0.009,
    max_rows: 4,
};

/// What the cron job runs.
pub const EXPIRE_CARTS: Query = Query {
    table: "carts",
    sql: "DELETE FROM carts WHERE touched < now() - interval '30 days'",
    median_seconds: 0.4,
    max_rows: 400,
};

/// A page, or a call of the shop's interface.
#[derive(Debug)]
pub struct Endpoint {
    /// GET or POST.
    pub method: &'static str,
    /// `{}` stands for what differs from visit to visit.
    pub pattern: &'static str,
    /// How often it is visited, of all weights together.
    pub weight: u32,
    /// What it asks the database.
    pub queries: &'static [&'static Query],
    /// What may spare it the queries after the first.
    pub cache_key: Option<&'static str>,
    /// Work besides queries; half of the times it takes less.
    pub median_seconds: f64,
    /// Half of the answers are shorter.
    pub median_bytes: f64,
    /// How an answer that went well is numbered.
    pub status: u16,
}

/// All pages.
pub const ENDPOINTS: [Endpoint; 8] = [
    Endpoint {
        method: "GET",
        pattern: "/",
        weight: 24,
        queries: &[&PRODUCTS],
        cache_key: Some("home"),
        median_seconds: 0.012,
        median_bytes: 24_000.0,
        status: 200,
    },
    Endpoint {
        method: "GET",
        pattern: "/products/{}",
        weight: 32,
        queries: &[&PRODUCT, &PRODUCTS],
        cache_key: Some("product"),
        median_seconds: 0.010,
        median_bytes: 18_000.0,
        status: 200,
    },
    Endpoint {
        method: "GET",
        pattern: "/search",
        weight: 14,
        queries: &[&SEARCH],
        cache_key: None,
        median_seconds: 0.015,
        median_bytes: 15_000.0,
        status: 200,
    },
    Endpoint {
        method: "GET",
        pattern: "/cart",
        weight: 12,
        queries: &[&USER, &CART],
        cache_key: Some("session"),
        median_seconds: 0.008,
        median_bytes: 6_000.0,
        status: 200,
    },
    Endpoint {
        method: "POST",
        pattern: "/cart/lines",
        weight: 8,
        queries: &[&USER, &CART, &ADD_LINE],
        cache_key: Some("session"),
        median_seconds: 0.009,
        median_bytes: 700.0,
        status: 201,
    },
    Endpoint {
        method: "POST",
        pattern: "/orders",
        weight: 3,
        queries: &[&USER, &CART, &TAKE_STOCK, &PLACE_ORDER],
        cache_key: None,
        median_seconds: 0.060,
        median_bytes: 2_500.0,
        status: 303,
    },
    Endpoint {
        method: "POST",
        pattern: "/login",
        weight: 4,
        queries: &[&USER],
        cache_key: None,
        median_seconds: 0.085,
        median_bytes: 500.0,
        status: 303,
    },
    Endpoint {
        method: "GET",
        pattern: "/health",
        weight: 3,
        queries: &[],
        cache_key: None,
        median_seconds: 0.001,
        median_bytes: 2.0,
        status: 200,
    },
];

impl Endpoint {
    /// One of [`ENDPOINTS`], as often as it is visited.
    #[must_use]
    pub fn visited(dice: &mut Dice) -> &'static Self {
        let total = ENDPOINTS.iter().map(|endpoint| endpoint.weight).sum();
        let mut point = dice.below(total);
        for endpoint in &ENDPOINTS {
            match point.checked_sub(endpoint.weight) {
                None => return endpoint,
                Some(rest) => point = rest,
            }
        }
        unreachable!("BUG: the point lies below the sum of the weights")
    }
}

/// An exception that the shop's code raises.
#[derive(Debug)]
pub struct Failure {
    /// Its class.
    pub type_name: &'static str,
    /// Its text.
    pub message: &'static str,
    /// File, line and function, as a traceback has them.
    pub raised_in: &'static str,
    /// The line that raised it.
    pub line: &'static str,
    /// How the answer is then numbered.
    pub status: u16,
}

/// A cart with a line that has no price.
pub const BAD_PRICE: Failure = Failure {
    type_name: "KeyError",
    message: "'price'",
    raised_in: "shop/pricing.py\", line 88, in total",
    line: "return sum(line['price'] * line['amount'] for line in lines)",
    status: 500,
};
/// A search for bytes that are no text.
pub const BAD_SEARCH: Failure = Failure {
    type_name: "UnicodeDecodeError",
    message: "'utf-8' codec can't decode byte 0xe9 in position 3: invalid continuation byte",
    raised_in: "shop/search.py\", line 31, in terms",
    line: "return raw.decode('utf-8').split()",
    status: 500,
};
/// A card that is refused.
pub const DECLINED: Failure = Failure {
    type_name: "PaymentDeclined",
    message: "card issuer answered 51 (insufficient funds)",
    raised_in: "shop/checkout.py\", line 142, in charge",
    line: "raise PaymentDeclined(answer)",
    status: 502,
};

/// What the trouble looks like from a request.
pub const POOL_EXHAUSTED: Failure = Failure {
    type_name: "PoolTimeout",
    message: "no connection to db-1 within 2.0 s (10 of 10 in use)",
    raised_in: "shop/database.py\", line 57, in connection",
    line: "raise PoolTimeout(self.limit, self.used)",
    status: 503,
};
/// What a request that the incident struck looks like when the proxy gives it up.
pub const GIVEN_UP: Failure = Failure {
    type_name: "GatewayTimeout",
    message: "the database did not answer in time",
    raised_in: "shop/database.py\", line 71, in rows",
    line: "raise GatewayTimeout(query)",
    status: 504,
};
