//! The script interpreter of Bitcoin Core, asked about every input.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bitcoin::consensus::encode::serialize;
use bitcoin::{Transaction, TxOut, Wtxid};
use bitcoinconsensus::{Utxo, VERIFY_ALL_PRE_TAPROOT, VERIFY_TAPROOT, verify_with_flags};

/// All rules for scripts that blocks must keep today.
///
/// Without the taproot flag every spend of a taproot output would pass.
const CONSENSUS_FLAGS: u32 = VERIFY_ALL_PRE_TAPROOT | VERIFY_TAPROOT;

/// At least one input does not satisfy the script that it spends.
///
/// The interpreter says no more than that, so neither does this type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptFailed;

/// Runs scripts, and remembers transactions whose scripts all passed.
///
/// A transaction's id with witnesses commits to everything that its scripts can see: through its
/// inputs to the outputs that it spends, and to the witnesses.  So what passed once will pass
/// again, on any branch.  Copies share what they remember.
#[derive(Clone, Debug, Default)]
pub struct ScriptJudge {
    passed: Arc<Mutex<HashSet<Wtxid>>>,
}

impl ScriptJudge {
    /// Verifies every input of a transaction.  `spent` are the outputs that it spends, in the
    /// order of its inputs.
    ///
    /// # Errors
    ///
    /// If one input fails, or the outputs are not as many as the inputs.
    pub fn verify(&self, transaction: &Transaction, spent: &[TxOut]) -> Result<(), ScriptFailed> {
        let wtxid = transaction.compute_wtxid();
        if self.passed().contains(&wtxid) {
            return Ok(());
        }
        verify_all_inputs(transaction, spent, CONSENSUS_FLAGS)?;
        self.passed().insert(wtxid);
        Ok(())
    }

    fn passed(&self) -> MutexGuard<'_, HashSet<Wtxid>> {
        // The set is sound even if another thread died while it held the lock.
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Verifies every input under these flags of the interpreter.
pub fn verify_all_inputs(
    transaction: &Transaction,
    spent: &[TxOut],
    flags: u32,
) -> Result<(), ScriptFailed> {
    if spent.len() != transaction.input.len() {
        return Err(ScriptFailed);
    }
    let bytes = serialize(transaction);
    let outputs = spent
        .iter()
        .map(foreign_output)
        .collect::<Option<Vec<Utxo>>>()
        .ok_or(ScriptFailed)?;
    for (index, output) in spent.iter().enumerate() {
        verify_with_flags(
            output.script_pubkey.as_bytes(),
            output.value.to_sat(),
            &bytes,
            Some(&outputs),
            index,
            flags,
        )
        .map_err(|_| ScriptFailed)?;
    }
    Ok(())
}

/// The output as the interpreter wants it: with a pointer into `output`, which must outlive it.
fn foreign_output(output: &TxOut) -> Option<Utxo> {
    let script = output.script_pubkey.as_bytes();
    Some(Utxo {
        script_pubkey: script.as_ptr(),
        script_pubkey_len: u32::try_from(script.len()).ok()?,
        value: i64::try_from(output.value.to_sat()).ok()?,
    })
}
