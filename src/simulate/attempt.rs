//! Attempts: a complete, signed transaction with one defect, handed to the chain past our own
//! checks.
//!
//! Whoever signs live signs the defect too; only what was signed in advance stays as it was.  An
//! attempt counts as refused only if the consensus rules refuse it, and only if its twin, the
//! same transaction without the defect, is accepted on a copy of the same chain.  Otherwise the
//! refusal would show nothing about the defect.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bitcoin::{Psbt, ScriptBuf, Transaction, TxIn, Witness, psbt};

use super::cast::Cast;
use super::check::THIEF;
use super::run::{Rehearsed, Told};
use super::scenario::{Attempt, Defect};
use super::words::{accepted, refusal};
use crate::chain::{EmbeddedChain, Judge, Refusal};
use crate::engine::{Prepared, Signers, StepError};
use crate::report::Verdict;

/// Blocks beyond the expected number that a twin may wait: the median time past lags behind the
/// clock by up to eleven blocks.
const LAG: u32 = 12;

pub(super) fn attempt(run: &mut Rehearsed<'_>, attempt: &Attempt) -> Told {
    let Attempt { word, defect, step } = attempt;
    let by = run.signers(*word, step);
    let who = run.actors(&by);
    let what = format!(
        "try to {}, {}",
        run.words(word.as_str(), step),
        words(*defect)
    );
    let mut notes = Vec::new();
    let verdict = match tried(run, attempt, &by, &mut notes) {
        Ok(verdict) => verdict,
        Err(error) => refusal(&error),
    };
    Told {
        who,
        what,
        verdict,
        notes,
    }
}

fn tried(
    run: &mut Rehearsed<'_>,
    attempt: &Attempt,
    by: &[String],
    notes: &mut Vec<String>,
) -> Result<Verdict, StepError> {
    let action = run.action(attempt.word, &attempt.step, by)?;
    let change = Change {
        defect: attempt.defect,
        thief: match attempt.defect {
            Defect::Redirected => run.payee(THIEF),
            _ => ScriptBuf::new(),
        },
    };
    let signers = SignTwice {
        cast: &run.cast,
        change: &change,
        other: RefCell::default(),
    };
    let prepared = run.engine.prepare(&action, by, &signers)?;
    let defective = change.applied(&prepared.transaction, &signers.other.into_inner());
    let wait = match run.engine.check_due(&prepared) {
        Err(StepError::NotDue { remaining, .. }) => remaining.0,
        _ => 0,
    };
    let twin = twin_is_accepted(run.engine.chain(), &prepared, attempt.defect, wait);
    let verdict = run.engine.chain_mut().submit(&defective);
    match (verdict, twin) {
        (Err(refused), Ok(waited)) if refused.by == Judge::Consensus => {
            notes.push(match waited {
                0 => "the same transaction without the defect is accepted".to_owned(),
                1 => "the same transaction is accepted 1 block later".to_owned(),
                waited => format!("the same transaction is accepted {waited} blocks later"),
            });
            Err(refused.into())
        }
        (Err(refused), Ok(_)) => Ok(Verdict::RefusedBySoftware {
            class: "not-shown".to_owned(),
            reason: format!("only relay policy refuses it ({refused}): a miner could take it"),
        }),
        (Err(refused), Err(twin)) => Ok(Verdict::RefusedBySoftware {
            class: "not-shown".to_owned(),
            reason: format!(
                "the chain refuses it ({refused}), and without the defect as well ({twin}): this shows nothing"
            ),
        }),
        (Ok(()), _) => Ok(accepted(&prepared, None)),
    }
}

