//! Histories: the same however events arrive, and nobody tells two stories unnoticed.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/charter.rs"]
mod charter;

use std::collections::{BTreeMap, BTreeSet};

use longstop::governance::{
    Alarm, Ballot, Body, Digest, Event, EventId, Heartbeat, Identity, Kind, MemoryHistory,
    Proposal, Refusal, Rotation, SignedEvent, Withdrawal,
};
use longstop::policy::Network;
use proptest::prelude::*;
use proptest::sample::Index;

use self::charter::{CHARTER, at, identity};

const AUTHORS: [&str; 4] = ["alice", "bob", "carol", "gina"];

fn history() -> MemoryHistory {
    MemoryHistory::new(CHARTER.clone())
}

fn heartbeat() -> Body {
    Body::Heartbeat(Heartbeat {})
}

fn draft(history: &MemoryHistory, author: &str, blocks: u32, body: Body) -> Event {
    history.draft(author, at(blocks), body)
}

fn sign(event: Event) -> SignedEvent {
    let key = identity(&event.author);
    event.sign(&key).expect("it can be said")
}

/// Says something with knowledge of all there is.
fn say(history: &mut MemoryHistory, author: &str, blocks: u32, body: Body) -> EventId {
    let signed = sign(draft(history, author, blocks, body));
    let id = signed.id();
    assert_eq!(history.insert(signed), Ok(true));
    id
}

fn say_signed(history: &mut MemoryHistory, author: &str, body: Body) -> SignedEvent {
    let signed = sign(draft(history, author, 0, body));
    assert_eq!(history.insert(signed.clone()), Ok(true));
    signed
}

fn refused(history: &MemoryHistory, event: Event) -> Refusal {
    let mut history = history.clone();
    history.insert(sign(event)).expect_err("it is refused")
}

/// What somebody does: who, and whether he forgets his own last event first, and whose events he
/// has heard of by then.
#[derive(Clone, Debug)]
struct Step {
    author: usize,
    forget: Option<Index>,
    hears: Vec<usize>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        0..AUTHORS.len(),
        prop_oneof![6 => Just(None), 1 => any::<Index>().prop_map(Some)],
        proptest::collection::vec(0..AUTHORS.len(), 0..3),
    );
    let step = step.prop_map(|(author, forget, hears)| Step {
        author,
        forget,
        hears,
    });
    proptest::collection::vec(step, 1..24)
}

/// Plays the steps with a replica for each author, and gives all events in the order they were
/// written, and who really forked.
fn play(steps: &[Step]) -> (Vec<SignedEvent>, BTreeSet<String>) {
    let mut replicas = vec![Vec::<SignedEvent>::new(); AUTHORS.len()];
    let mut all = Vec::new();
    let mut forked = BTreeSet::new();
    for (blocks, step) in (0u32..).zip(steps) {
        for other in &step.hears {
            let news = replicas[*other].clone();
            for signed in news {
                if !replicas[step.author]
                    .iter()
                    .any(|known| known.id() == signed.id())
                {
                    replicas[step.author].push(signed);
                }
            }
        }
        let author = AUTHORS[step.author];
        let mut mine = history();
        let known = &replicas[step.author];
        let own = || {
            known
                .iter()
                .filter(|signed| signed.event().author == author)
        };
        // Whoever forgets has lost one of his own events and whatever knew of it.
        let lost = step.forget.filter(|_| own().count() > 0);
        let lost = lost.and_then(|at| own().nth(at.index(own().count())));
        for signed in known {
            if Some(signed.id()) != lost.map(SignedEvent::id) {
                let _ = mine.insert(signed.clone());
            }
        }
        if lost.is_some() {
            forked.insert(author.to_owned());
        }
        let signed = sign(draft(&mine, author, blocks, heartbeat()));
        replicas[step.author].push(signed.clone());
        all.push(signed);
    }
    (all, forked)
}

/// Takes the events in an order in which all are known in time, chosen by dice.
fn arrive(all: &[SignedEvent], dice: &[Index]) -> MemoryHistory {
    let mut history = history();
    let mut waiting: Vec<&SignedEvent> = all.iter().collect();
    let mut dice = dice.iter().cycle();
    while !waiting.is_empty() {
        let ready: Vec<usize> = waiting
            .iter()
            .enumerate()
            .filter(|(_, signed)| {
                let mut parents = signed.event().parents();
                parents.all(|parent| history.event(parent).is_some())
            })
            .map(|(at, _)| at)
            .collect();
        let chosen = ready[dice.next().expect("a cycle").index(ready.len())];
        let signed = waiting.remove(chosen);
        assert_eq!(history.insert(signed.clone()), Ok(true));
        assert_eq!(history.insert(signed.clone()), Ok(false));
    }
    history
}

