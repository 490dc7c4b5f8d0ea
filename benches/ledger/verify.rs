//! Full verification of many events against `verify_strict` of their signatures alone, one by one.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bitcoin::hashes::{Hash, HashEngine, sha256};
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use longstop::governance::{
    Body, Digest, Envelope, Event, EventId, Heartbeat, Proposal, Signed, SignedEvent,
    bad_signatures,
};
use longstop::policy::Network;
use longstop::signer::SoftwareSigner;
use longstop::units::{BlockHeight, ChainTime, UnixTime};

/// How many events are verified.
const EVENTS: usize = 100_000;

/// How many are read and verified together.
const TOGETHER: usize = 8_192;

/// How much faster full verification has to be than `verify_strict` of the signatures alone.
const LEAST_FASTER: f64 = 1.8;

/// Prints the table; whether the goal is met.
pub fn report() -> bool {
    let lines = lines();
    let bytes: usize = lines.iter().map(String::len).sum();
    println!(
        "{EVENTS} events of 7 authors, {} bytes on average",
        bytes / EVENTS
    );
    let triples = triples(&lines);
    let strict = time("signatures alone, one by one (`verify_strict`)", || {
        let right = |(key, message, signature): &(VerifyingKey, Vec<u8>, Signature)| {
            key.verify_strict(message, signature).is_ok()
        };
        assert!(triples.iter().all(right));
    });
    let together = time("signatures alone, together", || {
        let signed: Vec<Signed<'_>> = triples
            .iter()
            .map(|(key, message, signature)| Signed {
                key,
                message,
                signature,
            })
            .collect();
        assert!(bad_signatures(&signed).is_empty());
    });
    let one_by_one = time("everything, one by one (`SignedEvent::open`)", || {
        let mut chain = Chain::default();
        for line in &lines {
            chain.take(SignedEvent::open(line).expect("an event"), line);
        }
        black_box(chain.root());
    });
    let full = time("everything, together (`Envelope::open_all`)", || {
        let mut chain = Chain::default();
        for lines in lines.chunks(TOGETHER) {
            let envelopes = Envelope::open_all(lines.iter().map(String::as_str));
            for (envelope, line) in envelopes.into_iter().zip(lines) {
                let envelope = envelope.expect("right signatures");
                chain.take(SignedEvent::of_envelope(envelope).expect("an event"), line);
            }
        }
        black_box(chain.root());
    });
    one_bad(&lines);
    let faster = strict.as_secs_f64() / full.as_secs_f64();
    println!(
        "signatures together against one by one: {:.2} times as fast",
        strict.as_secs_f64() / together.as_secs_f64()
    );
    println!(
        "everything together against everything one by one: {:.2} times as fast",
        one_by_one.as_secs_f64() / full.as_secs_f64()
    );
    println!(
        "everything together against signatures alone one by one: {faster:.2} times as fast, and should be {LEAST_FASTER}"
    );
    faster >= LEAST_FASTER
}

