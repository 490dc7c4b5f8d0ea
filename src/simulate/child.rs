//! Children of what waits in the mempool: fee children that are raised or pay too little, and what
//! outsiders attach to an anchor, which anybody may spend.
//!
//! Nothing of ours is asked whether that is a good idea; the chain alone judges it.

use bitcoin::script::PushBytesBuf;
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, Psbt, ScriptBuf, Transaction, TxOut, Txid, psbt};

use super::cast::OUTSIDER;
use super::run::{Done, Rehearsed};
use super::scenario::Child;
use super::steps::unsent_verdict;
use crate::engine::{Signers, StepError};
use crate::report::Verdict;

/// What somebody does, in words.
pub(super) fn words(child: &Child) -> String {
    let Child {
        coin,
        fee,
        vbytes,
        version,
        ..
    } = child;
    let size = vbytes.map_or_else(String::new, |vbytes| format!("{vbytes} vB or more, "));
    format!(
        "attach a child to what waits for {coin}: {size}{} sat, version {version}",
        fee.to_sat()
    )
}

impl Rehearsed<'_> {
    /// Hands the chain a child of the transaction that waits for a coin, and leaves it there.
    pub(super) fn child(&mut self, child: &Child) -> Result<Done, StepError> {
        let Some(parent) = self.waiting(&child.coin.text)? else {
            let reason = format!("nothing waits in the mempool that moves {}", child.coin);
            return Ok(unsent_verdict("nothing-waits", reason));
        };
        let Some(anchor) = anchor_of(&parent) else {
            let reason = format!("what waits for {} has no anchor", child.coin);
            return Ok(unsent_verdict("no-anchor", reason));
        };
        let transaction = self.child_of(anchor, child)?;
        let before = self.engine.chain().mempool().count();
        self.engine.chain_mut().submit(&transaction)?;
        let mut notes = Vec::new();
        if before + 1 > self.engine.chain().mempool().count() {
            notes.push("it takes the place of another".to_owned());
        }
        Ok(Done {
            verdict: Verdict::Accepted {
                txid: transaction.compute_txid(),
                vbytes: transaction.vsize() as u64,
                fee_sats: child.fee.to_sat(),
                child_vbytes: None,
            },
            notes,
            signed: Vec::new(),
        })
    }

    /// The unconfirmed transaction that moved a coin last.
    fn waiting(&self, name: &str) -> Result<Option<Transaction>, StepError> {
        let known = self.follow(name)?;
        let chain = self.engine.chain();
        let moves = [known.spent_by(), Some(known.coin.outpoint().txid)];
        let waits = |txid: &Txid| chain.in_mempool(*txid);
        let txid = moves.into_iter().flatten().find(waits);
        Ok(txid.and_then(|txid| chain.transaction(txid)).cloned())
    }

    fn child_of(&self, anchor: OutPoint, child: &Child) -> Result<Transaction, StepError> {
        let no_coin = |who: &str| StepError::NoFeeCoin(who.to_owned());
        let (mut draft, who) = match &child.by {
            Some(party) => {
                let draft = self
                    .engine
                    .draft_child_paying(anchor, &party.text, child.fee)?;
                (draft.psbt, party.text.as_str())
            }
            None => {
                let wallet = self.cast.outsider();
                let draft = self.engine.draft_child_from(&wallet, anchor, child.fee)?;
                (draft.ok_or_else(|| no_coin(OUTSIDER))?.psbt, OUTSIDER)
            }
        };
        let sign = |psbt: Psbt| match &child.by {
            Some(party) => self.cast.sign(&party.text, psbt),
            None => Some(self.cast.outsider_signs(psbt)),
        };
        let complete = |psbt: &Psbt| -> Result<Transaction, StepError> {
            let signed = sign(psbt.clone()).ok_or_else(|| no_coin(who))?;
            let child = self.engine.finish_fee_child(psbt.clone(), signed)?;
            child.ok_or_else(|| no_coin(who))
        };
        draft.unsigned_tx.version = Version(child.version);
        let mut done = complete(&draft)?;
        // Each byte of data is a vbyte; what surrounds the data may be less than was reckoned with.
        let wanted = usize::try_from(child.vbytes.unwrap_or(0)).unwrap_or(usize::MAX);
        let mut data = 0;
        while done.vsize() < wanted {
            data += wanted - done.vsize();
            draft.unsigned_tx.output.truncate(1);
            draft.outputs.truncate(1);
            let script_pubkey = filler(data.saturating_sub(FILLER_OVERHEAD));
            let value = Amount::ZERO;
            draft.unsigned_tx.output.push(TxOut {
                value,
                script_pubkey,
            });
            draft.outputs.push(psbt::Output::default());
            done = complete(&draft)?;
        }
        Ok(done)
    }
}

/// Bytes of an output with data besides the data, at most: amount, both lengths, and the opcode.
const FILLER_OVERHEAD: usize = 8 + 3 + 1 + 3;

/// So many bytes that say nothing.
fn filler(bytes: usize) -> ScriptBuf {
    let mut data = PushBytesBuf::new();
    for _ in 0..bytes {
        // It is shorter than any push may be.
        if data.push(0).is_err() {
            break;
        }
    }
    ScriptBuf::new_op_return(data)
}

/// The output that anybody may spend.
fn anchor_of(parent: &Transaction) -> Option<OutPoint> {
    let anchor = ScriptBuf::new_p2a();
    let mut outputs = parent.output.iter();
    let vout = outputs.position(|output| output.script_pubkey == anchor)?;
    Some(OutPoint {
        txid: parent.compute_txid(),
        vout: u32::try_from(vout).ok()?,
    })
}
