//! Amounts: fee, feerate, dust and weight.

use bitcoin::{Amount, FeeRate, Weight};

use super::Caps;
use super::fault::{FaultCode, Place};
use super::recognised::{Destination, Recognised};
use crate::compile::{Compiled, SpendCost, max_weight};

/// The least feerate that nodes relay.
const MIN_FEERATE: FeeRate = FeeRate::from_sat_per_kwu(250);

pub(super) fn judge(to: &mut Recognised, compiled: &Compiled, caps: Caps) {
    for number in 0..to.outputs.len() {
        let Some(output) = to.outputs.get(number) else {
            continue;
        };
        let least = output.script.minimal_non_dust();
        let is_payment = !matches!(output.to, Destination::Anchor | Destination::Data);
        if is_payment && Amount::from_sat(output.sats) < least {
            let message = format!(
                "it is worth {} satoshis, and {} is the least",
                output.sats,
                least.to_sat()
            );
            to.fault(FaultCode::Dust, Place::Output(number), message);
        }
    }
    let mut values = to
        .outputs
        .iter()
        .map(|output| Amount::from_sat(output.sats));
    let paid = values.try_fold(Amount::ZERO, Amount::checked_add);
    let possible = |sum: &Amount| *sum <= Amount::MAX_MONEY;
    let Some(paid) = paid.filter(possible) else {
        let message = "the outputs are worth more than there can be";
        to.fault(FaultCode::AmountOverflow, Place::File, message);
        return;
    };
    weigh(to, compiled);
    if to.inputs.iter().any(|input| input.sats.is_none()) {
        return;
    }
    let Some(spent) = to.spent_sats().filter(possible) else {
        let message = "the inputs are worth more than there can be";
        to.fault(FaultCode::AmountOverflow, Place::File, message);
        return;
    };
    let Some(fee) = spent.checked_sub(paid) else {
        let message = format!(
            "the outputs are worth {} satoshis and the inputs {}",
            paid.to_sat(),
            spent.to_sat()
        );
        to.fault(FaultCode::NegativeFee, Place::File, message);
        return;
    };
    to.fee = Some(fee.to_sat());
    // What is signed in advance pays what the policy says, which is compared to the satoshi.
    let presigned = match super::expected::is_fixed(to) {
        true => compiled.policy().highest_rung(),
        false => FeeRate::ZERO,
    };
    let at = |rate: FeeRate| to.vbytes.and_then(|vbytes| rate.fee_vb(vbytes));
    let (most, least) = (at(caps.feerate.max(presigned)), at(MIN_FEERATE));
    let whole = at(presigned).map_or(caps.fee, |fixed| fixed.max(caps.fee));
    if fee > whole || most.is_some_and(|most| fee > most) {
        let message = format!(
            "it is {} satoshis; up to {} are paid, and up to {} sat/vB",
            fee.to_sat(),
            caps.fee.to_sat(),
            caps.feerate.to_sat_per_vb_floor()
        );
        to.fault(FaultCode::FeeTooHigh, Place::File, message);
    }
    if least.is_some_and(|least| fee < least) {
        let message = format!("it is {} satoshis", fee.to_sat());
        to.fault(FaultCode::FeeTooLow, Place::File, message);
    }
}

/// What it will weigh with all witnesses.
fn weigh(to: &mut Recognised, compiled: &Compiled) {
    let Some(leaf) = &to.leaf else {
        return;
    };
    // Marker and flag, then each witness in place of nothing.
    let mut weight = to.psbt.unsigned_tx.base_size() as u64 * 4 + 2;
    for derived in to.spent.iter().flatten() {
        let descriptor = compiled.stage(derived.stage());
        let found = descriptor.and_then(|stage| Some((stage, stage.leaf(leaf)?)));
        let Some((stage, found)) = found else {
            return;
        };
        weight += SpendCost::of(stage, found).witness_weight;
    }
    to.vbytes = Some(Weight::from_wu(weight).to_vbytes_ceil());
    let most = max_weight(compiled.policy().version());
    if weight > most {
        let message = format!("it would weigh {weight} weight units, and may weigh {most}");
        to.fault(FaultCode::TooHeavy, Place::File, message);
    }
}
