//! Playing a scenario: one event after the other, each with its line in the timeline.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bitcoin::{Amount, OutPoint, ScriptBuf};

use super::attempt;
use super::cast::{Cast, OUTSIDER};
use super::check::{THIEF, check as check_names};
use super::child;
use super::copies::Copies;
use super::scenario::{Effect, Event, EventKind, Name, Scenario, Seize};
use super::seizure::{self, Seizures};
use super::steps::faucet_error;
use super::voices::Voices;
use super::words::{list, refusal, strings, warnings};
use super::{Rehearsal, RehearsalError, Script, digest, expect};
use crate::chain::{EmbeddedChain, FaucetError, ReorgTooDeep};
use crate::compile::{Keychain, compile};
use crate::engine::{Engine, StepError};
use crate::governance::{Charter, Digest};
use crate::policy::{Network, check};
use crate::report::{Entry, Expectation, Money, Provenance, Report, Verdict, btc};
use crate::units::{Blocks, SECONDS_PER_BLOCK};

/// What each fee coin is worth at the start.
const FEE_COIN: Amount = Amount::from_sat(100_000);

/// A rehearsal under way.
pub(super) struct Rehearsed<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) engine: Engine<EmbeddedChain>,
    pub(super) cast: Cast,
    /// Where each named coin was deposited: from there it is followed along the chain.
    pub(super) deposits: BTreeMap<String, OutPoint>,
    /// Everybody outside the policy who was paid, or whom somebody tried to pay.
    pub(super) payees: BTreeSet<String>,
    /// The coins whose files nobody has any more.
    pub(super) lost_files: BTreeSet<String>,
    /// What parties say, if the incident is about that at all.
    pub(super) voices: Option<Voices>,
    /// Who has which files, and what is left with watchtowers.
    pub(super) copies: Copies,
    /// The domains that were seized.
    pub(super) seizures: Seizures,
    timeline: Vec<Entry>,
    expectations: Vec<Expectation>,
    warnings: Vec<String>,
    provenance: Provenance,
}

/// What a step came to where nothing refused it.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) verdict: Verdict,
    pub(super) notes: Vec<String>,
    /// Those who signed, where signatures were asked for.
    pub(super) signed: Vec<String>,
}

/// What one event came to.
pub(super) struct Told {
    pub(super) who: String,
    pub(super) what: String,
    pub(super) verdict: Verdict,
    pub(super) notes: Vec<String>,
}

impl Told {
    fn plain(who: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            who: who.into(),
            what: what.into(),
            verdict: Verdict::None,
            notes: Vec::new(),
        }
    }
}

impl<'a> Rehearsed<'a> {
    /// Sets the stage: the policy with stand-in keys, a chain, and full fee wallets.
    pub(super) fn new(scenario: &'a Scenario, script: Script<'_>) -> Result<Self, RehearsalError> {
        let checked = check(script.policy);
        let Some(policy) = checked.policy else {
            return Err(RehearsalError::Policy(checked.diagnostics));
        };
        check_names(scenario, &policy)?;
        let policy_id = compile(Arc::new(policy))?.id().to_string();
        let mut cast = Cast::new(scenario.seed);
        let rekeyed = checked
            .document
            .rekeyed(Network::Regtest, &mut |party, account| {
                cast.account(party, account)
            })
            .with_identities(&mut |party| cast.identity(party).verifying_key())
            .check();
        let policy = rekeyed
            .policy
            .ok_or(RehearsalError::Policy(rekeyed.diagnostics))?;
        let compiled = Arc::new(compile(Arc::new(policy))?);
        let chain = if script.record {
            EmbeddedChain::recorded(scenario.start)
        } else {
            EmbeddedChain::new(scenario.start)
        };
        let mut engine = Engine::new(Arc::clone(&compiled), chain);
        fill_fee_wallets(&mut engine, scenario.fee_coins)?;
        if scenario.has_outsiders() {
            fill(&mut engine, &cast.outsider_script(), scenario.fee_coins)?;
            engine.chain_mut().mine_one();
        }
        let provenance = Provenance {
            version: env!("CARGO_PKG_VERSION"),
            incident_sha256: digest(script.incident),
            policy_sha256: digest(script.policy),
            policy_id,
            rehearsed_policy_id: compiled.id().to_string(),
            seed: scenario.seed,
        };
        Ok(Self {
            scenario,
            engine,
            cast,
            deposits: BTreeMap::new(),
            payees: BTreeSet::new(),
            lost_files: BTreeSet::new(),
            voices: scenario.speaks_of_cases().then(|| {
                let id = Digest(compiled.id().to_bytes());
                Voices::new(Charter::new(Arc::clone(compiled.policy()), id))
            }),
            copies: Copies::default(),
            seizures: Seizures::default(),
            timeline: Vec::new(),
            expectations: Vec::new(),
            warnings: warnings(compiled.policy(), scenario),
            provenance,
        })
    }

