//! How long something takes, as a value.

use crate::clock::Moment;
use crate::handle::Handle;

/// Puts the seconds from its making to its dropping under a key. See [`timeit`](crate::timeit).
///
/// ```
/// # let events = blueox::testing::capture();
/// let request = blueox::context("request");
/// let timer: blueox::Timer<'_> = blueox::timeit("parsing");
/// drop(timer);
/// drop(request);
/// assert!(events.all()[0].json("body.parsing").parse::<f64>().unwrap() >= 0.0);
/// ```
#[derive(Debug)]
#[must_use = "it measures until it is dropped"]
pub struct Timer<'k> {
    context: Handle,
    key: &'k str,
    begun: Option<Moment>,
}

impl<'k> Timer<'k> {
    pub(crate) fn new(context: Handle, key: &'k str) -> Self {
        let begun = context.is_recorded().then(Moment::now);
        Self { context, key, begun }
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        if let Some(begun) = self.begun {
            self.context.set(self.key, Moment::now().since(begun));
        }
    }
}