/// Everything an event's author had seen, by walking.
fn past(all: &BTreeMap<EventId, &SignedEvent>, id: EventId) -> BTreeSet<EventId> {
    let mut seen = BTreeSet::new();
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            open.extend(all[&id].event().parents());
        }
    }
    seen
}

/// The author's own events that this one follows, by walking, itself among them.
fn chain(all: &BTreeMap<EventId, &SignedEvent>, id: EventId) -> BTreeSet<EventId> {
    let mut chain = BTreeSet::from([id]);
    let mut at = id;
    while let Some(previous) = all[&at].event().previous {
        chain.insert(previous);
        at = previous;
    }
    chain
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn it_comes_to_the_same_however_events_arrive(
        steps in steps(),
        one in proptest::collection::vec(any::<Index>(), 8),
        other in proptest::collection::vec(any::<Index>(), 8),
    ) {
        let (all, forked) = play(&steps);
        let one = arrive(&all, &one);
        let other = arrive(&all, &other);
        let told = |history: &MemoryHistory| -> Vec<(EventId, bool)> {
            let told = history.told().into_iter();
            told.map(|entry| (entry.signed.id(), entry.after_fork)).collect()
        };
        prop_assert_eq!(told(&one), told(&other));
        prop_assert_eq!(one.history().forks(), other.history().forks());
        prop_assert_eq!(one.history().heads(), other.history().heads());
        prop_assert_eq!(one.history().latest(), other.history().latest());

        // Against walking along the events themselves.
        let by_id: BTreeMap<EventId, &SignedEvent> =
            all.iter().map(|signed| (signed.id(), signed)).collect();
        let mut children: BTreeMap<(&str, Option<EventId>), BTreeSet<EventId>> = BTreeMap::new();
        for signed in &all {
            let key = (signed.event().author.as_str(), signed.event().previous);
            children.entry(key).or_default().insert(signed.id());
        }
        children.retain(|_, children| children.len() > 1);
        let found: BTreeMap<_, _> = one.history().forks().into_iter()
            .map(|fork| ((fork.author, fork.after), fork.children))
            .collect();
        prop_assert_eq!(
            found.iter().map(|((author, after), ids)| ((author.as_str(), *after), ids.clone())).collect::<BTreeMap<_, _>>(),
            children.clone()
        );
        // Nobody who kept his own events in order has forked.
        prop_assert!(children.keys().all(|(author, _)| forked.contains(*author)));
        for (earlier, _) in told(&one) {
            for (later, _) in told(&one) {
                let knows = past(&by_id, later).contains(&earlier);
                prop_assert_eq!(one.is_known_to(earlier, later), knows);
            }
        }
        for (at, (id, after_fork)) in told(&one).into_iter().enumerate() {
            let chain = chain(&by_id, id);
            let expected = children.values().flatten().any(|child| chain.contains(child));
            prop_assert_eq!(after_fork, expected);
            // All it knew has been told by then.
            let before: BTreeSet<EventId> = told(&one).into_iter().take(at + 1).map(|(id, _)| id).collect();
            prop_assert!(past(&by_id, id).is_subset(&before));
        }
    }
}

#[test]
fn two_who_write_at_once_are_no_fork() {
    let mut history = history();
    say(&mut history, "alice", 0, heartbeat());
    let bobs = sign(draft(&history, "bob", 1, heartbeat()));
    let carols = sign(draft(&history, "carol", 1, heartbeat()));
    assert_eq!(history.insert(bobs), Ok(true));
    assert_eq!(history.insert(carols), Ok(true));
    assert!(history.history().forks().is_empty());
    assert_eq!(history.history().heads().len(), 2);
    let knows = say(&mut history, "alice", 2, heartbeat());
    assert_eq!(history.history().heads(), &BTreeSet::from([knows]));
}

/// Whoever dates a word far ahead of the chain does not take the others with him.
#[test]
fn what_is_dated_ahead_is_left_out() {
    let mut history = history();
    let first = say(&mut history, "alice", 5, heartbeat());
    let ahead = say(&mut history, "gina", 5_000, heartbeat());
    let knowing = say(&mut history, "hal", 5_000, heartbeat());
    assert_eq!(history.history().heads(), &BTreeSet::from([knowing]));
    for (blocks, seen) in [
        (4, None),
        (5, Some(first)),
        (4_999, Some(first)),
        (5_000, Some(knowing)),
    ] {
        let event = draft(&history, "bob", blocks, heartbeat());
        assert_eq!(event.seen, Vec::from_iter(seen), "{blocks}");
        assert_eq!(history.clone().insert(sign(event)), Ok(true));
    }
    // By either clock.
    let mut time = at(5_000);
    time.height.0 -= 1;
    assert_eq!(history.draft("bob", time, heartbeat()).seen, [first]);
    // What he says himself he knows all the same.
    assert!(matches!(
        refused(&history, draft(&history, "gina", 6, heartbeat())),
        Refusal::TimeRunsBack { .. }
    ));
    assert_eq!(
        draft(&history, "alice", 6, heartbeat()).previous,
        Some(first)
    );
    assert_eq!(draft(&history, "alice", 6, heartbeat()).seen, []);
    assert!(history.is_known_to(ahead, knowing));
}

