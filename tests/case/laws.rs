//! Laws over generated ledgers: honest people, liars, dates of all kinds, and any delivery.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use longstop::governance::{
    Body, CaseOutcome, Cases, Charter, Docket, Event, EventId, Input, MemoryHistory, Phase,
    SignedEvent, Withdrawal, Word, apply, facts_of, replay,
};
use longstop::policy::{Sats, Vault};
use longstop::units::{BlockHeight, ChainTime, UnixTime};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::charter::identity;
use crate::reference::{Came, came_to};
use crate::world::{
    AGENTS, COUNCIL, activation, alarm, at, ballot, charter_by, decision, heartbeat, proposal,
    veto, word_of, words,
};

/// Terms with periods so short that a few events fill them.
static CHARTERS: LazyLock<Vec<Charter>> = LazyLock::new(|| {
    let terms = |hour: &str, hours: &str| {
        let silence = format!("{{ silence = \"council\", for = \"{hours}\", fewer_than = 2 }}");
        let vote = format!(
            "{{ vote = \"council\", turnout = \"40%\", approve = \"50%\", open = \"{hour}\" }}"
        );
        let manual = "{ manual = \"agents\" }";
        let alarm = "{ alarm = \"vetoers\" }";
        [
            format!("activation = {manual}"),
            format!("activation = {silence}"),
            format!("activation = {alarm}"),
            format!("activation = {vote}"),
            format!("activation = {{ any = [{manual}, {silence}, {vote}] }}"),
            format!("activation = {{ all = [{alarm}, {{ any = [{silence}, {manual}] }}] }}"),
        ]
    };
    let by_blocks = terms("10 blocks", "8 blocks").into_iter();
    let by_time = terms("100 minutes", "80 minutes").into_iter();
    by_blocks
        .map(|terms| charter_by("blocks", &terms))
        .chain(by_time.map(|terms| charter_by("time", &terms)))
        .collect()
});

const MANUAL: usize = 0;
const ALARM: usize = 2;
const VOTE: usize = 3;
const CLOCKS: usize = 6;

fn everybody() -> Vec<&'static str> {
    COUNCIL.into_iter().chain(AGENTS).collect()
}

/// What somebody does: who, of whom he has heard by then, how far his dates are from what he has
/// seen, what he says, and whether he forgets his own last event first.
#[derive(Clone, Debug)]
struct Step {
    author: Index,
    hears: Vec<Index>,
    blocks: u32,
    seconds: u32,
    expires: Option<u32>,
    kind: u8,
    about: Index,
    forgets: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        any::<Index>(),
        proptest::collection::vec(any::<Index>(), 0..5),
        prop_oneof![4 => 0u32..3, 1 => 3u32..12],
        prop_oneof![4 => Just(None), 1 => (0u32..7_000).prop_map(Some)],
        proptest::option::weighted(0.1, 1u32..6_000),
        0u8..12,
        any::<Index>(),
        proptest::bool::weighted(0.06),
    );
    let step = step.prop_map(
        |(author, hears, blocks, seconds, expires, kind, about, forgets)| Step {
            author,
            hears,
            blocks,
            // Most dates are one time of the chain, and some are put together from two.
            seconds: seconds.unwrap_or(600 * blocks),
            expires,
            kind,
            about,
            forgets,
        },
    );
    proptest::collection::vec(step, 1..44)
}

/// What everybody has written, in the order in which it was written.
struct Written {
    all: Vec<SignedEvent>,
    knows: BTreeMap<&'static str, BTreeSet<usize>>,
}

impl Written {
    fn parents(&self, event: &Event) -> Vec<usize> {
        let at = |id| self.all.iter().position(|signed| signed.id() == id);
        event.parents().filter_map(at).collect()
    }

    fn past(&self, of: usize) -> BTreeSet<usize> {
        let mut past = BTreeSet::from([of]);
        let mut open = vec![of];
        while let Some(next) = open.pop() {
            for parent in self.parents(self.all[next].event()) {
                if past.insert(parent) {
                    open.push(parent);
                }
            }
        }
        past
    }

