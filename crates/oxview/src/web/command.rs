//! The same question for a shell: by `oxview`, and by `curl`.

use super::range::Asked;
use std::path::PathBuf;

/// Quotes a word for a POSIX shell, if it needs that.
pub(crate) fn shell_word(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,+%@".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// `oxview` over the same events. `filter` is and-ed to that of `asked`; `words` say what to do with them.
pub(crate) fn oxview(dirs: &[PathBuf], asked: &Asked, filter: Option<&str>, words: &[String]) -> String {
    let mut command = vec!["oxview".to_owned()];
    let mut add = |flag: &str, value: &str| command.extend([flag.to_owned(), shell_word(value)]);
    for dir in dirs {
        add("-l", &dir.to_string_lossy());
    }
    for type_name in &asked.types {
        add("-n", type_name);
    }
    let filter = match (&asked.filter, filter) {
        (Some(asked), Some(more)) => Some(format!("({asked}) and {more}")),
        (asked, more) => asked.as_deref().or(more).map(str::to_owned),
    };
    if let Some(filter) = filter {
        add("-q", &filter);
    }
    add("--since", &asked.since_text);
    if let Some(until) = &asked.until_text {
        add("--until", until);
    }
    command.extend(words.iter().map(|word| shell_word(word)));
    command.join(" ")
}

/// `curl` with this very request. `host` is its own Host header, that was checked.
pub(crate) fn curl(host: &str, path_and_query: &str, needs_token: bool) -> String {
    let token = if needs_token { "-H \"Authorization: Bearer $TOKEN\" " } else { "" };
    format!("curl -s {token}{}", shell_word(&format!("http://{host}{path_and_query}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_every_word_as_it_is() {
        for word in
            ["", "a b", "it's", "$(rm -rf /)", "`x`", "a\nb", "\\", "*", "-n", "é", "a;b", "!x", "#", "~"]
        {
            let script = format!("printf %s {}", shell_word(word));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