#[test]
fn what_does_not_belong_is_refused() {
    let mut history = history();
    say(&mut history, "alice", 5, heartbeat());
    let right = draft(&history, "bob", 5, heartbeat());
    assert!(history.clone().insert(sign(right.clone())).is_ok());
    let change = |change: &dyn Fn(&mut Event)| {
        let mut event = right.clone();
        change(&mut event);
        refused(&history, event)
    };
    assert!(matches!(
        change(&|event| event.policy_id = Digest([0; 32])),
        Refusal::OtherPolicy { .. }
    ));
    assert_eq!(
        change(&|event| event.network = Network::Bitcoin),
        Refusal::OtherNetwork {
            network: Network::Bitcoin,
            expected: Network::Regtest
        }
    );
    assert_eq!(
        change(&|event| event.author = "mallory".to_owned()),
        Refusal::UnknownAuthor {
            author: "mallory".to_owned()
        }
    );
    let nowhere = EventId(Digest([9; 32]));
    assert_eq!(
        change(&|event| event.seen = vec![nowhere]),
        Refusal::Missing {
            missing: vec![nowhere]
        }
    );
    let alices = history.history().last_of("alice").expect("she has spoken");
    assert_eq!(
        change(&|event| {
            event.seen.clear();
            event.previous = Some(alices);
        }),
        Refusal::NotHisOwn { previous: alices }
    );
    // Not a block and not a second before what he had seen.
    for (height, seconds, fits) in [(0, 0, true), (1, 0, false), (0, 1, false)] {
        let mut event = right.clone();
        event.at.height.0 -= height;
        event.at.median_time_past.0 -= seconds;
        let outcome = history.clone().insert(sign(event));
        assert_eq!(outcome.is_ok(), fits);
        if let Err(refusal) = outcome {
            assert!(matches!(refusal, Refusal::TimeRunsBack { .. }));
        }
    }
    // Signed by somebody else.
    let signed = right
        .clone()
        .sign(&identity("carol"))
        .expect("it can be said");
    assert!(matches!(
        history.clone().insert(signed),
        Err(Refusal::OtherKey { .. })
    ));
}

#[test]
fn what_an_event_is_about_must_have_been_seen() {
    let mut history = history();
    let unseen = draft(&history, "bob", 3, heartbeat());
    let proposal = |path: &str| {
        Body::Proposal(Proposal {
            path: path.to_owned(),
            why: "the council is gone".to_owned(),
        })
    };
    for path in ["dead-man", "nowhere"] {
        assert_eq!(
            refused(&history, draft(&history, "gina", 1, proposal(path))),
            Refusal::UnknownPath {
                path: path.to_owned()
            }
        );
    }
    let case = say(&mut history, "gina", 1, proposal("sos"));
    let ballot = Body::Ballot(Ballot {
        case,
        approve: true,
    });
    // Bob has not seen the case, although it is here.
    let mut event = unseen;
    event.body = ballot.clone();
    assert_eq!(
        refused(&history, event),
        Refusal::NotSeen {
            id: case,
            kind: Kind::Proposal
        }
    );
    say(&mut history, "bob", 2, ballot);
    let alarm = Alarm {
        path: None,
        why: "the office is empty".to_owned(),
    };
    let alarm = say(&mut history, "bob", 2, Body::Alarm(alarm));
    let withdrawal = |alarm| Body::Withdrawal(Withdrawal { alarm });
    assert_eq!(
        refused(&history, draft(&history, "carol", 3, withdrawal(alarm))),
        Refusal::NotHisAlarm { alarm }
    );
    assert_eq!(
        refused(&history, draft(&history, "bob", 3, withdrawal(case))),
        Refusal::NotSeen {
            id: case,
            kind: Kind::Alarm
        }
    );
    say(&mut history, "bob", 3, withdrawal(alarm));
}

fn rotation(party: &str, from: &str, to: Option<&str>) -> Body {
    let key = |name: &str| Identity::from(identity(name).verifying_key());
    Body::Rotation(Rotation {
        party: party.to_owned(),
        replaces: key(from),
        identity: to.map(key),
        why: "the old one is lost".to_owned(),
    })
}

