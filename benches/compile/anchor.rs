//! Miniscript's own policy compiler, fed what a compiled policy means.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bitcoin::PublicKey;
use bitcoin::secp256k1::Secp256k1;
use longstop::compile::{Compiled, DerivedLeaf, Keychain, LeafKind};
use longstop::policy::{Member, Quorum};
use miniscript::policy::Concrete;
use miniscript::{AbsLockTime, Descriptor, RelLockTime, Segwitv0, Threshold};

/// What came of all stages, and how long it took.
pub struct Anchor {
    pub stages: Vec<Descriptor<PublicKey>>,
    /// Keys of the stages in whose place it has another.
    pub named: BTreeMap<PublicKey, PublicKey>,
    pub time: Duration,
}

/// All stages of a policy, with the keys of the first index, if it takes no longer than this.
///
/// Miniscript's compiler cannot be interrupted; one that takes longer is left running.
pub fn compile(compiled: &Compiled, form: Form, limit: Duration) -> Result<Anchor, String> {
    let (send, receive) = mpsc::channel();
    let compiled = compiled.clone();
    std::thread::Builder::new()
        .stack_size(256 << 20)
        .spawn(move || send.send(finish(&compiled, form)))
        .expect("a thread");
    match receive.recv_timeout(limit) {
        Ok(anchor) => anchor,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("> {} s", limit.as_secs())),
        // What is caught is a panic; this is what comes of anything worse.
        Err(mpsc::RecvTimeoutError::Disconnected) => Err("panics".to_owned()),
    }
}

/// In which form a policy is told.
#[derive(Clone, Copy)]
pub enum Form {
    /// Leaf by leaf.
    Leaves,
    /// Root and one direct path in one threshold: each seat a key of root's, or another key after
    /// the lock of the path.
    Seats,
}

fn finish(compiled: &Compiled, form: Form) -> Result<Anchor, String> {
    let mut named = BTreeMap::new();
    let secp = Secp256k1::new();
    let mut policies = Vec::new();
    for stage in compiled.stages() {
        let derived = stage.derive(Keychain::Receive, 0, &secp).expect("an index");
        let internal_key = match derived.concrete() {
            Descriptor::Tr(tr) => Some(*tr.internal_key()),
            _ => None,
        };
        let leaves = derived.leaves();
        let policy = match form {
            Form::Leaves => any(&leaves.iter().map(leaf).collect::<Vec<_>>()),
            Form::Seats => seats(leaves, &mut named),
        };
        policies.push((policy, internal_key));
    }
    let begun = Instant::now();
    let mut least = Duration::MAX;
    for number in 1.. {
        let start = Instant::now();
        let stages = policies
            .iter()
            .map(|(policy, internal_key)| one(policy, *internal_key))
            .collect::<Result<Vec<_>, _>>()?;
        least = least.min(start.elapsed());
        if number >= 25 || begun.elapsed() > Duration::from_secs(1) {
            let time = least;
            return Ok(Anchor {
                stages,
                named,
                time,
            });
        }
    }
    unreachable!("the loop ends by returning")
}

fn one(
    policy: &Concrete<PublicKey>,
    internal_key: Option<PublicKey>,
) -> Result<Descriptor<PublicKey>, String> {
    let compiled = catch_unwind(AssertUnwindSafe(|| match internal_key {
        Some(key) => policy.compile_tr(Some(key)).map_err(|_| "fails".to_owned()),
        None => {
            let script = policy
                .compile::<Segwitv0>()
                .map_err(|_| "fails".to_owned())?;
            Descriptor::new_wsh(script).map_err(|_| "fails".to_owned())
        }
    }));
    compiled.unwrap_or_else(|_| Err("panics".to_owned()))
}

/// One of these, each with its odds.
fn any(choices: &[(usize, Concrete<PublicKey>)]) -> Concrete<PublicKey> {
    match choices {
        [(_, only)] => only.clone(),
        [first, others @ ..] => {
            let odds = others.iter().map(|(odds, _)| odds).sum();
            Concrete::Or(vec![
                (first.0, Arc::new(first.1.clone())),
                (odds, Arc::new(any(others))),
            ])
        }
        [] => panic!("a stage has leaves"),
    }
}

