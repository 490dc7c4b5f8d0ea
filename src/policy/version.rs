//! The version of the transactions of a policy.

use std::fmt;

use bitcoin::transaction::Version;

/// The version of all transactions of a policy, on which it depends how their fees are raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransactionVersion {
    /// Without an output that anybody could spend: a fee is raised by another transaction in its
    /// place, which was signed in advance at a higher rung or is signed anew.
    Two,
    /// With an anchor (BIP-431): a fee is raised by a child.
    Three,
}

impl TransactionVersion {
    /// Both versions.
    pub const ALL: [Self; 2] = [Self::Two, Self::Three];

    /// The number that stands in transactions and policies.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    /// The version as the bitcoin crate has it.
    #[must_use]
    pub const fn to_bitcoin(self) -> Version {
        Version(self.number() as i32)
    }

    /// Whether transactions have an anchor, so that a child can pay for them.
    #[must_use]
    pub const fn has_anchor(self) -> bool {
        matches!(self, Self::Three)
    }
}

impl fmt::Display for TransactionVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}
