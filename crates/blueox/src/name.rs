//! What a context is called, and whose child it is.
//!
//! | given | inside `test.bar` (outermost: `test`) | rule |
//! | --- | --- | --- |
//! | `.sql` | `test.bar.sql` | appended to the current context's name |
//! | `^.sql` | `test.sql` | appended to the outermost context's name |
//! | `.bar.foo`, `^.bar.foo` | `test.bar.foo` | where the end of one name and the beginning of the other overlap, the overlap counts once |
//! | `.bar` | `test.bar` | the overlap may be all: a function that calls itself keeps its name |
//! | `test.foo` | `test.foo`, child of `test` | a plain name below the name of an open context is its child; the longest such name counts |
//! | `other` | `other`, nobody's child | any other plain name |
//!
//! With no context open `.sql` and `^.sql` are `sql`. What cannot be a type (empty, dots only) is [`UNNAMED`]. A name has at most
//! [`MAX_TYPE_BYTES`] bytes; a longer one is cut and ends in `…`.

use blueox_event::limits::MAX_TYPE_BYTES;

/// The type of an event whose name is empty.
pub(crate) const UNNAMED: &str = "unnamed";

/// Where in the chain of open contexts something stands: 0 is the current one, the last one is the outermost.
pub(crate) type Place = usize;

/// Writes the full name of a context that is opened as `given` into `full`. `chain` has the names of the open contexts, the current one first.
/// Gives the place of the one whose child it is.
pub(crate) fn resolve<'c>(
    given: &str,
    chain: impl Iterator<Item = &'c str> + Clone,
    full: &mut String,
) -> Option<Place> {
    full.clear();
    let (parent, rest) = match relative(given) {
        Some((Base::Outermost, rest)) => (chain.clone().enumerate().last(), rest),
        Some((Base::Current, rest)) => (chain.clone().enumerate().next(), rest),
        None => {
            full.push_str(given);
            finish(full);
            return open_prefix(given, chain);
        }
    };
    let rest = rest.trim_start_matches('.');
    if let Some((_, base)) = parent {
        full.push_str(base);
        let rest = &rest[overlap(base, rest)..];
        if !rest.is_empty() && !rest.starts_with('.') {
            full.push('.');
        }
        full.push_str(rest);
    } else {
        full.push_str(rest);
    }
    finish(full);
    parent.map(|(place, _)| place)
}

enum Base {
    Current,
    Outermost,
}

fn relative(given: &str) -> Option<(Base, &str)> {
    match given.strip_prefix('^') {
        Some(rest) if rest.is_empty() || rest.starts_with('.') => Some((Base::Outermost, rest)),
        _ => Some((Base::Current, given.strip_prefix('.')?)),
    }
}

/// The open context with the longest name that `given` goes on from, the innermost of several.
fn open_prefix<'c>(given: &str, chain: impl Iterator<Item = &'c str>) -> Option<Place> {
    let mut best: Option<(Place, usize)> = None;
    for (place, name) in chain.enumerate() {
        let goes_on = given.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        if goes_on && best.is_none_or(|(_, length)| name.len() > length) {
            best = Some((place, name.len()));
        }
    }
    best.map(|(place, _)| place)
}

/// How many bytes at the beginning of `rest` repeat the end of `base`, in whole parts; the longest overlap counts.
fn overlap(base: &str, rest: &str) -> usize {
    let starts = std::iter::once(0).chain(base.match_indices('.').map(|(dot, _)| dot + 1));
    for start in starts {
        let end = &base[start..];
        let repeated = rest.strip_prefix(end).is_some_and(|after| after.is_empty() || after.starts_with('.'));
        if repeated && !end.is_empty() {
            return end.len();
        }
    }
    0
}

fn finish(full: &mut String) {
    if full.bytes().all(|byte| byte == b'.') {
        full.clear();
        full.push_str(UNNAMED);
    }
    cut(full, MAX_TYPE_BYTES);
}

