//! Fee wallets: each broadcaster pays fee children from a wallet of his own.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Amount, FeeRate, OutPoint, Psbt, Script, ScriptBuf, Transaction};
use miniscript::DefiniteDescriptorKey;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use miniscript::psbt::PsbtExt;

use super::{Engine, Signers, StepError};
use crate::chain::{BackendError, Chain, SeenOutput};
use crate::compile::{Compiled, Keychain, Parents};
use crate::transaction::{
    ANCHOR_VALUE, FeeCoin, ReceiveError, build_best_fee_child, build_child_paying, build_fee_child,
};

/// How many indexes beyond the last one in use are looked at: the gap limit of BIP-44.
const GAP: u32 = 20;

/// The first receiving or change script of a party's fee wallet.
#[must_use]
pub fn fee_script(
    compiled: &Compiled,
    party: &str,
    keychain: Keychain,
    secp: &Secp256k1<All>,
) -> Option<ScriptBuf> {
    Half::new(compiled, party, keychain, secp)?.script(0, secp)
}

/// The fee wallet of a party, as a chain shows it: every index in use, and the gap behind the last.
#[derive(Clone, Debug)]
pub struct FeeCoins {
    /// Everything that was ever paid to it, each with the descriptor of its script.
    outputs: Vec<(SeenOutput, Descriptor<DefiniteDescriptorKey>)>,
    /// The first receiving script behind the last that was paid to.
    receive: ScriptBuf,
    /// The first change script behind the last that was paid to.
    change: ScriptBuf,
}

/// One keychain of a fee wallet that is being read.
struct Half {
    descriptor: Descriptor<DescriptorPublicKey>,
    /// What the keys of all indexes are derived from.
    parents: Parents,
    known: HashMap<ScriptBuf, u32>,
    asked: u32,
    /// The index behind the last that was paid to.
    next: u32,
    found: Vec<(SeenOutput, Descriptor<DefiniteDescriptorKey>)>,
}

impl Half {
    fn new(
        compiled: &Compiled,
        party: &str,
        keychain: Keychain,
        secp: &Secp256k1<All>,
    ) -> Option<Self> {
        let wallet = compiled.policy().party(party)?.fees()?;
        let parents = Parents::new(wallet.descriptor(), keychain, secp).ok()?;
        let mut halves = wallet
            .descriptor()
            .clone()
            .into_single_descriptors()
            .ok()?
            .into_iter();
        let half = match keychain {
            Keychain::Receive => halves.next(),
            Keychain::Change => halves.nth(1),
        };
        Some(Self {
            descriptor: half?,
            parents,
            known: HashMap::new(),
            asked: 0,
            next: 0,
            found: Vec::new(),
        })
    }

    /// The script at an index.  A fee wallet is `wpkh(KEY/<0;1>/*)` and nothing else.
    fn script(&self, index: u32, secp: &Secp256k1<All>) -> Option<ScriptBuf> {
        let children = self.parents.children(index, secp).ok()?;
        let key = children.into_values().next()?.key;
        Some(ScriptBuf::new_p2wpkh(&key.wpubkey_hash().ok()?))
    }

    /// The scripts up to the gap that were not asked about yet.
    fn scripts(&mut self, secp: &Secp256k1<All>) -> Vec<ScriptBuf> {
        let end = self.next + GAP;
        let mut scripts = Vec::new();
        for index in self.asked..end {
            if let Some(script) = self.script(index, secp) {
                self.known.insert(script.clone(), index);
                scripts.push(script);
            }
        }
        self.asked = self.asked.max(end);
        scripts
    }

    /// Takes an output, if it is at a script of this keychain.
    fn take(&mut self, seen: &SeenOutput) {
        let index = self.known.get(&seen.output.script_pubkey);
        if let Some(index) = index.copied()
            && let Ok(definite) = self.descriptor.at_derivation_index(index)
        {
            self.next = self.next.max(index + 1);
            self.found.push((seen.clone(), definite));
        }
    }
}

