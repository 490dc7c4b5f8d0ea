//! What stands behind a statement.

use std::fmt;

use serde::Serialize;

/// What stands behind a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Guarantee {
    /// Every node of the network enforces it, whatever anybody's software does.
    Consensus,
    /// It holds while the people concerned run honest software and keep their word.
    Software,
    /// Nothing needs to: it is so, or it is a definition.
    Fact,
}

impl fmt::Display for Guarantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Consensus => "consensus",
            Self::Software => "software",
            Self::Fact => "fact",
        })
    }
}
