//! Some fields of an event: `--fields` and `--hide`.

use crate::failure::Usage;
use crate::fields::Field;
use blueox_event::{EncodedEvent, Path, Value};

/// What is left of an event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Projection {
    fields: Vec<Field>,
    hidden: Vec<Path>,
}

impl Projection {
    /// # Errors
    /// [`Usage`] when a name is no field.
    pub(crate) fn new(fields: &[String], hidden: &[String]) -> Result<Self, Usage> {
        let given = |names: &[String]| -> Vec<String> {
            names.iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
        };
        let fields = given(fields).iter().map(|name| Field::parse(name)).collect::<Result<_, _>>()?;
        let hidden = given(hidden)
            .iter()
            .map(|name| Path::parse(name).map_err(|error| Usage(format!("{name:?} is no field: {error}"))))
            .collect::<Result<_, _>>()?;
        Ok(Self { fields, hidden })
    }

    /// The fields asked for; none: all.
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The event without what is hidden, as MsgPack; `None` when nothing is hidden.
    pub(crate) fn without_hidden(&self, event: &EncodedEvent<'_>) -> Option<Vec<u8>> {
        if self.hidden.is_empty() {
            return None;
        }
        let mut value = Value::from_raw(event.raw());
        for path in &self.hidden {
            let segments = path.segments();
            remove(&mut value, segments);
            // `body.` is optional, as everywhere.
            if let Value::Map(pairs) = &mut value
                && let Some((_, body)) = pairs.iter_mut().find(|(key, _)| is_key(key, b"body"))
            {
                remove(body, segments);
            }
        }
        Some(value.to_msgpack())
    }

    /// The fields asked for as one flat map, as MsgPack; `None` when all are.
    pub(crate) fn flat(&self, event: &EncodedEvent<'_>) -> Option<Vec<u8>> {
        if self.fields.is_empty() {
            return None;
        }
        let pairs = self.fields.iter().filter_map(|field| Some((field.name.clone(), field.value(event)?)));
        Some(Value::map(pairs).to_msgpack())
    }
}

fn remove(value: &mut Value, segments: &[String]) {
    let Some((first, rest)) = segments.split_first() else { return };
    match value {
        Value::Map(pairs) => {
            let dotted = segments.join(".");
            pairs.retain_mut(|(key, inner)| {
                if is_key(key, dotted.as_bytes()) {
                    return false;
                }
                if is_key(key, first.as_bytes()) {
                    remove(inner, rest);
                }
                true
            });
        }
        // A list is looked through: items.price hides the price of every item.
        Value::Array(items) => items.iter_mut().for_each(|item| remove(item, segments)),
        _ => {}
    }
}

fn is_key(key: &Value, name: &[u8]) -> bool {
    matches!(key, Value::Str(text) | Value::Bin(text) if text == name)
}
