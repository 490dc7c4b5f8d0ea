//! Three replicas, one chain, one coin, and what must hold of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, LazyLock};

use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Amount, FeeRate, OutPoint, Psbt};
use longstop::chain::EmbeddedChain;
use longstop::compile::{Keychain, Stage, compile};
use longstop::engine::{Action, Engine, KnownCoin, Replica, Signers, StepError};
use longstop::governance::{
    Action as Due, Activation, Alarm, Ballot, Body, CaseOutcome, Charter, Decision, Digest, Event,
    EventId, Heartbeat, Phase, Proposal, SignedEvent, Veto, Withdrawal, Word, replay,
};
use longstop::policy::check;
use longstop::signer::SoftwareSigner;
use longstop::units::{BlockHeight, Blocks, ChainTime, UnixTime};

use crate::steps::{Move, PARTIES, What};

const PATH: &str = "rescue";

/// The window of the escrow in this policy, in blocks.
const WINDOW: u32 = 12;

/// The silence of this policy, in blocks.
const SILENCE: u32 = 18;

const BOARD: std::ops::Range<usize> = 0..5;
const WARDENS: std::ops::Range<usize> = 5..8;
const MONITORS: std::ops::Range<usize> = 8..11;

/// The shipped policy with periods that a test can wait for.
fn policy() -> String {
    let text = fs::read_to_string("policies/relief-fund/policy.toml").expect("it is shipped");
    let mut changed = text;
    for (days, blocks) in [
        ("window = \"14 days\"", "window = \"12 blocks\""),
        ("backstop = \"60 days\"", "backstop = \"40 blocks\""),
        ("period = \"30 days\"", "period = \"20 blocks\""),
        ("for = \"30 days\"", "for = \"18 blocks\""),
        ("open = \"7 days\"", "open = \"9 blocks\""),
    ] {
        assert!(changed.contains(days), "{days}");
        changed = changed.replace(days, blocks);
    }
    changed
}

struct People {
    secp: Secp256k1<All>,
    signers: BTreeMap<String, SoftwareSigner>,
}

impl Signers for People {
    fn sign(&self, party: &str, mut psbt: Psbt) -> Option<Psbt> {
        self.signers.get(party)?.sign(&mut psbt, &self.secp);
        Some(psbt)
    }
}

static PEOPLE: LazyLock<People> = LazyLock::new(|| {
    let secp = Secp256k1::new();
    let signers = PARTIES.iter().map(|name| {
        let signer = SoftwareSigner::stand_in(0, name, &secp);
        ((*name).to_owned(), signer)
    });
    People {
        signers: signers.collect(),
        secp,
    }
});

/// Everybody's software, and the chain.
pub struct World {
    charter: Charter,
    engine: Engine<EmbeddedChain>,
    replicas: Vec<Replica>,
    /// What each replica has taken, in the order in which it did.
    taken: Vec<Vec<SignedEvent>>,
    /// How many of these are on its disk.
    durable: Vec<usize>,
    deposit: OutPoint,
    down: BTreeSet<usize>,
    /// The highest that any chain has been, which no reorg takes back.
    furthest: ChainTime,
    cancelled: bool,
}

