//! The transactions that move coins between stages, as PSBTs whose state the compiler knows.
//!
//! A [`Trigger`] can only be built from a coin in the vault, a [`Cancel`] only from one in an
//! escrow, and only a [`Final`] transaction can be broadcast.  Each goes through three states:
//!
//! - [`Unsigned`]: inputs, outputs, fee and transaction id are fixed;
//! - [`Signed`]: whoever signs first has signed: root for what it signs in advance, everybody
//!   otherwise;
//! - [`Final`]: the witness is complete.
//!
//! Every ceremony step is a PSBT out ([`StageTransaction::request`]) and a PSBT back
//! ([`StageTransaction::receive`]).  What comes back is never trusted: only signatures are taken
//! from it, only those that were asked for, and only after each is verified.

mod adopt;
mod build;
mod challenge;
mod coin;
mod fee_child;
mod fields;
mod finalize;
mod receive;
mod sighash;

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bitcoin::secp256k1::PublicKey;
use bitcoin::taproot::TapLeafHash;
use bitcoin::{Amount, Psbt, ScriptBuf, Transaction, Txid};

use crate::compile::{Derived, DerivedLeaf, KeyUse, LeafKind, Role};

pub use self::build::{ANCHOR_VALUE, BuildError, Builder, DUST, MAX_FEERATE, Payee};
pub use self::challenge::{Answer, AskedKey, Challenge, KeySignature, Scripts, message_of};
pub use self::coin::{Coin, EscrowCoin, LockupCoin, VaultCoin, WrongStage};
pub use self::fee_child::{
    FEE_CHILD_VBYTES, FeeChildError, FeeCoin, build_best_fee_child, build_child_paying,
    build_fee_child,
};
pub use self::finalize::FinalizeError;
pub use self::receive::{ReceiveError, Received, SeenSignature, StripReason, Stripped};
pub(crate) use self::sighash::SignatureItem;

/// What a transaction is for.
pub trait Kind: sealed::Sealed {
    /// The word for it.
    const WORD: &'static str;
}

/// How far a transaction has come.
pub trait State: sealed::Sealed {}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $alias:ident;)*) => {
        /// The kinds of transaction.
        pub mod kind {
            $($(#[$doc])* #[derive(Clone, Copy, Debug)] pub enum $name {})*
        }
        $(
            impl sealed::Sealed for kind::$name {}
            impl Kind for kind::$name {
                const WORD: &'static str = $word;
            }
            $(#[$doc])*
            pub type $alias<S = Unsigned> = StageTransaction<kind::$name, S>;
        )*
    };
}

kinds! {
    /// Vault to escrow, by a path's quorum with root's signature from the arming.
    Trigger = "trigger", Trigger;
    /// Escrow to vault, by the veto quorum with root's signature from the arming.
    Cancel = "cancel", Cancel;
    /// Escrow to lock-up with root's signature from the arming, or escrow to payees.
    Settle = "settle", Settle;
    /// Lock-up to a destination, by the path's quorum.
    Release = "release", Release;
    /// Lock-up to vault, by root.
    Clawback = "clawback", Clawback;
    /// Vault to vault, by root.
    Refresh = "refresh", Refresh;
    /// Vault to payees, by root.
    Spend = "spend", Spend;
    /// Vault to a destination by the quorum of a direct path, or escrow to a destination by the
    /// quorum of a path whose settle is lost.
    Recovery = "recovery", Recovery;
    /// Escrow to vault, by root alone.
    Override = "override", Override;
    /// Any of these, as it was read from a file.
    Any = "transaction", AnyTransaction;
}

/// Inputs, outputs, fee and transaction id are fixed; signatures are being collected.
#[derive(Clone, Copy, Debug)]
pub enum Unsigned {}

/// Whoever signs first has signed.
#[derive(Clone, Copy, Debug)]
pub enum Signed {}

/// The witness is complete.
#[derive(Clone, Debug)]
pub enum Final {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Unsigned {}
    impl Sealed for super::Signed {}
    impl Sealed for super::Final {}
}
impl State for Unsigned {}
impl State for Signed {}
impl State for Final {}

/// One input: the coin, the leaf it is spent through, and the signatures collected for it.
#[derive(Clone, Debug)]
struct Input {
    coin: Coin,
    leaf: LeafKind,
    signatures: Vec<SignatureItem>,
}

impl Input {
    fn derived_leaf(&self) -> Option<&DerivedLeaf> {
        self.coin.derived().leaf(&self.leaf)
    }

