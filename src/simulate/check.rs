//! Whether an incident fits its policy: every name in it, and every field of a step, before
//! anything runs.
//!
//! What a step may do on the chain is not judged here: an incident may well try what is refused.

mod names;
mod said;

use std::collections::{BTreeMap, BTreeSet};

use super::scenario::{
    Attempt, Child, EventKind, Name, Scenario, ScenarioError, ScenarioFault, Step, Word,
};
use crate::policy::{ItemKind, Policy, SpendingPath};
use crate::units::{BLOCKS_PER_DAY, Blocks, SECONDS_PER_BLOCK, UnixTime};

#[cfg(test)]
pub(super) use self::names::payees;
pub(super) use self::names::{did_you_mean, quote};

/// The payee of everything that an attempt redirects.
pub(super) const THIEF: &str = "thief";

/// Most blocks that an incident may take: ten years of them.
const MAX_BLOCKS: u64 = 3652 * BLOCKS_PER_DAY as u64;

/// Most fee coins that each broadcaster may have at the start.
const MAX_FEE_COINS: u32 = 100;

/// Most vbytes of a transaction that nodes relay.
const MAX_CHILD_VBYTES: u32 = 100_000;

/// The timestamp of the first block of regtest, before which no chain can start.
const GENESIS: UnixTime = UnixTime(1_296_688_602);

/// Compares an incident with its policy.
///
/// # Errors
///
/// With everything in it that cannot be meant.
pub(super) fn check(scenario: &Scenario, policy: &Policy) -> Result<(), ScenarioError> {
    let mut checker = Checker {
        scenario,
        policy,
        deposited: BTreeMap::new(),
        triggered: BTreeMap::new(),
        proposed: BTreeMap::new(),
        spoke: BTreeSet::new(),
        faults: Vec::new(),
    };
    checker.head();
    for event in &scenario.events {
        checker.event(&event.kind, event.refused.is_some());
        if event.refused.is_some() && matches!(event.kind, EventKind::Expect(_) | EventKind::Note) {
            let message = format!(
                "nothing can be refused here; write `refused` beside a step or a deposit, not beside `{}` alone",
                event.kind.word()
            );
            checker.fault(event.line, message);
        }
    }
    checker.expectations(&scenario.expect);
    ScenarioError::of(checker.faults)
}

/// Which fields a step can have.
struct Fields {
    path: bool,
    broadcast: bool,
    several: bool,
    /// Whether a watchtower can act.
    towers: bool,
}

struct Checker<'a> {
    scenario: &'a Scenario,
    policy: &'a Policy,
    /// The coins deposited so far.
    deposited: BTreeMap<&'a str, usize>,
    /// The path of each coin's last trigger that was to succeed.
    triggered: BTreeMap<&'a str, &'a SpendingPath>,
    /// The cases proposed so far.
    proposed: BTreeMap<&'a str, usize>,
    /// Everybody who has said something so far.
    spoke: BTreeSet<&'a str>,
    faults: Vec<ScenarioFault>,
}

impl<'a> Checker<'a> {
    fn fault(&mut self, line: usize, message: impl Into<String>) {
        self.faults.push(ScenarioFault {
            line,
            message: message.into(),
        });
    }

    fn head(&mut self) {
        let scenario = self.scenario;
        if scenario.start < GENESIS {
            self.fault(1, "`start` is before the first block of any chain, in 2011");
        }
        if scenario.fee_coins > MAX_FEE_COINS {
            self.fault(1, format!("`fee_coins` is more than {MAX_FEE_COINS}"));
        }
        let mut blocks: u64 = 0;
        for event in &scenario.events {
            let more = match event.kind {
                EventKind::Mine(Blocks(more)) => more,
                EventKind::MineUntil(date) => {
                    date.0.saturating_sub(scenario.start.0) / SECONDS_PER_BLOCK
                }
                EventKind::Reorg { depth, .. } => depth,
                _ => 0,
            };
            blocks += u64::from(more);
            if blocks > MAX_BLOCKS {
                let message = "with this event the incident takes more than ten years of blocks";
                return self.fault(event.line, message);
            }
        }
    }