impl World {
    /// A coin that is armed, and nobody has said anything.
    pub fn new() -> Self {
        let checked = check(&policy());
        let policy = checked
            .policy
            .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
        let compiled = Arc::new(compile(Arc::new(policy)).expect("it compiles"));
        let id = Digest(compiled.id().to_bytes());
        let charter = Charter::new(Arc::clone(compiled.policy()), id);
        let chain = EmbeddedChain::new(UnixTime(1_700_000_000));
        let mut engine = Engine::new(Arc::clone(&compiled), chain);
        for party in PARTIES {
            let script = engine.fee_script(party, Keychain::Receive);
            let script = script.expect("everybody has a fee wallet");
            for _ in 0..2 {
                let amount = Amount::from_sat(400_000);
                while engine.chain_mut().fund(script.clone(), amount).is_err() {
                    engine.chain_mut().mine_one();
                }
            }
        }
        engine.chain_mut().mine_one();
        let address = engine.reveal(Keychain::Receive).expect("an index");
        let script = address.script_pubkey().clone();
        let funded = engine
            .chain_mut()
            .fund(script, Amount::from_sat(50_000_000));
        let deposit = funded.expect("the faucet pays");
        engine.chain_mut().mine(6);
        let everybody = names(0..PARTIES.len());
        let armed = engine.arm(deposit, PATH, &names(BOARD), &everybody, &*PEOPLE);
        armed.expect("it can be armed");
        let mut replica = Replica::new(charter.clone());
        replica.observe(engine.chain().tip().time);
        Self {
            replicas: vec![replica; 3],
            charter,
            taken: vec![Vec::new(); 3],
            durable: vec![0; 3],
            deposit,
            down: BTreeSet::new(),
            furthest: engine.chain().tip().time,
            engine,
            cancelled: false,
        }
    }

    /// The same, in which something else can happen.
    pub fn fork(&self) -> Self {
        Self {
            charter: self.charter.clone(),
            engine: self.engine.on(self.engine.chain().fork()),
            replicas: self.replicas.clone(),
            taken: self.taken.clone(),
            durable: self.durable.clone(),
            deposit: self.deposit,
            down: self.down.clone(),
            furthest: self.furthest,
            cancelled: self.cancelled,
        }
    }

    pub fn play(&mut self, step: &Move) {
        match step {
            Move::Say { who, what, skew } => {
                if let Some(event) = self.draft(*who, *what) {
                    let at = skewed(event.at, *skew);
                    self.say(*who, Event { at, ..event });
                }
            }
            Move::Fork { who, what } => {
                let before = self.draft(*who, *what);
                let replica = &self.replicas[home(*who)];
                let last = before.as_ref().and_then(|event| event.previous);
                let last = last.and_then(|last| replica.history().event(last));
                if let (Some(event), Some(last)) = (before, last) {
                    let last = last.event();
                    let (previous, seen) = (last.previous, last.seen.clone());
                    self.say(
                        *who,
                        Event {
                            previous,
                            seen,
                            ..event
                        },
                    );
                }
            }
            Move::Deliver { from, to, order } => self.deliver(*from, *to, *order),
            Move::Crash(replica) => self.crash(*replica),
            Move::Mine(blocks) => {
                self.engine.chain_mut().mine(*blocks);
                self.observe();
            }
            Move::Reorg(depth) => {
                let chain = self.engine.chain_mut();
                if chain.reorg(Blocks(*depth), &[]).is_ok() {
                    chain.mine(*depth + 1);
                }
                self.observe();
            }
            Move::Fees(rate) => {
                let rate = FeeRate::from_sat_per_vb(*rate).expect("a small number");
                self.engine.set_feerate(rate);
                self.engine.chain_mut().set_mempool_min(rate);
                self.engine.chain_mut().set_going_rate(rate);
            }
            Move::Down(warden) => {
                if !self.down.remove(warden) {
                    self.down.insert(*warden);
                }
            }
            Move::Trigger { regardless } => self.trigger(*regardless),
            Move::Settle => self.settle(),
        }
    }

    fn observe(&mut self) {
        let tip = self.engine.chain().tip().time;
        self.furthest = later(self.furthest, tip);
        for replica in &mut self.replicas {
            replica.observe(tip);
        }
        self.keep();
    }

    /// What waited for the chain has been taken by now: a replica has it in its order.
    fn keep(&mut self) {
        for (replica, taken) in self.replicas.iter().zip(&mut self.taken) {
            let known: BTreeSet<EventId> = taken.iter().map(SignedEvent::id).collect();
            let told = replica.history().told();
            let new = told
                .iter()
                .filter(|entry| !known.contains(&entry.signed.id()));
            taken.extend(new.map(|entry| entry.signed.clone()));
        }
    }

