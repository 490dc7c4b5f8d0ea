//! Triples of a policy's stage, a set of signers and a moment, each judged three ways: by the
//! reference, by miniscript's planner, and by Bitcoin Core's interpreter on a real witness.
//!
//! Where the reference says that a transaction is possible, the planner must find a witness and the
//! interpreter accept it.  Where it says that one is not, the planner must find none; and every way
//! out of the stage is attempted all the same, with what signatures there are in the places of a
//! complete witness, and with the greatest locks that the moment allows.

#![allow(
    dead_code,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test crate uses a part of this file, and what is missing is a fault of the test"
)]

use std::collections::{BTreeMap, BTreeSet};

use crate::reference::{Age, Moment, Until};
use crate::spend::{Locks, Recipe, Spend, UNLOCKED};
use crate::subject::{Signers, Subject};

/// So many seats or parties that all their subsets are tried.
const ALL_SUBSETS: usize = 6;

/// From this number on a lock time is a time.
const TIMES: u32 = 500_000_000;

/// Later than every lock of a policy, at an age that opens each of them.
const LATE_HEIGHT: u32 = TIMES + 100_000;
const LATE_TIME: u32 = (1 << 31) + 100_000_000;
const OLD: u32 = 65_536;

/// Numbers that look random and are the same each time.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// The next number, by the SplitMix64 recipe.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of so many.
    pub fn below(&mut self, count: usize) -> usize {
        (self.roll() % count as u64) as usize
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// What was judged so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub triples: u64,
    /// Triples in which the coin can be spent.
    pub spendable: u64,
    /// Witnesses that the interpreter was asked about.
    pub witnesses: u64,
    /// Transactions whose locks alone ruled them out.
    pub too_early: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.triples += other.triples;
        self.spendable += other.spendable;
        self.witnesses += other.witnesses;
        self.too_early += other.too_early;
    }
}

/// The stage with what was worked out for it so far.
pub struct Trial<'a> {
    pub subject: &'a Subject,
    pub tally: Tally,
    recipes: BTreeMap<(usize, Vec<bool>), Recipe>,
    spends: BTreeMap<Locks, Spend<'a>>,
}

impl<'a> Trial<'a> {
    pub fn new(subject: &'a Subject) -> Self {
        Self {
            subject,
            tally: Tally::default(),
            recipes: BTreeMap::new(),
            spends: BTreeMap::new(),
        }
    }

    /// Judges every set of signers at every moment, or so many pairs of them if there are more.
    ///
    /// # Errors
    ///
    /// The first triple on which they do not agree.
    pub fn judge_most(&mut self, most: usize, dice: &mut Dice) -> Result<(), String> {
        let (sets, moments) = (signer_sets(self.subject, dice), moments(self.subject));
        let all = sets.len() * moments.len();
        let mut pairs: Vec<usize> = (0..all).collect();
        if all > most {
            dice.shuffle(&mut pairs);
            pairs.truncate(most);
        }
        for pair in pairs {
            self.judge(&sets[pair % sets.len()], moments[pair / sets.len()])?;
        }
        Ok(())
    }

    /// Judges one triple.
    ///
    /// # Errors
    ///
    /// What they do not agree on.
    pub fn judge(&mut self, signers: &Signers, now: Moment) -> Result<(), String> {
        let signs = |seat: usize| signers[seat];
        let subject = self.subject;
        let ways = 0..subject.ways.len();
        let possible: Vec<bool> = ways
            .map(|way| subject.is_possible(way, &signs, now))
            .collect();
        let is_spendable = possible.contains(&true);
        self.tally.triples += 1;
        self.tally.spendable += u64::from(is_spendable);
        match subject.plan(&signs, Some(now)) {
            None if is_spendable => {
                return Err(self.report("the planner finds no witness", &possible, signers, now));
            }
            None => {}
            Some(recipe) => {
                let way = recipe.way(subject);
                if !possible[way] {
                    return Err(self.report(
                        "the planner takes a way that is closed",
                        &possible,
                        signers,
                        now,
                    ));
                }
                let (is_final, is_valid) = self.attempt(&recipe, &signs, recipe.locks(), now);
                if !is_final || !is_valid {
                    return Err(self.report(
                        "the planner's witness does not spend the coin",
                        &possible,
                        signers,
                        now,
                    ));
                }
            }
        }
        for way in 0..subject.ways.len() {
            if !possible[way] && self.breaks_in(way, signers, now) {
                return Err(self.report("a closed way spends the coin", &possible, signers, now));
            }
        }
        Ok(())
    }

