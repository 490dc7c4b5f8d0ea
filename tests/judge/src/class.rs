//! Core's words for a refusal, in the mempool and in a block.
//!
//! The embedded chain judges transactions as a mempool does and so uses the mempool's words.  When
//! the same transaction comes in a block, Core checks it in `ConnectBlock` and words some of the
//! refusals differently.  The table here is read off `validation.cpp` and `consensus/tx_verify.cpp`.

use std::fmt;

use crate::error::{Disagreement, Syntax};

/// The mempool's words for script failures.  Relay policy checks scripts with more flags than
/// consensus does, so this class alone may stand on either kind of line.
const SCRIPT: [&str; 3] = [
    "mempool-script-verify-flag-failed",
    "block-script-verify-flag-failed",
    "mandatory-script-verify-flag-failed",
];

/// How Core has named a script failure inside a block, newest first.
const SCRIPT_IN_BLOCK: [&str; 2] = [
    "block-script-verify-flag-failed",
    "mandatory-script-verify-flag-failed",
];

/// Mempool words that a block's refusal words differently.
const REWORDED: [(&str, &str); 4] = [
    (
        "non-BIP68-final",
        "bad-txns-nonfinal, contains a non-BIP68-final transaction",
    ),
    ("non-final", "bad-txns-nonfinal, non-final transaction"),
    ("missing-inputs", "bad-txns-inputs-missingorspent"),
    ("coinbase", "bad-cb-multiple"),
];

/// Words that a block's refusal repeats.
const REPEATED: [&str; 22] = [
    "bad-blk-sigops",
    "bad-cb-amount",
    "bad-cb-height",
    "bad-cb-length",
    "bad-cb-multiple",
    "bad-txns-BIP30",
    "bad-txns-accumulated-fee-outofrange",
    "bad-txns-fee-outofrange",
    "bad-txns-in-belowout",
    "bad-txns-inputs-duplicate",
    "bad-txns-inputs-missingorspent",
    "bad-txns-inputvalues-outofrange",
    "bad-txns-nonfinal",
    "bad-txns-oversize",
    "bad-txns-premature-spend-of-coinbase",
    "bad-txns-prevout-null",
    "bad-txns-txouttotal-toolarge",
    "bad-txns-vin-empty",
    "bad-txns-vout-empty",
    "bad-txns-vout-negative",
    "bad-txns-vout-toolarge",
    "bad-witness-merkle-match",
];

/// A reason in a file, in one word: where Core's own has spaces it has hyphens, as in
/// `min-relay-fee-not-met`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class(String);

/// How Core's words may begin when a block is refused for a certain reason.
pub(crate) struct Beginnings(Vec<&'static str>);

impl Class {
    /// A reason as a file spells it.
    #[must_use]
    pub fn new(word: &str) -> Self {
        Self(word.to_owned())
    }

    /// What Core says when it refuses a block for this reason.
    ///
    /// # Errors
    ///
    /// [`Syntax::UnknownClass`] where the word is in no table: a reason that is never compared
    /// would pass whatever it says.
    pub(crate) fn in_block(&self) -> Result<Beginnings, Syntax> {
        in_block(&self.0).ok_or_else(|| Syntax::UnknownClass(self.0.clone()))
    }

    /// Refuses the reasons that cannot come from relay policy.  A `+` joins the reasons of several
    /// transactions in one block.
    ///
    /// # Errors
    ///
    /// [`Disagreement::NotPolicy`] where one of the words is a consensus rule of its own.
    pub(crate) fn may_be_relay_only(&self) -> Result<(), Disagreement> {
        let policy = |word: &str| SCRIPT.contains(&word) || in_block(word).is_none();
        if self.0.split('+').all(policy) {
            Ok(())
        } else {
            let class = self.clone();
            Err(Disagreement::NotPolicy { class })
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Beginnings {
    /// Whether Core's words begin so; a longer word with the same beginning is another word.
    pub(crate) fn fit(&self, reason: &str) -> bool {
        self.0.iter().any(|beginning| {
            let rest = reason.strip_prefix(beginning);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-'))
        })
    }
}

fn in_block(word: &str) -> Option<Beginnings> {
    if SCRIPT.contains(&word) {
        return Some(Beginnings(SCRIPT_IN_BLOCK.to_vec()));
    }
    let reworded = REWORDED.iter().find(|(mempool, _)| *mempool == word);
    let repeated = REPEATED.iter().find(|known| **known == word);
    let block = reworded.map(|(_, block)| block).or(repeated);
    block.map(|block| Beginnings(vec![*block]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn fits(class: &str, reason: &str) -> bool {
        Class::new(class).in_block().unwrap().fit(reason)
    }

    #[test]
    fn words_are_compared_whole() {
        let immature = "bad-txns-premature-spend-of-coinbase, tried to spend coinbase at depth 1";
        assert!(fits("bad-txns-premature-spend-of-coinbase", immature));
        assert!(!fits("bad-txns-in-belowout", immature));
        assert!(fits("bad-cb-amount", "bad-cb-amount"));
        assert!(!fits("bad-cb-amount", "bad-cb-amount-twice"));
    }

    #[test]
    fn two_kinds_of_early_are_told_apart() {
        let relative = "bad-txns-nonfinal, contains a non-BIP68-final transaction 00";
        let absolute = "bad-txns-nonfinal, non-final transaction";
        assert!(fits("non-BIP68-final", relative));
        assert!(!fits("non-BIP68-final", absolute));
        assert!(fits("non-final", absolute));
        assert!(!fits("non-final", relative));
        assert!(fits("bad-txns-nonfinal", relative) && fits("bad-txns-nonfinal", absolute));
    }

    #[test]
    fn script_failures_are_one_class() {
        let reason = "block-script-verify-flag-failed (Invalid Schnorr signature), input 0 of 00";
        assert!(fits("mempool-script-verify-flag-failed", reason));
        assert!(fits("block-script-verify-flag-failed", reason));
        assert!(!fits("bad-txns-nonfinal", reason));
        let script = Class::new("mempool-script-verify-flag-failed");
        assert!(script.may_be_relay_only().is_ok());
    }

    #[test]
    fn an_unknown_word_is_no_reason() {
        let fee = Class::new("min-relay-fee-not-met");
        assert!(fee.in_block().is_err());
        assert!(fee.may_be_relay_only().is_ok());
        let relative = Class::new("non-BIP68-final");
        assert!(relative.may_be_relay_only().is_err());
        assert!(Class::new("dust+version").may_be_relay_only().is_ok());
        assert!(Class::new("dust+non-final").may_be_relay_only().is_err());
    }
}