impl FeeCoins {
    /// Reads the fee wallets of some parties from a chain; parties without one are left out.
    ///
    /// All of them are asked about together: a node without an index of addresses reads its blocks
    /// again for each question about new scripts.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    pub fn read<'a>(
        chain: &dyn Chain,
        compiled: &Compiled,
        parties: impl IntoIterator<Item = &'a str>,
        secp: &Secp256k1<All>,
    ) -> Result<BTreeMap<String, Self>, BackendError> {
        let mut halves: BTreeMap<&str, [Half; 2]> = BTreeMap::new();
        for party in parties {
            let half = |keychain| Half::new(compiled, party, keychain, secp);
            if let (Some(receive), Some(change)) = (half(Keychain::Receive), half(Keychain::Change))
            {
                halves.insert(party, [receive, change]);
            }
        }
        loop {
            let all = halves.values_mut().flatten();
            let scripts: Vec<ScriptBuf> = all.flat_map(|half| half.scripts(secp)).collect();
            if scripts.is_empty() {
                break;
            }
            for seen in chain.outputs(&scripts)? {
                halves
                    .values_mut()
                    .flatten()
                    .for_each(|half| half.take(&seen));
            }
        }
        let wallets = halves.into_iter().filter_map(|(party, [receive, change])| {
            let coins = Self {
                receive: receive.script(receive.next, secp)?,
                change: change.script(change.next, secp)?,
                outputs: [receive.found, change.found].concat(),
            };
            Some((party.to_owned(), coins))
        });
        Ok(wallets.collect())
    }

    /// The first receiving script that nothing was paid to.
    #[must_use]
    pub fn next_script(&self) -> &Script {
        &self.receive
    }

    /// Its confirmed coins that nothing spends.
    pub fn unspent(&self) -> impl Iterator<Item = &SeenOutput> {
        let outputs = self.outputs.iter().map(|(seen, _)| seen);
        outputs.filter(|seen| seen.birth.is_some() && seen.is_unspent())
    }

    /// Its confirmed coins that can pay for a child of this anchor, the largest first: nothing
    /// spends them, or only an earlier child of the same anchor, which the new one replaces.
    /// Whoever has one coin must be able to raise his own fee.
    fn coins_for(&self, anchor: OutPoint) -> Vec<FeeCoin> {
        let outputs = self.outputs.iter();
        let free = outputs.filter(|(seen, _)| seen.birth.is_some() && is_free_for(anchor, seen));
        let coins = free.map(|(seen, descriptor)| FeeCoin {
            outpoint: seen.outpoint,
            txout: seen.output.clone(),
            descriptor: descriptor.clone(),
        });
        let mut coins: Vec<FeeCoin> = coins.collect();
        coins.sort_by_key(|coin| Reverse(coin.txout.value));
        coins
    }

    /// A child of this anchor that pays just this fee, if there is a coin for it.
    fn child_paying(&self, anchor: OutPoint, fee: Amount) -> Result<Option<ChildDraft>, StepError> {
        let Some(coin) = self.coins_for(anchor).into_iter().next() else {
            return Ok(None);
        };
        let psbt = build_child_paying(anchor, fee, &coin, &self.change)?;
        let coin = coin.outpoint;
        Ok(Some(ChildDraft { psbt, coin, fee }))
    }
}

/// A fee child that nobody has signed yet.
#[derive(Clone, Debug)]
pub struct ChildDraft {
    /// What the fee wallet is to sign.
    pub psbt: Psbt,
    /// The coin that pays.
    pub coin: OutPoint,
    /// The fee of the child.
    pub fee: Amount,
}

impl ChildDraft {
    fn of(psbt: Psbt, coin: &FeeCoin) -> Self {
        let paid: Amount = psbt.unsigned_tx.output.iter().map(|o| o.value).sum();
        Self {
            psbt,
            coin: coin.outpoint,
            fee: (coin.txout.value + ANCHOR_VALUE) - paid,
        }
    }
}

