//! Spans as contexts.

use crate::entered::{self, LayerNumber};
use crate::fields::SpanFields;
use crate::log_line;
use blueox::{Handle, OpenContext};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Makes contexts of spans. Made by [`layer`].
///
/// ```
/// use tracing_subscriber::Layer as _;
/// use tracing_subscriber::filter::LevelFilter;
/// use tracing_subscriber::layer::SubscriberExt as _;
/// let layer: blueox_tracing::BlueOxLayer = blueox_tracing::layer();
/// let subscriber = tracing_subscriber::registry().with(layer.with_filter(LevelFilter::INFO));
/// # drop(subscriber);
/// ```
#[derive(Debug)]
#[must_use = "nothing is recorded until it is added to a subscriber"]
pub struct BlueOxLayer {
    number: LayerNumber,
}

/// The layer that makes BlueOx's contexts of tracing's spans; see the [crate](crate). Where events go is [`blueox::configure`]'s to say.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt as _;
/// blueox::init()?; // by BLUEOX_HOST
/// let subscriber = tracing_subscriber::registry().with(blueox_tracing::layer());
/// tracing::subscriber::set_global_default(subscriber).expect("no subscriber was set before");
/// # Ok::<(), blueox::ConfigError>(())
/// ```
pub fn layer() -> BlueOxLayer {
    BlueOxLayer { number: LayerNumber::next() }
}

/// What keeps a span's context open, in the span's extensions.
struct Open(OpenContext);

impl<S> Layer<S> for BlueOxLayer
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, spans: Context<'_, S>) {
        let Some(span) = spans.span(id) else { return };
        let name = attributes.metadata().name();
        let relative = if name.starts_with(['.', '^']) { name.to_owned() } else { format!(".{name}") };
        let mut builder = blueox::builder(&relative);
        let parent;
        if !attributes.is_contextual() {
            parent = attributes.parent().map_or_else(Handle::default, |id| handle_of(id, &spans));
            builder = builder.under(&parent);
        }
        let context = builder.open();
        if context.span().is_none() {
            return; // nobody wants events
        }
        // The values' own code may use tracing: no lock is held here.
        attributes.record(&mut SpanFields::of(&context));
        span.extensions_mut().replace(Open(context));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, spans: Context<'_, S>) {
        let context = handle_of(id, &spans);
        if context.is_recorded() {
            values.record(&mut SpanFields::of(&context));
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, spans: Context<'_, S>) {
        if let Some(other) = handle_of(follows, &spans).span() {
            handle_of(id, &spans).append("follows", other);
        }
    }

    fn on_event(&self, event: &Event<'_>, spans: Context<'_, S>) {
        if event.is_contextual() {
            log_line::record(event, blueox::current());
        } else {
            log_line::record(event, event.parent().map(|id| handle_of(id, &spans)));
        }
    }

    fn on_enter(&self, id: &Id, spans: Context<'_, S>) {
        let context = handle_of(id, &spans);
        if context.span().is_some() {
            entered::enter(self.number, id, &context);
        }
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        entered::leave(self.number, id);
    }

    fn on_close(&self, id: Id, spans: Context<'_, S>) {
        let open = spans.span(&id).and_then(|span| span.extensions_mut().remove::<Open>());
        drop(open); // the event is recorded here, when no lock is held
    }
}

/// A share in a span's context; an empty one, if it has none.
fn handle_of<S>(id: &Id, spans: &Context<'_, S>) -> Handle
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    let handle = |span: tracing_subscriber::registry::SpanRef<'_, S>| {
        span.extensions().get::<Open>().map(|open| open.0.handle())
    };
    spans.span(id).and_then(handle).unwrap_or_default()
}
