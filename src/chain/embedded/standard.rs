//! Which transactions nodes pass on, judged by form alone.
//!
//! Written after `IsStandardTx`, `ValidateInputsStandardness` and `IsWitnessStandard` in Bitcoin
//! Core 31 (`src/policy/policy.cpp`), with the limits of `src/policy/policy.h` at their defaults.
//!
//! One thing is missing: Bitcoin Core also runs scripts under stricter flags than blocks do, such
//! as the rule that arguments of `OP_IF` in P2WSH are minimal.  The interpreter at hand offers the
//! flags of consensus only, so a transaction that breaks a stricter one passes here.

use bitcoin::script::{Instruction, PushBytes};
use bitcoin::taproot::{LeafVersion, TAPROOT_ANNEX_PREFIX, TAPROOT_LEAF_MASK};
use bitcoin::{Amount, Script, ScriptBuf, Transaction, TxIn, TxOut, Witness, WitnessVersion};

use crate::chain::Refusal;

const MAX_STANDARD_TX_WEIGHT: u64 = 400_000;
const MIN_STANDARD_TX_NONWITNESS_SIZE: usize = 65;
const MAX_STANDARD_SCRIPTSIG_SIZE: usize = 1_650;
const MAX_DATACARRIER_BYTES: usize = 100_000;
const MAX_DUST_OUTPUTS_PER_TX: usize = 1;
const MAX_P2SH_SIGOPS: usize = 15;
const MAX_TX_LEGACY_SIGOPS: usize = 2_500;
const MAX_STANDARD_P2WSH_SCRIPT_SIZE: usize = 3_600;
const MAX_STANDARD_P2WSH_STACK_ITEMS: usize = 100;
const MAX_STANDARD_STACK_ITEM_SIZE: usize = 80;
const MAX_BARE_MULTISIG_KEYS: usize = 3;

/// Whether the transaction itself has a form that nodes pass on.
///
/// # Errors
///
/// With the first rule that is broken.
pub fn check_form(transaction: &Transaction) -> Result<(), Refusal> {
    if !(1..=3).contains(&transaction.version.0) {
        return Err(Refusal::relay("version"));
    }
    if transaction.weight().to_wu() > MAX_STANDARD_TX_WEIGHT {
        return Err(Refusal::relay("tx-size"));
    }
    for input in &transaction.input {
        if input.script_sig.len() > MAX_STANDARD_SCRIPTSIG_SIZE {
            return Err(Refusal::relay("scriptsig-size"));
        }
        if !input.script_sig.is_push_only() {
            return Err(Refusal::relay("scriptsig-not-pushonly"));
        }
    }
    let mut data_left = MAX_DATACARRIER_BYTES;
    for output in &transaction.output {
        let script = &output.script_pubkey;
        match OutputKind::of(script) {
            None => return Err(Refusal::relay("scriptpubkey")),
            Some(OutputKind::BareMultisig { keys }) if keys > MAX_BARE_MULTISIG_KEYS => {
                return Err(Refusal::relay("scriptpubkey"));
            }
            Some(OutputKind::Data) => {
                data_left =
                    (data_left.checked_sub(script.len())).ok_or(Refusal::relay("datacarrier"))?;
            }
            Some(_) => {}
        }
    }
    if dust_outputs(transaction).count() > MAX_DUST_OUTPUTS_PER_TX {
        return Err(Refusal::relay("dust"));
    }
    if transaction.base_size() < MIN_STANDARD_TX_NONWITNESS_SIZE {
        return Err(Refusal::relay("tx-size-small"));
    }
    Ok(())
}

/// Whether the inputs spend outputs, and with witnesses, of a form that nodes pass on.
///
/// # Errors
///
/// With the first rule that is broken.
pub fn check_spends(transaction: &Transaction, spent: &[TxOut]) -> Result<(), Refusal> {
    let spends = || transaction.input.iter().zip(spent);
    let legacy_sigops: usize = spends()
        .map(|(input, output)| legacy_sigops(input, output))
        .sum();
    if legacy_sigops > MAX_TX_LEGACY_SIGOPS {
        return Err(Refusal::relay("bad-txns-nonstandard-inputs"));
    }
    if !spends().all(|(input, output)| is_known_spend(input, output)) {
        return Err(Refusal::relay("bad-txns-nonstandard-inputs"));
    }
    if !spends().all(|(input, output)| is_standard_witness(input, &output.script_pubkey)) {
        return Err(Refusal::relay("bad-witness-nonstandard"));
    }
    Ok(())
}

/// The indexes of the outputs that are worth less than their spend is supposed to cost.
pub fn dust_outputs(transaction: &Transaction) -> impl Iterator<Item = u32> + '_ {
    (0u32..)
        .zip(&transaction.output)
        .filter(|(_, output)| output.value < dust_threshold(&output.script_pubkey))
        .map(|(vout, _)| vout)
}