/// What a fee child should be.
#[derive(Clone, Copy, Debug)]
pub struct ChildTerms<'a> {
    /// What parent and child together should pay.
    pub feerate: FeeRate,
    /// The most that the child may pay.
    pub most: Amount,
    /// The coins that others wait for.
    pub reserved: &'a BTreeSet<OutPoint>,
}

impl<C: Chain> Engine<C> {
    /// The first receiving or change script of a party's fee wallet.
    #[must_use]
    pub fn fee_script(&self, party: &str, keychain: Keychain) -> Option<ScriptBuf> {
        fee_script(&self.compiled, party, keychain, &self.secp)
    }

    fn fee_coins(&self, party: &str) -> Result<Option<FeeCoins>, StepError> {
        let mut found = FeeCoins::read(&self.chain, &self.compiled, [party], &self.secp)?;
        Ok(found.remove(party))
    }

    /// The confirmed coins of a party's fee wallet that can pay for a child of this anchor, the
    /// largest first: nothing spends them, or only an earlier child of the same anchor.
    ///
    /// # Errors
    ///
    /// If the chain does not answer.
    pub fn fee_reserve(
        &self,
        party: &str,
        anchor: OutPoint,
    ) -> Result<Vec<(OutPoint, Amount)>, StepError> {
        let wallet = self.fee_coins(party)?;
        let coins = wallet.iter().flat_map(|wallet| wallet.coins_for(anchor));
        Ok(coins
            .map(|coin| (coin.outpoint, coin.txout.value))
            .collect())
    }

    /// A child of an anchor that pays just this fee, from the largest confirmed coin at one
    /// descriptor, whosever it is; what is left goes back there.  None if there is no such coin.
    ///
    /// # Errors
    ///
    /// If the chain does not answer, or the coin is too small.
    pub fn draft_child_from(
        &self,
        descriptor: &Descriptor<DefiniteDescriptorKey>,
        anchor: OutPoint,
        fee: Amount,
    ) -> Result<Option<ChildDraft>, StepError> {
        let Ok(derived) = descriptor.derived_descriptor(&self.secp) else {
            return Ok(None);
        };
        let change = derived.script_pubkey();
        let outputs = self.chain.outputs(std::slice::from_ref(&change))?;
        let outputs = outputs.into_iter().map(|seen| (seen, descriptor.clone()));
        let outputs = outputs.collect();
        let receive = change.clone();
        let wallet = FeeCoins {
            outputs,
            receive,
            change,
        };
        wallet.child_paying(anchor, fee)
    }

    /// A child of an anchor that pays just this fee, to be signed by the party's fee wallet.
    ///
    /// # Errors
    ///
    /// If the party has no coin that pays.
    pub fn draft_child_paying(
        &self,
        anchor: OutPoint,
        party: &str,
        fee: Amount,
    ) -> Result<ChildDraft, StepError> {
        let no_coin = || StepError::NoFeeCoin(party.to_owned());
        let wallet = self.fee_coins(party)?.ok_or_else(no_coin)?;
        wallet.child_paying(anchor, fee)?.ok_or_else(no_coin)
    }

    /// A child that lifts a parent to the present feerate, to be signed by the party's fee wallet.
    ///
    /// Its coin is the largest that is free and that others do not wait for, at whatever index of the
    /// wallet it is; what is left of it goes to the first change address behind those in use.
    ///
    /// # Errors
    ///
    /// If the party has no coin that pays, or the parent pays the feerate by itself.
    pub fn draft_fee_child(
        &self,
        parent: &super::Prepared,
        anchor: OutPoint,
        party: &str,
        reserved: &BTreeSet<OutPoint>,
    ) -> Result<ChildDraft, StepError> {
        let (coin, change) = self.free_coin(anchor, party, reserved)?;
        let (fee, weight) = (parent.fee, parent.weight());
        let psbt = build_fee_child(anchor, fee, weight, self.feerate, &coin, &change)?;
        Ok(ChildDraft::of(psbt, &coin))
    }

