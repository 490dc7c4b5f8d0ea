//! Attempts: a complete, signed transaction with one defect, handed to the chain past our own
//! checks.
//!
//! An attempt counts as refused only if the consensus rules refuse it, and only if its twin, the
//! same transaction without the defect, is accepted on a copy of the same chain.  Otherwise the
//! refusal would show nothing about the defect.

use bitcoin::{ScriptBuf, Transaction, TxIn, Witness};

use super::run::{Rehearsed, Told, refusal};
use super::scenario::{Attempt, Defect, Step};
use crate::chain::{EmbeddedChain, Judge, Refusal};
use crate::engine::{Prepared, StepError};
use crate::report::Verdict;

/// Blocks beyond the expected number that a twin may wait: the median time past lags behind the
/// clock by up to eleven blocks.
const LAG: u32 = 12;

pub(super) fn attempt(run: &mut Rehearsed<'_>, attempt: &Attempt) -> Told {
    let step = Step {
        coin: attempt.coin.clone(),
        path: attempt.path.clone(),
        by: attempt.by.clone(),
        broadcaster: None,
        to: attempt.to.clone(),
        amount: attempt.amount,
        unconfirmed: true,
    };
    let by = run.signers(&attempt.step, &step);
    let who = run.actors(&by);
    let what = format!(
        "try to {}, {}",
        run.words(&attempt.step, &step),
        words(attempt.defect)
    );
    let mut notes = Vec::new();
    let verdict = match tried(run, attempt, &step, &by, &mut notes) {
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
    step: &Step,
    by: &[String],
    notes: &mut Vec<String>,
) -> Result<Verdict, StepError> {
    let action = run.action(&attempt.step, step)?;
    let prepared = run.engine.prepare(&action, by, &run.cast)?;
    let thief = run.cast.payee("thief");
    let defective = with_defect(&prepared.transaction, attempt.defect, thief);
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
        (Ok(()), _) => Ok(super::run::accepted(&prepared, None)),
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
    for waited in wait..=wait + LAG {
        match copy.submit(&prepared.transaction) {
            Ok(()) => return Ok(waited),
            Err(refusal) if waited == wait + LAG => return Err(refusal),
            Err(_) => copy.mine_one(),
        };
    }
    copy.submit(&prepared.transaction).map(|()| wait)
}

/// The transaction with one thing wrong.
fn with_defect(twin: &Transaction, defect: Defect, thief: ScriptBuf) -> Transaction {
    let mut transaction = twin.clone();
    match defect {
        Defect::TooEarly => {}
        Defect::MissingSignature => {
            if let Some(input) = transaction.input.first_mut() {
                leave_out_a_signature(input);
            }
        }
        Defect::Redirected => {
            if let Some(output) = transaction.output.first_mut() {
                output.script_pubkey = thief;
            }
        }
        Defect::SequenceLowered => {
            if let Some(input) = transaction.input.first_mut() {
                input.sequence.0 = input.sequence.0.saturating_sub(1);
            }
        }
    }
    transaction
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
        Defect::Redirected => "paying somebody else than was signed for",
        Defect::SequenceLowered => "with a sequence number lower than was signed",
    }
}
