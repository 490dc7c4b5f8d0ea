//! What an attacker does, who uses none of our code: transactions put together from the script and
//! the private keys alone, with any signature left out or put in another's place.

#![allow(
    dead_code,
    reason = "each test crate that includes this file uses a part of it"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash;
use bitcoin::key::{Keypair, TapTweak};
use bitcoin::secp256k1::{Message, SecretKey};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::taproot::{LeafVersion, TapLeafHash};
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, EcdsaSighashType, ScriptBuf, Sequence, TapSighashType, Transaction, TxIn, TxOut,
    Witness, ecdsa, taproot,
};
use longstop::compile::{DerivedLeaf, KeyUse, LeafKind, Role};
use longstop::policy::{Member, Quorum};
use longstop::transaction::Coin;
use longstop::units::{AbsoluteLock, RelativeLock};
use miniscript::Descriptor;

use crate::vault::World;

/// What stands where a signature should be that nobody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    Nothing,
    /// Another signature of the same group, once more.
    Copy,
}

/// A script of nobody in the policy.
pub fn anywhere() -> ScriptBuf {
    ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::from_byte_array([7; 32]))
}

/// Seats that sign, by role and place in the role's quorum.
pub type Seats = BTreeSet<(Role, usize)>;

impl World {
    /// A transaction that spends a coin through a leaf to somewhere else, once its locks are open.
    pub fn by_hand(&self, coin: &Coin, leaf: &LeafKind) -> Transaction {
        let leaf = &coin.derived().leaf(leaf).expect("such a leaf").leaf;
        let sequence = leaf
            .relative()
            .map_or(Sequence::ENABLE_RBF_NO_LOCKTIME, RelativeLock::to_sequence);
        let lock_time = leaf
            .absolute()
            .map_or(LockTime::ZERO, AbsoluteLock::to_lock_time);
        Transaction {
            version: Version(3),
            lock_time,
            input: vec![TxIn {
                previous_output: coin.outpoint(),
                script_sig: ScriptBuf::new(),
                sequence,
                witness: Witness::new(),
            }],
            output: vec![TxOut {
                value: coin.amount() - Amount::from_sat(100_000),
                script_pubkey: anywhere(),
            }],
        }
    }

    /// One signature as it stands in a witness, for the only input of a transaction.
    pub fn sign(
        &self,
        transaction: &Transaction,
        coin: &Coin,
        leaf: &DerivedLeaf,
        key: &KeyUse,
    ) -> Vec<u8> {
        let secret = self.people.secret(key);
        match coin.derived().concrete() {
            Descriptor::Wsh(_) => {
                let kind = EcdsaSighashType::All;
                self.sign_wsh(transaction, coin, &secret, kind).to_vec()
            }
            _ => {
                let kind = TapSighashType::Default;
                self.sign_tr(transaction, coin, leaf, &secret, kind)
                    .to_vec()
            }
        }
    }

    pub fn sign_wsh(
        &self,
        transaction: &Transaction,
        coin: &Coin,
        secret: &SecretKey,
        sighash_type: EcdsaSighashType,
    ) -> ecdsa::Signature {
        let Descriptor::Wsh(wsh) = coin.derived().concrete() else {
            panic!("the coin is P2WSH");
        };
        let script = wsh.inner_script();
        let mut cache = SighashCache::new(transaction);
        let hash = cache.p2wsh_signature_hash(0, &script, coin.amount(), sighash_type);
        let message = Message::from_digest(hash.expect("one input").to_byte_array());
        ecdsa::Signature {
            signature: self.secp().sign_ecdsa(&message, secret),
            sighash_type,
        }
    }