    /// What a party would say at its replica, about the last case there.
    fn draft(&self, who: usize, what: What) -> Option<Event> {
        let replica = &self.replicas[home(who)];
        let all = replica.cases().all();
        let case = all.last().map(|(_, case)| case.id);
        let why = || "a made-up reason".to_owned();
        let body = match what {
            What::Heartbeat => Body::Heartbeat(Heartbeat {}),
            What::Alarm => Body::Alarm(Alarm {
                path: None,
                why: why(),
            }),
            What::Withdraw => {
                let dockets = replica.cases().dockets().first()?;
                let mut alarms = dockets.alarms().iter();
                let own = alarms.find(|(_, alarm)| alarm.party == PARTIES[who]);
                Body::Withdrawal(Withdrawal { alarm: *own?.0 })
            }
            What::Propose => Body::Proposal(Proposal {
                path: PATH.to_owned(),
                why: why(),
            }),
            What::Approve | What::Reject => Body::Ballot(Ballot {
                case: case?,
                approve: what == What::Approve,
            }),
            What::Activate => Body::Activation(Activation {
                case: case?,
                judgement: None,
            }),
            What::Veto => Body::Veto(Veto {
                case: case?,
                why: why(),
            }),
            What::Close => Body::Decision(Decision {
                case: case?,
                outcome: CaseOutcome::Completed,
                why: why(),
            }),
        };
        let now = self.engine.chain().tip().time;
        Some(replica.draft(PARTIES[who], now, body))
    }

    fn say(&mut self, who: usize, event: Event) {
        let identity = SoftwareSigner::stand_in_identity(0, PARTIES[who]);
        let signed = event.sign(&identity).expect("it can be said");
        // A date before what its author had seen, or a case he had not, is refused.
        let _refused = self.replicas[home(who)].take(signed).is_err();
        self.keep();
    }

    /// Whatever is handed on is on the disk before.
    fn deliver(&mut self, from: usize, to: usize, order: u64) {
        self.durable[from] = self.taken[from].len();
        let mut events = self.taken[from].clone();
        events.extend(self.taken[from].iter().cloned());
        shuffle(&mut events, order);
        // What has not come with all it names is asked for again.
        while let Some(at) = {
            let replica = &mut self.replicas[to];
            events
                .iter()
                .position(|event| replica.take(event.clone()).is_ok())
        } {
            events.swap_remove(at);
        }
        self.keep();
    }

    fn crash(&mut self, at: usize) {
        self.taken[at].truncate(self.durable[at]);
        let mut replica = Replica::new(self.charter.clone());
        replica.observe(self.furthest);
        for event in &self.taken[at] {
            let taken = replica.take(event.clone());
            assert!(taken.is_ok(), "what was durable is taken again: {taken:?}");
        }
        self.replicas[at] = replica;
    }

    /// Wardens who are not down trigger, if their replica consents or they do not ask.
    fn trigger(&mut self, regardless: bool) {
        let consents = self.replicas[home(WARDENS.start)].consent(PATH).is_ok();
        if !consents && !regardless {
            return;
        }
        let by = WARDENS.filter(|warden| !self.down.contains(warden));
        let by = names_of(by);
        let path = PATH.to_owned();
        let outcome = self.send(|coin| Action::Trigger { coin, path }, &by, "rui");
        if by.len() < 2 {
            assert!(outcome.is_err(), "one warden triggers");
        }
    }

