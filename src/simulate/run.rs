//! Playing a scenario: one event after the other, each with its line in the timeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use bitcoin::{Amount, OutPoint};

use super::attempt;
use super::cast::Cast;
use super::scenario::{Deposit, Effect, Event, EventKind, Scenario, Seize, Step};
use super::{Rehearsal, RehearsalError, Script, digest, expect};
use crate::chain::{BackendError, EmbeddedChain, FaucetError, Judge, ReorgTooDeep};
use crate::compile::{Keychain, Stage, compile};
use crate::engine::{Action, Engine, KnownCoin, Payment, Prepared, Received, StepError};
use crate::policy::{Network, Policy, check};
use crate::report::{Entry, Expectation, Money, Provenance, Report, Verdict};
use crate::units::Blocks;

/// What each fee coin is worth at the start.
const FEE_COIN: Amount = Amount::from_sat(100_000);

/// A rehearsal under way.
pub(super) struct Rehearsed<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) engine: Engine<EmbeddedChain>,
    pub(super) cast: Cast,
    /// Where each named coin was deposited: from there it is followed along the chain.
    pub(super) deposits: BTreeMap<String, OutPoint>,
    pub(super) payees: Vec<String>,
    timeline: Vec<Entry>,
    expectations: Vec<Expectation>,
    warnings: Vec<String>,
    provenance: Provenance,
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
        let policy_id = compile(Arc::new(policy))?.id().to_string();
        let mut cast = Cast::new(scenario.seed);
        let rekeyed = checked
            .document
            .rekeyed(Network::Regtest, &mut |party, account| {
                cast.account(party, account)
            })
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
            payees: Vec::new(),
            timeline: Vec::new(),
            expectations: Vec::new(),
            warnings: warnings(compiled.policy()),
            provenance,
        })
    }

    /// Plays all events and compares the end with what was expected.
    pub(super) fn play(mut self) -> Result<Rehearsal, RehearsalError> {
        for event in &self.scenario.events {
            let told = self.event(event);
            self.expectations
                .extend(expect::of_event(event, &told.verdict));
            self.tell(told, event)?;
        }
        let money = self.money()?;
        let expectations = expect::of_end(&self, &money)?;
        self.expectations.extend(expectations);
        let record = self.engine.chain_mut().finish_record();
        Ok(Rehearsal {
            report: Report {
                incident: self.scenario.name.clone(),
                about: self.scenario.about.clone(),
                provenance: self.provenance,
                warnings: self.warnings,
                timeline: self.timeline,
                money,
                expectations: self.expectations,
            },
            record,
        })
    }

    fn tell(&mut self, told: Told, event: &Event) -> Result<(), StepError> {
        let Told {
            who,
            what,
            verdict,
            mut notes,
        } = told;
        notes.extend(event.note.clone());
        let money = self.money()?;
        let chain = self.engine.chain();
        self.timeline.push(Entry {
            date: chain.now(),
            height: chain.tip().time.height,
            event: event.kind.word(),
            line: event.line,
            who,
            what,
            verdict,
            notes,
            money,
        });
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Told {
        match &event.kind {
            EventKind::Deposit(deposit) => {
                self.told("somebody", self.deposit_words(deposit), |run| {
                    run.deposit(deposit)
                })
            }
            EventKind::Arm(step) => {
                let by = self.signers_of(step, &self.root());
                let what = format!(
                    "arm {} on {}",
                    step.coin,
                    step.path.as_deref().unwrap_or("?")
                );
                self.told(&list(&by), what, |run| run.arm(step, &by))
            }
            EventKind::Lose(parties) => {
                self.cast.lose(parties.iter().cloned());
                Told::plain(list(parties), "lose their keys")
            }
            EventKind::Compromise(parties) => {
                self.cast.compromise(parties.iter().cloned());
                Told::plain("thief", format!("copies the keys of {}", list(parties)))
            }
            EventKind::Seize(seize) => self.seize(seize),
            EventKind::Veto(step) => {
                let by = self.signers_of(step, &self.veto_quorum(step));
                let what = format!("object to the trigger of {}", step.coin);
                self.told(&self.actors(&by), what, |run| {
                    let coin = run.coin(&step.coin)?;
                    let received = run.engine.veto(coin, &by, &run.cast)?;
                    let mut notes = vec!["the cancel is signed; nothing is sent yet".to_owned()];
                    notes.extend(stripped(&received));
                    Ok((Verdict::None, notes))
                })
            }
            EventKind::Step(word, step) => {
                let by = self.signers(word, step);
                let what = self.words(word, step);
                self.told(&self.actors(&by), what, |run| run.step(word, step, &by))
            }
            EventKind::Attempt(attempt) => attempt::attempt(self, attempt),
            EventKind::Mine(blocks) => {
                self.engine.chain_mut().mine(blocks.0);
                let what = match blocks.expected_seconds() / 86_400 {
                    0 => format!("mine {blocks}"),
                    1 => format!("mine {blocks}, about a day"),
                    days => format!("mine {blocks}, about {days} days"),
                };
                Told::plain("miners", what)
            }
            EventKind::Reorg { depth, forget } => self.reorg(*depth, *forget),
            EventKind::Fees(rate) => {
                self.engine.set_feerate(*rate);
                self.engine.chain_mut().set_mempool_min(*rate);
                self.engine.chain_mut().set_going_rate(*rate);
                let rate = rate.to_sat_per_kwu() as f64 / 250.0;
                Told::plain(
                    "fee market",
                    format!("it now takes {rate} sat/vB to be relayed and mined"),
                )
            }
            EventKind::Note => Told::plain("", ""),
        }
    }

    /// Does something, and puts what came of it into words.
    fn told(
        &mut self,
        who: &str,
        what: String,
        act: impl FnOnce(&mut Self) -> Result<(Verdict, Vec<String>), StepError>,
    ) -> Told {
        let (verdict, notes) = act(self).unwrap_or_else(|error| (refusal(&error), Vec::new()));
        Told {
            who: who.to_owned(),
            what,
            verdict,
            notes,
        }
    }

    fn deposit_words(&self, deposit: &Deposit) -> String {
        format!("deposit {} as {}", deposit.amount, deposit.coin)
    }

    fn deposit(&mut self, deposit: &Deposit) -> Result<(Verdict, Vec<String>), StepError> {
        let address = self.engine.reveal(Keychain::Receive)?;
        let script = address.script_pubkey().clone();
        let shown = address.address(self.engine.compiled().policy().network());
        let funded = self.engine.chain_mut().fund(script, deposit.amount);
        let outpoint = funded.map_err(faucet_error)?;
        self.deposits.insert(deposit.coin.clone(), outpoint);
        self.engine.chain_mut().mine_one();
        Ok((Verdict::None, vec![format!("at {shown}")]))
    }

    fn arm(&mut self, step: &Step, by: &[String]) -> Result<(Verdict, Vec<String>), StepError> {
        let coin = self.coin(&step.coin)?;
        let path = step.path.clone().unwrap_or_default();
        let policy = Arc::clone(self.engine.compiled().policy());
        let holders: Vec<String> = policy
            .parties()
            .map(|party| party.name().to_owned())
            .filter(|party| self.cast.can_sign(party))
            .collect();
        let received = self.engine.arm(coin, &path, by, &holders, &self.cast)?;
        let armed = self.engine.armed().last();
        let attempts = armed.map_or(0, |armed| armed.rungs().len());
        let mut notes = vec![match attempts {
            1 => "all is signed in advance for one attempt, its trigger last".to_owned(),
            n => format!("all is signed in advance for {n} attempts in a row, the triggers last"),
        }];
        notes.extend(stripped(&received));
        Ok((Verdict::None, notes))
    }

    fn step(
        &mut self,
        word: &str,
        step: &Step,
        by: &[String],
    ) -> Result<(Verdict, Vec<String>), StepError> {
        let action = self.action(word, step)?;
        let prepared = self.engine.prepare(&action, by, &self.cast)?;
        let broadcaster = step.broadcaster.as_ref().or_else(|| by.first());
        let broadcaster = broadcaster.cloned().unwrap_or_default();
        let broadcast = self.engine.broadcast(&prepared, &broadcaster, &self.cast)?;
        let mut notes = stripped(&prepared.received);
        if let Some((_, fee)) = &broadcast.child {
            notes.push(format!("{broadcaster} pays {fee} for a fee child"));
        }
        if !step.unconfirmed {
            let mined = self.engine.chain_mut().mine_one();
            let txid = prepared.transaction.compute_txid();
            if !mined.confirmed.contains(&txid) {
                notes.push("it pays too little to be mined, and waits in the mempool".to_owned());
            }
        }
        let child = broadcast.child;
        Ok((
            accepted(
                &prepared,
                child
                    .as_ref()
                    .map(|(child, fee)| (child.vsize() as u64, *fee)),
            ),
            notes,
        ))
    }

    /// The step in the engine's terms, with names resolved.
    pub(super) fn action(&mut self, word: &str, step: &Step) -> Result<Action, StepError> {
        let coin = self.coin(&step.coin)?;
        let path = step.path.clone().unwrap_or_default();
        let stage = self.engine.coin(coin)?.coin.derived().stage().clone();
        let to = step.to.clone().unwrap_or_else(|| "nobody".to_owned());
        Ok(match word {
            "trigger" => Action::Trigger { coin, path },
            "cancel" => Action::Cancel { coin },
            "settle" => {
                let lockup = Stage::Lockup(stage.path().unwrap_or_default().to_owned());
                if self.engine.compiled().stage(&lockup).is_some() {
                    Action::Settle { coin }
                } else {
                    Action::SettleTo {
                        coin,
                        payees: self.payment(&to, step.amount),
                    }
                }
            }
            "release" => Action::Release {
                coin,
                to: self.payee(&to),
            },
            "clawback" => Action::Clawback { coin },
            "override" => Action::Override { coin },
            "refresh" => Action::Refresh { coins: vec![coin] },
            "spend" => Action::Spend {
                coins: vec![coin],
                payees: self.payment(&to, step.amount),
            },
            _ if matches!(stage, Stage::Escrow(_)) => Action::Backstop {
                coin,
                to: self.payee(&to),
            },
            _ => Action::Recover {
                coin,
                path,
                to: self.payee(&to),
            },
        })
    }

    fn payee(&mut self, name: &str) -> bitcoin::ScriptBuf {
        if !self.payees.iter().any(|known| known == name) {
            self.payees.push(name.to_owned());
        }
        self.cast.payee(name)
    }

    fn payment(&mut self, name: &str, amount: Option<Amount>) -> Vec<Payment> {
        let script_pubkey = self.payee(name);
        let amount = amount.unwrap_or_default();
        vec![Payment {
            script_pubkey,
            amount,
        }]
    }

    fn seize(&mut self, seize: &Seize) -> Told {
        let policy = Arc::clone(self.engine.compiled().policy());
        let parties: Vec<String> = policy
            .parties()
            .filter(|party| party.custody().get(&seize.domain) == Some(&seize.value))
            .map(|party| party.name().to_owned())
            .collect();
        let whose = format!("{} {}", seize.domain, seize.value);
        let what = match seize.effect {
            Effect::Lose => {
                self.cast.lose(parties.iter().cloned());
                format!("is seized, and with it the keys of {}", list(&parties))
            }
            Effect::Compromise => {
                self.cast.compromise(parties.iter().cloned());
                format!("is broken into, and with it the keys of {}", list(&parties))
            }
        };
        Told::plain(whose, what)
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

    /// Where a named coin is now: followed from its deposit through every spend that made another
    /// coin of the policy.
    pub(super) fn coin(&self, name: &str) -> Result<OutPoint, StepError> {
        Ok(self.follow(name)?.coin.outpoint())
    }

    /// The last coin of the policy in the line of a named deposit.
    pub(super) fn follow(&self, name: &str) -> Result<KnownCoin, StepError> {
        let start = self
            .deposits
            .get(name)
            .copied()
            .unwrap_or_else(OutPoint::null);
        let coins = self.engine.coins()?;
        let find = |outpoint| coins.iter().find(|known| known.coin.outpoint() == outpoint);
        let mut known = find(start).ok_or(StepError::UnknownCoin(start))?;
        while let Some(by) = known.spent_by() {
            match coins.iter().find(|next| next.coin.outpoint().txid == by) {
                Some(next) => known = next,
                None => break,
            }
        }
        Ok(known.clone())
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

    fn root(&self) -> Vec<String> {
        Engine::<EmbeddedChain>::members(self.engine.compiled().policy().root().quorum())
    }

    fn path_quorum(&self, step: &Step) -> Vec<String> {
        let policy = self.engine.compiled().policy();
        let named = step.path.clone();
        let path = named.or_else(|| {
            let known = self.follow(&step.coin).ok()?;
            Some(known.coin.derived().stage().path()?.to_owned())
        });
        let path = path.and_then(|path| policy.path(&path));
        path.map(|path| Engine::<EmbeddedChain>::members(path.quorum()))
            .unwrap_or_default()
    }

    fn veto_quorum(&self, step: &Step) -> Vec<String> {
        let policy = self.engine.compiled().policy();
        let known = self.follow(&step.coin).ok();
        let path = known.and_then(|known| known.coin.derived().stage().path().map(str::to_owned));
        let staged = path
            .and_then(|path| policy.path(&path))
            .and_then(|path| path.staged());
        staged
            .map(|staged| Engine::<EmbeddedChain>::members(staged.veto()))
            .unwrap_or_default()
    }

    /// Those named in the step, or else everybody in the quorum who still can sign.
    fn signers_of(&self, step: &Step, quorum: &[String]) -> Vec<String> {
        step.by.clone().unwrap_or_else(|| {
            quorum
                .iter()
                .filter(|party| self.cast.can_sign(party))
                .cloned()
                .collect()
        })
    }

    pub(super) fn signers(&self, word: &str, step: &Step) -> Vec<String> {
        let quorum = match word {
            "cancel" => self.veto_quorum(step),
            "clawback" | "override" | "refresh" | "spend" => self.root(),
            _ => self.path_quorum(step),
        };
        self.signers_of(step, &quorum)
    }

    pub(super) fn actors(&self, by: &[String]) -> String {
        if self.cast.is_thief(by) {
            format!("thief (with the keys of {})", list(by))
        } else {
            list(by)
        }
    }

    pub(super) fn words(&self, word: &str, step: &Step) -> String {
        let mut words = format!("{word} {}", step.coin);
        if let Some(path) = &step.path {
            words.push_str(&format!(" on {path}"));
        }
        if let Some(amount) = step.amount {
            words.push_str(&format!(", {amount}"));
        }
        if let Some(to) = &step.to {
            words.push_str(&format!(" to {to}"));
        }
        words
    }
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
    let mut notes = Vec::new();
    if !reorg.returned.is_empty() {
        notes.push(format!(
            "{} transactions wait in the mempool again",
            reorg.returned.len()
        ));
    }
    if !forgotten.is_empty() {
        notes.push(format!(
            "{} transactions are forgotten by all nodes",
            forgotten.len()
        ));
    }
    Ok(notes)
}

fn faucet_error(error: FaucetError) -> StepError {
    match error {
        FaucetError::Refused(refusal) => StepError::Refused(refusal),
        dry @ FaucetError::Dry(_) => StepError::Backend(BackendError::new(dry)),
    }
}

fn fill_fee_wallets(engine: &mut Engine<EmbeddedChain>, coins: u32) -> Result<(), StepError> {
    let compiled = Arc::clone(engine.compiled());
    for party in compiled.policy().parties() {
        if let Some(script) = engine.fee_script(party.name(), Keychain::Receive) {
            for _ in 0..coins {
                let funded = engine.chain_mut().fund(script.clone(), FEE_COIN);
                funded.map_err(faucet_error)?;
            }
        }
    }
    engine.chain_mut().mine_one();
    Ok(())
}

fn warnings(policy: &Policy) -> Vec<String> {
    let mut warnings = vec![
        "all keys are stand-ins computed from the seed: the real ones take no part in a rehearsal"
            .to_owned(),
    ];
    for path in policy.paths() {
        if path
            .staged()
            .is_some_and(|staged| staged.activation().is_some())
        {
            warnings.push(format!(
                "the activation of `{}` is recorded and not evaluated: in this rehearsal its quorum triggers whenever the incident says so",
                path.name()
            ));
        }
    }
    warnings
}

pub(super) fn accepted(prepared: &Prepared, child: Option<(u64, Amount)>) -> Verdict {
    Verdict::Accepted {
        txid: prepared.transaction.compute_txid(),
        vbytes: prepared.transaction.vsize() as u64,
        fee_sats: (prepared.fee + child.map_or(Amount::ZERO, |(_, fee)| fee)).to_sat(),
        child_vbytes: child.map(|(vbytes, _)| vbytes),
    }
}

pub(super) fn refusal(error: &StepError) -> Verdict {
    match error {
        StepError::Refused(refusal) => Verdict::RefusedByChain {
            class: refusal.class.to_string(),
            detail: refusal.detail.clone(),
            consensus: refusal.by == Judge::Consensus,
        },
        error => Verdict::RefusedBySoftware {
            class: error.class().to_owned(),
            reason: error.to_string(),
        },
    }
}

fn stripped(received: &[Received]) -> Vec<String> {
    let stripped = received.iter().flat_map(|received| &received.stripped);
    stripped
        .map(|signature| format!("stripped: {signature}"))
        .collect()
}

/// Names as a list: `a`, `a and b`, `a, b and c`.
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