    pub fn sign_tr(
        &self,
        transaction: &Transaction,
        coin: &Coin,
        leaf: &DerivedLeaf,
        secret: &SecretKey,
        sighash_type: TapSighashType,
    ) -> taproot::Signature {
        let prevouts = [coin.txout()];
        let prevouts = Prevouts::All(&prevouts);
        let mut cache = SighashCache::new(transaction);
        let keypair = Keypair::from_secret_key(self.secp(), secret);
        let (digest, keypair) = if let Some(hash) = leaf.hash() {
            let digest =
                cache.taproot_script_spend_signature_hash(0, &prevouts, hash, sighash_type);
            (digest, keypair)
        } else {
            let Descriptor::Tr(tr) = coin.derived().concrete() else {
                panic!("only taproot has a key path");
            };
            let root = tr.spend_info().merkle_root();
            let tweaked = keypair.tap_tweak(self.secp(), root).to_keypair();
            let digest = cache.taproot_key_spend_signature_hash(0, &prevouts, sighash_type);
            (digest, tweaked)
        };
        let message = Message::from_digest(digest.expect("one input").to_byte_array());
        taproot::Signature {
            signature: self.secp().sign_schnorr_no_aux_rand(&message, &keypair),
            sighash_type,
        }
    }

    /// The transaction with the witness of a leaf, made of whatever signatures there are.
    pub fn with_witness(
        transaction: &Transaction,
        coin: &Coin,
        leaf: &LeafKind,
        fill: Fill,
        signature: &dyn Fn(&KeyUse) -> Option<Vec<u8>>,
    ) -> Transaction {
        let derived = coin.derived();
        let found = derived.leaf(leaf).expect("such a leaf");
        let mut items = Vec::new();
        let mut keys = found.keys.iter();
        let mut groups = Vec::new();
        for group in found.leaf.groups() {
            let seats: Vec<_> = keys.by_ref().take(group.seats().count()).collect();
            let mut signatures = seats.into_iter().map(signature);
            groups.push(satisfy(
                &Member::Quorum(Arc::clone(group.quorum())),
                derived.concrete(),
                fill,
                &mut signatures,
            ));
        }
        // What the script checks first lies on top.
        items.extend(groups.into_iter().rev().flat_map(|group| group.satisfied));
        match derived.concrete() {
            Descriptor::Wsh(wsh) => {
                let position = derived.leaves().iter().position(|l| l.leaf.kind() == leaf);
                let position = position.expect("it is there");
                if position + 1 < derived.leaves().len() {
                    items.push(vec![1]);
                }
                items.extend(std::iter::repeat_n(Vec::new(), position));
                items.push(wsh.inner_script().into_bytes());
            }
            Descriptor::Tr(tr) => {
                if let Some(hash) = found.hash() {
                    let mut scripts = tr.tap_tree().iter().flat_map(|tree| tree.iter());
                    let (_, script) = scripts
                        .find(|(_, script)| {
                            TapLeafHash::from_script(&script.encode(), LeafVersion::TapScript)
                                == hash
                        })
                        .expect("the hash is of a leaf");
                    let script = (script.encode(), LeafVersion::TapScript);
                    let control = tr.spend_info().control_block(&script).expect("in the tree");
                    items.push(script.0.into_bytes());
                    items.push(control.serialize());
                }
            }
            _ => panic!("stages are taproot or P2WSH"),
        }
        let mut complete = transaction.clone();
        complete.input[0].witness = Witness::from_slice(&items);
        complete
    }

    /// The transaction spending a leaf, with the signatures of these seats.
    pub fn signed(
        &self,
        transaction: &Transaction,
        coin: &Coin,
        leaf: &LeafKind,
        seats: &Seats,
        fill: Fill,
    ) -> Transaction {
        let found = coin.derived().leaf(leaf).expect("such a leaf");
        Self::with_witness(transaction, coin, leaf, fill, &|key| {
            let same_role = found.keys.iter().filter(|other| other.role == key.role);
            let seat = same_role.take_while(|other| *other != key).count();
            let signs = seats.contains(&(key.role, seat));
            signs.then(|| self.sign(transaction, coin, found, key))
        })
    }
}

