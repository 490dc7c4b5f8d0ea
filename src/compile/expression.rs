//! Thresholds of keys, how they are written in miniscript, and what satisfying them costs.

use miniscript::descriptor::DescriptorPublicKey;

use super::script::Condition;
use crate::policy::ScriptType;

/// Bytes of a Schnorr signature on the stack: its length and 64 bytes (BIP-341, default sighash).
const SCHNORR_ITEM: u64 = 65;

/// Bytes of the longest ECDSA signature on the stack: its length, 71 bytes DER and the sighash
/// byte.  Low S is policy; low R is each signer's choice and saves one byte.
const ECDSA_ITEM: u64 = 73;

/// Bytes of an empty stack item: its length.
const EMPTY_ITEM: u64 = 1;

/// A key, or a threshold over expressions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// One key and the name of its party.
    Key {
        /// The name of the party.
        party: String,
        /// The key with its branch pair.
        key: DescriptorPublicKey,
    },
    /// So many of these, of which there are at least two.
    Threshold(usize, Vec<Expression>),
}

/// Bytes on the witness stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bytes {
    /// To satisfy the expression, at most, with just as many signatures as it needs.
    pub satisfy: u64,
    /// To show that it is not satisfied.
    pub dissatisfy: u64,
}

impl Expression {
    /// A threshold; a threshold over one expression is that expression.
    pub(super) fn threshold(threshold: usize, mut members: Vec<Self>) -> Self {
        if members.len() == 1 {
            members.remove(0)
        } else {
            Self::Threshold(threshold, members)
        }
    }

    pub(super) fn keys(&self) -> Vec<&DescriptorPublicKey> {
        self.seats().into_iter().map(|(_, key)| key).collect()
    }

    pub(super) fn seats(&self) -> Vec<(&str, &DescriptorPublicKey)> {
        match self {
            Self::Key { party, key } => vec![(party.as_str(), key)],
            Self::Threshold(_, members) => members.iter().flat_map(Self::seats).collect(),
        }
    }

    /// Whether enough seats sign, `next` being the number of the first seat below this node.
    pub(super) fn is_met_by(&self, next: &mut usize, signs: &dyn Fn(usize) -> bool) -> bool {
        match self {
            Self::Key { .. } => {
                let seat = *next;
                *next += 1;
                signs(seat)
            }
            Self::Threshold(threshold, members) => {
                let met = members
                    .iter()
                    .filter(|member| member.is_met_by(next, signs))
                    .count();
                met >= *threshold
            }
        }
    }

    /// Who must sign, as thresholds over seats; the seat of each key is told by the caller, who
    /// is asked in order.
    pub(super) fn condition(
        &self,
        seat: &mut dyn FnMut(&DescriptorPublicKey) -> usize,
    ) -> Condition {
        match self {
            Self::Key { key, .. } => Condition::Seat(seat(key)),
            Self::Threshold(threshold, members) => Condition::Threshold(
                *threshold,
                members
                    .iter()
                    .map(|member| member.condition(seat))
                    .collect(),
            ),
        }
    }

    /// As a miniscript of type B.
    pub(super) fn miniscript(&self, script: ScriptType) -> String {
        match self {
            Self::Key { key, .. } => format!("pk({key})"),
            Self::Threshold(threshold, members) => {
                let flat: Option<Vec<String>> = members
                    .iter()
                    .map(|member| match member {
                        Self::Key { key, .. } => Some(key.to_string()),
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
                        let inner = member.miniscript(script);
                        match (position, member) {
                            (0, _) => inner,
                            (_, Self::Key { .. }) => format!("s:{inner}"),
                            (_, Self::Threshold(..)) => format!("a:{inner}"),
                        }
                    })
                    .collect();
                format!("thresh({threshold},{})", subs.join(","))
            }
        }
    }

    /// What the witness of this expression takes.
    ///
    /// Where members differ in cost, the dearest choice of signers is counted.
    pub(super) fn witness(&self, script: ScriptType) -> Bytes {
        let signature = match script {
            ScriptType::Tr => SCHNORR_ITEM,
            ScriptType::Wsh => ECDSA_ITEM,
        };
        match self {
            Self::Key { .. } => Bytes {
                satisfy: signature,
                dissatisfy: EMPTY_ITEM,
            },
            Self::Threshold(threshold, members) => {
                let needed = *threshold as u64;
                let all = members.len() as u64;
                if members
                    .iter()
                    .all(|member| matches!(member, Self::Key { .. }))
                {
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
