//! One part of the results.

use crate::promise::Promise;

/// A part's text and what it promises.
#[derive(Debug, Default)]
pub(super) struct Section {
    title: String,
    text: String,
    pub(super) promises: Vec<Promise>,
}

impl Section {
    pub(super) fn new(title: &str) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// A paragraph.
    pub(super) fn say(&mut self, text: &str) {
        self.text.push_str(&format!("\n{text}\n"));
    }

    /// A table; each row is a line of cells with bars between them.
    pub(super) fn table(&mut self, head: &str, rows: &[String]) {
        let dashes = vec!["---"; head.split('|').count()].join(" | ");
        self.text.push_str(&format!("\n| {head} |\n| {dashes} |\n"));
        for row in rows {
            self.text.push_str(&format!("| {row} |\n"));
        }
    }

    pub(super) fn promise(&mut self, what: impl Into<String>, measured: impl Into<String>, kept: bool) {
        self.promises.push(Promise { what: what.into(), measured: measured.into(), kept });
    }

    /// To standard output, with the load average before and after.
    pub(super) fn print(&self, before: &str, after: &str) {
        println!("\n## {}\n{}", self.title, self.text);
        println!("Load average before {before}, at the end {after} (this benchmark included).");
    }
}