    /// Plays all events and compares the end with what was expected.
    pub(super) fn play(mut self) -> Result<Rehearsal, RehearsalError> {
        for event in &self.scenario.events {
            let told = self.event(event);
            self.expectations
                .extend(expect::of_event(event, &told.verdict));
            if !told.what.is_empty() {
                let mut told = told;
                // The remark of an event without an actor is told already.
                let note = event.note.clone().filter(|_| !told.who.is_empty());
                told.notes.extend(note);
                self.tell(told, event.kind.word(), event.line)?;
            }
            self.follow_up(event)?;
            if let EventKind::Expect(expected) = &event.kind {
                let met = expect::of_moment(&self, expected, Some(event.line))?;
                self.expectations.extend(met);
            }
        }
        let expectations = expect::of_moment(&self, &self.scenario.expect, None)?;
        self.expectations.extend(expectations);
        let money = self.money()?;
        let record = self.engine.chain_mut().finish_record();
        Ok(Rehearsal {
            report: Report {
                incident: self.scenario.name.clone(),
                about: self.scenario.about.clone(),
                provenance: self.provenance,
                warnings: self.warnings,
                timeline: self.timeline,
                money,
                cases: self
                    .voices
                    .as_ref()
                    .map(Voices::stories)
                    .unwrap_or_default(),
                expectations: self.expectations,
            },
            record,
        })
    }