    fn event(&mut self, kind: &'a EventKind, refused: bool) {
        match kind {
            EventKind::Deposit(deposit) => {
                let Name { text, line } = &deposit.coin;
                if let Some(first) = self.deposited.insert(text, *line) {
                    let message =
                        format!("coin {} is deposited in line {first} already", quote(text));
                    self.fault(*line, message);
                }
            }
            EventKind::Arm(step) => {
                let fields = Fields {
                    path: true,
                    broadcast: false,
                    several: false,
                    towers: false,
                };
                self.step("arm", step, &fields);
                self.staged_path("arm", step);
                self.pays_nobody("an arming", step);
            }
            EventKind::Lose(parties) | EventKind::Compromise(parties) => self.parties(parties),
            EventKind::LoseFiles(coins) => coins.iter().for_each(|coin| self.coin(coin)),
            EventKind::Seize(seize) => self.seize(seize),
            EventKind::Veto(step) => {
                let fields = Fields {
                    path: false,
                    broadcast: false,
                    several: false,
                    towers: false,
                };
                self.step("veto", step, &fields);
                self.pays_nobody("a veto", step);
            }
            EventKind::Step(word, step) => {
                self.word(*word, step);
                if let (Word::Trigger, [coin], false) = (word, step.coins.as_slice(), refused) {
                    let path = step.path.as_ref();
                    let path = path.and_then(|path| self.policy.path(&path.text));
                    self.triggered
                        .extend(path.map(|path| (coin.text.as_str(), path)));
                }
            }
            EventKind::Attempt(Attempt { word, step, .. }) => self.word(*word, step),
            EventKind::Child(child) => self.child(child),
            EventKind::Say(said) => self.said(said),
            EventKind::Expect(expectations) => self.expectations(expectations),
            EventKind::Mine(_)
            | EventKind::MineUntil(_)
            | EventKind::Reorg { .. }
            | EventKind::Fees(_)
            | EventKind::Note => {}
        }
    }

    fn word(&mut self, word: Word, step: &'a Step) {
        let fields = Fields {
            path: matches!(word, Word::Trigger | Word::Recover),
            broadcast: true,
            several: matches!(word, Word::Spend | Word::Refresh),
            towers: word == Word::Cancel,
        };
        self.step(word.as_str(), step, &fields);
        let line = step.coins.first().map_or(0, |coin| coin.line);
        match word {
            Word::Trigger => {
                self.staged_path(word.as_str(), step);
                self.pays_nobody("a trigger", step);
            }
            Word::Cancel | Word::Clawback | Word::Override | Word::Refresh => {
                self.pays_nobody(&format!("a {word}"), step);
            }
            Word::Settle => self.settle(step, line),
            Word::Spend => self.pays_amounts("a spend", step, line),
            Word::Release => self.pays_out("a release", step, line),
            Word::Recover => {
                self.pays_out("a recovery", step, line);
                self.recover(step, line);
            }
        }
    }

    /// What all steps have in common: known coins and parties, and no field that means nothing.
    fn step(&mut self, word: &str, step: &'a Step, fields: &Fields) {
        step.coins.iter().for_each(|coin| self.coin(coin));
        if let (false, [_, second, ..]) = (fields.several, step.coins.as_slice()) {
            let message = format!("`{word}` takes one coin; write an event for each");
            self.fault(second.line, message);
        }
        if let Some(by) = &step.by {
            if let (true, Some(coin)) = (by.is_empty(), step.coins.first()) {
                self.fault(coin.line, "`by` is empty; leave it out, or say who signs");
            }
            let is_tower = |name: &&Name| {
                let item = self.policy.item(&name.text);
                item.is_some_and(|item| fields.towers && item.kind() == ItemKind::Watchtower)
            };
            let parties: Vec<&Name> = by.iter().filter(|name| !is_tower(name)).collect();
            parties.into_iter().for_each(|party| self.party(party));
        }
        if let Some(broadcaster) = &step.broadcaster {
            self.party(broadcaster);
            if !fields.broadcast {
                let message = format!("`{word}` broadcasts nothing; leave `broadcaster` out");
                self.fault(broadcaster.line, message);
            }
        }
        if step.unconfirmed
            && !fields.broadcast
            && let Some(coin) = step.coins.first()
        {
            let message = format!("`{word}` broadcasts nothing; leave `unconfirmed` out");
            self.fault(coin.line, message);
        }
        for (is_set, field) in [(step.bare, "bare"), (step.replace, "replace")] {
            if is_set
                && !fields.broadcast
                && let Some(coin) = step.coins.first()
            {
                let message = format!("`{word}` broadcasts nothing; leave `{field}` out");
                self.fault(coin.line, message);
            }
        }
        if let (true, Some(broadcaster)) = (step.bare, &step.broadcaster) {
            let message =
                "without a fee child nobody pays for one; leave `broadcaster` or `bare` out";
            self.fault(broadcaster.line, message);
        }
        if step.regardless
            && !matches!(word, "trigger" | "settle")
            && let Some(coin) = step.coins.first()
        {
            let message = format!("no case holds back a `{word}`; leave `regardless` out");
            self.fault(coin.line, message);
        }
        if let (Some(path), false) = (&step.path, fields.path) {
            let message = format!("`{word}` follows from where the coin is; leave `path` out");
            self.fault(path.line, message);
        }
    }

