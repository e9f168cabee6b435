//! The macros: several values at once, evaluated only when somebody takes them.

/// Sets one or more values in the current context. The values are evaluated only if the context is recorded.
///
/// ```
/// # let events = blueox::testing::capture();
/// # let request = blueox::context("request");
/// blueox::set!(user_id = 42, "response.status" = 200);
/// # drop(request);
/// # assert_eq!(events.all()[0].json("body"), r#"{"user_id":42,"response":{"status":200}}"#);
/// ```
#[macro_export]
macro_rules! set {
    (@key $key:ident) => { stringify!($key) };
    (@key $key:literal) => { $key };
    ($($key:tt = $value:expr),+ $(,)?) => {
        if $crate::is_recording() {
            $( $crate::set($crate::set!(@key $key), $value); )+
        }
    };
}

/// Adds to one or more counters of the current context.
///
/// ```
/// # let events = blueox::testing::capture();
/// # let request = blueox::context("request");
/// blueox::add!(queries = 1, "bytes.read" = 4096);
/// # drop(request);
/// # assert_eq!(events.all()[0].json("body"), r#"{"queries":1,"bytes":{"read":4096}}"#);
/// ```
#[macro_export]
macro_rules! add {
    ($($key:tt = $value:expr),+ $(,)?) => {
        if $crate::is_recording() {
            $( $crate::add($crate::set!(@key $key), $value); )+
        }
    };
}

/// Appends to one or more lists of the current context.
///
/// ```
/// # let events = blueox::testing::capture();
/// # let request = blueox::context("request");
/// blueox::append!(steps = "parsed");
/// # drop(request);
/// # assert_eq!(events.all()[0].json("body.steps"), r#"["parsed"]"#);
/// ```
#[macro_export]
macro_rules! append {
    ($($key:tt = $value:expr),+ $(,)?) => {
        if $crate::is_recording() {
            $( $crate::append($crate::set!(@key $key), $value); )+
        }
    };
}

/// The value of an expression; how long it took is put into the current context, in seconds.
///
/// ```
/// # let events = blueox::testing::capture();
/// # let request = blueox::context("request");
/// let sum: u64 = blueox::timeit!("summing", (1..1000).sum());
/// # drop(request);
/// # assert!(events.all()[0].json("body.summing").parse::<f64>().unwrap() > 0.0);
/// ```
#[macro_export]
macro_rules! timeit {
    ($key:expr, $value:expr) => {{
        let _timer = $crate::timeit($key);
        $value
    }};
}
