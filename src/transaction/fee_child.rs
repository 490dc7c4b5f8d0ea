//! The fee child: it spends the anchor of a transaction and a coin of the broadcaster's own, so
//! that both are worth mining together.

use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, FeeRate, OutPoint, Psbt, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Weight, Witness,
};
use miniscript::DefiniteDescriptorKey;
use miniscript::descriptor::Descriptor;
use miniscript::psbt::PsbtExt;
use thiserror::Error;

use super::{ANCHOR_VALUE, MAX_FEERATE};

/// Weight of a P2WPKH witness at most: count, signature of 72 bytes, key of 33, with lengths.
const P2WPKH_WITNESS: u64 = 1 + 73 + 34;

/// The most a version 3 child may weigh: 1,000 vB (BIP-431).
const TRUC_CHILD_MAX_WEIGHT: u64 = 4_000;

/// The most virtual bytes of a fee child whose change goes to a script of a stage's length; to a
/// P2WPKH script it has a few fewer.
///
/// Version, counts and lock time, two inputs without their witnesses, and one output, in weight
/// units; then marker and flag, the empty witness of the anchor and the witness of the coin.
pub const FEE_CHILD_VBYTES: u64 =
    (4 * (4 + 1 + 2 * 41 + 1 + 8 + 1 + 34 + 4) + 2 + 1 + P2WPKH_WITNESS).div_ceil(4);

/// A confirmed coin of a fee wallet.
#[derive(Clone, Debug)]
pub struct FeeCoin {
    /// Where it is.
    pub outpoint: OutPoint,
    /// What it is.
    pub txout: TxOut,
    /// The descriptor of its script.
    pub descriptor: Descriptor<DefiniteDescriptorKey>,
}

/// Builds the child that lifts a parent to a feerate.
///
/// The anchor is the parent's, at `anchor`, with `parent_fee` and `parent_weight`.  What is left
/// of the fee coin goes to `change`.  The PSBT is to be signed by the fee wallet; the anchor needs
/// no signature.
///
/// # Errors
///
/// If the fee coin cannot pay, or the parent pays the feerate by itself.
pub fn build_fee_child(
    anchor: OutPoint,
    parent_fee: Amount,
    parent_weight: Weight,
    feerate: FeeRate,
    coin: &FeeCoin,
    change: &ScriptBuf,
) -> Result<Psbt, FeeChildError> {
    let child = unsigned(anchor, coin, change);
    let vbytes = package_vbytes(&child, parent_weight)?;
    let fee = missing_fee(vbytes, parent_fee, feerate)?;
    paying(child, fee, coin)
}

/// Builds the child that lifts a parent to a feerate, or as near to it as the fee coin reaches and
/// `most` allows the child to pay.  Returns with it the feerate that parent and child come to.
///
/// # Errors
///
/// If not even a little more than the parent pays by itself can be paid, or the parent pays the
/// feerate by itself.
pub fn build_best_fee_child(
    anchor: OutPoint,
    [parent_fee, most]: [Amount; 2],
    parent_weight: Weight,
    feerate: FeeRate,
    coin: &FeeCoin,
    change: &ScriptBuf,
) -> Result<(Psbt, FeeRate), FeeChildError> {
    let child = unsigned(anchor, coin, change);
    let vbytes = package_vbytes(&child, parent_weight)?;
    let needed = missing_fee(vbytes, parent_fee, feerate)?;
    let available = coin.txout.value + ANCHOR_VALUE;
    let least = change.minimal_non_dust();
    let reach = available.checked_sub(least).unwrap_or(Amount::ZERO);
    let reach = reach.min(most);
    if needed <= reach {
        return Ok((paying(child, needed, coin)?, feerate));
    }
    let too_poor = FeeChildError::TooPoor {
        available: available.min(most + least),
        needed: needed + least,
    };
    // Down to a whole satoshi for 1,000 weight units, so that the fee is within reach.
    let alone = rate_of(parent_fee, parent_weight.to_vbytes_ceil());
    let together = rate_of(parent_fee + reach, vbytes);
    match (alone, together) {
        (Some(alone), Some(together)) if together > alone => {
            let fee = missing_fee(vbytes, parent_fee, together)?;
            Ok((paying(child, fee, coin)?, together))
        }
        _ => Err(too_poor),
    }
}

/// The highest feerate that a fee pays for so many virtual bytes.
fn rate_of(fee: Amount, vbytes: u64) -> Option<FeeRate> {
    let sats = fee.to_sat().checked_mul(1_000)?;
    let rate = sats.checked_div(vbytes.checked_mul(4)?)?;
    Some(FeeRate::from_sat_per_kwu(rate))
}