/// Whether the chain takes the transaction without its defect, after how many blocks.
fn twin_is_accepted(
    chain: &EmbeddedChain,
    prepared: &Prepared,
    defect: Defect,
    wait: u32,
) -> Result<u32, Refusal> {
    let mut copy = chain.fork();
    if defect != Defect::TooEarly {
        return copy.submit(&prepared.transaction).map(|()| 0);
    }
    copy.mine(wait);
    for waited in wait..wait + LAG {
        if copy.submit(&prepared.transaction).is_ok() {
            return Ok(waited);
        }
        copy.mine_one();
    }
    copy.submit(&prepared.transaction).map(|()| wait + LAG)
}

/// Has each party sign the transaction as it should be, and, aside, with its defect.
struct SignTwice<'a> {
    cast: &'a Cast,
    change: &'a Change,
    /// The signature with the defect, by the one without.
    other: RefCell<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl Signers for SignTwice<'_> {
    fn sign(&self, party: &str, psbt: Psbt) -> Option<Psbt> {
        let mut changed = psbt.clone();
        self.change.make(&mut changed.unsigned_tx);
        let signed = self.cast.sign(party, psbt)?;
        let defective = self.cast.sign(party, changed)?;
        let mut other = self.other.borrow_mut();
        for (sound, defective) in signed.inputs.iter().zip(&defective.inputs) {
            other.extend(signatures(sound).into_iter().zip(signatures(defective)));
        }
        Some(signed)
    }
}

/// All signatures of an input, in the order of their keys.
fn signatures(input: &psbt::Input) -> Vec<Vec<u8>> {
    let key_path = input.tap_key_sig.iter().map(|signature| signature.to_vec());
    let leaves = input.tap_script_sigs.values();
    let leaves = leaves.map(|signature| signature.to_vec());
    let ecdsa = input.partial_sigs.values();
    let ecdsa = ecdsa.map(|signature| signature.to_vec());
    key_path.chain(leaves).chain(ecdsa).collect()
}

/// The one thing that is wrong.
struct Change {
    defect: Defect,
    /// Who is paid instead.
    thief: ScriptBuf,
}

impl Change {
    /// The complete transaction with its defect: live signatures are for it, those given in
    /// advance are not.
    fn applied(&self, sound: &Transaction, other: &BTreeMap<Vec<u8>, Vec<u8>>) -> Transaction {
        let mut transaction = sound.clone();
        self.make(&mut transaction);
        for input in &mut transaction.input {
            let items = input.witness.iter();
            let items = items.map(|item| other.get(item).map_or(item, Vec::as_slice));
            let items: Vec<Vec<u8>> = items.map(<[u8]>::to_vec).collect();
            input.witness = Witness::from_slice(&items);
        }
        if self.defect == Defect::MissingSignature
            && let Some(input) = transaction.input.first_mut()
        {
            leave_out_a_signature(input);
        }
        transaction
    }

    /// Changes what a signature commits to.
    fn make(&self, transaction: &mut Transaction) {
        match self.defect {
            Defect::TooEarly | Defect::MissingSignature => {}
            Defect::Redirected => {
                if let Some(output) = transaction.output.first_mut() {
                    output.script_pubkey = self.thief.clone();
                }
            }
            Defect::SequenceLowered => {
                if let Some(input) = transaction.input.first_mut() {
                    input.sequence.0 = input.sequence.0.saturating_sub(1);
                }
            }
        }
    }
}

/// Empties the first signature of the witness.
///
/// The first items satisfy what stands last in the script, which is the group that signs live.
fn leave_out_a_signature(input: &mut TxIn) {
    let mut items: Vec<Vec<u8>> = input.witness.iter().map(<[u8]>::to_vec).collect();
    let signature = |item: &&mut Vec<u8>| (64..=73).contains(&item.len());
    if let Some(item) = items.iter_mut().find(signature) {
        item.clear();
    }
    input.witness = Witness::from_slice(&items);
}

const fn words(defect: Defect) -> &'static str {
    match defect {
        Defect::TooEarly => "before its lock opens",
        Defect::MissingSignature => "with one signature too few",
        Defect::Redirected => "paying somebody else",
        Defect::SequenceLowered => "promising to wait one unit less than its lock",
    }
}