/// The same with one wrong signature, which is named.
fn one_bad(lines: &[String]) {
    let mut lines = lines[..TOGETHER].to_vec();
    let place = TOGETHER / 2;
    let [this, other] = [place, place + 7].map(|at| SignedEvent::open(&lines[at]));
    let [this, other] = [this, other].map(|event| event.expect("an event"));
    assert_eq!(this.signer(), other.signer(), "of one author");
    let signature = |line: &str| {
        let json: serde_json::Value = serde_json::from_str(line).expect("JSON");
        json["signatures"][0]["sig"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    lines[place] = lines[place].replace(&signature(&lines[place]), &signature(&lines[place + 7]));
    let start = Instant::now();
    let envelopes = Envelope::open_all(lines.iter().map(String::as_str));
    let took = start.elapsed();
    let bad = |at: &usize| envelopes[*at].is_err();
    assert_eq!((0..TOGETHER).filter(bad).collect::<Vec<_>>(), [place]);
    println!(
        "{:<50} {:>8.1} ms for {TOGETHER}, {:.1} µs each",
        "one wrong signature among them, named",
        took.as_secs_f64() * 1e3,
        took.as_secs_f64() * 1e6 / TOGETHER as f64
    );
}

fn time(what: &str, run: impl Fn()) -> Duration {
    let runs = (0..3).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    let least = runs.min().expect("three runs");
    println!(
        "{what:<50} {:>8.1} ms, {:.1} µs each",
        least.as_secs_f64() * 1e3,
        least.as_secs_f64() * 1e6 / EVENTS as f64
    );
    least
}

/// Events of seven authors in turn, each with the one before it.
fn lines() -> Vec<String> {
    let authors: Vec<SigningKey> = (0..7)
        .map(|number| SoftwareSigner::stand_in_identity(number, "author"))
        .collect();
    let mut last: Vec<Option<EventId>> = vec![None; authors.len()];
    let mut lines = Vec::with_capacity(EVENTS);
    for number in 0..EVENTS {
        let author = number % authors.len();
        let height = u32::try_from(number).expect("few");
        let body = match number % 10 {
            0 => Body::Proposal(Proposal {
                path: "sos".to_owned(),
                why: format!("reason number {number}"),
            }),
            _ => Body::Heartbeat(Heartbeat {}),
        };
        let other = last[(author + 1) % authors.len()];
        let event = Event {
            policy_id: Digest([7; 32]),
            network: Network::Regtest,
            author: format!("author-{author}"),
            previous: last[author],
            seen: other.into_iter().collect(),
            at: ChainTime {
                height: BlockHeight(height),
                median_time_past: UnixTime(1_700_000_000 + height),
            },
            expires: None,
            body,
        };
        let signed = event.sign(&authors[author]).expect("it can be said");
        last[author] = Some(signed.id());
        lines.push(signed.envelope().to_line());
    }
    lines
}

/// The keys, what was signed, and the signatures.
fn triples(lines: &[String]) -> Vec<(VerifyingKey, Vec<u8>, Signature)> {
    let triple = |line: &String| {
        use bitcoin::base64::Engine;
        let event = SignedEvent::open(line).expect("an event");
        let json: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let text = json["signatures"][0]["sig"].as_str().expect("text");
        let bytes = bitcoin::base64::engine::general_purpose::STANDARD.decode(text);
        let signature = Signature::from_slice(&bytes.expect("base64")).expect("64 bytes");
        (*event.signer(), event.envelope().signed_bytes(), signature)
    };
    lines.iter().map(triple).collect()
}

/// What is checked about events beside their signatures: that each names one of its author's
/// before it, and others that are known, and what the Merkle tree (RFC 6962) over their lines is.
#[derive(Default)]
struct Chain {
    known: HashMap<EventId, ()>,
    last: HashMap<String, EventId>,
    /// The hashes of full subtrees, each with its number of leaves.
    trees: Vec<(u64, sha256::Hash)>,
}

impl Chain {
    fn take(&mut self, event: SignedEvent, line: &str) {
        let said = event.event();
        assert_eq!(said.previous, self.last.get(&said.author).copied());
        assert!(
            said.parents()
                .all(|parent| self.known.contains_key(&parent))
        );
        self.known.insert(event.id(), ());
        self.last.insert(said.author.clone(), event.id());
        let mut tree = (1, hash(0, &[line.as_bytes()]));
        while let Some((leaves, left)) = self.trees.pop() {
            if leaves != tree.0 {
                self.trees.push((leaves, left));
                break;
            }
            tree = (2 * leaves, hash(1, &[left.as_ref(), tree.1.as_ref()]));
        }
        self.trees.push(tree);
    }

    fn root(self) -> Option<sha256::Hash> {
        let trees = self.trees.into_iter().rev().map(|(_, tree)| tree);
        trees.reduce(|right, left| hash(1, &[left.as_ref(), right.as_ref()]))
    }
}

fn hash(prefix: u8, parts: &[&[u8]]) -> sha256::Hash {
    let mut engine = sha256::Hash::engine();
    engine.input(&[prefix]);
    parts.iter().for_each(|part| engine.input(part));
    sha256::Hash::from_engine(engine)
}