/// A threshold of seats of which each has a key, or another after a lock: what a threshold of the
/// keys means beside a later path whose quorum is the same threshold of seats with either key.
fn seats(
    leaves: &[DerivedLeaf],
    named: &mut BTreeMap<PublicKey, PublicKey>,
) -> Concrete<PublicKey> {
    let older = |leaf: &DerivedLeaf| {
        let lock = leaf.leaf.relative().expect("both have a lock");
        Concrete::Older(RelLockTime::from_consensus(lock.to_consensus()).expect("a sound lock"))
    };
    let is_root = |leaf: &&DerivedLeaf| *leaf.leaf.kind() == LeafKind::Spend;
    let root = leaves.iter().find(is_root).expect("root spends");
    let path = leaves.iter().find(|leaf| !is_root(leaf)).expect("a path");
    let odds = |leaf: &DerivedLeaf| leaf.leaf.likelihood() as usize;
    let each: Vec<Concrete<PublicKey>> = root
        .keys
        .iter()
        .zip(path.keys.chunks(2))
        .map(|(own, either)| {
            assert_eq!(own.party, either[0].party);
            named.insert(either[0].public_key, own.public_key);
            let later = Concrete::And(vec![
                Arc::new(Concrete::Key(either[1].public_key)),
                Arc::new(older(path)),
            ]);
            let own = Concrete::Key(own.public_key);
            Concrete::Or(vec![
                (odds(root), Arc::new(own)),
                (odds(path), Arc::new(later)),
            ])
        })
        .collect();
    let threshold = root.leaf.groups()[0].quorum().threshold();
    Concrete::And(vec![
        Arc::new(thresh(threshold, each)),
        Arc::new(older(root)),
    ])
}

fn leaf(derived: &DerivedLeaf) -> (usize, Concrete<PublicKey>) {
    let mut keys = derived.keys.iter().map(|used| used.public_key);
    let mut parts = Vec::new();
    for group in derived.leaf.groups() {
        let own: Vec<PublicKey> = keys.by_ref().take(group.seats().count()).collect();
        // A roster cannot be said: its keys would stand twice, which is refused.
        parts.push(quorum(group.quorum(), &mut own.into_iter()));
    }
    if let Some(lock) = derived.leaf.relative() {
        let lock = RelLockTime::from_consensus(lock.to_consensus()).expect("a sound lock");
        parts.push(Concrete::Older(lock));
    }
    if let Some(lock) = derived.leaf.absolute() {
        let lock = AbsLockTime::from_consensus(lock.to_consensus()).expect("a sound lock");
        parts.push(Concrete::After(lock));
    }
    let last = parts.pop().expect("a leaf has parts");
    let all = parts.into_iter().rev().fold(last, |rest, part| {
        Concrete::And(vec![Arc::new(part), Arc::new(rest)])
    });
    (derived.leaf.likelihood() as usize, all)
}

fn quorum(of: &Quorum, keys: &mut dyn Iterator<Item = PublicKey>) -> Concrete<PublicKey> {
    let members: Vec<Concrete<PublicKey>> = of
        .members()
        .iter()
        .map(|member| match member {
            Member::Party(_) => Concrete::Key(keys.next().expect("every seat has a key")),
            Member::Quorum(inner) => quorum(inner, keys),
        })
        .collect();
    thresh(of.threshold(), members)
}

fn thresh(threshold: usize, members: Vec<Concrete<PublicKey>>) -> Concrete<PublicKey> {
    match <[Concrete<PublicKey>; 1]>::try_from(members) {
        Ok([only]) => only,
        Err(members) => {
            let members = members.into_iter().map(Arc::new).collect();
            Concrete::Thresh(Threshold::new(threshold, members).expect("a sound threshold"))
        }
    }
}
