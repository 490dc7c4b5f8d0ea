//! Which scripts are those of a policy, and what a transaction does with them.

use std::collections::{BTreeSet, HashMap};

use bitcoin::bip32::ChildNumber;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{Psbt, Script, ScriptBuf, Sequence, Transaction, TxIn, TxOut};

use crate::compile::{Compiled, Keychain, LeafKind, Stage, StageDescriptor};
use crate::policy::list;
use crate::units::RelativeLock;

/// So many of the first addresses of each stage are known without a PSBT that names them.
pub(super) const FIRST: u32 = 20;

/// So many further indexes are looked at that PSBTs name.
const NAMED: usize = 200;

/// The script of an output that anybody can spend, to pay the fee of its transaction (P2A).
const ANCHOR: [u8; 4] = [0x51, 0x02, 0x4e, 0x73];

/// The scripts of a policy's stages.
pub(super) struct Places<'a> {
    compiled: &'a Compiled,
    scripts: HashMap<ScriptBuf, Place>,
}

/// A stage at an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub stage: Stage,
    keychain: Keychain,
    index: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the {} ({}/{})", self.stage, self.keychain, self.index)
    }
}

impl<'a> Places<'a> {
    /// The scripts at the first indexes, and at those that PSBTs name.
    pub(super) fn new<'p>(compiled: &'a Compiled, psbts: impl Iterator<Item = &'p Psbt>) -> Self {
        let mut indexes: BTreeSet<u32> = (0..FIRST).collect();
        let named: BTreeSet<u32> = psbts.flat_map(indexes_of).collect();
        indexes.extend(named.into_iter().filter(|at| *at >= FIRST).take(NAMED));
        let secp = Secp256k1::new();
        let mut scripts = HashMap::new();
        for stage in compiled.stages() {
            for keychain in Keychain::BOTH {
                for &index in &indexes {
                    let Ok(derived) = stage.derive(keychain, index, &secp) else {
                        continue;
                    };
                    let place = Place {
                        stage: stage.stage().clone(),
                        keychain,
                        index,
                    };
                    scripts.insert(derived.script_pubkey().clone(), place);
                }
            }
        }
        Self { compiled, scripts }
    }

    /// The place that a script belongs to.
    pub(super) fn of(&self, script: &Script) -> Option<&Place> {
        self.scripts.get(script)
    }

    /// What a transaction does, as far as the outputs are known that it spends.
    pub(super) fn told(
        &self,
        transaction: &Transaction,
        spent: impl Fn(usize) -> Option<TxOut>,
    ) -> String {
        let mut kinds = BTreeSet::new();
        let mut from = Vec::new();
        for (number, input) in transaction.input.iter().enumerate() {
            let output = spent(number);
            let place = output.as_ref();
            let place = place.and_then(|output| self.of(&output.script_pubkey));
            from.push(match (&output, place) {
                (Some(output), Some(place)) => {
                    kinds.insert(self.kind(&place.stage, input));
                    format!("{} sat of {place}", output.value.to_sat())
                }
                (Some(output), None) => format!("{} sat of others", output.value.to_sat()),
                (None, _) if input.previous_output.is_null() => "new coins".to_owned(),
                (None, _) => format!("output {}", input.previous_output),
            });
        }
        let to = transaction.output.iter().map(|output| {
            let sat = output.value.to_sat();
            match self.of(&output.script_pubkey) {
                Some(place) => format!("{sat} sat to {place}"),
                None if output.script_pubkey.as_bytes() == ANCHOR => {
                    format!("{sat} sat to an anchor")
                }
                None => format!("{sat} sat to others"),
            }
        });
        let kinds: Vec<String> = kinds.into_iter().collect();
        let kind = match kinds.as_slice() {
            [] => String::new(),
            kinds => format!("{}: ", list(kinds, "and")),
        };
        let to: Vec<String> = to.collect();
        format!("{kind}{}; {}", list(&from, "and"), list(&to, "and"))
    }

    /// Through which leaf a coin of a stage is spent, as far as the sequence number tells.
    fn kind(&self, stage: &Stage, input: &TxIn) -> String {
        let leaves = self.compiled.stage(stage).map(StageDescriptor::leaves);
        let fits = leaves.unwrap_or_default().iter().filter(|leaf| {
            let lock = leaf.relative().map(RelativeLock::to_sequence);
            lock.unwrap_or(Sequence::ENABLE_RBF_NO_LOCKTIME) == input.sequence
        });
        let fits: Vec<String> = fits.map(|leaf| word(leaf.kind())).collect();
        match fits.as_slice() {
            [] => format!("no transaction that the {stage} knows"),
            fits => list(fits, "or"),
        }
    }
}

/// The word for the transaction that spends through a leaf.
fn word(leaf: &LeafKind) -> String {
    match leaf {
        LeafKind::Spend => "spend or refresh by root".to_owned(),
        LeafKind::Trigger(path) => format!("trigger of {path}"),
        LeafKind::Direct(path) => format!("recovery by {path}"),
        LeafKind::Override => "override by root".to_owned(),
        LeafKind::Cancel => "cancel".to_owned(),
        LeafKind::Settle => "settle".to_owned(),
        LeafKind::Backstop => "recovery without the settle".to_owned(),
        LeafKind::Clawback => "clawback".to_owned(),
        LeafKind::Release => "release".to_owned(),
    }
}

/// The indexes at the end of the paths that a PSBT gives to keys.
fn indexes_of(psbt: &Psbt) -> Vec<u32> {
    let inputs = psbt.inputs.iter().flat_map(|input| {
        let taproot = input.tap_key_origins.values().map(|(_, source)| source);
        taproot.chain(input.bip32_derivation.values())
    });
    let outputs = psbt.outputs.iter().flat_map(|output| {
        let taproot = output.tap_key_origins.values().map(|(_, source)| source);
        taproot.chain(output.bip32_derivation.values())
    });
    let sources = inputs.chain(outputs);
    sources
        .filter_map(|(_, path)| match path.into_iter().last() {
            Some(ChildNumber::Normal { index }) => Some(*index),
            _ => None,
        })
        .collect()
}