    /// The body of a step, from what its author knows.
    fn body(&self, step: &Step, known: &BTreeSet<usize>, author: &str) -> Body {
        let of_kind = |wanted: fn(&Body) -> bool, own: bool| -> Vec<EventId> {
            known
                .iter()
                .map(|at| &self.all[*at])
                .filter(|signed| wanted(&signed.event().body))
                .filter(|signed| !own || signed.event().author == author)
                .map(SignedEvent::id)
                .collect()
        };
        let cases = of_kind(|body| matches!(body, Body::Proposal(_)), false);
        if step.kind == 0 {
            return heartbeat();
        }
        if cases.is_empty() {
            return proposal();
        }
        // Mostly there is one case or there are two, so that something comes of them.
        let case = cases[cases.len() - 1 - step.about.index(cases.len().min(2))];
        match step.kind {
            1 if cases.len() < 2 => proposal(),
            2 => alarm(None),
            3 => alarm(Some("sos")),
            4 => {
                let alarms = of_kind(|body| matches!(body, Body::Alarm(_)), true);
                match alarms.as_slice() {
                    [] => alarm(None),
                    some => Body::Withdrawal(Withdrawal {
                        alarm: some[step.about.index(some.len())],
                    }),
                }
            }
            5 => ballot(case, true),
            6 => ballot(case, false),
            7 => veto(case),
            8 => decision(case, CaseOutcome::Abandoned),
            _ if COUNCIL.contains(&author) => ballot(case, step.kind != 9),
            _ => activation(case),
        }
    }

    fn write(&mut self, charter: &Charter, step: &Step, author: &'static str, honest: bool) {
        let people = everybody();
        let mut known = self.knows.get(author).cloned().unwrap_or_default();
        for other in &step.hears {
            let other = people[other.index(people.len())];
            known.extend(self.knows.get(other).into_iter().flatten());
        }
        let own = |known: &BTreeSet<usize>, all: &[SignedEvent]| {
            let mut own = known.iter().rev().copied();
            own.find(|at| all[*at].event().author == author)
        };
        if step.forgets
            && !honest
            && let Some(lost) = own(&known, &self.all)
        {
            known.retain(|at| !self.past(*at).contains(&lost));
        }
        let previous = own(&known, &self.all);
        let parents: BTreeSet<usize> = known
            .iter()
            .flat_map(|at| self.parents(self.all[*at].event()))
            .collect();
        let heads = known.iter().filter(|at| !parents.contains(at));
        let heads = heads.filter(|at| Some(**at) != previous);
        let mut seen: Vec<EventId> = heads.map(|at| self.all[*at].id()).collect();
        seen.sort_unstable();
        let dates = known.iter().map(|at| self.all[*at].event().at);
        let latest = dates.fold(at(0), |one, other| ChainTime {
            height: one.height.max(other.height),
            median_time_past: one.median_time_past.max(other.median_time_past),
        });
        let time = latest.median_time_past.after_seconds(step.seconds);
        let body = if honest {
            heartbeat()
        } else {
            self.body(step, &known, author)
        };
        let event = Event {
            policy_id: charter.id(),
            network: charter.policy().network(),
            author: author.to_owned(),
            previous: previous.map(|at| self.all[at].id()),
            seen,
            at: ChainTime {
                height: BlockHeight(latest.height.0 + step.blocks),
                median_time_past: time,
            },
            expires: step.expires.map(|seconds| time.after_seconds(seconds)),
            body,
        };
        let signed = event.sign(&identity(author)).expect("it can be said");
        // Whoever says the very same twice has said it once.
        let place = match self.all.iter().position(|other| other.id() == signed.id()) {
            Some(place) => place,
            None => {
                self.all.push(signed);
                self.all.len() - 1
            }
        };
        known.insert(place);
        self.knows.insert(author, known);
    }
}

/// Plays steps; whoever is honest gives nothing but signs of life.
fn play(charter: &Charter, steps: &[Step], honest: &[&str]) -> (MemoryHistory, Vec<SignedEvent>) {
    let people = everybody();
    let mut written = Written {
        all: Vec::new(),
        knows: BTreeMap::new(),
    };
    for step in steps {
        let author = people[step.author.index(people.len())];
        written.write(charter, step, author, honest.contains(&author));
    }
    let mut history = MemoryHistory::new(charter.clone());
    for signed in &written.all {
        assert_eq!(history.insert(signed.clone()), Ok(true));
    }
    (history, written.all)
}

fn came(phase: &Phase) -> Came {
    match phase {
        Phase::Proposed => Came::Proposed,
        Phase::Activated => Came::Activated,
        Phase::Frozen { .. } => Came::Frozen,
        Phase::Vetoed { .. } => Came::Vetoed,
        Phase::Closed { .. } => Came::Closed,
    }
}

fn is_activated(cases: &Cases) -> bool {
    cases.all().iter().any(|(_, case)| case.activated.is_some())
}

const LATE: ChainTime = ChainTime {
    height: BlockHeight(100_000),
    median_time_past: UnixTime(1_800_000_000),
};

