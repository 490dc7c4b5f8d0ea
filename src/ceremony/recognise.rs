//! Telling what a transaction does: coins, leaf, outputs, fee, signatures.

use std::collections::BTreeSet;
use std::sync::Arc;

use bitcoin::{Address, OutPoint, Psbt, ScriptBuf, TxIn, TxOut, psbt};

use super::fault::{Fault, FaultCode, Place};
use super::file::PsbtFile;
use super::merge::seats;
use super::recognised::{Basis, Destination, Recognised, RecognisedInput, RecognisedOutput};
use super::{Reader, expected, fields, money, scripts, stamp};
use crate::compile::{Derived, Role};
use crate::transaction::{AnyTransaction, Coin, SeenSignature, StripReason};

impl Reader<'_> {
    /// Says what a PSBT does.
    #[must_use]
    pub fn judge(&mut self, file: PsbtFile) -> Recognised {
        let PsbtFile { psbt, remarks } = file;
        let hints = scripts::hints(&psbt);
        let mut recognised = Recognised {
            what: None,
            txid: psbt.unsigned_tx.compute_txid(),
            version: psbt.unsigned_tx.version.0,
            lock_time: psbt.unsigned_tx.lock_time.to_consensus_u32(),
            leaf: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
            fee: None,
            vbytes: None,
            seats: Vec::new(),
            met: Vec::new(),
            faults: remarks,
            transaction: None,
            spent: Vec::new(),
            psbt,
        };
        recognised
            .faults
            .extend(stamp::faults(&recognised.psbt, self.compiled));
        let version = self.compiled.policy().version();
        if recognised.version != i32::from(version.number()) {
            let message = format!(
                "the transaction is of version {}, and those of the policy are of version {version}",
                recognised.version
            );
            recognised.fault(FaultCode::Version, Place::File, message);
        }
        let coins = self.inputs(&mut recognised, &hints);
        self.outputs(&mut recognised, &hints);
        let leaf = expected::leaf(&mut recognised);
        if let Some(leaf) = &leaf {
            expected::outputs(&mut recognised, leaf, version);
        }
        money::judge(&mut recognised, self.compiled, self.caps);
        if let (Some(leaf), Some(coins)) = (leaf, coins) {
            let own = self.own_outputs(&recognised);
            let spends = coins.iter().map(|coin| (coin.clone(), leaf.clone()));
            let bare = recognised.psbt.unsigned_tx.clone();
            if let Some(transaction) = AnyTransaction::adopt(bare, spends.collect(), own) {
                expected::presigned(&mut recognised, &coins, self.compiled, self.secp);
                fields::inputs(&mut recognised, &transaction);
                fields::outputs(&mut recognised, &transaction);
                self.signatures(&mut recognised, transaction);
            }
        }
        recognised.faults.sort_by_key(|fault| fault.place);
        recognised
    }

    /// What the inputs spend; all the coins, if each is known and ours.
    fn inputs(&mut self, to: &mut Recognised, hints: &BTreeSet<u32>) -> Option<Vec<Coin>> {
        let mut coins = Some(Vec::new());
        let mut seen = BTreeSet::new();
        let inputs = to.psbt.unsigned_tx.input.clone();
        let all = to.psbt.inputs.clone();
        for (number, (input, fields)) in inputs.iter().zip(&all).enumerate() {
            let place = Place::Input(number);
            let outpoint = input.previous_output;
            if !seen.insert(outpoint) {
                to.fault(
                    FaultCode::InputTwice,
                    place,
                    format!("it spends {outpoint} again"),
                );
            }
            let (spent, basis) = self.spent_output(to, number, input, fields);
            let derived = spent
                .as_ref()
                .and_then(|spent| self.own(to, place, &spent.script_pubkey, hints));
            if let (Some(spent), None) = (&spent, &derived)
                && !to
                    .faults
                    .iter()
                    .any(|fault| fault.place == place && fault.code == FaultCode::IndexBeyond)
            {
                if spent.script_pubkey.witness_version().is_some() {
                    let message = "its coin is none of this policy";
                    to.fault(FaultCode::ForeignInput, place, message);
                } else {
                    let message = "its coin is neither P2TR nor P2WSH";
                    to.fault(FaultCode::LegacyInput, place, message);
                }
            }
            fields::plain(to, number, fields, derived.as_deref());
            let is_wsh = spent
                .as_ref()
                .is_some_and(|spent| spent.script_pubkey.is_p2wsh());
            if is_wsh && basis == Some(Basis::Claimed) {
                let message = "the transaction that made its coin is not in the file";
                to.fault(FaultCode::NoPreviousTransaction, place, message);
            }
            to.inputs.push(RecognisedInput {
                coin: outpoint,
                sats: spent.as_ref().map(|spent| spent.value.to_sat()),
                basis,
                stage: derived.as_ref().map(|derived| derived.stage().clone()),
                keychain: derived.as_ref().map(|derived| derived.keychain()),
                index: derived.as_ref().map(|derived| derived.index()),
                sequence: input.sequence.to_consensus_u32(),
            });
            match (spent, &derived) {
                (Some(spent), Some(derived)) => {
                    let coin = Coin::new(outpoint, spent.value, Arc::clone(derived));
                    let coin = match previous(fields, outpoint) {
                        Some(source) => coin.with_source(Arc::new(source.clone())),
                        None => coin,
                    };
                    coins.iter_mut().for_each(|coins| coins.push(coin.clone()));
                }
                _ => coins = None,
            }
            to.spent.push(derived);
        }
        coins.filter(|coins| !coins.is_empty())
    }

    /// The output that an input spends, and how that is known.
    fn spent_output(
        &self,
        to: &mut Recognised,
        number: usize,
        input: &TxIn,
        fields: &psbt::Input,
    ) -> (Option<TxOut>, Option<Basis>) {
        let place = Place::Input(number);
        let outpoint = input.previous_output;
        let mut proved = None;
        if let Some(source) = &fields.non_witness_utxo {
            if source.compute_txid() == outpoint.txid {
                proved = source.output.get(outpoint.vout as usize).cloned();
            } else {
                let id = source.compute_txid();
                let message = format!("its `non_witness_utxo` is {id}, and {outpoint} is spent");
                to.fault(FaultCode::PreviousTransaction, place, message);
            }
        }
        let known = self.coins.get(&outpoint).cloned();
        let said = [&fields.witness_utxo, &proved];
        let best = known.as_ref().or(proved.as_ref());
        if let Some(best) = best
            && said.into_iter().flatten().any(|said| said != best)
        {
            let message = format!(
                "the file says otherwise of {outpoint}, which is worth {} satoshis",
                best.value.to_sat()
            );
            to.fault(FaultCode::CoinDiffers, place, message);
        }
        match (known, proved, &fields.witness_utxo) {
            (Some(known), ..) => (Some(known), Some(Basis::Known)),
            (None, Some(proved), _) => (Some(proved), Some(Basis::Proved)),
            (None, None, Some(claimed)) => (Some(claimed.clone()), Some(Basis::Claimed)),
            (None, None, None) => {
                let message = format!("nothing says what {outpoint} is worth");
                to.fault(FaultCode::NoCoin, place, message);
                (None, None)
            }
        }
    }

    /// The stage of a script; where it is ours and lies too far away, that is a fault.
    fn own(
        &mut self,
        to: &mut Recognised,
        place: Place,
        script: &ScriptBuf,
        hints: &BTreeSet<u32>,
    ) -> Option<Arc<Derived>> {
        let found = self.scripts.find(script, hints);
        if found.is_none()
            && let Some(beyond) = self.scripts.find_beyond(script, hints)
        {
            let message = format!(
                "the script is that of the {} at index {} of the {} keychain, beyond all that were revealed",
                beyond.stage(),
                beyond.index(),
                beyond.keychain()
            );
            to.fault(FaultCode::IndexBeyond, place, message);
        }
        found
    }

    fn outputs(&mut self, to: &mut Recognised, hints: &BTreeSet<u32>) {
        let network = self.compiled.policy().network().to_bitcoin();
        for (number, output) in to.psbt.unsigned_tx.output.clone().into_iter().enumerate() {
            let script = output.script_pubkey;
            let whose = if script == ScriptBuf::new_p2a() {
                Destination::Anchor
            } else if script.is_op_return() {
                Destination::Data
            } else {
                match self.own(to, Place::Output(number), &script, hints) {
                    Some(derived) => Destination::Own {
                        stage: derived.stage().clone(),
                        keychain: derived.keychain(),
                        index: derived.index(),
                    },
                    None => Destination::Foreign,
                }
            };
            let address = Address::from_script(&script, network);
            to.outputs.push(RecognisedOutput {
                sats: output.value.to_sat(),
                address: address.ok().map(|address| address.to_string()),
                script,
                to: whose,
            });
        }
    }

    fn own_outputs(&mut self, recognised: &Recognised) -> Vec<(u32, Arc<Derived>)> {
        let mut own = Vec::new();
        for (vout, output) in recognised.outputs.iter().enumerate() {
            if matches!(output.to, Destination::Own { .. })
                && let Some(derived) = self.scripts.find(&output.script, &BTreeSet::new())
            {
                own.push((vout as u32, derived));
            }
        }
        own
    }

    /// Takes the signatures that count, and tells of the others.
    fn signatures(&self, to: &mut Recognised, mut transaction: AnyTransaction) {
        let seen = transaction.examine(&to.psbt, self.secp).unwrap_or_default();
        for SeenSignature {
            input,
            party,
            leaf,
            outcome,
            ..
        } in seen
        {
            let Err(reason) = outcome else {
                continue;
            };
            let whose = party.as_deref().unwrap_or("nobody in this coin");
            let of = match &leaf {
                Some(leaf) => format!("the signature of {whose} for the leaf `{leaf}`"),
                None => format!("the signature of {whose}"),
            };
            let (code, message) = match (reason, &party) {
                (StripReason::NotRequested, Some(_)) => (
                    FaultCode::SignatureNotAsked,
                    format!("{of} was not asked for"),
                ),
                (StripReason::NotRequested, None) => (
                    FaultCode::SignatureForeign,
                    "a signature is by a key that is not the coin's".to_owned(),
                ),
                (StripReason::Sighash, _) => (
                    FaultCode::SignatureSighash,
                    format!("{of} does not commit to the whole transaction"),
                ),
                (StripReason::Invalid, _) => {
                    (FaultCode::SignatureInvalid, format!("{of} does not verify"))
                }
            };
            to.fault(code, Place::Input(input), message);
        }
        // The file is for the very transaction that was adopted.
        let _ = transaction.receive_where(|_: Role| true, &to.psbt, self.secp);
        to.seats = seats(&transaction);
        to.met = transaction.roles();
        to.met.retain(|role| transaction.is_met(*role));
        to.transaction = Some(transaction);
    }
}

impl Recognised {
    pub(super) fn fault(&mut self, code: FaultCode, place: Place, message: impl Into<String>) {
        self.faults.push(Fault::new(code, place, message));
    }

    /// Whether something was found that speaks against signing it.
    pub(super) fn has_errors(&self) -> bool {
        self.errors().next().is_some()
    }
}

/// The transaction that made a coin, if the file has it.
fn previous(fields: &psbt::Input, outpoint: OutPoint) -> Option<&bitcoin::Transaction> {
    let source = fields.non_witness_utxo.as_ref()?;
    (source.compute_txid() == outpoint.txid).then_some(source)
}

/// The keys that the fields of an input name.
pub(super) fn named_keys(psbt: &Psbt, input: usize) -> BTreeSet<bitcoin::XOnlyPublicKey> {
    let Some(fields) = psbt.inputs.get(input) else {
        return BTreeSet::new();
    };
    let ecdsa = fields.bip32_derivation.keys();
    let ecdsa = ecdsa.map(|key| key.x_only_public_key().0);
    ecdsa
        .chain(fields.tap_key_origins.keys().copied())
        .collect()
}