/// The virtual bytes of a parent and its child.  Nodes round those of each up to whole ones.
fn package_vbytes(child: &Transaction, parent_weight: Weight) -> Result<u64, FeeChildError> {
    let weight = weight_of(child);
    if weight > TRUC_CHILD_MAX_WEIGHT {
        return Err(FeeChildError::TooHeavy { weight });
    }
    Ok(parent_weight.to_vbytes_ceil() + Weight::from_wu(weight).to_vbytes_ceil())
}

/// What a child has to pay so that both together pay a feerate.
fn missing_fee(vbytes: u64, parent_fee: Amount, feerate: FeeRate) -> Result<Amount, FeeChildError> {
    if feerate > MAX_FEERATE {
        return Err(FeeChildError::Feerate);
    }
    let package = feerate.fee_vb(vbytes).ok_or(FeeChildError::Feerate)?;
    package
        .checked_sub(parent_fee)
        .ok_or(FeeChildError::NotNeeded)
}

/// Builds the child that spends an anchor and pays just this fee, whatever that is worth.
///
/// # Errors
///
/// If the fee coin cannot pay.
pub fn build_child_paying(
    anchor: OutPoint,
    fee: Amount,
    coin: &FeeCoin,
    change: &ScriptBuf,
) -> Result<Psbt, FeeChildError> {
    paying(unsigned(anchor, coin, change), fee, coin)
}

/// The child of an anchor, whose change is still worth nothing.
fn unsigned(anchor: OutPoint, coin: &FeeCoin, change: &ScriptBuf) -> Transaction {
    let spend = |previous_output| TxIn {
        previous_output,
        script_sig: ScriptBuf::new(),
        sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
        witness: Witness::new(),
    };
    Transaction {
        // Whatever spends an unconfirmed version 3 output must be of version 3 itself (BIP-431).
        version: Version(3),
        lock_time: LockTime::ZERO,
        input: vec![spend(anchor), spend(coin.outpoint)],
        output: vec![TxOut {
            value: Amount::ZERO,
            script_pubkey: change.clone(),
        }],
    }
}

/// What a child will weigh: its marker and flag, the empty witness of the anchor, and the witness of
/// the coin at most.
fn weight_of(child: &Transaction) -> u64 {
    child.base_size() as u64 * 4 + 2 + 1 + P2WPKH_WITNESS
}

/// The PSBT of a child that pays this fee.
fn paying(mut child: Transaction, fee: Amount, coin: &FeeCoin) -> Result<Psbt, FeeChildError> {
    let change = child.output.first().map(|output| &output.script_pubkey);
    let least = change.map_or(Amount::ZERO, |script| script.minimal_non_dust());
    let available = coin.txout.value + ANCHOR_VALUE;
    let needed = fee.checked_add(least).ok_or(FeeChildError::Feerate)?;
    let rest = available
        .checked_sub(fee)
        .filter(|_| available >= needed)
        .ok_or(FeeChildError::TooPoor { available, needed })?;
    if let Some(output) = child.output.first_mut() {
        output.value = rest;
    }
    let mut psbt = Psbt::from_unsigned_tx(child).map_err(|_| FeeChildError::Psbt)?;
    for (index, input) in psbt.inputs.iter_mut().enumerate() {
        if index == 0 {
            let anchor = TxOut {
                value: ANCHOR_VALUE,
                script_pubkey: ScriptBuf::new_p2a(),
            };
            input.witness_utxo = Some(anchor);
            input.final_script_witness = Some(Witness::new());
        } else {
            input.witness_utxo = Some(coin.txout.clone());
        }
    }
    psbt.update_input_with_descriptor(1, &coin.descriptor)
        .map_err(|_| FeeChildError::Psbt)?;
    Ok(psbt)
}

/// Why a fee child cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FeeChildError {
    /// The parent is good enough as it is.
    #[error("the transaction pays this feerate by itself")]
    NotNeeded,
    /// The fee coin is too small.
    #[error("the fee wallet has {available} for it, and {needed} is needed")]
    TooPoor {
        /// Fee coin and anchor together.
        available: Amount,
        /// Fee and the least change.
        needed: Amount,
    },
    /// Beyond what relay allows a child.
    #[error("the child would weigh {weight} weight units, and may weigh 4,000")]
    TooHeavy {
        /// Its weight.
        weight: u64,
    },
    /// The feerate is above [`MAX_FEERATE`].
    #[error("the feerate is beyond anything to be paid: the most is 10,000 sat/vB")]
    Feerate,
    /// The fee coin's script is not what its descriptor gives.
    #[error("the fee coin does not fit its descriptor")]
    Psbt,
}
