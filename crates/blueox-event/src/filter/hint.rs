//! What somebody may have meant: operators and keywords of other languages, misspelled words, units.

/// The keywords that stand between and before conditions.
pub(super) const CONNECTIVES: [&str; 3] = ["and", "or", "not"];
/// The keywords that follow a path.
pub(super) const AFTER_PATH: [&str; 3] = ["exists", "in", "not"];

/// The operator of this language for one of another, written in signs.
pub(super) fn for_signs(signs: &str) -> Option<&'static str> {
    Some(match signs {
        "=>" => ">=",
        "=<" => "<=",
        "<>" | "=!" | "!==" | "~=" | "><" => "!=",
        "===" => "=",
        "=~" | "~~" | "=~=" => "~",
        "!=~" | "!~~" => "!~",
        "&" | "&&&" => "and",
        "|" | "|||" => "or",
        _ => return None,
    })
}

/// The operator of this language for one of another, written as a word; and a remark.
pub(super) fn for_word_operator(word: &str) -> Option<(&'static str, &'static str)> {
    Some(match word.to_ascii_lowercase().as_str() {
        "eq" | "is" | "equals" | "equal" | "equal_to" => ("=", ""),
        "ne" | "neq" | "isnt" => ("!=", ""),
        "lt" => ("<", ""),
        "le" | "lte" => ("<=", ""),
        "gt" => (">", ""),
        "ge" | "gte" => (">=", ""),
        "like" | "ilike" | "glob" | "startswith" | "starts_with" | "endswith" | "ends_with" => {
            ("=", "; `=` takes patterns with `*` and `?`")
        }
        "contains" | "matches" | "match" | "regex" | "regexp" | "rlike" => {
            ("~", "; `~` searches for a regular expression")
        }
        "has" => ("exists", ""),
        _ => return None,
    })
}

/// The word of `candidates` that `word` is a misspelling of.
pub(super) fn closest(word: &str, candidates: &[&'static str]) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= if candidate.len() > 4 { 2 } else { 1 })
        .filter(|_| word.len() > 1)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Units and the beginnings of their long names.
const LONG_UNITS: [(&str, &[&str]); 15] = [
    ("ns", &["nanosecond", "nsec"]),
    ("us", &["microsecond", "usec"]),
    ("ms", &["millisecond", "msec"]),
    ("s", &["second"]),
    ("m", &["minute"]),
    ("h", &["hour", "hr"]),
    ("d", &["day"]),
    ("KB", &["kilobyte", "k"]),
    ("MB", &["megabyte"]),
    ("GB", &["gigabyte", "g"]),
    ("TB", &["terabyte", "t"]),
    ("KiB", &["kibibyte", "ki"]),
    ("MiB", &["mebibyte", "mi"]),
    ("GiB", &["gibibyte", "gi"]),
    ("TiB", &["tebibyte", "ti"]),
];

/// The unit that `unit` is another name or a misspelling of.
pub(super) fn for_unit(unit: &str) -> Option<&'static str> {
    let lower = unit.to_lowercase();
    let single = lower.strip_suffix('s').unwrap_or(&lower);
    let long = LONG_UNITS.iter().find(|(_, names)| {
        names
            .iter()
            .any(|name| *name == lower || *name == single || (single.len() > 2 && name.starts_with(single)))
    });
    let spelled = |(name, _): &&(&str, _)| name.to_lowercase() == lower;
    let misspelled = |(name, _): &&(&str, _)| {
        name.len() > 1 && strsim::damerau_levenshtein(&name.to_lowercase(), &lower) == 1
    };
    long.or_else(|| LONG_UNITS.iter().find(spelled))
        .or_else(|| LONG_UNITS.iter().find(misspelled))
        .map(|(name, _)| *name)
}

/// `text` as text in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `text` as a regular expression in quotes, if there are quotes left for it.
pub(super) fn quoted_regex(text: &str) -> Option<String> {
    let quote = ['"', '\''].into_iter().find(|quote| !text.contains(*quote))?;
    (!text.ends_with('\\')).then(|| format!("{quote}{text}{quote}"))
}
