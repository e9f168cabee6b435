//! When the listed events were, and which failed: a bar for each column of the terminal.

use super::list::Entry;

/// How many events ended in a column's share of the time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) events: u32,
    pub(super) failed: u32,
}

/// The bars, and the time from the first to the last.
#[derive(Debug, PartialEq)]
pub(super) struct Strip {
    pub(super) bars: Vec<Bar>,
    pub(super) begin: f64,
    pub(super) end: f64,
}

impl Strip {
    /// `None`: no event has a time.
    pub(super) fn new<'a>(
        entries: impl IntoIterator<Item = &'a Entry> + Copy,
        columns: usize,
    ) -> Option<Self> {
        let times = || entries.into_iter().filter(|entry| entry.end.is_finite());
        let begin = times().map(|entry| entry.end).fold(f64::INFINITY, f64::min);
        let end = times().map(|entry| entry.end).fold(f64::NEG_INFINITY, f64::max);
        if begin > end || columns == 0 {
            return None;
        }
        let mut bars = vec![Bar::default(); columns];
        let width = (end - begin).max(1e-9) / columns as f64;
        for entry in times() {
            let column = ((entry.end - begin) / width) as usize;
            let bar = &mut bars[column.min(columns - 1)];
            bar.events += 1;
            bar.failed += u32::from(entry.failed);
        }
        Some(Self { bars, begin, end })
    }

    /// The bars as blocks of so many lines, from the top down.
    pub(super) fn lines(&self, lines: usize) -> Vec<String> {
        const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let most = self.bars.iter().map(|bar| bar.events).max().unwrap_or(0).max(1) as usize;
        let eighths = |bar: &Bar| (bar.events as usize * lines * 8).div_ceil(most);
        let line = |below: usize| {
            let block = |bar: &Bar| BLOCKS[eighths(bar).saturating_sub(below * 8).min(8)];
            self.bars.iter().map(block).collect()
        };
        (0..lines).rev().map(line).collect()
    }

    /// A cross below each column in which something failed.
    pub(super) fn failures(&self) -> String {
        self.bars.iter().map(|bar| if bar.failed > 0 { '✗' } else { ' ' }).collect()
    }
}
