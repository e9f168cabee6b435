use super::*;

/// 2012-03-13 12:00 UTC.
const NOON: f64 = 1_331_640_000.0;

fn request() -> Value {
    let response = Value::map([
        ("status", Value::from(500)),
        ("size", Value::from(4096)),
        ("cached", Value::from(false)),
        ("etag", Value::Nil),
    ]);
    let body = Value::map([
        ("response", response),
        ("path", Value::from("/cart/7?x=1")),
        ("agent", bin(b"caf\xe9 \"bot\"")),
        ("user", Value::from("Zoë")),
        ("tags", list([Value::from("slow"), Value::from(7), list([Value::from("deep")])])),
        ("none", list([])),
        ("big", Value::from(u64::MAX - 1)),
        ("low", Value::from(i64::MIN)),
        ("load", Value::F32(0.1)),
        ("ratio", Value::from(0.25)),
        ("nan", Value::from(f64::NAN)),
        ("code", Value::from("17")),
        ("word", Value::from("true")),
        ("a b", Value::from(1)),
        ("in", Value::from(2)),
        ("ext", Value::Ext(5, b"x".to_vec())),
        ("lines", Value::from("one\ntwo")),
    ]);
    Value::map([
        ("type", Value::from("request.get")),
        ("id", Value::from(17)),
        ("host", Value::from("web-2.example.com")),
        ("pid", Value::from(4121)),
        ("start", Value::from(NOON)),
        ("end", Value::from(NOON + 0.5)),
        ("body", body),
    ])
}

#[track_caller]
fn check(cases: &[(&str, bool)]) {
    let event = request();
    for (source, expected) in cases {
        let filter = Filter::parse(source).unwrap_or_else(|error| panic!("{}", error.render(source)));
        assert_eq!(matches(&filter, &event), *expected, "{source}");
    }
}

#[test]
fn text() {
    check(&[
        ("type = request.get", true),
        ("type == request*", true),
        ("type = *.get", true),
        ("type = re*t.g?t", true),
        ("type=\"request*\"", false),
        ("type = 'request.get'", true),
        ("host = web-2.example.com", true),
        ("path = /cart/*", true),
        ("path = /cart/7?x=1", true),
        ("path != /cart/*", false),
        ("agent = caf*", true),
        ("agent = \"caf\\xe9 \\\"bot\\\"\"", true),
        ("lines = 'one\\ntwo'", true),
        ("user = Zoë", true),
        ("user = Zo??", true),
        ("user = ''", false),
        ("host < web-3", true),
        ("host >= \"web-2.example.com\"", true),
        ("code > \"16\"", true),
        ("code > 16", false),
        ("body.code > 1.2.3", true),
    ]);
}

#[test]
fn numbers() {
    check(&[
        ("status = 500", false),
        ("response.status = 500", true),
        ("body.response.status >= 500", true),
        ("response.status > 499.5", true),
        ("response.status < 5e2", false),
        ("response.status = 5*", true),
        ("response.status = \"500\"", false),
        ("response.status != \"500\"", true),
        ("response.size = 4KiB", true),
        ("response.size > 4kb and response.size < 0.1MB", true),
        ("id = 17", true),
        ("code = 17", true),
        ("code = 17.0", false),
        ("id = 17.0", true),
        ("big = 18446744073709551614", true),
        ("big = 18446744073709551615", false),
        ("big < 18446744073709551615", true),
        ("big < 18446744073709551616", true),
        ("low = -9223372036854775808", true),
        ("low = -9223372036854775809", false),
        ("low < -9223372036854775807", true),
        ("low = -92*", true),
        ("load = 0.1", true),
        ("load > 0.1", false),
        ("ratio = .25", true),
        ("ratio = 250ms", true),
        ("nan = nan or nan < 1 or nan >= 1 or nan = 0", false),
        ("nan != 1", true),
    ]);
}