    /// A settle before the end of the window is refused, by our software and by the chain.
    fn settle(&mut self) {
        let known = self.coin();
        let coin = known.coin.outpoint();
        if *known.coin.derived().stage() != Stage::Escrow(PATH.to_owned()) {
            return;
        }
        let prepared = self.engine.prepare(&Action::Settle { coin }, &[], &*PEOPLE);
        let Ok(prepared) = prepared else { return };
        let chain = self.engine.chain();
        let age = self.age(&known);
        let taken = chain.test_block_with(&prepared.transaction);
        let is_open = age.is_some_and(|age| age >= WINDOW);
        let is_there = known.spent_by().is_none();
        if !is_open {
            assert!(taken.is_err(), "settled at an age of {age:?}");
        } else if is_there {
            assert!(taken.is_ok(), "not settled at an age of {age:?}: {taken:?}");
        }
        let outcome = self.send(|coin| Action::Settle { coin }, &[], "sofia");
        if !is_open {
            assert!(outcome.is_err());
        }
    }

    /// How old the coin is for the next block.
    fn age(&self, known: &KnownCoin) -> Option<u32> {
        let next = self.engine.chain().tip().time.height.0 + 1;
        Some(next - known.birth?.height.0)
    }

    fn send(
        &mut self,
        action: impl FnOnce(OutPoint) -> Action,
        by: &[String],
        broadcaster: &str,
    ) -> Result<(), StepError> {
        let coin = self.coin().coin.outpoint();
        let prepared = self.engine.prepare(&action(coin), by, &*PEOPLE)?;
        self.engine.broadcast(&prepared, broadcaster, &*PEOPLE)?;
        self.engine.chain_mut().mine_one();
        self.observe();
        Ok(())
    }

    /// The coin, wherever it is by now.
    fn coin(&self) -> KnownCoin {
        let coins = self.engine.coins().expect("the chain answers");
        let at = |outpoint| coins.iter().find(|known| known.coin.outpoint() == outpoint);
        let mut known = at(self.deposit).expect("the deposit is buried");
        while let Some(by) = known.spent_by() {
            let next = coins.iter().find(|next| next.coin.outpoint().txid == by);
            match next {
                Some(next) => known = next,
                None => break,
            }
        }
        known.clone()
    }

    pub fn is_in_escrow(&self) -> bool {
        let known = self.coin();
        known.spent_by().is_none()
            && *known.coin.derived().stage() == Stage::Escrow(PATH.to_owned())
    }

    pub fn was_cancelled(&self) -> bool {
        self.cancelled
    }

    /// What holds after every step, at every replica for itself.
    pub fn check(&mut self) {
        for replica in &self.replicas {
            self.check_replica(replica);
        }
        self.cancel_what_is_vetoed();
    }

    fn check_replica(&self, replica: &Replica) {
        let words: Vec<Word> = replica
            .history()
            .told()
            .into_iter()
            .map(Word::from)
            .collect();
        let told_anew = replay(words.clone(), replica.cases().now(), replica.policy());
        assert_eq!(*replica.cases(), told_anew, "replay equals live");
        let due = replica.cases().due(replica.policy());
        for (_, case) in replica.cases().all() {
            let about = |party: &str, kind: fn(&Body) -> bool| {
                words.iter().any(|word| {
                    word.event.author == party
                        && word.event.body.case().is_none_or(|about| about == case.id)
                        && kind(&word.event.body)
                })
            };
            let count = |group: std::ops::Range<usize>, kind: fn(&Body) -> bool| {
                group.filter(|who| about(PARTIES[*who], kind)).count()
            };
            if let Some(by) = &case.activated {
                let activations = count(WARDENS, |body| matches!(body, Body::Activation(_)));
                let alarms = count(MONITORS, |body| matches!(body, Body::Alarm(_)));
                let approvals = count(BOARD, |body| {
                    matches!(body, Body::Ballot(Ballot { approve: true, .. }))
                });
                assert!(activations >= 1, "a warden has to say so");
                let is_silent = heard(&words, by.at) < 2;
                assert!(
                    is_silent || approvals >= 2 || (alarms >= 2 && activations >= 2),
                    "activated by {activations} wardens, {alarms} monitors, {approvals} approvals"
                );
            }
            let vetoes = count(BOARD, |body| matches!(body, Body::Veto(_)));
            let cancels = due
                .iter()
                .any(|action| matches!(action, Due::Cancel { case: of, .. } if *of == case.id));
            assert_eq!(cancels, vetoes >= 2, "a veto of two makes software cancel");
            assert_eq!(cancels, matches!(case.phase, Phase::Vetoed { .. }));
        }
    }

