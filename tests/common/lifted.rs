//! A lifted descriptor against the reference, row by row of the truth table over keys and time.
//!
//! The compiler compares what is lifted with the leaves that it made itself; here the other side
//! knows no leaves.

#![allow(
    dead_code,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test crate uses a part of this file, and what is missing is a fault of the test"
)]

use std::collections::HashMap;

use bitcoin::bip32::ChildNumber;
use longstop::compile::{Compiled, StageDescriptor};
use miniscript::descriptor::DescriptorPublicKey;
use miniscript::policy::{Liftable, Semantic};

use crate::dice::Dice;
use crate::reference::{Moment, Reference};
use crate::sample::{moments, signer_sets};
use crate::subject::{Holders, Signers, Subject};

/// So many seats that every row of the table is looked at.
const WHOLE_TABLE: usize = 8;

type Meaning = Semantic<DescriptorPublicKey>;

/// The reading of a lifted descriptor, with the operands of locks as consensus takes them apart.
fn holds(meaning: &Meaning, signs: &dyn Fn(&DescriptorPublicKey) -> bool, now: Moment) -> bool {
    match meaning {
        Semantic::Trivial => true,
        Semantic::Key(key) => signs(key),
        Semantic::Older(lock) => {
            let operand = lock.to_consensus_u32();
            let (is_time, count) = (operand >> 22 & 1 == 1, operand & 0xffff);
            if is_time {
                now.tip_time - now.born_time >= count * 512
            } else {
                now.tip_height + 1 - now.born_height >= count
            }
        }
        Semantic::After(lock) => {
            let operand = lock.to_consensus_u32();
            let tip = if operand < 500_000_000 {
                now.tip_height + 1
            } else {
                now.tip_time
            };
            tip > operand
        }
        Semantic::Thresh(thresh) => {
            let true_ones = thresh.iter().filter(|part| holds(part, signs, now));
            true_ones.count() >= thresh.k()
        }
        _ => false,
    }
}

/// Every set of signers of a small stage, and a selection of those of a large one.
fn rows(subject: &Subject, dice: &mut Dice) -> Vec<Signers> {
    let count = subject.seats.len();
    if count > WHOLE_TABLE {
        return signer_sets(subject, dice);
    }
    let all = 0..1usize << count;
    all.map(|set| (0..count).map(|seat| set >> seat & 1 == 1).collect())
        .collect()
}

/// Compares every row, and says how many there were.
pub fn compare(
    reference: &Reference,
    text: &str,
    compiled: &Compiled,
    stage: &StageDescriptor,
) -> Result<usize, String> {
    let holders = Holders::read(text);
    let subject = Subject::new(reference, &holders, compiled, stage, (0, 0));
    let mut seats = HashMap::new();
    for (seat, (_, account, pair)) in holders
        .seats(compiled, &subject.name, &subject.ways)
        .into_iter()
        .enumerate()
    {
        seats.insert((account, pair), seat);
    }
    let seat = |key: &DescriptorPublicKey| {
        let DescriptorPublicKey::MultiXPub(key) = key else {
            panic!("{key} is no account with two branches");
        };
        let pair: Vec<u32> = key
            .derivation_paths
            .paths()
            .iter()
            .map(|path| match path.as_ref() {
                [ChildNumber::Normal { index }] => *index,
                other => panic!("{other:?} is no branch"),
            })
            .collect();
        assert_eq!(pair, [pair[0] & !1, pair[0] | 1], "a pair");
        seats.get(&(key.xkey, pair[0] / 2)).copied()
    };
    let lifted = stage.descriptor().lift().expect("it lifts");
    let mut count = 0;
    for signers in rows(&subject, &mut Dice(3)) {
        for now in moments(&subject) {
            let signs = |key: &DescriptorPublicKey| {
                seat(key).is_some_and(|seat| subject.signs(seat, &|seat| signers[seat]))
            };
            let mut ways = 0..subject.ways.len();
            let expected = ways.any(|way| subject.is_possible(way, &|seat| signers[seat], now));
            if holds(&lifted, &signs, now) != expected {
                return Err(format!("{}: {signers:?} at {now:?}\n{text}", subject.name));
            }
            count += 1;
        }
    }
    Ok(count)
}
