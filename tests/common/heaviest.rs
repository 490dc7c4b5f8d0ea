//! The weights that are predicted for a leaf against those of its heaviest witness, and of all its
//! witnesses on average.
//!
//! Schnorr signatures have one length.  ECDSA signatures are made as they come, and their items
//! counted with the 72 bytes that the longest low-S signature has.

#![allow(
    dead_code,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test crate uses a part of this file, and what is missing is a fault of the test"
)]

use bitcoin::Witness;
use longstop::compile::{Compiled, SpendCost};

use crate::dice::Dice;
use crate::reference::{Reference, Tree};
use crate::sample::least;
use crate::spend::Spend;
use crate::subject::{Holders, Signers, Subject};

/// Bytes of the longest ECDSA signature with its sighash byte: 71 in DER, S being low.
const LONGEST_ECDSA: usize = 72;

/// So many seats of a quorum that all sets of signers are looked at.
const ALL_SETS: usize = 8;

/// So many sets are weighed at most.
const MOST_SETS: usize = 128;

/// The smallest sets that are enough for a way: all of them where there are few seats in each of
/// its quorums, and otherwise some, which the second value says.
///
/// The quorums of a way have their signatures in different places of the witness, so that the
/// dearest signers of each make the dearest of all; it is enough to vary one at a time.
fn smallest_sets(subject: &Subject, way: usize, dice: &mut Dice) -> (Vec<Signers>, bool) {
    let range = subject.seats_of(way);
    let mut order: Vec<usize> = range.clone().collect();
    let mut sets = vec![least(subject, way, &order)];
    let mut are_all = true;
    let is_enough = |set: &Signers| subject.is_signed(way, &|seat| set[seat]);
    let mut start = range.start;
    for (_, tree) in &subject.ways[way].signers {
        let seats = seats_of(tree);
        if seats > ALL_SETS {
            are_all = false;
            start += seats;
            continue;
        }
        let mut dearest: Vec<Signers> = Vec::new();
        for chosen in 0..1usize << seats {
            // Everybody else of the way signs, so that this quorum decides.
            let mut set = vec![false; subject.seats.len()];
            set[range.clone()].fill(true);
            for seat in 0..seats {
                set[start + seat] = chosen >> seat & 1 == 1;
            }
            let is_smallest = is_enough(&set)
                && (start..start + seats)
                    .filter(|seat| set[*seat])
                    .all(|seat| {
                        let mut fewer = set.clone();
                        fewer[seat] = false;
                        !is_enough(&fewer)
                    });
            if is_smallest {
                dearest.push(set);
            }
        }
        // Against each set so far, so that the product is complete.
        let mut product = Vec::new();
        for set in &sets {
            for other in &dearest {
                let mut both = set.clone();
                both[start..start + seats].copy_from_slice(&other[start..start + seats]);
                product.push(both);
            }
        }
        sets = product;
        start += seats;
    }
    for _ in 0..if are_all { 0 } else { 16 } {
        dice.shuffle(&mut order);
        sets.push(least(subject, way, &order));
    }
    dice.shuffle(&mut sets);
    (sets, are_all)
}

fn seats_of(tree: &Tree) -> usize {
    match tree {
        Tree::Party(_) => 1,
        Tree::Quorum { members, .. } => members.iter().map(|(_, member)| seats_of(member)).sum(),
    }
}

/// The weight of the witness that these signers make, its signatures being as long as they can be.
fn weigh(subject: &Subject, signers: &Signers) -> (u64, bool) {
    let signs = |seat: usize| signers[seat];
    let recipe = subject.plan(&signs, None).expect("they are enough");
    let spend = Spend::new(subject, recipe.locks());
    let mut witness = spend.witness(&recipe, &signs);
    let is_valid = spend.is_valid(&witness);
    for item in recipe.ecdsa_items() {
        assert!(witness[item].len() <= LONGEST_ECDSA);
        witness[item].resize(LONGEST_ECDSA, 0);
    }
    (Witness::from_slice(&witness).size() as u64, is_valid)
}

/// Weighs every leaf of a policy, and says how many witnesses there were.
///
/// # Errors
///
/// The first leaf whose prediction is wrong.
pub fn weigh_all(reference: &Reference, text: &str, compiled: &Compiled) -> Result<u64, String> {
    let holders = Holders::read(text);
    let mut dice = Dice(5);
    let has_rosters = text.contains("roster");
    let mut count = 0;
    for stage in compiled.stages() {
        let subject = Subject::new(reference, &holders, compiled, stage, (1, 9));
        for (way, leaf) in subject.ways.iter().enumerate() {
            let mut leaves = stage.leaves().iter();
            let found = leaves.find(|found| found.kind().to_string() == leaf.kind);
            let found = found.expect("every way is a leaf");
            let predicted = SpendCost::of(stage, found).witness_weight;
            let (mut sets, are_all) = smallest_sets(&subject, way, &mut dice);
            // The product of many sets is weighed in part; all of them are in a small one.
            let are_all = are_all && sets.len() <= MOST_SETS;
            sets.truncate(MOST_SETS);
            let (mut heaviest, mut sum) = (0, 0);
            for set in &sets {
                let (weight, is_valid) = weigh(&subject, set);
                if !is_valid {
                    return Err(format!(
                        "{}, {}: {set:?} is refused",
                        subject.name, leaf.kind
                    ));
                }
                heaviest = heaviest.max(weight);
                sum += weight;
                count += 1;
            }
            if predicted < heaviest || are_all && predicted > heaviest {
                return Err(format!(
                    "{}, {}: {predicted} is predicted, {heaviest} is real",
                    subject.name, leaf.kind
                ));
            }
            // Where nobody is said to act more often, each smallest set is as likely as the others.
            let average = sum as f64 / sets.len() as f64;
            let expected = stage.witness_weight(found.kind()).expected;
            if are_all && !has_rosters && (expected - average).abs() > 1e-6 * average {
                return Err(format!(
                    "{}, {}: {expected} is expected, {average} is the average",
                    subject.name, leaf.kind
                ));
            }
        }
    }
    Ok(count)
}