/// The laws say something: generated ledgers come to every phase, under all terms, by honest people
/// and among liars.
#[test]
fn generated_ledgers_come_to_everything() {
    let mut runner = TestRunner::deterministic();
    let mut came_to = BTreeMap::new();
    let mut activated = BTreeSet::new();
    let mut late = 0;
    for round in 0..480 {
        let steps = steps()
            .new_tree(&mut runner)
            .expect("there are steps")
            .current();
        let which = round % CHARTERS.len();
        let charter = &CHARTERS[which];
        let (history, _) = play(charter, &steps, &[]);
        let words = words(&history);
        let cases = replay(words.clone(), LATE, charter.policy());
        for (docket, case) in cases.all() {
            *came_to
                .entry(format!("{:?}", came(&case.phase)))
                .or_insert(0) += 1;
            if case.activated.is_some() {
                activated.insert(which);
            }
            let liars = docket.parties().values().filter(|party| party.forked);
            if case.activated.is_some() && liars.count() > 0 {
                *came_to
                    .entry("Activated among liars".to_owned())
                    .or_insert(0) += 1;
            }
        }
        let mut by_time = words.clone();
        by_time.sort_by_key(|word| word.event.at.median_time_past);
        late += usize::from(!by_time.is_sorted_by_key(|word| word.event.at.height));
    }
    println!("{came_to:?}, {late} with dates of two times");
    for what in [
        "Proposed",
        "Activated",
        "Frozen",
        "Vetoed",
        "Closed",
        "Activated among liars",
    ] {
        assert!(
            came_to.get(what).is_some_and(|count| *count >= 5),
            "{what}: {came_to:?}"
        );
    }
    assert_eq!(
        activated.len(),
        CHARTERS.len(),
        "under all terms: {activated:?}"
    );
    assert!(late >= 20, "{late}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The docket agrees with a reader of the definitions, on every case and at every time.
    #[test]
    fn cases_are_what_the_definitions_say(
        terms in any::<Index>(),
        steps in steps(),
        now in 0u32..60,
    ) {
        let charter = &CHARTERS[terms.index(CHARTERS.len())];
        let (history, _) = play(charter, &steps, &[]);
        let words = words(&history);
        for now in [at(now), LATE] {
            let cases = replay(words.clone(), now, charter.policy());
            for word in &words {
                let told = cases.case(word.id).map(|(_, case)| {
                    let by = case.activated.as_ref().map(|by| by.event);
                    (came(&case.phase), by)
                });
                let expected = came_to(&words, word.id, now, charter.policy());
                prop_assert_eq!(told, expected, "{:?}", word);
            }
            // Whatever has happened, there is an answer for everybody.
            for (docket, case) in cases.all() {
                let status = docket.status(case.id, charter.policy());
                prop_assert!(serde_json::to_string(&status).is_ok());
                let sats = Sats::try_from(1_000).expect("an amount");
                let vault = Vault { coins: 1, sats };
                let facts = facts_of(docket, case, now, vault, charter.policy());
                prop_assert_eq!(&facts.path, "sos");
            }
        }
    }

    /// Live is replay: whatever order events arrive in, however late, however often, and however
    /// the chain goes on meanwhile.
    #[test]
    fn replay_equals_live(
        terms in any::<Index>(),
        steps in steps(),
        arrivals in proptest::collection::vec(any::<Index>(), 80),
        chain in proptest::collection::vec(0u32..60, 1..8),
    ) {
        let charter = &CHARTERS[terms.index(CHARTERS.len())];
        let policy = charter.policy();
        let (whole, written) = play(charter, &steps, &[]);
        let mut waiting: Vec<SignedEvent> = written.clone();
        let mut history = MemoryHistory::new(charter.clone());
        let mut cases = Cases::new(policy);
        let mut arrivals = arrivals.iter().cycle();
        let mut chain = chain.iter();
        let mut furthest = ChainTime::default();
        while !waiting.is_empty() {
            let at_random = arrivals.next().expect("they go on for ever");
            // What comes before all it names waits for these.
            let start = at_random.index(waiting.len());
            let ready = (0..waiting.len())
                .map(|step| (start + step) % waiting.len())
                .find(|place| {
                    let known = |id: &EventId| history.event(*id).is_some();
                    waiting[*place].event().parents().all(|id| known(&id))
                });
            let next = waiting.swap_remove(ready.expect("the first has no parents"));
            let forks = history.history().forks();
            prop_assert_eq!(history.insert(next.clone()), Ok(true));
            let news: Vec<Word> = if forks == history.history().forks() {
                vec![word_of(&history, &next)]
            } else {
                let of_author = |word: &Word| word.event.author == next.event().author;
                words(&history).into_iter().filter(of_author).collect()
            };
            let _ = cases.insert(news.clone(), policy);
            prop_assert!(cases.insert(news, policy).is_empty(), "said twice is said once");
            if let Some(blocks) = chain.next() {
                let _ = cases.observe(at(*blocks), policy);
                furthest = furthest.max_by_both(at(*blocks));
            }
            prop_assert_eq!(&cases, &replay(words(&history), furthest, policy));
        }
        let _ = cases.observe(LATE, policy);
        prop_assert_eq!(&cases, &replay(words(&whole), LATE, policy));
        prop_assert!(cases.held().is_empty());

        // One transition for all: the same by `apply`, word by word.
        for docket in cases.dockets() {
            let mut in_order = words(&whole);
            in_order.sort_by_key(|word| docket.key(word));
            let (mut told, _) = apply(Docket::new(docket.clock()), &Input::Chain(LATE), policy);
            for word in in_order {
                (told, _) = apply(told, &Input::Word(word), policy);
            }
            prop_assert_eq!(&told, docket);
        }
    }

    /// One agent activates nothing where it takes two, whatever the whole council does with him.
    #[test]
    fn no_coalition_below_a_manual_quorum_activates(
        steps in steps(),
        agent in 0..AGENTS.len(),
        by_time in any::<bool>(),
    ) {
        let charter = &CHARTERS[MANUAL + if by_time { CLOCKS } else { 0 }];
        let honest: Vec<&str> =
            AGENTS.into_iter().filter(|name| *name != AGENTS[agent]).collect();
        let (history, _) = play(charter, &steps, &honest);
        prop_assert!(!is_activated(&replay(words(&history), LATE, charter.policy())));
    }

    /// One monitor and all agents raise no alarm that takes two monitors.
    #[test]
    fn no_coalition_below_the_monitors_activates(
        steps in steps(),
        member in 0..COUNCIL.len(),
        by_time in any::<bool>(),
    ) {
        let charter = &CHARTERS[ALARM + if by_time { CLOCKS } else { 0 }];
        let honest: Vec<&str> =
            COUNCIL.into_iter().filter(|name| *name != COUNCIL[member]).collect();
        let (history, _) = play(charter, &steps, &honest);
        prop_assert!(!is_activated(&replay(words(&history), LATE, charter.policy())));
    }

    /// One voter and all agents pass no vote that two of five must take part in.
    #[test]
    fn no_coalition_below_the_turnout_activates(
        steps in steps(),
        member in 0..COUNCIL.len(),
        by_time in any::<bool>(),
    ) {
        let charter = &CHARTERS[VOTE + if by_time { CLOCKS } else { 0 }];
        let honest: Vec<&str> =
            COUNCIL.into_iter().filter(|name| *name != COUNCIL[member]).collect();
        let (history, _) = play(charter, &steps, &honest);
        prop_assert!(!is_activated(&replay(words(&history), LATE, charter.policy())));
    }

    /// Once the veto quorum objects the case is vetoed, whenever that is said and whatever else is.
    #[test]
    fn a_veto_quorum_always_gets_there(
        terms in any::<Index>(),
        steps in steps(),
        vetoers in proptest::sample::subsequence(COUNCIL.to_vec(), 0..=5),
    ) {
        let charter = &CHARTERS[terms.index(CHARTERS.len())];
        let policy = charter.policy();
        let (mut history, _) = play(charter, &steps, &[]);
        let before = replay(words(&history), LATE, policy);
        let cases: Vec<EventId> = before.all().iter().map(|(_, case)| case.id).collect();
        for case in &cases {
            for member in &vetoers {
                let latest = history.history().latest();
                let event = history.draft(member, latest, veto(*case));
                let signed = event.sign(&identity(member)).expect("it can be said");
                prop_assert!(history.insert(signed).is_ok());
            }
        }
        let after = replay(words(&history), LATE, policy);
        for case in &cases {
            let (_, case) = after.case(*case).expect("it was proposed");
            let (_, was) = before.case(case.id).expect("it was proposed");
            if vetoers.len() >= 2 || matches!(was.phase, Phase::Vetoed { .. }) {
                let is_vetoed = matches!(case.phase, Phase::Vetoed { .. });
                prop_assert!(is_vetoed, "{:?}", case.phase);
            }
        }
    }
}

trait Furthest {
    fn max_by_both(self, other: Self) -> Self;
}

impl Furthest for ChainTime {
    fn max_by_both(self, other: Self) -> Self {
        Self {
            height: self.height.max(other.height),
            median_time_past: self.median_time_past.max(other.median_time_past),
        }
    }
}
