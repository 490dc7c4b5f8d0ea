//! Conditions as signing devices know them: `multi_a`, `multi` and `thresh`, each threshold one
//! fragment, and what satisfying them costs.

use super::script::Condition;
use crate::policy::ScriptType;

/// Bytes of a Schnorr signature on the stack: its length and 64 bytes (BIP-341, default sighash).
const SCHNORR_ITEM: u64 = 65;

/// Bytes of the longest ECDSA signature on the stack: its length, 71 bytes DER and the sighash
/// byte.  Low S is policy; low R is each signer's choice and saves one byte.
const ECDSA_ITEM: u64 = 73;

/// Bytes of an empty stack item: its length.
const EMPTY_ITEM: u64 = 1;

/// Bytes on the witness stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bytes {
    /// To satisfy the expression, at most, with just as many signatures as it needs.
    pub satisfy: u64,
    /// To show that it is not satisfied.
    pub dissatisfy: u64,
}

impl Condition {
    /// As a miniscript of type B in which every threshold is one fragment, with these names for
    /// the keys.
    pub(super) fn miniscript(&self, script: ScriptType, key: &dyn Fn(usize) -> String) -> String {
        match self {
            Self::Seat(seat) => format!("pk({})", key(*seat)),
            Self::Threshold(threshold, members) => {
                let flat: Option<Vec<String>> = members
                    .iter()
                    .map(|member| match member {
                        Self::Seat(seat) => Some(key(*seat)),
                        Self::Threshold(..) => None,
                    })
                    .collect();
                if let Some(keys) = flat {
                    let name = match script {
                        ScriptType::Tr => "multi_a",
                        ScriptType::Wsh => "multi",
                    };
                    return format!("{name}({threshold},{})", keys.join(","));
                }
                // The first member stays on the stack as it is, the others are wrapped so that
                // they work below its result: `s` for a single key, `a` for anything longer.
                let subs: Vec<String> = members
                    .iter()
                    .enumerate()
                    .map(|(position, member)| {
                        let inner = member.miniscript(script, key);
                        match (position, member) {
                            (0, _) => inner,
                            (_, Self::Seat(_)) => format!("s:{inner}"),
                            (_, Self::Threshold(..)) => format!("a:{inner}"),
                        }
                    })
                    .collect();
                format!("thresh({threshold},{})", subs.join(","))
            }
        }
    }

    /// What its witness takes in that form.
    ///
    /// Where members differ in cost, the dearest choice of signers is counted.
    pub(super) fn witness(&self, script: ScriptType) -> Bytes {
        let signature = match script {
            ScriptType::Tr => SCHNORR_ITEM,
            ScriptType::Wsh => ECDSA_ITEM,
        };
        match self {
            Self::Seat(_) => Bytes {
                satisfy: signature,
                dissatisfy: EMPTY_ITEM,
            },
            Self::Threshold(threshold, members) => {
                let needed = *threshold as u64;
                let all = members.len() as u64;
                if members.iter().all(|member| matches!(member, Self::Seat(_))) {
                    return match script {
                        // One item for every key, an empty one where the key does not sign.
                        ScriptType::Tr => Bytes {
                            satisfy: needed * signature + (all - needed) * EMPTY_ITEM,
                            dissatisfy: all * EMPTY_ITEM,
                        },
                        // The signatures, and the extra item that CHECKMULTISIG takes.
                        ScriptType::Wsh => Bytes {
                            satisfy: EMPTY_ITEM + needed * signature,
                            dissatisfy: EMPTY_ITEM + needed * EMPTY_ITEM,
                        },
                    };
                }
                let costs: Vec<Bytes> = members
                    .iter()
                    .map(|member| member.witness(script))
                    .collect();
                let dissatisfy = costs.iter().map(|cost| cost.dissatisfy).sum();
                let mut extra: Vec<u64> = costs
                    .iter()
                    .map(|cost| cost.satisfy - cost.dissatisfy)
                    .collect();
                extra.sort_unstable_by(|left, right| right.cmp(left));
                let satisfy = dissatisfy + extra.into_iter().take(*threshold).sum::<u64>();
                Bytes {
                    satisfy,
                    dissatisfy,
                }
            }
        }
    }
}
