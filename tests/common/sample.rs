//! Which sets of signers and which moments a stage is tried with: everything at the boundaries, and
//! some of the rest.

#![allow(
    dead_code,
    clippy::indexing_slicing,
    reason = "each test crate uses a part of this file, and what is missing is a fault of the test"
)]

use std::collections::BTreeSet;

use crate::dice::Dice;
use crate::reference::{Age, Moment, Until};
use crate::subject::{Signers, Subject};

/// So many seats or parties that all their subsets are tried.
const ALL_SUBSETS: usize = 6;

/// Later than every lock of a policy, at an age that opens each of them.
const LATE_HEIGHT: u32 = 500_100_000;
const LATE_TIME: u32 = (1 << 31) + 100_000_000;
const OLD: u32 = 65_536;

/// The moments at which anything changes, each with all other locks shut and with all open.
pub fn moments(subject: &Subject) -> Vec<Moment> {
    // Age in blocks and in seconds, height and time of the tip.
    let shut = (1, 0, 0, 0);
    let open = (OLD, OLD * 512, LATE_HEIGHT, LATE_TIME);
    let mut found = BTreeSet::new();
    let mut add = |(blocks, seconds, height, time): (u32, u32, u32, u32)| {
        let tip_height = height.max(blocks - 1);
        let tip_time = time.max(seconds);
        found.insert(Moment {
            born_height: tip_height + 1 - blocks,
            born_time: tip_time - seconds,
            tip_height,
            tip_time,
        });
    };
    for (mut age, mut old, mut height, mut time) in [shut, open] {
        add((age, old, height, time));
        for way in &subject.ways {
            // One before the boundary, the boundary, and one after it.
            for step in 0..3 {
                let before = (age, old, height, time);
                match way.age {
                    Some(Age::Blocks(count)) => age = (count + step).saturating_sub(1).max(1),
                    Some(Age::Units(count)) => old = 512 * count + step - 1,
                    None => {}
                }
                add((age, old, height, time));
                (age, old, height, time) = before;
                match way.until {
                    // A block after the height can hold it, and a median time after the time.
                    Some(Until::Height(lock)) => height = lock + step - 1,
                    Some(Until::Time(lock)) => time = lock + step,
                    None => {}
                }
                add((age.min(height + 1), old.min(time), height, time));
                (age, old, height, time) = before;
            }
        }
    }
    found.into_iter().collect()
}

/// Sets of signers: every subset of small ways and of few parties, and above that those at the
/// edge of what is enough, and any.
pub fn signer_sets(subject: &Subject, dice: &mut Dice) -> Vec<Signers> {
    let count = subject.seats.len();
    let nobody = vec![false; count];
    let mut sets = BTreeSet::from([nobody.clone(), vec![true; count]]);
    for way in 0..subject.ways.len() {
        let mut seats: Vec<usize> = subject.seats_of(way).collect();
        if seats.len() <= ALL_SUBSETS {
            for chosen in 0..1usize << seats.len() {
                let mut set = nobody.clone();
                for (at, seat) in seats.iter().enumerate() {
                    set[*seat] = chosen >> at & 1 == 1;
                }
                sets.insert(set);
            }
            continue;
        }
        for _ in 0..8 {
            dice.shuffle(&mut seats);
            let set = least(subject, way, &seats);
            let mut short = set.clone();
            let missing: Vec<usize> = seats.iter().copied().filter(|seat| set[*seat]).collect();
            short[missing[dice.below(missing.len())]] = false;
            sets.insert(set);
            sets.insert(short.clone());
            // Everybody of the other ways does not make up for the one who is missing here.
            let range = subject.seats_of(way);
            let others = (0..count).map(|seat| {
                if range.contains(&seat) {
                    short[seat]
                } else {
                    dice.roll() & 1 == 1
                }
            });
            sets.insert(others.collect());
        }
    }
    // Somebody who signs usually signs with all that is asked of him, in one capacity or in all.
    let parties: BTreeSet<&str> = subject
        .seats
        .iter()
        .map(|seat| seat.party.as_str())
        .collect();
    let parties: Vec<&str> = parties.into_iter().collect();
    let rounds = if parties.len() <= ALL_SUBSETS {
        1usize << parties.len()
    } else {
        32
    };
    for round in 0..rounds {
        let present = if parties.len() <= ALL_SUBSETS {
            round as u64
        } else {
            dice.roll()
        };
        for roles in [u64::MAX, dice.roll()] {
            let signs = subject.seats.iter().map(|seat| {
                let party = parties
                    .iter()
                    .position(|party| *party == seat.party)
                    .expect("listed");
                let role = ["root", "arming", "path", "veto", "lock-up"]
                    .iter()
                    .position(|role| *role == seat.role);
                present >> (party % 64) & 1 == 1 && roles >> role.expect("a role") & 1 == 1
            });
            sets.insert(signs.collect());
        }
    }
    for _ in 0..8 {
        sets.insert((0..count).map(|_| dice.roll() & 1 == 1).collect());
    }
    sets.into_iter().collect()
}

/// Signers of a way, taken in this order until they are enough, without any that is not needed.
pub fn least(subject: &Subject, way: usize, order: &[usize]) -> Signers {
    let mut set = vec![false; subject.seats.len()];
    let is_enough = |set: &Signers| subject.is_signed(way, &|seat| set[seat]);
    for seat in order {
        if is_enough(&set) {
            break;
        }
        set[*seat] = true;
    }
    for seat in order {
        if set[*seat] {
            set[*seat] = false;
            set[*seat] = !is_enough(&set);
        }
    }
    set
}
