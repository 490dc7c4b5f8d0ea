//! Two ledgers in two directories agree, however what is said on one falls between what is said
//! on the other, and whenever they exchange it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/charter.rs"]
mod charter;

use std::io::BufReader;

use longstop::governance::{
    Activation, Alarm, Ballot, Body, EventId, Fork, Heartbeat, Proposal, Status, Veto, Word, replay,
};
use longstop::ledger::{Directory, Genesis, Ledger, Memory, Store, Taken};

use self::charter::{CHARTER, at, identity};

/// How many events are said.
const EVENTS: usize = 6;

/// Who says something on which side.
const SIDES: [&str; 2] = ["alice", "gina"];

fn genesis() -> Vec<u8> {
    Genesis::new(
        &CHARTER,
        vec!["a descriptor".to_owned()],
        "an address".to_owned(),
    )
    .to_bytes()
}

/// What somebody says who knows what is in his ledger.
fn body<S: Store>(ledger: &Ledger<S>, nth: usize) -> Body {
    let why = || format!("word {nth}");
    let events = ledger.events().map(|event| event.expect("it is readable"));
    let case = events
        .filter(|signed| matches!(signed.event().body, Body::Proposal(_)))
        .map(|signed| signed.id())
        .min();
    let path = || "sos".to_owned();
    match (nth, case) {
        (0 | 1, None) => Body::Proposal(Proposal {
            path: path(),
            why: why(),
        }),
        (2, None) => Body::Alarm(Alarm {
            path: Some(path()),
            why: why(),
        }),
        (_, None) => Body::Heartbeat(Heartbeat {}),
        (0 | 1 | 5, Some(case)) => Body::Activation(Activation {
            case,
            judgement: None,
        }),
        (2 | 3, Some(case)) => Body::Ballot(Ballot {
            case,
            approve: nth == 2,
        }),
        (_, Some(case)) => Body::Veto(Veto { case, why: why() }),
    }
}

fn say<S: Store>(ledger: &mut Ledger<S>, author: &str, nth: usize) {
    let blocks = u32::try_from(nth).expect("few");
    let body = body(ledger, nth);
    let event = ledger
        .draft(author, at(blocks), body)
        .expect("a store in order");
    let signed = event.sign(&identity(author)).expect("it can be said");
    let taken = ledger.append(&[signed]).expect("it is kept");
    assert!(matches!(taken[..], [Taken::New(_)]), "{taken:?}");
}

/// Hands everything on from one to the other.
fn hand_on<S: Store, T: Store>(from: &Ledger<S>, to: &mut Ledger<T>) {
    let mut bundle = Vec::new();
    from.export(0, &mut bundle).expect("it can be written");
    let import = to.import(&mut BufReader::new(bundle.as_slice()));
    let import = import.expect("it can be read");
    assert_eq!((import.refused.len(), import.waiting.len()), (0, 0));
}

/// All that anybody is told from a ledger.
fn told<S: Store>(ledger: &Ledger<S>) -> (Vec<EventId>, Vec<Fork>, Vec<Status>) {
    let memory = ledger.in_memory().expect("it is readable");
    let words: Vec<Word> = memory.told().into_iter().map(Word::from).collect();
    let ids = words.iter().map(|word| word.id).collect();
    let policy = CHARTER.policy();
    let cases = replay(words, at(100), policy);
    let statuses = cases.all().into_iter();
    let statuses = statuses.filter_map(|(docket, case)| docket.status(case.id, policy));
    (ids, memory.history().forks(), statuses.collect())
}

/// Says six things, each on the side that its bit in `sides` names, and exchanges everything
/// before those whose bits are in `exchanges`.
fn play<S: Store>(mut ledgers: [Ledger<S>; 2], sides: usize, exchanges: usize) {
    let told_by = |ledger: &Ledger<S>| told(ledger);
    for nth in 0..EVENTS {
        let [one, other] = &mut ledgers;
        if exchanges >> nth & 1 == 1 {
            hand_on(one, other);
            hand_on(other, one);
            assert_eq!(told_by(one), told_by(other), "{sides:b} {exchanges:b}");
        }
        let side = sides >> nth & 1;
        say(&mut ledgers[side], SIDES[side], nth);
    }
    let [one, other] = &mut ledgers;
    // The other way round than before.
    hand_on(other, one);
    hand_on(one, other);
    let (ids, forks, statuses) = told(one);
    assert_eq!((ids.len(), forks.len()), (EVENTS, 0));
    assert!(!statuses.is_empty(), "there is a case");
    assert_eq!(
        (ids, forks, statuses),
        told(other),
        "{sides:b} {exchanges:b}"
    );
    // Twice is once.
    let root = one.store().head().expect("a head");
    hand_on(other, one);
    assert_eq!(one.store().head().expect("a head"), root);
}

/// A folder in memory where there is one: what is on the device is tested elsewhere.
fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    folder.expect("a folder")
}

#[test]
fn in_two_directories_in_every_interleaving() {
    // The sides are alike but for who speaks, so the first word is always on the first.
    for sides in (0..1 << EVENTS).step_by(2) {
        let folder = folder();
        let ledgers = ["one", "other"].map(|name| {
            let store = Directory::init(&folder.path().join(name), &genesis(), "a test");
            Ledger::open(store.expect("it is made")).expect("it opens")
        });
        // Every pattern of exchanges with some interleaving; more of both below.
        play(
            ledgers,
            sides,
            sides.reverse_bits() >> (usize::BITS as usize - EVENTS) ^ 0b10_1000,
        );
    }
}

/// Here every exchange falls into every interleaving, among the first four events.
#[test]
fn in_memory_with_every_exchange() {
    for sides in (0..1 << 4).step_by(2) {
        for exchanges in (0..1 << 4).step_by(2) {
            let ledgers = [(); 2].map(|()| Ledger::open(Memory::new(genesis())).expect("it opens"));
            play(ledgers, sides, exchanges);
        }
    }
}
