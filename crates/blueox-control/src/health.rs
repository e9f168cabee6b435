//! Whether a daemon is well.

/// What a daemon says to the probes that supervisors use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// It answers at all.
    pub alive: Probe,
    /// It can take events; `None` when it cannot be asked (an original daemon).
    pub ready: Option<Probe>,
}

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Whether the answer is good.
    pub ok: bool,
    /// The answer's first line, printable.
    pub text: String,
}