    /// Whether some transaction through this way, which the reference rules out, is good.
    fn breaks_in(&mut self, way: usize, signers: &Signers, now: Moment) -> bool {
        let subject = self.subject;
        let signs = |seat: usize| signers[seat];
        let own = signers[subject.seats_of(way)].to_vec();
        let recipe = self.recipes.remove(&(way, own.clone()));
        let recipe = recipe.unwrap_or_else(|| {
            let enough = completed(subject, way, signers);
            let plan = subject.plan(&|seat| enough[seat], None);
            plan.unwrap_or_else(|| {
                panic!(
                    "{}, {}: enough signers have no witness",
                    subject.name, subject.ways[way].kind
                )
            })
        });
        let due = recipe.locks();
        let mut breaks = false;
        let mut attempts = BTreeSet::from([due]);
        if !subject.ways[way].is_due(now) {
            attempts.insert(bent(
                &subject.ways[way].age,
                &subject.ways[way].until,
                due,
                now,
            ));
            attempts.insert(UNLOCKED);
        }
        for locks in attempts {
            let (is_final, is_valid) = self.attempt(&recipe, &signs, locks, now);
            breaks |= is_final && is_valid;
        }
        self.recipes.insert((way, own), recipe);
        breaks
    }

    /// Whether a transaction with these locks can be in the next block, and its witness is good.
    fn attempt(
        &mut self,
        recipe: &Recipe,
        signs: &dyn Fn(usize) -> bool,
        locks: Locks,
        now: Moment,
    ) -> (bool, bool) {
        let subject = self.subject;
        let spend = self
            .spends
            .entry(locks)
            .or_insert_with(|| Spend::new(subject, locks));
        if !spend.is_final(now) {
            self.tally.too_early += 1;
            return (false, false);
        }
        self.tally.witnesses += 1;
        (true, spend.is_valid(&spend.witness(recipe, signs)))
    }

    fn report(&self, what: &str, possible: &[bool], signers: &Signers, now: Moment) -> String {
        let subject = self.subject;
        let open: Vec<&str> = (0..possible.len())
            .filter(|way| possible[*way])
            .map(|way| subject.ways[way].kind.as_str())
            .collect();
        let seats = subject
            .seats
            .iter()
            .zip(signers)
            .filter(|(_, signs)| **signs);
        let seats: Vec<String> = seats
            .map(|(seat, _)| format!("{}/{}/{}", seat.role, seat.party, seat.nth))
            .collect();
        format!(
            "{}: {what}\nopen by the reference: {open:?}\nsigning: {seats:?}\nat: {now:?}",
            subject.name
        )
    }
}

/// These signers and just as many others of a way as it lacks.
fn completed(subject: &Subject, way: usize, signers: &Signers) -> Signers {
    let seats = subject.seats_of(way);
    let mut enough = vec![false; signers.len()];
    enough[seats.clone()].copy_from_slice(&signers[seats.clone()]);
    let is_enough = |signers: &Signers| subject.is_signed(way, &|seat| signers[seat]);
    for seat in seats.clone() {
        if is_enough(&enough) {
            break;
        }
        enough[seat] = true;
    }
    for seat in seats {
        if enough[seat] && !signers[seat] {
            enough[seat] = false;
            enough[seat] = !is_enough(&enough);
        }
    }
    enough
}

/// The locks of a transaction that is too early, lowered until the chain lets it in.
fn bent(age: &Option<Age>, until: &Option<Until>, locks: Locks, now: Moment) -> Locks {
    let blocks = (now.tip_height + 1 - now.born_height).min(65_535);
    let units = ((now.tip_time - now.born_time) / 512).min(65_535);
    let sequence = match age {
        None => locks.0,
        Some(Age::Blocks(count)) => blocks.min(*count),
        Some(Age::Units(count)) => units.min(*count) | 1 << 22,
    };
    let lock_time = match until {
        None => locks.1,
        Some(Until::Height(height)) => now.tip_height.min(*height),
        Some(Until::Time(time)) => now.tip_time.saturating_sub(1).clamp(TIMES, *time),
    };
    (sequence, lock_time)
}

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
                let role = ["root", "arming", "path", "veto"]
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
