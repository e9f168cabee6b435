//! Why there is no answer.

use blueox_query::catalog::CatalogError;
use blueox_query::sealed::SealError;
use blueox_query::statistics::StatisticsError;
use pyo3::PyErr;
use pyo3::exceptions::{PyMemoryError, PyOSError, PyValueError};
use std::io;
use std::path::{Path, PathBuf};

/// The caller's fault, or the environment's. Damage is none: what could be read is given, and a remark says what is missing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Asked(String),
    #[error("{0}")]
    TooLarge(StatisticsError),
    #[error("cannot {operation} {}: {source}", path.display())]
    Io { operation: &'static str, path: PathBuf, source: io::Error },
}

impl Failure {
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }

    /// A sealed file that is damaged is a remark; anything else is a failure.
    pub(crate) fn of_sealed(error: SealError) -> Result<String, Self> {
        match error {
            SealError::Io { operation, path, source } => Err(Self::Io { operation, path, source }),
            damaged => Ok(damaged.to_string()),
        }
    }
}

impl From<CatalogError> for Failure {
    fn from(error: CatalogError) -> Self {
        Self::io("read", &error.path)(error.source)
    }
}

impl From<StatisticsError> for Failure {
    fn from(error: StatisticsError) -> Self {
        match error {
            StatisticsError::TooLarge { .. } => Self::TooLarge(error),
            asked => Self::Asked(asked.to_string()),
        }
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        match failure {
            Failure::Asked(_) => PyValueError::new_err(message),
            Failure::TooLarge(_) => PyMemoryError::new_err(message),
            // With a number Python makes FileNotFoundError, PermissionError, ... of it.
            Failure::Io { operation, path, source } => match source.raw_os_error() {
                Some(number) => PyOSError::new_err((
                    number,
                    format!("cannot {operation} it: {source}"),
                    path.to_string_lossy().into_owned(),
                )),
                None => PyOSError::new_err(message),
            },
        }
    }
}
