//! Which leaf a transaction spends through, and what it has to pay then.

use bitcoin::Sequence;
use bitcoin::secp256k1::{All, Secp256k1};

use super::fault::{FaultCode, Place};
use super::recognise::named_keys;
use super::recognised::{Destination, Recognised, What};
use crate::compile::{Compiled, DerivedLeaf, Keychain, LeafKind, Stage};
use crate::policy::TransactionVersion;
use crate::transaction::{ANCHOR_VALUE, BuildError, Builder, Coin};
use crate::units::{AbsoluteLock, RelativeLock};

/// The leaf that all inputs are spent through: the one whose locks the transaction has exactly.
///
/// Where several have the same locks, the outputs decide, and then the keys that the file names.
/// Whichever it is, nothing but signatures for this one leaf is ever asked for or counted.
pub(super) fn leaf(to: &mut Recognised) -> Option<LeafKind> {
    let first = to.spent.first()?.clone()?;
    let mut is_mixed = false;
    for derived in to.spent.iter().flatten() {
        is_mixed |= derived.stage() != first.stage();
    }
    if is_mixed {
        let message = format!("the first is in the {}, and others are not", first.stage());
        to.fault(FaultCode::MixedCoins, Place::File, message);
        return None;
    }
    if to.spent.iter().any(Option::is_none) {
        return None;
    }
    let sequences: Vec<u32> = to.inputs.iter().map(|input| input.sequence).collect();
    let fits = |leaf: &&DerivedLeaf| sequences.iter().all(|number| *number == sequence_of(leaf));
    let by_sequence: Vec<&DerivedLeaf> = first.leaves().iter().filter(fits).collect();
    if by_sequence.is_empty() {
        for (number, sequence) in sequences.iter().enumerate() {
            let mut leaves = first.leaves().iter();
            if !leaves.any(|leaf| sequence_of(leaf) == *sequence) {
                let message = format!("0x{sequence:08x} opens no leaf of the {}", first.stage());
                to.fault(FaultCode::SequenceNumber, Place::Input(number), message);
            }
        }
        if !to
            .faults
            .iter()
            .any(|fault| fault.code == FaultCode::SequenceNumber)
        {
            let message = "the sequence numbers are of different leaves";
            to.fault(FaultCode::SequenceNumber, Place::File, message);
        }
        return None;
    }
    let mut by_locks = by_sequence.clone();
    by_locks.retain(|leaf| lock_time_of(leaf) == to.lock_time);
    if by_locks.is_empty() {
        let wanted: Vec<String> = by_sequence
            .iter()
            .map(|leaf| format!("{} for `{}`", lock_time_of(leaf), leaf.leaf.kind()))
            .collect();
        let message = format!(
            "it is {}, and has to be {}",
            to.lock_time,
            wanted.join(" or ")
        );
        to.fault(FaultCode::LockTime, Place::File, message);
        by_locks = by_sequence;
    }
    let chosen = choose(to, &by_locks)?;
    to.leaf = Some(chosen.clone());
    Some(chosen)
}

fn choose(to: &Recognised, leaves: &[&DerivedLeaf]) -> Option<LeafKind> {
    let triggered = leaves.iter().find(|leaf| match leaf.leaf.kind() {
        LeafKind::Trigger(path) => pays(to, &Stage::Escrow(path.clone())),
        _ => false,
    });
    if let Some(leaf) = triggered {
        return Some(leaf.leaf.kind().clone());
    }
    let named = named_keys(&to.psbt, 0);
    let count = |leaf: &DerivedLeaf| {
        let keys = leaf.keys.iter();
        let keys = keys.map(|used| used.public_key.inner.x_only_public_key().0);
        keys.filter(|key| named.contains(key)).count()
    };
    // The first of those with most keys.
    let mut best: Option<(&DerivedLeaf, usize)> = None;
    for leaf in leaves {
        let count = count(leaf);
        if best.is_none_or(|(_, most)| count > most) {
            best = Some((leaf, count));
        }
    }
    best.map(|(leaf, _)| leaf.leaf.kind().clone())
}