    /// The board's replica carries out its cancels, and inside the window they always win.
    fn cancel_what_is_vetoed(&mut self) {
        let replica = &self.replicas[home(BOARD.start)];
        let vetoed = replica.vetoed(PATH).is_some() && replica.consent(PATH).is_err();
        if !vetoed || !self.is_in_escrow() {
            return;
        }
        let known = self.coin();
        let by = names(0..2);
        let outcome = self.send(|coin| Action::Cancel { coin }, &by, "amara");
        if self.age(&known).is_some_and(|age| age <= WINDOW) {
            assert!(outcome.is_ok(), "inside the window: {outcome:?}");
            let now = self.coin();
            let escrow = known.coin.outpoint();
            assert_ne!(now.coin.outpoint(), escrow);
            assert_eq!(*now.coin.derived().stage(), Stage::Vault);
            self.cancelled = true;
        }
    }

    /// With all events everywhere and the chain beyond their dates, all say the same.
    pub fn finish(&mut self) {
        self.engine.chain_mut().mine(40);
        self.observe();
        for _ in 0..2 {
            for from in 0..3 {
                for to in 0..3 {
                    self.deliver(from, to, 3);
                }
            }
        }
        let [one, other, third] = &self.replicas[..] else {
            panic!("there are three");
        };
        for replica in &self.replicas {
            assert_eq!(replica.waiting().count(), 0, "nothing waits any more");
        }
        assert_eq!(
            one.history().history().count(),
            other.history().history().count()
        );
        assert_eq!(one.cases(), other.cases());
        assert_eq!(one.cases(), third.cases());
        let forks = |replica: &Replica| replica.history().history().forks();
        assert_eq!(forks(one), forks(other));
        for at in 0..3 {
            let before = self.replicas[at].cases().clone();
            self.durable[at] = self.taken[at].len();
            self.crash(at);
            assert_eq!(
                *self.replicas[at].cases(),
                before,
                "nothing durable is lost"
            );
        }
        self.check();
    }
}

/// How many of the board were heard of in the silence before a date.
fn heard(words: &[Word], at: ChainTime) -> usize {
    let is_heard = |who: &usize| {
        words.iter().any(|word| {
            let height = word.event.at.height.0;
            word.event.author == PARTIES[*who]
                && height < at.height.0
                && height + SILENCE > at.height.0
        })
    };
    BOARD.filter(is_heard).count()
}

/// Each group writes at one replica.
fn home(who: usize) -> usize {
    [BOARD, WARDENS, MONITORS]
        .iter()
        .position(|group| group.contains(&who))
        .expect("everybody is in a group")
}

fn names(group: std::ops::Range<usize>) -> Vec<String> {
    names_of(group)
}

fn names_of(group: impl Iterator<Item = usize>) -> Vec<String> {
    group.map(|who| PARTIES[who].to_owned()).collect()
}

fn later(one: ChainTime, other: ChainTime) -> ChainTime {
    ChainTime {
        height: one.height.max(other.height),
        median_time_past: one.median_time_past.max(other.median_time_past),
    }
}

fn skewed(at: ChainTime, blocks: i32) -> ChainTime {
    let seconds = blocks.saturating_mul(600);
    ChainTime {
        height: BlockHeight(at.height.0.saturating_add_signed(blocks)),
        median_time_past: UnixTime(at.median_time_past.0.saturating_add_signed(seconds)),
    }
}

/// An order that a number stands for.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed | 1;
    for at in (1..items.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let other = usize::try_from(state >> 33).expect("31 bits") % (at + 1);
        items.swap(at, other);
    }
}