#[test]
fn seconds_and_instants() {
    check(&[
        ("duration > 250ms", true),
        ("duration = 0.5", true),
        ("duration = 500ms and duration = 500000us and duration = 500000000ns and duration = 500000µs", true),
        ("duration >= 1.5s or duration > 2m or duration > 1h or duration > 1d", false),
        ("duration in (0.25s, 500ms)", true),
        ("start >= 2012-03-13", true),
        ("start < 2012-03-13", false),
        ("start = 2012-03-13T12:00", true),
        ("start = \"2012-03-13 12:00\"", true),
        ("end > 2012-03-13T14:00:00.25+02:00 and end < 20120314", true),
        ("start = 1331640000", true),
        ("start in (2012-03-13T12:00Z, 5)", true),
        ("duration = null", false),
        ("body.start < 5", false),
    ]);
}

#[test]
fn constants_lists_and_existence() {
    check(&[
        ("response.cached = false", true),
        ("response.cached = FALSE", true),
        ("response.cached = \"false\"", false),
        ("response.cached != true", true),
        ("response.etag = null and response.etag = nil", true),
        ("nowhere = null", false),
        ("nowhere != 5", true),
        ("nowhere < 5 or nowhere >= 5 or nowhere ~ '' or nowhere in (5)", false),
        ("not nowhere < 5", true),
        ("word = true", true),
        ("tags = slow", true),
        ("tags = 7", true),
        ("tags > 6", true),
        ("tags != slow", false),
        ("tags ~ ^sl", true),
        ("tags in (x, slow)", true),
        ("tags = deep", false),
        ("tags.2.0 = deep", true),
        ("none = * or none != *", true),
        ("none = *", false),
        ("response = *", false),
        ("ext = *", false),
        ("ext exists and response exists and exists none and exists(response.etag)", true),
        ("nowhere exists", false),
        ("nowhere not exists and not exists nowhere", true),
        ("host in (web-1*, web-2*)", true),
        ("host not in (web-1*,\"web-2*\")", true),
        ("NOT host IN (web-1*)", true),
        ("`a b` = 1 and `in` = 2 and body.in = 2", true),
    ]);
}

#[test]
fn searches() {
    check(&[
        ("path ~ ^/cart/[0-9]+", true),
        ("path ~ \"^/cart/\\d+\\?\"", true),
        ("path !~ cart", false),
        ("agent ~ \"^caf. \"", true),
        ("agent ~ '\\xe9'", true),
        ("agent ~ \"\\\"bot\\\"\"", true),
        ("user ~ [ëê]$", true),
        ("user ~ '(?i)ZOË'", true),
        ("response.status ~ ^5", true),
        ("response.cached ~ .", false),
        ("duration < 1 and lines ~ '(?m)^two$'", true),
    ]);
}

#[test]
fn connectives() {
    check(&[
        ("id = 1 and id = 2 or id = 17", true),
        ("id = 17 or id = 1 and id = 2", true),
        ("(id = 17 or id = 1) and id = 2", false),
        ("not id = 17 or id = 17", true),
        ("not (id = 17 or id = 17)", false),
        ("not not id = 17", true),
        ("!(id=1)&&id=17||!!id=1", true),
        ("id=17 AND\n\tNOT\u{a0}id=18", true),
        ("(((id=17)))", true),
    ]);
}

#[test]
fn types_that_can_match() {
    for (source, expected) in [
        ("type = request*", Some(vec!["request*"])),
        ("status = 5 and (type = a or type in (b, 'c'))", Some(vec!["a", "b", "c"])),
        ("type = a and type in (b, c)", Some(vec!["a"])),
        ("type != a", None),
        ("not type = a", None),
        ("type = a or status = 5", None),
        ("type ~ a", None),
        ("body.type = a", None),
    ] {
        let patterns = Filter::parse(source).unwrap().type_patterns();
        let texts: Option<Vec<Vec<u8>>> =
            patterns.map(|patterns| patterns.iter().map(|pattern| pattern.bytes().to_vec()).collect());
        let expected =
            expected.map(|texts| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>());
        assert_eq!(texts, expected, "{source}");
    }
}