fn pays(to: &Recognised, wanted: &Stage) -> bool {
    to.outputs
        .iter()
        .any(|output| matches!(&output.to, Destination::Own { stage, .. } if stage == wanted))
}

/// The sequence number with which a leaf is spent.
fn sequence_of(leaf: &DerivedLeaf) -> u32 {
    let sequence = leaf.leaf.relative().map(RelativeLock::to_sequence);
    let sequence = sequence.unwrap_or(Sequence::ENABLE_RBF_NO_LOCKTIME);
    sequence.to_consensus_u32()
}

/// The lock time with which a leaf is spent.
fn lock_time_of(leaf: &DerivedLeaf) -> u32 {
    leaf.leaf.absolute().map_or(0, AbsoluteLock::to_consensus)
}

/// Where a transaction leads.
struct Terms {
    what: What,
    /// The stage of our own that it pays, if there is one.
    own: Option<Stage>,
    /// The keychain there: that of the coin, or change.
    keychain: Option<Keychain>,
    /// Whether that is at the coin's own index.
    own_index: bool,
    /// Whether it must be paid.
    required: bool,
    /// Whether somebody outside may be paid.
    foreign: bool,
    /// Whether it moves one coin.
    single: bool,
}

fn terms(to: &Recognised, stage: &Stage, leaf: &LeafKind) -> Terms {
    let path = stage.path().unwrap_or_default().to_owned();
    let back = |what| Terms {
        what,
        own: Some(Stage::Vault),
        keychain: Some(Keychain::Change),
        own_index: true,
        required: true,
        foreign: false,
        single: true,
    };
    let on = |what, stage| Terms {
        own: Some(stage),
        keychain: None,
        ..back(what)
    };
    let out = |what| Terms {
        own: None,
        required: false,
        foreign: true,
        ..back(what)
    };
    match leaf {
        LeafKind::Trigger(path) => on(What::Trigger, Stage::Escrow(path.clone())),
        LeafKind::Cancel => back(What::Cancel),
        LeafKind::Override => back(What::Override),
        LeafKind::Clawback => back(What::Clawback),
        LeafKind::Settle if is_presigned(to, leaf) => on(What::Settle, Stage::Lockup(path)),
        LeafKind::Settle => Terms {
            required: false,
            foreign: true,
            ..back(What::Settle)
        },
        LeafKind::Release => out(What::Release),
        LeafKind::Direct(_) | LeafKind::Backstop => out(What::Recovery),
        LeafKind::Spend => {
            let paid = to.foreign().next().is_some();
            Terms {
                own_index: false,
                required: !paid,
                foreign: true,
                single: false,
                ..back(if paid { What::Spend } else { What::Refresh })
            }
        }
    }
}

fn is_presigned(to: &Recognised, leaf: &LeafKind) -> bool {
    let first = to.spent.first().and_then(Option::as_ref);
    let found = first.and_then(|derived| derived.leaf(leaf));
    found.is_some_and(|found| found.leaf.is_presigned())
}

/// Whether root signs it in advance, so that the policy says what it pays.
pub(super) fn is_fixed(to: &Recognised) -> bool {
    to.leaf.as_ref().is_some_and(|leaf| is_presigned(to, leaf))
}