    /// Whether the quorum in this role has signed: whether there is a script that is satisfied as
    /// soon as all the other roles have signed it as well.
    fn is_met(&self, role: Role) -> bool {
        let Some(derived) = self.derived_leaf() else {
            return false;
        };
        derived.scripts.iter().any(|script| {
            script.script.is_met_by(&|seat| {
                derived.keys.get(seat).is_some_and(|used| {
                    used.role != role
                        || self.signatures.iter().any(|signature| {
                            signature.key == used.public_key && signature.hash == script.hash
                        })
                })
            })
        })
    }
}

/// A transaction of one kind in one state.
pub struct StageTransaction<K, S> {
    transaction: Transaction,
    inputs: Vec<Input>,
    /// The outputs that are ours, with what they belong to.
    own_outputs: Vec<(u32, Arc<Derived>)>,
    fee: Amount,
    marker: PhantomData<(K, S)>,
}

impl<K, S> Clone for StageTransaction<K, S> {
    fn clone(&self) -> Self {
        Self {
            transaction: self.transaction.clone(),
            inputs: self.inputs.clone(),
            own_outputs: self.own_outputs.clone(),
            fee: self.fee,
            marker: PhantomData,
        }
    }
}

impl<K: Kind, S: State> fmt::Debug for StageTransaction<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", K::WORD, self.txid())
    }
}