/// The least amount of an output that is no dust: what its spend is supposed to cost at 3 satoshis
/// per vbyte.
///
/// 330 satoshis for P2TR and P2WSH, 294 for P2WPKH, 240 for P2A.
pub fn dust_threshold(script: &Script) -> Amount {
    script.minimal_non_dust()
}

/// A form of output that nodes know.
enum OutputKind {
    PayToScriptHash,
    /// Witness programs with a meaning, P2A among them, and P2PK and P2PKH.
    Spendable,
    /// A witness program without a meaning yet: it may be paid but not spent.
    UnknownWitness,
    BareMultisig {
        keys: usize,
    },
    Data,
}

impl OutputKind {
    fn of(script: &Script) -> Option<Self> {
        if script.is_p2sh() {
            return Some(Self::PayToScriptHash);
        }
        if let Some(version) = script.witness_version() {
            if script.is_p2wpkh() || script.is_p2wsh() || script.is_p2tr() || is_p2a(script) {
                return Some(Self::Spendable);
            }
            return (version != WitnessVersion::V0).then_some(Self::UnknownWitness);
        }
        if let Some((&first, pushes)) = script.as_bytes().split_first()
            && first == bitcoin::opcodes::all::OP_RETURN.to_u8()
        {
            let is_data = Script::from_bytes(pushes).is_push_only();
            return is_data.then_some(Self::Data);
        }
        if script.is_p2pk() || script.is_p2pkh() {
            return Some(Self::Spendable);
        }
        script.is_multisig().then(|| Self::BareMultisig {
            // The two numbers and the opcode are no keys.
            keys: script.instructions().count().saturating_sub(3),
        })
    }
}

/// Pay to anchor: anyone can spend it, and does so to add a fee.
fn is_p2a(script: &Script) -> bool {
    *script == *ScriptBuf::new_p2a()
}

/// Operations that count against BIP-54: those of the input and of the script that it runs, the
/// witness apart.
fn legacy_sigops(input: &TxIn, spent: &TxOut) -> usize {
    let in_spent = if spent.script_pubkey.is_p2sh() {
        redeem_script(input).map_or(0, |script| script.count_sigops())
    } else {
        spent.script_pubkey.count_sigops()
    };
    input.script_sig.count_sigops() + in_spent
}

fn is_known_spend(input: &TxIn, spent: &TxOut) -> bool {
    match OutputKind::of(&spent.script_pubkey) {
        None | Some(OutputKind::UnknownWitness) => false,
        Some(OutputKind::PayToScriptHash) => {
            redeem_script(input).is_some_and(|script| script.count_sigops() <= MAX_P2SH_SIGOPS)
        }
        Some(_) => true,
    }
}

/// The last item that a push-only input script leaves on the stack.
fn redeem_script(input: &TxIn) -> Option<ScriptBuf> {
    match input.script_sig.instructions().last()?.ok()? {
        Instruction::PushBytes(bytes) => {
            Some(ScriptBuf::from_bytes(PushBytes::as_bytes(bytes).to_vec()))
        }
        Instruction::Op(_) => None,
    }
}

fn is_standard_witness(input: &TxIn, spent: &Script) -> bool {
    let witness = &input.witness;
    if witness.is_empty() {
        return true;
    }
    if is_p2a(spent) {
        return false;
    }
    let redeem = spent.is_p2sh().then(|| redeem_script(input));
    let program: &Script = match &redeem {
        Some(Some(script)) => script,
        Some(None) => return false,
        None => spent,
    };
    if !program.is_witness_program() {
        return false;
    }
    if program.is_p2wsh() {
        return is_standard_p2wsh_witness(witness);
    }
    if program.is_p2tr() && redeem.is_none() {
        return is_standard_taproot_witness(witness);
    }
    true
}

fn is_standard_p2wsh_witness(witness: &Witness) -> bool {
    let items: Vec<&[u8]> = witness.iter().collect();
    items.split_last().is_some_and(|(script, items)| {
        script.len() <= MAX_STANDARD_P2WSH_SCRIPT_SIZE
            && items.len() <= MAX_STANDARD_P2WSH_STACK_ITEMS
            && (items.iter()).all(|item| item.len() <= MAX_STANDARD_STACK_ITEM_SIZE)
    })
}

fn is_standard_taproot_witness(witness: &Witness) -> bool {
    let items: Vec<&[u8]> = witness.iter().collect();
    match items.as_slice() {
        [] => false,
        // A signature for the internal key.
        [_] => true,
        [_, .., annex] if annex.first() == Some(&TAPROOT_ANNEX_PREFIX) => false,
        [items @ .., _script, control_block] => match control_block.first() {
            None => false,
            Some(leaf) if leaf & TAPROOT_LEAF_MASK == LeafVersion::TapScript.to_consensus() => {
                (items.iter()).all(|item| item.len() <= MAX_STANDARD_STACK_ITEM_SIZE)
            }
            Some(_) => true,
        },
    }
}
