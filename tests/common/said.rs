//! What parties say in the ledger of a directory.

#![allow(
    dead_code,
    reason = "each test crate that includes this file uses a part of it"
)]

use std::path::Path;

use longstop::governance::{Body, EventId, Ratification};
use longstop::ledger::{Directory, Ledger};
use longstop::signer::SoftwareSigner;
use longstop::units::ChainTime;

/// A party says something, with knowledge of all that is in the ledger.
#[track_caller]
pub fn say(path: &Path, author: &str, at: ChainTime, body: Body) -> EventId {
    let store = Directory::open(path, None, "a test").expect("a ledger");
    let mut ledger = Ledger::open(store).expect("it is founded on a policy");
    let event = ledger.draft(author, at, body).expect("a store in order");
    let key = SoftwareSigner::stand_in_identity(0, author);
    let signed = event.sign(&key).expect("it can be said");
    let id = signed.id();
    let taken = ledger.append(&[signed]).expect("a store in order");
    assert!(
        taken
            .iter()
            .all(|taken| matches!(taken, longstop::ledger::Taken::New(_)))
    );
    let store = ledger.close().expect("it closes");
    store.close().expect("it closes");
    id
}

/// A party stands by what the ledger is founded on.
#[track_caller]
pub fn ratify(path: &Path, author: &str, at: ChainTime) {
    let store = Directory::open(path, None, "a test").expect("a ledger");
    let ledger = Ledger::open(store).expect("it is founded on a policy");
    let genesis = ledger.genesis().clone();
    let store = ledger.close().expect("it closes");
    store.close().expect("it closes");
    let body = Body::Ratification(Ratification {
        descriptors: genesis.descriptors,
        first_address: genesis.first_address,
    });
    say(path, author, at, body);
}
