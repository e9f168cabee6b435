//! The answer as a table, JSON, CSV, Parquet, Arrow.

mod table;

use crate::args::OutputForm;
use crate::failure::Usage;
use crate::output::{self, Output};
use crate::palette::Palette;
use crate::text;
use anyhow::Context;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::arrow::json;
use datafusion::arrow::json::writer::LineDelimited;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use table::Table;

/// The level of zstd in Parquet, as in sealed files.
const ZSTD_LEVEL: i32 = 3;

/// How an answer is to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    form: OutputForm,
    palette: Palette,
    /// Of the terminal, if standard output is one.
    columns: Option<usize>,
}

impl Manner {
    /// # Errors
    /// [`Usage`] when a terminal would get bytes that it would obey.
    pub(crate) fn choose(form: OutputForm, palette: impl Fn(bool) -> Palette) -> Result<Self, Usage> {
        let columns = output::columns();
        let form = match form {
            OutputForm::Auto if columns.is_some() => OutputForm::Table,
            OutputForm::Auto => OutputForm::Json,
            form => form,
        };
        if columns.is_some() && matches!(form, OutputForm::Parquet | OutputForm::Arrow) {
            let name = if form == OutputForm::Parquet { "parquet" } else { "arrow" };
            return Err(Usage(format!(
                "-o {name} writes bytes that are not for a terminal; write them to a file: oxsql ... -o {name} > FILE"
            )));
        }
        Ok(Self { form, palette: palette(columns.is_some()), columns })
    }

    pub(crate) fn is_on_terminal(self) -> bool {
        self.columns.is_some()
    }
}

/// Writes an answer.
pub(crate) struct Answer {
    output: Output,
    writer: Writer,
    /// A terminal would obey what applications have recorded.
    is_on_terminal: bool,
}

enum Writer {
    Table(Table),
    Json,
    Csv { header: bool },
    Parquet(Box<ArrowWriter<Shared>>, Shared),
    Arrow(StreamWriter<Shared>, Shared),
}

impl Answer {
    /// # Errors
    /// When standard output is closed, or the form cannot hold the columns.
    pub(crate) fn new(manner: Manner, schema: &SchemaRef) -> anyhow::Result<Self> {
        let writer = match manner.form {
            OutputForm::Auto | OutputForm::Table => {
                Writer::Table(Table::new(schema, manner.palette, manner.columns))
            }
            OutputForm::Json => Writer::Json,
            OutputForm::Csv => Writer::Csv { header: true },
            OutputForm::Parquet => {
                let shared = Shared::default();
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
                    .build();
                let writer = ArrowWriter::try_new(shared.clone(), Arc::clone(schema), Some(properties))
                    .context("Parquet cannot hold these columns; cast them, or take -o arrow")?;
                Writer::Parquet(Box::new(writer), shared)
            }
            OutputForm::Arrow => {
                let shared = Shared::default();
                Writer::Arrow(StreamWriter::try_new(shared.clone(), schema)?, shared)
            }
        };
        Ok(Self { output: Output::open(None)?, writer, is_on_terminal: manner.is_on_terminal() })
    }

    /// # Errors
    /// [`crate::failure::ClosedPipe`], or what the system says.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> anyhow::Result<()> {
        let out = &mut self.output.buffer;
        let begin = out.len();
        match &mut self.writer {
            Writer::Table(table) => table.write(batch, out)?,
            Writer::Json => {
                let mut writer =
                    json::WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut *out);
                writer.write(batch)?;
                writer.finish()?;
            }
            Writer::Csv { header } => {
                let mut writer =
                    csv::WriterBuilder::new().with_header(std::mem::take(header)).build(&mut *out);
                writer.write(batch)?;
            }
            Writer::Parquet(writer, shared) => {
                writer.write(batch)?;
                shared.take(out);
            }
            Writer::Arrow(writer, shared) => {
                writer.write(batch)?;
                shared.take(out);
            }
        }
        if self.is_on_terminal && matches!(self.writer, Writer::Json | Writer::Csv { .. }) {
            let harmless = harmless(&self.output.buffer[begin..]);
            self.output.buffer.truncate(begin);
            self.output.buffer.extend_from_slice(harmless.as_bytes());
        }
        self.output.write_some()
    }

    /// Writes what is left. `schema`: an answer without rows has columns still.
    ///
    /// # Errors
    /// As [`Answer::write`].
    pub(crate) fn finish(mut self, schema: &SchemaRef) -> anyhow::Result<()> {
        if let Writer::Csv { header: true } = self.writer {
            self.write(&RecordBatch::new_empty(Arc::clone(schema)))?;
        }
        let out = &mut self.output.buffer;
        match self.writer {
            Writer::Table(mut table) => table.finish(out),
            Writer::Json | Writer::Csv { .. } => {}
            Writer::Parquet(writer, shared) => {
                writer.close()?;
                shared.take(out);
            }
            Writer::Arrow(mut writer, shared) => {
                writer.finish()?;
                shared.take(out);
            }
        }
        self.output.flush()
    }

    /// Writes what was collected, when no more comes.
    ///
    /// # Errors
    /// As [`Answer::write`].
    pub(crate) fn give_up(mut self) -> anyhow::Result<()> {
        if let Writer::Table(table) = &mut self.writer {
            table.finish(&mut self.output.buffer);
        }
        self.output.flush()
    }
}

/// Lines that a terminal shows and does not obey.
fn harmless(lines: &[u8]) -> String {
    let line = |line: &[u8]| text::printable_text(line) + "\n";
    lines
        .split_inclusive(|byte| *byte == b'\n')
        .map(|bytes| line(bytes.strip_suffix(b"\n").unwrap_or(bytes)))
        .collect()
}

/// Memory that a writer writes to and that is taken from it.
#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn take(&self, out: &mut Vec<u8>) {
        out.append(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_nothing_that_it_would_obey() {
        assert_eq!(harmless("a\u{1b}[2Jb\nc\n".as_bytes()), "a\\u{1b}[2Jb\nc\n");
    }
}
