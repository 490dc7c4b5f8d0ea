//! Taking signatures from a PSBT that somebody returned.

use std::collections::BTreeSet;
use std::fmt;

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::taproot::TapLeafHash;
use bitcoin::{Psbt, TxOut, Txid, psbt};
use serde::Serialize;
use thiserror::Error;

use super::sighash::{BadSignature, Signature, SignatureItem, Verifier};
use super::{Input, Kind, StageTransaction, State};
use crate::compile::{DerivedLeaf, LeafKind, Role};

/// What became of the signatures in a returned PSBT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Received {
    /// The parties whose signatures were taken, input by input.
    pub accepted: Vec<String>,
    /// What was in the file besides, and is not taken.
    pub stripped: Vec<Stripped>,
}

/// A signature that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stripped {
    /// The input it was for.
    pub input: usize,
    /// Whose key it is, where the key is one of the coin's.
    pub party: Option<String>,
    /// The leaf the key stands in, where the key is one of the coin's.
    pub leaf: Option<LeafKind>,
    /// Why it was not taken.
    pub reason: StripReason,
}

/// A signature in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenSignature {
    /// The input it is for.
    pub input: usize,
    /// Whose key it is, where the key is one of the coin's.
    pub party: Option<String>,
    /// The leaf the key stands in, where the key is one of the coin's.
    pub leaf: Option<LeafKind>,
    /// The capacity in which it signs, where the key is one of the coin's.
    pub role: Option<Role>,
    /// Whether it counts, and why not.
    pub outcome: Result<(), StripReason>,
}

/// Why a signature was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StripReason {
    /// Nobody asked for it: it is for another leaf, or in another role.
    NotRequested,
    /// It does not commit to all inputs and outputs.
    Sighash,
    /// It does not verify.
    Invalid,
}

impl fmt::Display for Stripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let party = self
            .party
            .as_deref()
            .unwrap_or("a key that is not the coin's");
        let reason = match self.reason {
            StripReason::NotRequested => "was not asked for",
            StripReason::Sighash => "does not commit to the whole transaction",
            StripReason::Invalid => "does not verify",
        };
        match &self.leaf {
            Some(leaf) => write!(f, "signature of {party} for the leaf `{leaf}` {reason}"),
            None => write!(f, "signature of {party} {reason}"),
        }
    }
}

/// Why a returned PSBT is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReceiveError {
    /// It is for another transaction.
    #[error("the file is for transaction {actual}, and {wanted} was to be signed")]
    OtherTransaction {
        /// The transaction that was asked for.
        wanted: Txid,
        /// The transaction that came back.
        actual: Txid,
    },
}

impl<K: Kind, S: State> StageTransaction<K, S> {
    /// Takes from a returned PSBT the signatures that were asked for in this role.
    ///
    /// Nothing else is taken: scripts, amounts and derivations in the file are not even read.
    /// Each signature is verified against the message that our own transaction gives.
    ///
    /// # Errors
    ///
    /// If the file is for another transaction.
    pub fn receive(
        &mut self,
        role: Role,
        returned: &Psbt,
        secp: &Secp256k1<All>,
    ) -> Result<Received, ReceiveError> {
        self.receive_where(|asked| asked == role, returned, secp)
    }

    /// Takes from a returned PSBT the signatures that were asked for, in any of several roles.
    ///
    /// # Errors
    ///
    /// If the file is for another transaction.
    pub fn receive_where(
        &mut self,
        asked: impl Fn(Role) -> bool,
        returned: &Psbt,
        secp: &Secp256k1<All>,
    ) -> Result<Received, ReceiveError> {
        let judged = self.judged(asked, returned, secp)?;
        let mut received = Received::default();
        let mut keys = BTreeSet::new();
        for (seen, item) in judged {
            match (seen.outcome, item) {
                (Ok(()), Some(item)) => {
                    // One key may sign for several scripts of the leaf.
                    if keys.insert((seen.input, item.key)) {
                        received.accepted.extend(seen.party);
                    }
                    let same =
                        |known: &SignatureItem| known.key == item.key && known.hash == item.hash;
                    if let Some(input) = self.inputs.get_mut(seen.input)
                        && !input.signatures.iter().any(same)
                    {
                        input.signatures.push(item);
                    }
                }
                (Ok(()), None) => {}
                (Err(reason), _) => received.stripped.push(Stripped {
                    input: seen.input,
                    party: seen.party,
                    leaf: seen.leaf,
                    reason,
                }),
            }
        }
        Ok(received)
    }

