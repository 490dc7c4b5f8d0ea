//! Coins for everybody, out of the first block rewards.

use bitcoin::absolute::LockTime;
use bitcoin::opcodes::OP_TRUE;
use bitcoin::script::Builder;
use bitcoin::{
    Amount, FeeRate, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, transaction,
};
use thiserror::Error;

use super::branch::Branch;
use super::feerate::fee_at;
use super::judge::COINBASE_MATURITY;
use super::mempool::Mempool;
use crate::chain::Refusal;

/// Why the faucet did not pay.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FaucetError {
    /// The confirmed and mature coins of the faucet do not suffice.
    #[error("the faucet holds less than {0} in confirmed coins: mine a block, then try again")]
    Dry(Amount),
    /// The mempool refused the payment.
    #[error("the payment was refused: {0}")]
    Refused(#[from] Refusal),
}

/// Who knows that this script is `OP_TRUE` can spend: there is no secret.
pub fn witness_script() -> ScriptBuf {
    Builder::new().push_opcode(OP_TRUE).into_script()
}

/// Builds a payment of `amount` to `script`, which is its first output.  The rest, less a fee at
/// this rate, goes back to the faucet.
pub fn build_payment(
    branch: &Branch,
    pool: &Mempool,
    script: ScriptBuf,
    amount: Amount,
    rate: FeeRate,
) -> Result<Transaction, FaucetError> {
    let faucet = witness_script().to_p2wsh();
    let next = branch.next_height();
    let coins = branch.unspent(&faucet).filter(|(outpoint, coin)| {
        let is_mature = (next - coin.birth.height).0 >= COINBASE_MATURITY;
        (is_mature || !coin.is_coinbase) && pool.spender(outpoint).is_none()
    });
    let mut payment = Transaction {
        version: transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: Vec::new(),
        output: vec![
            TxOut {
                value: amount,
                script_pubkey: script,
            },
            TxOut {
                value: Amount::ZERO,
                script_pubkey: faucet.clone(),
            },
        ],
    };
    let mut held = Amount::ZERO;
    for (outpoint, coin) in coins {
        payment.input.push(TxIn {
            previous_output: outpoint,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::from_slice(&[witness_script().as_bytes()]),
        });
        held = held.checked_add(coin.output.value).unwrap_or(held);
        if held < amount {
            continue;
        }
        let vsize = u64::try_from(payment.vsize()).unwrap_or(u64::MAX);
        let change = held
            .checked_sub(amount)
            .and_then(|rest| rest.checked_sub(fee_at(rate, vsize)));
        if let Some(change) = change.filter(|change| *change >= faucet.minimal_non_dust())
            && let Some(output) = payment.output.last_mut()
        {
            output.value = change;
            return Ok(payment);
        }
    }
    Err(FaucetError::Dry(amount))
}