    fn child(&mut self, child: &'a Child) {
        self.coin(&child.coin);
        if let Some(name) = &child.by {
            self.party(name);
            let party = self.policy.party(&name.text);
            if party.is_some_and(|party| party.fees().is_none()) {
                let quoted = quote(&name.text);
                let message =
                    format!("{quoted} has no fee wallet in the policy, so pays for no child");
                self.fault(name.line, message);
            }
        }
        let line = child.coin.line;
        if child.vbytes.is_some_and(|vbytes| vbytes > MAX_CHILD_VBYTES) {
            let message = format!("`vbytes` is more than {MAX_CHILD_VBYTES}, which nobody relays");
            self.fault(line, message);
        }
        if !(1..=3).contains(&child.version) {
            self.fault(line, "`version` is 1, 2 or 3; nobody relays another");
        }
    }

    fn staged_path(&mut self, word: &str, step: &Step) {
        match &step.path {
            Some(name) => {
                if self.path(name).is_some_and(|path| path.staged().is_none()) {
                    let quoted = quote(&name.text);
                    let message = format!(
                        "path {quoted} is direct: it has no escrow, so there is nothing to {word}"
                    );
                    self.fault(name.line, message);
                }
            }
            None => {
                let line = step.coins.first().map_or(0, |coin| coin.line);
                self.fault(line, format!("`{word}` needs the `path`"));
            }
        }
    }

    fn recover(&mut self, step: &Step, line: usize) {
        match &step.path {
            Some(name) => {
                if self.path(name).is_some_and(|path| path.direct().is_none()) {
                    let message = format!(
                        "path {} is staged; `recover` takes a direct path, or none where the coin is in an escrow",
                        quote(&name.text)
                    );
                    self.fault(name.line, message);
                }
            }
            None => {
                let in_escrow = |coin: &Name| self.triggered.contains_key(coin.text.as_str());
                if !step.coins.iter().all(in_escrow) {
                    self.fault(
                        line,
                        "`recover` needs the direct `path`: this coin is in no escrow",
                    );
                }
            }
        }
    }

    fn settle(&mut self, step: &Step, line: usize) {
        let path = step.coins.first();
        let path = path.and_then(|coin| self.triggered.get(coin.text.as_str()).copied());
        // A coin that was never triggered is in no escrow: our software will say so.
        let Some(staged) = path.and_then(|path| path.staged()) else {
            return;
        };
        match staged.lockup() {
            Some(_) => self.pays_nobody("a settle into the lock-up", step),
            None => self.pays_amounts("a settle without a lock-up", step, line),
        }
    }

    fn pays_nobody(&mut self, what: &str, step: &Step) {
        for pay in &step.pay {
            self.fault(
                pay.to.line,
                format!("{what} pays nobody; leave the payee out"),
            );
        }
    }

    fn pays_amounts(&mut self, what: &str, step: &Step, line: usize) {
        if step.pay.is_empty() {
            let message = format!("{what} needs `to` and `amount`, or several in `pay`");
            self.fault(line, message);
        }
        for pay in step.pay.iter().filter(|pay| pay.amount.is_none()) {
            self.fault(pay.to.line, format!("{what} needs an `amount`"));
        }
    }

    fn pays_out(&mut self, what: &str, step: &Step, line: usize) {
        match step.pay.as_slice() {
            [] => self.fault(line, format!("{what} needs `to`")),
            [pay] if pay.amount.is_none() => {}
            [pay, ..] => {
                let message =
                    format!("{what} pays everything to one; leave `amount` and `pay` out");
                self.fault(pay.to.line, message);
            }
        }
    }
}