    /// What the signatures in a file are worth, whoever was asked for them; none is taken.
    ///
    /// # Errors
    ///
    /// If the file is for another transaction.
    pub fn examine(
        &self,
        file: &Psbt,
        secp: &Secp256k1<All>,
    ) -> Result<Vec<SeenSignature>, ReceiveError> {
        let judged = self.judged(|_| true, file, secp)?;
        Ok(judged.into_iter().map(|(seen, _)| seen).collect())
    }

    /// Every signature in a file with what it is worth, given who was asked.
    fn judged(
        &self,
        asked: impl Fn(Role) -> bool,
        file: &Psbt,
        secp: &Secp256k1<All>,
    ) -> Result<Vec<(SeenSignature, Option<SignatureItem>)>, ReceiveError> {
        let unsigned = self.transaction_without_witness();
        if file.unsigned_tx != unsigned {
            return Err(ReceiveError::OtherTransaction {
                wanted: unsigned.compute_txid(),
                actual: file.unsigned_tx.compute_txid(),
            });
        }
        let prevouts: Vec<TxOut> = self.inputs.iter().map(|input| input.coin.txout()).collect();
        let mut verifier = Verifier::new(&unsigned, &prevouts, secp);
        let mut judged = Vec::new();
        for (index, (input, fields)) in self.inputs.iter().zip(&file.inputs).enumerate() {
            for (place, item) in signatures(input, fields) {
                let Place {
                    party,
                    leaf,
                    role,
                    wanted,
                } = place;
                let outcome = match &item {
                    Some(item) if wanted && role.is_some_and(&asked) => verifier
                        .verify(index, input, item)
                        .map_err(|bad| match bad {
                            BadSignature::Sighash => StripReason::Sighash,
                            BadSignature::Invalid => StripReason::Invalid,
                        }),
                    _ => Err(StripReason::NotRequested),
                };
                let seen = SeenSignature {
                    input: index,
                    party,
                    leaf,
                    role,
                    outcome,
                };
                judged.push((seen, item));
            }
        }
        Ok(judged)
    }
}

/// Where a returned signature belongs.
#[derive(Default)]
pub(super) struct Place {
    pub(super) party: Option<String>,
    pub(super) leaf: Option<LeafKind>,
    role: Option<Role>,
    /// It is for the leaf through which the input is spent.
    wanted: bool,
}

/// All signatures in the fields of one input, each with its place, and as an item if its key is
/// one of the coin's.
pub(super) fn signatures(
    input: &Input,
    fields: &psbt::Input,
) -> Vec<(Place, Option<SignatureItem>)> {
    let mut found = Vec::new();
    for (key, signature) in &fields.partial_sigs {
        let signature = Signature::Ecdsa(*signature);
        found.push(place(input, |_, used| *used == *key, signature, None));
    }
    for ((key, hash), signature) in &fields.tap_script_sigs {
        let signature = Signature::Schnorr(*signature);
        let same = |used: &bitcoin::PublicKey| used.inner.x_only_public_key().0 == *key;
        found.push(place(
            input,
            |leaf, used| {
                let script = leaf.script(Some(*hash)).filter(|_| same(used));
                let seat = leaf.seat(used);
                script.is_some_and(|script| {
                    seat.is_some_and(|seat| script.script.seats().contains(&seat))
                })
            },
            signature,
            Some(*hash),
        ));
    }
    if let Some(signature) = fields.tap_key_sig {
        found.push(place(
            input,
            |leaf, _| leaf.leaf.is_key_path(),
            Signature::Schnorr(signature),
            None,
        ));
    }
    found
}

fn place(
    input: &Input,
    matches: impl Fn(&DerivedLeaf, &bitcoin::PublicKey) -> bool,
    signature: Signature,
    hash: Option<TapLeafHash>,
) -> (Place, Option<SignatureItem>) {
    // The requested leaf comes first: in a descriptor from elsewhere another may have its keys.
    let requested = input.derived_leaf().into_iter();
    for derived in requested.chain(input.coin.derived().leaves()) {
        for used in &derived.keys {
            if matches(derived, &used.public_key) {
                let kind = derived.leaf.kind();
                let place = Place {
                    party: Some(used.party.clone()),
                    leaf: Some(kind.clone()),
                    role: Some(used.role),
                    wanted: *kind == input.leaf,
                };
                return (
                    place,
                    Some(SignatureItem {
                        key: used.public_key,
                        hash,
                        signature,
                    }),
                );
            }
        }
    }
    (Place::default(), None)
}
