//! Events as Arrow, in batches of bounded size.

use crate::columns::Columns;
use crate::merge::{Given, Merge};
use crate::shape::{REST, TIME, Wanted};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use pyo3::exceptions::PyNotImplementedError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::sync::Arc;

/// A batch has at most so many events, and ends after so many bytes of them.
const BATCH_EVENTS: usize = 16 << 10;
const BATCH_BYTES: usize = 8 << 20;

/// Makes batches of what a merge gives.
pub(crate) struct Batches {
    merge: Merge,
    wanted: Wanted,
    columns: Columns,
    schema: Arc<Schema>,
    bytes: usize,
    ended: bool,
}

impl Batches {
    pub(crate) fn new(merge: Merge, wanted: Wanted, schema: Arc<Schema>) -> Self {
        Self { merge, wanted, columns: Columns::new(&schema), schema, bytes: 0, ended: false }
    }

    /// The next batch, if it is complete; looks for events, but not for long.
    pub(crate) fn advance(&mut self) -> Result<Step, crate::failure::Failure> {
        if self.ended {
            return Ok(Step::End);
        }
        match self.merge.advance()? {
            Given::Pause => return Ok(Step::Pause),
            Given::End => self.ended = true,
            Given::Event => {
                let event = self.merge.event();
                self.bytes += event.bytes().len();
                let columns = &mut self.columns;
                let rest = self.wanted.each(&event, &mut |name, value| columns.put(name, value));
                if let Some(rest) = rest {
                    columns.put(REST, &rest);
                }
                columns.put_time(TIME, event.end());
                columns.end_row();
            }
        }
        let is_full = self.columns.rows() >= BATCH_EVENTS || self.bytes >= BATCH_BYTES;
        if is_full || (self.ended && self.columns.rows() > 0) {
            self.bytes = 0;
            return Ok(Step::Batch(self.columns.take().expect("BUG: columns of one length and type")));
        }
        Ok(Step::Pause)
    }

    pub(crate) fn take_remarks(&mut self) -> Vec<String> {
        self.merge.take_remarks()
    }
}

/// What came of looking for a batch.
pub(crate) enum Step {
    Batch(RecordBatch),
    Pause,
    End,
}

/// For consumers that take Arrow's stream: they ask for a whole batch.
impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.advance() {
                Ok(Step::Batch(batch)) => return Some(Ok(batch)),
                Ok(Step::Pause) => {}
                Ok(Step::End) => return None,
                Err(failure) => {
                    self.ended = true;
                    return Some(Err(ArrowError::ExternalError(Box::new(failure))));
                }
            }
        }
    }
}

impl RecordBatchReader for Batches {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// Hands a reader over to whoever speaks Arrow's C stream interface. Nothing is copied.
pub(crate) fn capsule<'py>(
    py: Python<'py>,
    reader: Box<dyn RecordBatchReader + Send>,
) -> PyResult<Bound<'py, PyCapsule>> {
    PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(reader), c"arrow_array_stream")
}

/// Another schema than ours is for the consumer to make.
pub(crate) fn refuse_schema(requested: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    match requested {
        Some(requested) if !requested.is_none() => {
            Err(PyNotImplementedError::new_err("the columns are as they are; cast them after reading"))
        }
        _ => Ok(()),
    }
}

/// Batches that are there, as a table.
#[pyclass(frozen)]
pub(crate) struct Arrow {
    schema: Arc<Schema>,
    batches: Vec<RecordBatch>,
}

impl Arrow {
    pub(crate) fn new(schema: Arc<Schema>, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }
}

#[pymethods]
impl Arrow {
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        refuse_schema(requested_schema)?;
        let batches = self.batches.clone().into_iter().map(Ok);
        capsule(py, Box::new(RecordBatchIterator::new(batches, Arc::clone(&self.schema))))
    }
}