    /// Adds a line to the timeline: of which kind of event, and of which line of the incident.
    pub(super) fn tell(
        &mut self,
        told: Told,
        event: &'static str,
        line: usize,
    ) -> Result<(), StepError> {
        let Told {
            who,
            what,
            verdict,
            notes,
        } = told;
        let money = self.money()?;
        let cases = self.voices.as_ref().map(Voices::states);
        let chain = self.engine.chain();
        self.timeline.push(Entry {
            date: chain.now(),
            height: chain.tip().time.height,
            event,
            line,
            who,
            what,
            verdict,
            notes,
            money,
            cases: cases.unwrap_or_default(),
        });
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Told {
        match &event.kind {
            EventKind::Deposit(deposit) => {
                let what = format!("deposit {} as {}", btc(deposit.amount), deposit.coin);
                self.told(strings(["somebody"]), what, |run| run.deposit(deposit))
            }
            EventKind::Arm(step) => {
                let by = self.signers_of(step, &self.root());
                let what = self.words("arm", step);
                self.told(by.clone(), what, |run| run.arm(step, &by))
            }
            EventKind::Lose(parties) => {
                self.cast.lose(parties.iter().map(|name| name.text.clone()));
                let what = match parties.len() {
                    1 => "loses the keys",
                    _ => "lose their keys",
                };
                Told::plain(listed(parties), what)
            }
            EventKind::LoseFiles(coins) => {
                self.lost_files
                    .extend(coins.iter().map(|coin| coin.text.clone()));
                let what = format!("lose every copy of the files for {}", listed(coins));
                Told::plain("everybody", what)
            }
            EventKind::Compromise(parties) => {
                let stolen = parties.iter().map(|name| name.text.clone());
                self.seizures.rob(stolen.clone());
                self.cast.compromise(stolen);
                Told::plain(THIEF, format!("copies the keys of {}", listed(parties)))
            }
            EventKind::Seize(seize) => self.seize(seize),
            EventKind::Veto(step) => {
                let by = self.signers_of(step, &self.veto_quorum(step));
                let coins = listed(&step.coins);
                let what = format!("object to the trigger of {coins}");
                self.told(by.clone(), what, |run| run.veto(step, &by))
            }
            EventKind::Step(word, step) => {
                let by = self.signers(*word, step);
                let what = self.words(word.as_str(), step);
                self.told(by.clone(), what, |run| {
                    let (by, ignored) = run.permitted(*word, step, by)?;
                    let mut done = run.step(*word, step, &by)?;
                    done.notes.extend(ignored);
                    Ok(done)
                })
            }
            EventKind::Attempt(attempt) => attempt::attempt(self, attempt),
            EventKind::Child(child) => {
                let by = child.by.as_ref().map_or(OUTSIDER, |by| by.text.as_str());
                let what = child::words(child);
                self.told(strings([by]), what, |run| run.child(child))
            }
            EventKind::Mine(blocks) => self.mine(*blocks),
            EventKind::MineUntil(date) => {
                let seconds = date.0.saturating_sub(self.engine.chain().now().0);
                self.mine(Blocks(seconds.div_ceil(SECONDS_PER_BLOCK)))
            }
            EventKind::Reorg { depth, forget } => self.reorg(*depth, *forget),
            EventKind::Fees(rate) => {
                self.engine.set_feerate(*rate);
                self.engine.chain_mut().set_mempool_min(*rate);
                self.engine.chain_mut().set_going_rate(*rate);
                let rate = rate.to_sat_per_kwu() as f64 / 250.0;
                let what = format!("it now takes {rate} sat/vB to be relayed and mined");
                Told::plain("fee market", what)
            }
            EventKind::Say(said) => self.say(said),
            // A remark is all there is to tell.
            EventKind::Expect(_) | EventKind::Note => {
                Told::plain("", event.note.clone().unwrap_or_default())
            }
        }
    }

    /// Does something, and puts what came of it into words.
    fn told(
        &mut self,
        by: Vec<String>,
        what: String,
        act: impl FnOnce(&mut Self) -> Result<Done, StepError>,
    ) -> Told {
        match act(self) {
            Ok(Done {
                verdict,
                notes,
                signed,
            }) => {
                let by = if signed.is_empty() { by } else { signed };
                Told {
                    who: self.actors(&by),
                    what,
                    verdict,
                    notes,
                }
            }
            Err(error) => Told {
                who: self.actors(&by),
                what,
                verdict: refusal(&error),
                notes: Vec::new(),
            },
        }
    }

    fn mine(&mut self, blocks: Blocks) -> Told {
        self.engine.chain_mut().mine(blocks.0);
        let what = match blocks.expected_seconds() / 86_400 {
            0 => format!("mine {blocks}"),
            1 => format!("mine {blocks}, about a day"),
            days => format!("mine {blocks}, about {days} days"),
        };
        Told::plain("miners", what)
    }

    fn seize(&mut self, seize: &Seize) -> Told {
        let policy = Arc::clone(self.engine.compiled().policy());
        let taken = match seize.effect {
            Effect::Lose => {
                let taken = self.seizures.seize(seize, &policy);
                self.cast.lose(taken.parties.iter().cloned());
                self.lose_copies();
                taken
            }
            Effect::Compromise => {
                let taken = self.seizures.copy(seize, &policy);
                self.cast.compromise(taken.parties.iter().cloned());
                taken
            }
        };
        let verb = seizure::verb(seize.effect);
        let what = match taken.parties.is_empty() {
            true => format!("{verb}, and with it no keys that are not elsewhere as well"),
            false => format!("{verb}, and with it the keys of {}", list(&taken.parties)),
        };
        Told {
            notes: taken.notes,
            ..Told::plain(format!("{} {}", seize.domain, seize.value), what)
        }
    }

    fn reorg(&mut self, depth: u32, forget: bool) -> Told {
        let told = Told::plain(
            "miners",
            format!("a reorg undoes the last {}", Blocks(depth)),
        );
        match branch_off(self.engine.chain_mut(), Blocks(depth), forget) {
            Ok(notes) => Told { notes, ..told },
            Err(error) => {
                let class = "reorg-too-deep".to_owned();
                let reason = error.to_string();
                Told {
                    verdict: Verdict::RefusedBySoftware { class, reason },
                    ..told
                }
            }
        }
    }

    /// What is where, unconfirmed outputs included.
    pub(super) fn money(&self) -> Result<Money, StepError> {
        let mut money = Money::default();
        for known in self.engine.unspent()? {
            let stage = known.coin.derived().stage().to_string();
            *money.stages.entry(stage).or_default() += known.coin.amount().to_sat();
        }
        for name in &self.payees {
            let script = self.cast.payee(name);
            let outputs = self.engine.chain().outputs(&[script]);
            let sats = outputs
                .iter()
                .filter(|seen| seen.is_unspent())
                .map(|seen| seen.output.value);
            money
                .payees
                .insert(name.clone(), sats.sum::<Amount>().to_sat());
        }
        Ok(money)
    }
}

fn listed(names: &[Name]) -> String {
    list(&strings(names.iter().map(|name| name.text.as_str())))
}

/// Replaces the last blocks by a longer branch that holds none of their transactions.
fn branch_off(
    chain: &mut EmbeddedChain,
    depth: Blocks,
    forget: bool,
) -> Result<Vec<String>, ReorgTooDeep> {
    let forgotten = if forget {
        chain.fork().reorg(depth, &[])?.returned
    } else {
        Vec::new()
    };
    let reorg = chain.reorg(depth, &forgotten)?;
    for _ in 0..=depth.0 {
        chain.mine_without(&reorg.returned);
    }
    let transactions = |count: usize, one: &str, more: &str| match count {
        1 => format!("1 transaction {one}"),
        count => format!("{count} transactions {more}"),
    };
    let mut notes = Vec::new();
    if !reorg.returned.is_empty() {
        let count = reorg.returned.len();
        let (one, more) = ("waits in the mempool again", "wait in the mempool again");
        notes.push(transactions(count, one, more));
    }
    if !forgotten.is_empty() {
        let count = forgotten.len();
        let (one, more) = ("is forgotten by all nodes", "are forgotten by all nodes");
        notes.push(transactions(count, one, more));
    }
    Ok(notes)
}

fn fill_fee_wallets(engine: &mut Engine<EmbeddedChain>, coins: u32) -> Result<(), StepError> {
    let compiled = Arc::clone(engine.compiled());
    for party in compiled.policy().parties() {
        if let Some(script) = engine.fee_script(party.name(), Keychain::Receive) {
            fill(engine, &script, coins)?;
        }
    }
    engine.chain_mut().mine_one();
    Ok(())
}

fn fill(
    engine: &mut Engine<EmbeddedChain>,
    script: &ScriptBuf,
    coins: u32,
) -> Result<(), StepError> {
    for _ in 0..coins {
        let mut funded = engine.chain_mut().fund(script.clone(), FEE_COIN);
        // The faucet pays from confirmed coins only, each payment from another.
        if let Err(FaucetError::Dry(_)) = funded {
            engine.chain_mut().mine_one();
            funded = engine.chain_mut().fund(script.clone(), FEE_COIN);
        }
        funded.map_err(faucet_error)?;
    }
    Ok(())
}
