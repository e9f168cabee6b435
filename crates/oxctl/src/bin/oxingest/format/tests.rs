//! Lines and what is read of them.

use super::*;
use blueox::testing::capture;
use proptest::prelude::*;

/// The event's body, or `-` if the line is not of the format.
fn read(format: &Format, line: impl AsRef<[u8]>) -> String {
    let events = capture();
    let is_read = {
        let event = blueox::context("line");
        format.read(line.as_ref(), &event)
    };
    if is_read { events.all()[0].json("body") } else { "-".into() }
}

#[test]
fn text() {
    assert_eq!(read(&Format::Text, "all of it=1 {}"), r#"{"data":"all of it=1 {}"}"#);
    assert_ne!(read(&Format::Text, b"caf\xe9"), "-");
}

#[test]
fn json() {
    let line = r#"{"a.b": 1, "list": [1, -2, 2.5, null, {"x": true}], "big": 18446744073709551615, "password": "x"}"#;
    assert_eq!(
        read(&Format::Json, line),
        r#"{"a.b":1,"list":[1,-2,2.5,null,{"x":true}],"big":18446744073709551615,"password":"[scrubbed]"}"#
    );
    for line in ["", "[1]", "17", "{", r#"{"a": }"#, "plain", &"[".repeat(10_000), &r#"{"a":"#.repeat(10_000)]
    {
        assert_eq!(read(&Format::Json, line), "-", "{line:.20}");
    }
}

#[test]
fn pairs_of_logfmt() {
    for (line, body) in [
        (
            r"level=info status=200 took=1.5 id=007 n=-3",
            r#"{"level":"info","status":200,"took":1.5,"id":"007","n":-3}"#,
        ),
        (
            r#"msg="a \"quoted\" text\nof two lines" done"#,
            r#"{"msg":"a \"quoted\" text\nof two lines","done":true}"#,
        ),
        (r"user.id=42 user.name= empty=", r#"{"user":{"id":42,"name":""},"empty":""}"#),
        (r#"open="never closed"#, r#"{"open":"never closed"}"#),
        (r"=nameless a=b=c", r#"{"a":"b=c"}"#),
        ("ratio=1e9 v=1.2.3 dot=. minus=-", r#"{"ratio":"1e9","v":"1.2.3","dot":".","minus":"-"}"#),
        ("no pairs in here", "-"),
        ("", "-"),
    ] {
        assert_eq!(read(&Format::Logfmt, line), body, "{line}");
    }
}

#[test]
fn lines_of_nginx() {
    for (line, body) in [
        (
            r#"10.0.0.7 - ann [22/Nov/2026:20:28:01 +0000] "GET /cart?x=1 HTTP/1.1" 200 5120 "https://shop.example/" "Firefox/128""#,
            r#"{"client":"10.0.0.7","user":"ann","time":"22/Nov/2026:20:28:01 +0000","request":{"method":"GET","path":"/cart","query":"x=1","protocol":"HTTP/1.1","referer":"https://shop.example/","agent":"Firefox/128"},"response":{"status":200,"size":5120}}"#,
        ),
        (
            r#"::1 - - [22/Nov/2026:20:28:01 +0000] "\x16\x03\x01" 400 - "-" "a \"b\"" 0.003 upstream"#,
            r#"{"client":"::1","time":"22/Nov/2026:20:28:01 +0000","request":{"line":"\\x16\\x03\\x01","agent":"a \\\"b\\\""},"response":{"status":400},"rest":"0.003 upstream"}"#,
        ),
        (
            r#"10.0.0.7 - - [22/Nov/2026:20:28:01 +0000] "HEAD / HTTP/1.0" 304 0"#,
            r#"{"client":"10.0.0.7","time":"22/Nov/2026:20:28:01 +0000","request":{"method":"HEAD","path":"/","protocol":"HTTP/1.0"},"response":{"status":304,"size":0}}"#,
        ),
        ("nothing like it", "-"),
    ] {
        assert_eq!(read(&Format::nginx(), line), body);
    }
}

#[test]
fn patterns() {
    let format = Format::regex(r"^(?<level>\w+) (?<took.ms>\d+)ms(?: (?<why>.*))?$").unwrap();
    assert_eq!(read(&format, "WARN 250ms"), r#"{"level":"WARN","took":{"ms":250}}"#);
    assert_eq!(read(&format, "WARN soon"), "-");
    assert!(Format::regex("(").unwrap_err().contains("unclosed"));
    assert!(Format::regex(r"\d+").unwrap_err().contains("names no groups"));
}

proptest! {
    #[test]
    fn any_line_is_read_or_refused(line in prop::collection::vec(any::<u8>(), 0..200), text in "[a-z=\"\\\\ {}:,\\[\\]0-9.-]{0,80}") {
        for format in [Format::Text, Format::Json, Format::Logfmt, Format::nginx()] {
            read(&format, &line);
            read(&format, &text);
        }
    }
}