/// Compares the outputs with those that a spend through this leaf has.
pub(super) fn outputs(to: &mut Recognised, leaf: &LeafKind, version: TransactionVersion) {
    let Some(Some(first)) = to.spent.first().cloned() else {
        return;
    };
    let terms = terms(to, first.stage(), leaf);
    to.what = Some(terms.what);
    let what = terms.what;
    if terms.single && to.inputs.len() > 1 {
        let message = format!("a {what} moves one coin, and here are {}", to.inputs.len());
        to.fault(FaultCode::TooManyCoins, Place::File, message);
    }
    let mut reached = false;
    let mut anchors = 0;
    for number in 0..to.outputs.len() {
        let Some(output) = to.outputs.get(number).cloned() else {
            continue;
        };
        let place = Place::Output(number);
        match &output.to {
            Destination::Anchor => {
                anchors += 1;
                if !version.has_anchor() {
                    let message = format!("with version {version} there is no anchor");
                    to.fault(FaultCode::Anchor, place, message);
                } else if anchors > 1 || output.sats != ANCHOR_VALUE.to_sat() {
                    let message = "there is one anchor, of 240 satoshis";
                    to.fault(FaultCode::Anchor, place, message);
                }
            }
            Destination::Foreign | Destination::Data => {
                if !terms.foreign {
                    let message = format!("a {what} pays nobody outside the policy");
                    to.fault(FaultCode::ForeignOutput, place, message);
                }
            }
            Destination::Own {
                stage,
                keychain,
                index,
            } => {
                if Some(stage) != terms.own.as_ref() {
                    let message = format!("a {what} does not lead to the {stage}");
                    to.fault(FaultCode::WrongStage, place, message);
                    continue;
                }
                let wanted = terms.keychain.unwrap_or(first.keychain());
                if terms.own_index && (*keychain, *index) != (wanted, first.index()) {
                    let message = format!(
                        "it is at index {index} of the {keychain} keychain, and has to be at index {} of the {wanted} keychain",
                        first.index()
                    );
                    to.fault(FaultCode::WrongIndex, place, message);
                }
                reached = true;
            }
        }
    }
    if anchors == 0 && version.has_anchor() {
        to.fault(FaultCode::Anchor, Place::File, "there is no anchor");
    }
    if terms.required && !reached {
        let destination = match &terms.own {
            Some(stage) => format!("a {what} pays the {stage}, and this pays it nothing"),
            None => format!("a {what} pays somebody"),
        };
        to.fault(FaultCode::NoDestination, Place::File, destination);
    }
}

/// Compares what root signs in advance with what the policy makes of the coin.
pub(super) fn presigned(
    to: &mut Recognised,
    coins: &[Coin],
    compiled: &Compiled,
    secp: &Secp256k1<All>,
) {
    let (Some(leaf), [coin]) = (to.leaf.clone(), coins) else {
        return;
    };
    // What is wrong with it was said already.
    if !is_presigned(to, &leaf) || to.has_errors() {
        return;
    }
    let builder = Builder::new(compiled, secp);
    let mut values = Vec::new();
    for rung in builder.rungs() {
        match rebuilt(&builder.with_feerate(*rung), coin, &leaf) {
            Ok(made) if made == to.psbt.unsigned_tx => return,
            Ok(made) => {
                let value = made.output.first().map(|output| output.value.to_sat());
                values.push(value.unwrap_or_default().to_string());
            }
            Err(error) => {
                let message = format!("the policy makes no such transaction of the coin: {error}");
                to.fault(FaultCode::PresignedDiffers, Place::File, message);
                return;
            }
        }
    }
    let others = match compiled.policy().version().has_anchor() {
        true => "an anchor the second",
        false => "there is no other",
    };
    let message = format!(
        "its first output has to be worth {} satoshis, and {others}",
        values.join(" or ")
    );
    to.fault(FaultCode::PresignedDiffers, Place::File, message);
}

fn rebuilt(
    builder: &Builder<'_>,
    coin: &Coin,
    leaf: &LeafKind,
) -> Result<bitcoin::Transaction, BuildError> {
    let wrong = |_| BuildError::NoCoins;
    Ok(match leaf {
        LeafKind::Trigger(path) => {
            let coin = coin.clone().try_into().map_err(wrong)?;
            builder.trigger(&coin, path)?.unsigned_psbt()?
        }
        LeafKind::Cancel => {
            let coin = coin.clone().try_into().map_err(wrong)?;
            builder.cancel(&coin)?.unsigned_psbt()?
        }
        _ => {
            let coin = coin.clone().try_into().map_err(wrong)?;
            builder.settle(&coin)?.unsigned_psbt()?
        }
    }
    .unsigned_tx)
}