/// Cuts `text` to at most `limit` bytes, the mark for the cut included.
pub(crate) fn cut(text: &mut String, limit: usize) {
    const MARK: char = '…';
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit - MARK.len_utf8()));
        text.push(MARK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn resolved(given: &str, chain: &[&str]) -> (String, Option<Place>) {
        let mut full = String::new();
        let parent = resolve(given, chain.iter().copied(), &mut full);
        (full, parent)
    }

    #[test]
    fn the_rules_of_the_original() {
        let inside = ["test.bar", "test"];
        for (given, name, parent) in [
            (".sql", "test.bar.sql", Some(0)),
            ("^.sql", "test.sql", Some(1)),
            (".bar.foo", "test.bar.foo", Some(0)),
            ("^.bar.foo", "test.bar.foo", Some(1)),
            (".bar", "test.bar", Some(0)),
            ("test.foo", "test.foo", Some(1)),
            ("test.bar.foo", "test.bar.foo", Some(0)),
            ("test.barrel", "test.barrel", Some(1)),
            ("other.foo", "other.foo", None),
            ("test", "test", None),
        ] {
            assert_eq!(resolved(given, &inside), (name.into(), parent), "{given}");
        }
        assert_eq!(resolved("^.bar.foo", &["test.bar"]), ("test.bar.foo".into(), Some(0)));
        assert_eq!(resolved("test.foo", &["test.bar"]), ("test.foo".into(), None));
        assert_eq!(resolved(".test.bar.foo", &["test.bar"]), ("test.bar.foo".into(), Some(0)));
    }

    #[test]
    fn odd_names_are_names() {
        for (given, name) in [
            ("", UNNAMED),
            (".", UNNAMED),
            ("^", UNNAMED),
            ("...", UNNAMED),
            ("..a", "a"),
            ("^a", "^a"),
            (".a", "a"),
        ] {
            assert_eq!(resolved(given, &[]), (name.into(), None), "{given}");
        }
        assert_eq!(resolved(".", &["a"]), ("a".into(), Some(0)));
        let long = "é".repeat(1000);
        let (name, _) = resolved(&long, &[]);
        assert!(name.len() <= MAX_TYPE_BYTES && name.ends_with("é…"));
    }

    /// The rules once more, on lists of parts.
    fn model(given: &str, chain: &[&str]) -> (String, Option<Place>) {
        let parts = |text: &str| text.split('.').map(String::from).collect::<Vec<_>>();
        let (place, rest) = if let Some(rest) = given.strip_prefix("^.") {
            (chain.len().checked_sub(1), rest)
        } else if let Some(rest) = given.strip_prefix('.') {
            ((!chain.is_empty()).then_some(0), rest)
        } else {
            let is_prefix = |name: &str| {
                let (name, given) = (parts(name), parts(given));
                name.len() < given.len() && given[..name.len()] == name
            };
            let longest = chain.iter().filter(|name| is_prefix(name)).map(|name| name.len()).max();
            let place =
                longest.and_then(|n| chain.iter().position(|name| name.len() == n && is_prefix(name)));
            return (given.into(), place);
        };
        let Some(place) = place else { return (rest.into(), None) };
        let (mut base, rest) = (parts(chain[place]), parts(rest));
        let shared = (0..=rest.len()).rev().find(|n| base.ends_with(&rest[..*n])).unwrap_or(0);
        base.extend_from_slice(&rest[shared..]);
        (base.join("."), Some(place))
    }

    fn any_name() -> impl Strategy<Value = String> {
        prop::collection::vec("[ab]", 1..4).prop_map(|parts| parts.join("."))
    }

    proptest! {
        #[test]
        fn names_are_those_of_the_model(prefix in prop_oneof![Just(""), Just("."), Just("^.")], name in any_name(), chain in prop::collection::vec(any_name(), 0..4)) {
            let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
            let given = format!("{prefix}{name}");
            prop_assert_eq!(resolved(&given, &chain), model(&given, &chain));
        }

        #[test]
        fn any_text_gives_a_type(given in ".{0,40}|[.^]{0,6}.{0,3}", chain in prop::collection::vec(".{1,10}", 0..3)) {
            let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
            let (name, _) = resolved(&given, &chain);
            prop_assert!(blueox_event::TypeName::new(name.as_bytes()).is_ok());
        }
    }
}