/// A rotation holds for what was written with knowledge of it, wherever that lies.
#[test]
fn rotations_act_by_what_was_seen() {
    let mut history = history();
    say(&mut history, "bob", 0, heartbeat());
    let unaware = draft(&history, "carol", 2, heartbeat());
    let old = |event: Event| event.sign(&identity("bob")).expect("it can be said");
    let new = |event: Event| event.sign(&identity("robert")).expect("it can be said");
    let rotate = draft(&history, "bob", 1, rotation("bob", "bob", Some("robert")));
    assert!(history.clone().insert(new(rotate.clone())).is_err());
    assert_eq!(history.insert(old(rotate)), Ok(true));
    // After it only the new key, and somebody else's event that came later changes nothing.
    assert_eq!(history.insert(sign(unaware)), Ok(true));
    let next = draft(&history, "bob", 3, heartbeat());
    assert!(matches!(
        history.clone().insert(old(next.clone())),
        Err(Refusal::OtherKey { .. })
    ));
    assert_eq!(history.insert(new(next)), Ok(true));
    // The key that was replaced is in use no more, and cannot come back.
    let back = draft(&history, "bob", 4, rotation("bob", "robert", Some("bob")));
    assert!(matches!(
        history.clone().insert(new(back)),
        Err(Refusal::Rotation { .. })
    ));
}

/// The council of five replaces a key with three, and not with two.
#[test]
fn the_quorum_of_root_replaces_a_key() {
    let mut history = history();
    say(&mut history, "hal", 0, heartbeat());
    let replace = || rotation("hal", "hal", Some("hal-again"));
    for (asking, enough) in [("alice", false), ("bob", false), ("carol", true)] {
        // Agents have no say in it.
        say(&mut history, asking, 1, replace());
        let next = draft(&history, "hal", 2, heartbeat());
        let new = next
            .clone()
            .sign(&identity("hal-again"))
            .expect("it can be said");
        assert_eq!(history.clone().insert(new).is_ok(), enough);
        assert_eq!(history.clone().insert(sign(next)).is_ok(), !enough);
    }
    for agent in ["gina", "ivan"] {
        let other = rotation("hal", "hal", Some("hal-the-third"));
        assert!(matches!(
            refused(&history, draft(&history, agent, 2, other)),
            Refusal::Rotation { .. }
        ));
    }
}

/// A council that asks for two keys at once gets the same one everywhere.
#[test]
fn two_keys_by_the_quorum_of_root_come_to_the_same_one() {
    let chains = [
        ("alice", ["x", "y"]),
        ("bob", ["y", "x"]),
        ("carol", ["x", "y"]),
    ];
    let chains = chains.map(|(author, keys)| {
        let mut own = history();
        keys.map(|key| say_signed(&mut own, author, rotation("hal", "hal", Some(key))))
    });
    let accepted = |order: [usize; 3]| {
        let mut history = history();
        for at in order {
            for signed in &chains[at] {
                assert_eq!(history.insert(signed.clone()), Ok(true));
            }
        }
        let next = draft(&history, "hal", 2, heartbeat());
        ["hal", "x", "y"].map(|key| {
            let signed = next.clone().sign(&identity(key)).expect("it can be said");
            history.clone().insert(signed).is_ok()
        })
    };
    let first = accepted([0, 1, 2]);
    assert!(!first[0] && first[1] != first[2], "{first:?}");
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(accepted(order), first);
    }
}

/// What is refused turns on what was seen, never on what arrived first.
#[test]
fn two_who_choose_one_key_at_once_are_taken_in_either_order() {
    let empty = history();
    let rotate = |party| {
        sign(draft(
            &empty,
            party,
            0,
            rotation(party, party, Some("shared")),
        ))
    };
    let [one, other] = ["bob", "carol"].map(rotate);
    for order in [[&one, &other], [&other, &one]] {
        let mut history = history();
        for signed in order {
            assert_eq!(history.insert(signed.clone()), Ok(true));
        }
        // Whoever knows of them takes no third.
        let third = draft(
            &history,
            "dave",
            1,
            rotation("dave", "dave", Some("shared")),
        );
        assert!(matches!(refused(&history, third), Refusal::Rotation { .. }));
    }
}

#[test]
fn a_key_of_somebody_else_is_no_new_key() {
    let mut history = history();
    assert!(matches!(
        refused(
            &history,
            draft(&history, "bob", 0, rotation("bob", "bob", Some("alice")))
        ),
        Refusal::Rotation { .. }
    ));
    say(&mut history, "bob", 0, rotation("bob", "bob", None));
    assert!(matches!(
        refused(&history, draft(&history, "bob", 0, heartbeat())),
        Refusal::NoIdentity { .. }
    ));
}