    /// A child that lifts a parent to a feerate, or as near to it as the party's fee wallet reaches;
    /// with what parent and child then pay together.
    ///
    /// # Errors
    ///
    /// If the party has no coin that lifts the parent at all, or the parent pays the feerate by
    /// itself.
    pub fn draft_best_fee_child(
        &self,
        parent: &super::Prepared,
        anchor: OutPoint,
        party: &str,
        terms: ChildTerms<'_>,
    ) -> Result<(ChildDraft, FeeRate), StepError> {
        let (coin, change) = self.free_coin(anchor, party, terms.reserved)?;
        let fees = [parent.fee, terms.most];
        let weight = parent.weight();
        let built = build_best_fee_child(anchor, fees, weight, terms.feerate, &coin, &change);
        let (psbt, feerate) = built?;
        Ok((ChildDraft::of(psbt, &coin), feerate))
    }

    /// The largest coin of a party's fee wallet that is free and that others do not wait for, and
    /// where its change goes.
    fn free_coin(
        &self,
        anchor: OutPoint,
        party: &str,
        reserved: &BTreeSet<OutPoint>,
    ) -> Result<(FeeCoin, ScriptBuf), StepError> {
        let no_coin = || StepError::NoFeeCoin(party.to_owned());
        let wallet = self.fee_coins(party)?.ok_or_else(no_coin)?;
        let mut coins = wallet.coins_for(anchor).into_iter();
        let coin = coins.find(|coin| !reserved.contains(&coin.outpoint));
        Ok((coin.ok_or_else(no_coin)?, wallet.change))
    }

    /// A signed child that lifts a parent to the present feerate, and the fee that it pays.
    pub(super) fn fee_child(
        &self,
        parent: &super::Prepared,
        anchor: OutPoint,
        party: &str,
        signers: &dyn Signers,
    ) -> Result<(Transaction, Amount), StepError> {
        let no_coin = || StepError::NoFeeCoin(party.to_owned());
        let draft = self.draft_fee_child(parent, anchor, party, &BTreeSet::new())?;
        let signed = signers
            .sign(party, draft.psbt.clone())
            .ok_or_else(no_coin)?;
        let child = self.finish_fee_child(draft.psbt, signed)?;
        Ok((child.ok_or_else(no_coin)?, draft.fee))
    }

    /// The child with its witness: the anchor's is empty, the coin's is a signature and a key.
    ///
    /// From the file that came back its signature is taken, and nothing else.  None if it has no
    /// signature that counts.
    ///
    /// # Errors
    ///
    /// If the file is for another transaction.
    pub fn finish_fee_child(
        &self,
        mut asked: Psbt,
        signed: Psbt,
    ) -> Result<Option<Transaction>, ReceiveError> {
        if signed.unsigned_tx != asked.unsigned_tx {
            return Err(ReceiveError::OtherTransaction {
                wanted: asked.unsigned_tx.compute_txid(),
                actual: signed.unsigned_tx.compute_txid(),
            });
        }
        for (ours, theirs) in asked.inputs.iter_mut().zip(signed.inputs) {
            ours.partial_sigs = theirs.partial_sigs;
        }
        if asked.finalize_inp_mut(&self.secp, 1).is_err() {
            return Ok(None);
        }
        let mut child = asked.unsigned_tx;
        for (input, fields) in child.input.iter_mut().zip(asked.inputs) {
            let Some(witness) = fields.final_script_witness else {
                return Ok(None);
            };
            input.witness = witness;
        }
        Ok(Some(child))
    }
}

/// Whether nothing spends a coin, or only an unconfirmed transaction that spends this anchor too.
fn is_free_for(anchor: OutPoint, seen: &SeenOutput) -> bool {
    seen.spend.as_ref().is_none_or(|spend| {
        let mut inputs = spend.transaction.input.iter();
        spend.height.is_none() && inputs.any(|input| input.previous_output == anchor)
    })
}
