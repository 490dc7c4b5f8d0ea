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
use std::sync::Arc;

use longstop::compile::{Compiled, compile};
use longstop::policy::check;

use crate::dice::Dice;
use crate::reference::{Age, Moment, Reference, Until};
use crate::sample::{moments, signer_sets};
use crate::spend::{Locks, Recipe, Spend, UNLOCKED};
use crate::subject::{Holders, Signers, Subject};

/// From this number on a lock time is a time.
const TIMES: u32 = 500_000_000;

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

/// Judges triples of every stage of a policy: all there are, or so many of each stage.
///
/// # Errors
///
/// The first one on which they do not agree.
pub fn judge(text: &str, most: usize, dice: &mut Dice) -> Result<Tally, String> {
    judge_by(&Reference::read(text), text, most, dice)
}

/// The same by a reference that may be another policy's.
pub fn judge_by(
    reference: &Reference,
    text: &str,
    most: usize,
    dice: &mut Dice,
) -> Result<Tally, String> {
    let compiled = compiled(text);
    let holders = Holders::read(text);
    let mut tally = Tally::default();
    for stage in compiled.stages() {
        let place = (dice.below(2) as u32, dice.below(1 << 20) as u32);
        let subject = Subject::new(reference, &holders, &compiled, stage, place);
        let (strangers, expected) = (subject.strangers(), reference.strangers(&subject.name));
        if strangers != expected {
            let name = &subject.name;
            return Err(format!(
                "{name}: {strangers} keys are nobody's, not {expected}"
            ));
        }
        let mut trial = Trial::new(&subject);
        trial.judge_most(most, dice)?;
        tally.add(&trial.tally);
    }
    Ok(tally)
}

/// The policy of a text that is sound.
pub fn compiled(text: &str) -> Compiled {
    let checked = check(text);
    let problems = checked.diagnostics;
    let policy = checked.policy;
    let policy = policy.unwrap_or_else(|| panic!("{problems:#?}\n{text}"));
    compile(Arc::new(policy)).unwrap_or_else(|problem| panic!("{problem}\n{text}"))
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
                let ways = recipe.ways(subject);
                if !ways.iter().any(|way| possible[*way]) {
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
            // Where two ways are written as one, what looks like the other is as good.
            let is_open = subject.joint_ways(way).any(|way| possible[way]);
            if !is_open && self.breaks_in(way, signers, now) {
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