impl<K: Kind, S: State> StageTransaction<K, S> {
    /// The word for what it is.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        K::WORD
    }

    /// The same transaction, whatever its kind.
    #[must_use]
    pub fn into_any(self) -> AnyTransaction {
        StageTransaction {
            transaction: self.transaction,
            inputs: self.inputs,
            own_outputs: self.own_outputs,
            fee: self.fee,
            marker: PhantomData,
        }
    }

    /// What it pays, in its order.
    #[must_use]
    pub fn outputs(&self) -> &[bitcoin::TxOut] {
        &self.transaction.output
    }

    /// The transaction id, which the witness does not change.
    #[must_use]
    pub fn txid(&self) -> Txid {
        self.transaction.compute_txid()
    }

    /// What it pays to be mined.
    #[must_use]
    pub const fn fee(&self) -> Amount {
        self.fee
    }

    /// The coins it spends, each with the leaf it is spent through.
    pub fn spends(&self) -> impl Iterator<Item = (&Coin, &LeafKind)> {
        self.inputs.iter().map(|input| (&input.coin, &input.leaf))
    }

    /// The output that anybody can spend to raise the fee.
    #[must_use]
    pub fn anchor(&self) -> Option<bitcoin::OutPoint> {
        let anchor = ScriptBuf::new_p2a();
        let vout = self
            .transaction
            .output
            .iter()
            .position(|output| output.script_pubkey == anchor);
        vout.and_then(|vout| u32::try_from(vout).ok())
            .map(|vout| bitcoin::OutPoint::new(self.txid(), vout))
    }

    /// The coins it creates in stages of the same policy.
    #[must_use]
    pub fn creates(&self) -> Vec<Coin> {
        let source = Arc::new(self.transaction_without_witness());
        let txid = self.txid();
        self.own_outputs
            .iter()
            .filter_map(|(vout, derived)| {
                let output = self.transaction.output.get(*vout as usize)?;
                let outpoint = bitcoin::OutPoint::new(txid, *vout);
                let coin = Coin::new(outpoint, output.value, Arc::clone(derived));
                Some(coin.with_source(Arc::clone(&source)))
            })
            .collect()
    }

    /// The roles whose signatures the leaves need.
    #[must_use]
    pub fn roles(&self) -> Vec<Role> {
        let leaves = self.inputs.iter().filter_map(Input::derived_leaf);
        let groups = leaves.flat_map(|derived| derived.leaf.groups());
        let mut roles: Vec<Role> = groups.map(crate::compile::Group::role).collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }

    /// The keys of the leaves that are spent, input by input.
    pub fn keys(&self) -> impl Iterator<Item = &KeyUse> {
        let leaves = self.inputs.iter().filter_map(Input::derived_leaf);
        leaves.flat_map(|leaf| &leaf.keys)
    }

    /// The parties that have a seat in this role, and whether each has signed every input in which
    /// it has one.
    #[must_use]
    pub fn seats(&self, role: Role) -> BTreeMap<&str, bool> {
        let mut seats = BTreeMap::new();
        for input in &self.inputs {
            let keys = input.derived_leaf().map_or(&[][..], |leaf| &leaf.keys);
            for used in keys.iter().filter(|used| used.role == role) {
                let mut signatures = input.signatures.iter();
                let signed = signatures.any(|signature| signature.key == used.public_key);
                *seats.entry(used.party.as_str()).or_insert(true) &= signed;
            }
        }
        seats
    }

    /// Whether everybody in this role who must sign has signed every input.
    #[must_use]
    pub fn is_met(&self, role: Role) -> bool {
        self.inputs.iter().all(|input| input.is_met(role))
    }

    /// The PSBT to be signed in one role: the requested leaf, and the keys of that role only.
    ///
    /// A signing device that honours what it is given can return no other signature.  Where the
    /// leaf stands in several scripts it signs for each that its key stands in, because it is not
    /// known yet who else will sign.
    ///
    /// # Errors
    ///
    /// If a coin's script is not its descriptor's, which cannot be for coins of this crate's making.
    pub fn request(&self, role: Role) -> Result<Psbt, BuildError> {
        self.leaf_psbt(|used| used.role == role)
    }

    /// The PSBT to be signed by the keys of the requested leaves that are wanted, and no other.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub fn request_for(&self, wanted: impl Fn(&KeyUse) -> bool) -> Result<Psbt, BuildError> {
        self.leaf_psbt(wanted)
    }

    /// The PSBT with all keys of the leaf and all signatures collected so far, as it is kept in a
    /// file.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub fn to_psbt(&self) -> Result<Psbt, BuildError> {
        let mut psbt = self.leaf_psbt(|_| true)?;
        for (input, fields) in self.inputs.iter().zip(&mut psbt.inputs) {
            for signature in &input.signatures {
                signature.write_to(fields);
            }
        }
        Ok(psbt)
    }

    /// A PSBT that knows the leaf each input is spent through, those of its keys that are wanted,
    /// and nothing of the other leaves.
    fn leaf_psbt(&self, wanted: impl Fn(&KeyUse) -> bool) -> Result<Psbt, BuildError> {
        let mut psbt = self.unsigned_psbt()?;
        for (input, fields) in self.inputs.iter().zip(&mut psbt.inputs) {
            let Some(derived) = input.derived_leaf() else {
                continue;
            };
            let keys: Vec<PublicKey> = derived
                .keys
                .iter()
                .filter(|used| wanted(used))
                .map(|used| used.public_key.inner)
                .collect();
            fields.bip32_derivation.retain(|key, _| keys.contains(key));
            // A key may stand in several script leaves, of which only those of this leaf are
            // asked for.
            let is_asked = |hash: &TapLeafHash| derived.script(Some(*hash)).is_some();
            fields.tap_key_origins.retain(|x_only, (hashes, _)| {
                hashes.retain(is_asked);
                keys.iter().any(|key| key.x_only_public_key().0 == *x_only)
            });
            fields.tap_scripts.retain(|_, (script, version)| {
                is_asked(&TapLeafHash::from_script(script, *version))
            });
        }
        Ok(psbt)
    }

    /// A PSBT with all that the descriptors say about its inputs and its own outputs.
    pub(crate) fn unsigned_psbt(&self) -> Result<Psbt, BuildError> {
        let mut psbt = Psbt::from_unsigned_tx(self.transaction_without_witness())
            .map_err(|_| BuildError::Psbt)?;
        for (index, input) in self.inputs.iter().enumerate() {
            if let Some(fields) = psbt.inputs.get_mut(index) {
                fields.witness_utxo = Some(input.coin.txout());
                // A version 0 signature commits to the amount of its own input only, so a signer
                // must see the whole previous transaction (CVE-2020-14199).  Taproot needs none.
                if !input.coin.txout().script_pubkey.is_p2tr() {
                    fields.non_witness_utxo = input.coin.source().map(|tx| tx.as_ref().clone());
                }
                fields::describe_input(input.coin.derived(), fields);
            }
        }
        for (vout, derived) in &self.own_outputs {
            if let Some(fields) = psbt.outputs.get_mut(*vout as usize) {
                fields::describe_output(derived, fields);
            }
        }
        Ok(psbt)
    }

    fn transaction_without_witness(&self) -> Transaction {
        let mut transaction = self.transaction.clone();
        for input in &mut transaction.input {
            input.witness.clear();
        }
        transaction
    }

    fn into_state<T>(self) -> StageTransaction<K, T> {
        StageTransaction {
            transaction: self.transaction,
            inputs: self.inputs,
            own_outputs: self.own_outputs,
            fee: self.fee,
            marker: PhantomData,
        }
    }
}

impl<K: Kind> StageTransaction<K, Unsigned> {
    /// The transaction, once those who sign first have signed.
    ///
    /// # Errors
    ///
    /// If signatures of theirs are missing; the transaction comes back as it was.
    pub fn into_signed(self) -> Result<StageTransaction<K, Signed>, Box<Self>> {
        let roles = self.roles();
        let met = if roles.contains(&Role::Arming) {
            self.is_met(Role::Arming)
        } else {
            roles.iter().all(|role| self.is_met(*role))
        };
        if met {
            Ok(self.into_state())
        } else {
            Err(Box::new(self))
        }
    }
}

impl<K: Kind> StageTransaction<K, Signed> {
    /// The complete transaction.
    ///
    /// # Errors
    ///
    /// If signatures are missing.
    pub fn finalize(&self) -> Result<StageTransaction<K, Final>, FinalizeError> {
        let mut complete = self.clone();
        finalize::add_witnesses(&mut complete.transaction, &self.inputs)?;
        Ok(complete.into_state())
    }
}

impl<K: Kind> StageTransaction<K, Final> {
    /// The transaction with its witness, ready for broadcast.
    #[must_use]
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }
}
