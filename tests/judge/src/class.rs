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
const REPEATED: [&str; 20] = [
    "bad-cb-amount",
    "bad-cb-height",
    "bad-cb-length",
    "bad-cb-multiple",
    "bad-txns-BIP30",
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

/// A reason in a file: Core's word, and the interpreter's own text where it gave one, as in
/// `mempool-script-verify-flag-failed (Invalid Schnorr signature)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    word: String,
    detail: Option<String>,
}

/// How Core's log may begin when a block is refused for a certain reason, and what it has to hold.
pub(crate) struct Reasons {
    begin: Vec<&'static str>,
    detail: Option<String>,
}

impl Class {
    /// Splits a reason into its word and the detail in brackets.  The word may hold spaces, as in
    /// `min relay fee not met`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let bracket = text
            .strip_suffix(')')
            .and_then(|text| text.split_once(" ("));
        match bracket {
            Some((word, detail)) => Self {
                word: word.to_owned(),
                detail: Some(detail.to_owned()),
            },
            None => Self {
                word: text.to_owned(),
                detail: None,
            },
        }
    }

    /// What Core says when it refuses a block for this reason.
    ///
    /// # Errors
    ///
    /// [`Syntax::UnknownClass`] where the word is in no table: a reason that is never compared
    /// would pass whatever it says.
    pub(crate) fn block_reasons(&self) -> Result<Reasons, Syntax> {
        let word = self.word.as_str();
        let reworded = REWORDED.iter().find(|(mempool, _)| *mempool == word);
        let repeated = REPEATED.iter().find(|known| **known == word);
        let begin = if SCRIPT.contains(&word) {
            SCRIPT_IN_BLOCK.to_vec()
        } else if let Some((_, block)) = reworded {
            vec![*block]
        } else if let Some(known) = repeated {
            vec![*known]
        } else {
            return Err(Syntax::UnknownClass(self.to_string()));
        };
        let detail = self.detail.as_ref().map(|text| format!("({text})"));
        Ok(Reasons { begin, detail })
    }

    /// Refuses the classes that cannot come from relay policy.
    ///
    /// # Errors
    ///
    /// [`Disagreement::NotPolicy`] where the word is a consensus rule of its own.
    pub(crate) fn may_be_relay_only(&self) -> Result<(), Disagreement> {
        let policy = SCRIPT.contains(&self.word.as_str()) || self.block_reasons().is_err();
        if policy {
            Ok(())
        } else {
            let class = self.clone();
            Err(Disagreement::NotPolicy { class })
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.detail {
            Some(detail) => write!(f, "{} ({detail})", self.word),
            None => f.write_str(&self.word),
        }
    }
}

impl Reasons {
    /// Whether Core's words are among these; a longer word with the same beginning is another word.
    pub(crate) fn matches(&self, reason: &str) -> bool {
        let same_word = self.begin.iter().any(|begin| {
            let rest = reason.strip_prefix(begin);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '-'))
        });
        let same_detail = self.detail.as_ref().is_none_or(|d| reason.contains(d));
        same_word && same_detail
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn matches(class: &str, reason: &str) -> bool {
        let class = Class::new(class);
        class.block_reasons().unwrap().matches(reason)
    }

    #[test]
    fn words_are_compared_whole() {
        let immature = "bad-txns-premature-spend-of-coinbase, tried to spend coinbase at depth 1";
        assert!(matches("bad-txns-premature-spend-of-coinbase", immature));
        assert!(!matches("bad-txns-in-belowout", immature));
        assert!(!matches("bad-cb-amount", "bad-cb-amount-twice"));
    }

    #[test]
    fn two_kinds_of_early_are_told_apart() {
        let relative = "bad-txns-nonfinal, contains a non-BIP68-final transaction 00";
        let absolute = "bad-txns-nonfinal, non-final transaction";
        assert!(matches("non-BIP68-final", relative));
        assert!(!matches("non-BIP68-final", absolute));
        assert!(matches("non-final", absolute));
        assert!(!matches("non-final", relative));
    }

    #[test]
    fn a_detail_is_compared_where_there_is_one() {
        let reason = "block-script-verify-flag-failed (Invalid Schnorr signature), input 0 of 00";
        assert!(matches("mempool-script-verify-flag-failed", reason));
        let right = "mempool-script-verify-flag-failed (Invalid Schnorr signature)";
        assert!(matches(right, reason));
        let wrong = "mempool-script-verify-flag-failed (Invalid Schnorr hash type)";
        assert!(!matches(wrong, reason));
    }

    #[test]
    fn an_unknown_word_is_no_reason() {
        let class = Class::new("insufficient fee (including sibling eviction)");
        assert!(class.block_reasons().is_err());
        assert!(class.may_be_relay_only().is_ok());
        let class = Class::new("non-BIP68-final");
        assert!(class.may_be_relay_only().is_err());
    }
}