/// The seats of a leaf of which all must sign: the first that suffice of each quorum.
pub fn just_enough(coin: &Coin, leaf: &LeafKind) -> Seats {
    let found = coin.derived().leaf(leaf).expect("such a leaf");
    let mut seats = Seats::new();
    for group in found.leaf.groups() {
        let mut chosen = Vec::new();
        first_seats(group.quorum(), &mut 0, true, &mut chosen);
        seats.extend(chosen.into_iter().map(|seat| (group.role(), seat)));
    }
    seats
}

fn first_seats(quorum: &Quorum, next: &mut usize, signs: bool, chosen: &mut Vec<usize>) {
    for (place, member) in quorum.members().iter().enumerate() {
        let signs = signs && place < quorum.threshold();
        match member {
            Member::Party(_) => {
                if signs {
                    chosen.push(*next);
                }
                *next += 1;
            }
            Member::Quorum(inner) => first_seats(inner, next, signs, chosen),
        }
    }
}

/// Witness items of an expression, in the order of the stack from the bottom.
struct Items {
    is_met: bool,
    /// What satisfies it; where signatures are missing, the best that can be done without.
    satisfied: Vec<Vec<u8>>,
    dissatisfied: Vec<Vec<u8>>,
}

/// Written after the scripts and not after the crate: `multi` wants its signatures in the order of
/// the keys, below them one item for nothing; `multi_a` wants an item for every key, the first on
/// top; a threshold of anything else wants what its members want, the first on top.
fn satisfy<D: miniscript::MiniscriptKey>(
    member: &Member,
    descriptor: &Descriptor<D>,
    fill: Fill,
    signatures: &mut dyn Iterator<Item = Option<Vec<u8>>>,
) -> Items {
    let quorum = match member {
        Member::Party(_) => {
            let signature = signatures.next().expect("every seat has a key");
            return Items {
                is_met: signature.is_some(),
                satisfied: vec![signature.unwrap_or_default()],
                dissatisfied: vec![Vec::new()],
            };
        }
        Member::Quorum(quorum) => quorum,
    };
    if let [only] = quorum.members() {
        return satisfy(only, descriptor, fill, signatures);
    }
    let needed = quorum.threshold();
    let members: Vec<Items> = quorum
        .members()
        .iter()
        .map(|member| satisfy(member, descriptor, fill, signatures))
        .collect();
    let is_met = members.iter().filter(|member| member.is_met).count() >= needed;
    let is_flat = quorum.members().iter().all(is_key);
    if is_flat && matches!(descriptor, Descriptor::Wsh(_)) {
        let given = members.into_iter().filter(|member| member.is_met);
        let mut given: Vec<_> = given.flat_map(|m| m.satisfied).take(needed).collect();
        let copy = given.first().cloned().filter(|_| fill == Fill::Copy);
        given.resize(needed, copy.unwrap_or_default());
        let mut satisfied = vec![Vec::new()];
        satisfied.extend(given);
        return Items {
            is_met,
            satisfied,
            dissatisfied: vec![Vec::new(); needed + 1],
        };
    }
    let mut left = needed;
    let mut chosen = Vec::new();
    let copy = members.iter().find(|member| member.is_met);
    let copy = copy.map(|member| member.satisfied.clone());
    for member in &members {
        let take = member.is_met && left > 0;
        left -= usize::from(take);
        chosen.push(if take {
            member.satisfied.clone()
        } else {
            member.dissatisfied.clone()
        });
    }
    if left > 0
        && fill == Fill::Copy
        && let Some(copy) = copy
        && let Some(place) = members.iter().position(|member| !member.is_met)
        && copy.len() == members[place].dissatisfied.len()
    {
        chosen[place] = copy;
    }
    Items {
        is_met,
        satisfied: chosen.into_iter().rev().flatten().collect(),
        dissatisfied: members
            .into_iter()
            .rev()
            .flat_map(|member| member.dissatisfied)
            .collect(),
    }
}

/// A quorum of one key is written as that key.
fn is_key(member: &Member) -> bool {
    match member {
        Member::Party(_) => true,
        Member::Quorum(quorum) => matches!(quorum.members(), [only] if is_key(only)),
    }
}
