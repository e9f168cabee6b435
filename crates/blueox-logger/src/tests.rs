//! Without the process's logger: each test has one of its own.

use super::*;
use blueox::testing::capture;

fn log(logger: &Logger, level: Level, values: &[(&'static str, Value<'static>)], text: &str) {
    logger.log(
        &Record::builder()
            .level(level)
            .target("shop::cart")
            .file(Some("cart.rs"))
            .line(Some(7))
            .key_values(&values)
            .args(format_args!("{text}"))
            .build(),
    );
}

#[test]
fn a_line_has_what_the_original_has_and_its_own_values() {
    let events = capture();
    {
        let _request = blueox::context("request");
        let values = [
            ("items", 3u64.into()),
            ("name", "hidden".into()),
            ("is.new", true.into()),
            ("share", 0.5.into()),
        ];
        log(&Logger::new(LevelFilter::Info), Level::Info, &values, "loaded");
    }
    let line = &events.of("request.log")[0];
    assert_eq!(
        line.json("body"),
        r#"{"name":"shop::cart","level":"INFO","msg":"loaded","items":3,"fields":{"name":"hidden"},"is":{"new":true},"share":0.5,"at":"cart.rs:7"}"#
    );
    assert_eq!(line.json("id"), events.of("request")[0].json("id"));
}

#[test]
fn an_error_counts_for_the_context_too() {
    let events = capture();
    {
        let _request = blueox::context("request");
        let logger = Logger::new(LevelFilter::Info);
        log(&logger, Level::Warn, &[("err", "slow disk".into())], "again");
        assert_eq!(events.all()[0].json("body.exception.message"), r#""slow disk""#);
        log(&logger, Level::Error, &[("error", "disk full".into())], "given up");
    }
    assert_eq!(events.of("request")[0].json("body"), r#"{"exception":{"message":"disk full"}}"#);
}

#[test]
fn outside_of_a_context_a_line_stands_alone_and_levels_count() {
    let events = capture();
    let logger = Logger::new(LevelFilter::Warn);
    log(&logger, Level::Info, &[], "quiet");
    log(&logger, Level::Warn, &[], "loud");
    assert_eq!(events.all().len(), 1);
    assert_eq!(events.all()[0].type_name(), "log");
}

#[test]
fn the_logger_beside_it_hears_everything() {
    struct Ear(std::sync::mpsc::SyncSender<String>);
    impl Log for Ear {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn log(&self, record: &Record<'_>) {
            self.0.send(record.args().to_string()).unwrap();
        }
        fn flush(&self) {}
    }
    let events = capture();
    let (ear, heard) = std::sync::mpsc::sync_channel(2);
    log(&Logger::new(LevelFilter::Off).beside(Ear(ear)), Level::Trace, &[], "psst");
    assert_eq!(heard.recv().unwrap(), "psst");
    assert!(events.all().is_empty());
}

/// A value whose text is made with a log line of its own.
#[test]
fn lines_inside_of_lines_end() {
    struct Chatty<'l>(&'l Logger);
    impl fmt::Display for Chatty<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            log(self.0, Level::Info, &[], "inner");
            f.write_str("outer")
        }
    }
    let events = capture();
    let logger = Logger::new(LevelFilter::Info);
    logger.log(&Record::builder().args(format_args!("{}", Chatty(&logger))).build());
    let messages: Vec<_> = events.all().iter().map(|event| event.json("body.msg")).collect();
    assert_eq!(messages, [r#""inner""#, r#""outer""#]);
}
