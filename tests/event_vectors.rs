//! One event of each kind, as its bytes were when the format was made, and events that nobody may
//! take for ones.
//!
//! `tests/oracles/events_check.py` judges the same files by itself.

#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/golden.rs"]
mod golden;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use bitcoin::OutPoint;
use bitcoin::base64::Engine;
use bitcoin::base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Digest as _, Sha512, Signature, SigningKey};
use longstop::governance::{
    Acknowledgement, Activation, Alarm, Arming, Attestation, Attested, Ballot, Body, CaseOutcome,
    Decision, Digest, Envelope, Event, EventId, Heartbeat, Identity, Judgement, Kind, Proposal,
    Ratification, Rotation, SignedEvent, SpendIntent, Veto, Withdrawal,
};
use longstop::policy::{Custody, Network};
use longstop::signer::SoftwareSigner;
use longstop::units::{BlockHeight, ChainTime, UnixTime};
use serde_json::{Value, json};

const FOLDER: &str = "events";

const POLICY: Digest = Digest([0x5a; 32]);

fn key(name: &str) -> SigningKey {
    SoftwareSigner::stand_in_identity(0, name)
}

/// What three parties say, one after another; each has seen what the one before him said.
#[derive(Default)]
struct Story {
    told: Vec<(&'static str, SignedEvent)>,
    own: BTreeMap<&'static str, EventId>,
}

impl Story {
    fn tell(&mut self, author: &'static str, body: Body) -> EventId {
        let number = u32::try_from(self.told.len()).expect("few");
        let previous = self.own.get(author).copied();
        let last = self.told.last().map(|(_, event)| event.id());
        let event = Event {
            policy_id: POLICY,
            network: Network::Regtest,
            author: author.to_owned(),
            previous,
            seen: last
                .into_iter()
                .filter(|last| previous != Some(*last))
                .collect(),
            at: ChainTime {
                height: BlockHeight(100 + number),
                median_time_past: UnixTime(1_700_000_000 + 600 * number),
            },
            expires: (body.kind() == Kind::Ballot).then_some(UnixTime(1_800_000_000)),
            body,
        };
        let name = event.body.kind().name();
        let signed = event.sign(&key(author)).expect("it can be said");
        let id = signed.id();
        self.own.insert(author, id);
        self.told.push((name, signed));
        id
    }
}

/// One event of each kind.
fn story() -> Vec<(&'static str, SignedEvent)> {
    let mut story = Story::default();
    let coin: OutPoint = "1111111111111111111111111111111111111111111111111111111111111111:2"
        .parse()
        .expect("an outpoint");
    let file = Digest::sha256(b"an arming file");
    let attestation = Attestation {
        policy_id: POLICY.0,
        network: Network::Regtest,
        party: "alice".to_owned(),
        custody: Custody::default(),
        items: BTreeMap::new(),
        issued: UnixTime(1_700_000_000),
        expires: UnixTime(1_800_000_000),
        serial: 1,
    };
    let facts = json!({
        "policy_id": POLICY.to_string(),
        "network": "regtest",
        "path": "sos",
        "height": 107,
        "median_time_past": 1_700_004_200,
        "vault": { "coins": 1, "sats": 100_000 },
        "heartbeats": [],
        "silences": [],
        "alarms": [],
        "ballots": [],
    });
    let facts = serde_json::from_value(facts).expect("facts");
    let rule = "fn activate(facts) {\n\ttrue // \"why\" \\ not: é, \u{1f511}\n}\n".to_owned();
    story.tell("alice", Body::Heartbeat(Heartbeat {}));
    story.tell(
        "bob",
        Body::Ratification(Ratification {
            descriptors: vec!["tr(a)#00000000".to_owned(), "tr(b)#11111111".to_owned()],
            first_address: "bcrt1pexample".to_owned(),
        }),
    );
    story.tell(
        "alice",
        Body::Attestation(Attested {
            envelope: attestation
                .sign(&key("alice"))
                .countersign(&key("bob"))
                .to_line(),
        }),
    );
    story.tell(
        "bob",
        Body::Arming(Arming {
            coin,
            path: "sos".to_owned(),
            file,
        }),
    );
    story.tell(
        "carol",
        Body::Acknowledgement(Acknowledgement {
            coin,
            path: "sos".to_owned(),
            file,
        }),
    );
    let alarm = story.tell(
        "carol",
        Body::Alarm(Alarm {
            path: Some("sos".to_owned()),
            why: "nobody answers".to_owned(),
        }),
    );
    let case = story.tell(
        "carol",
        Body::Proposal(Proposal {
            path: "sos".to_owned(),
            why: "Zoë's \"cloud\" is gone \\ 🔑".to_owned(),
        }),
    );
    story.tell(
        "bob",
        Body::Ballot(Ballot {
            case,
            approve: true,
        }),
    );
    story.tell(
        "carol",
        Body::Activation(Activation {
            case,
            judgement: Some(Judgement {
                rule_sha256: Digest::sha256(rule.as_bytes()),
                rule,
                facts,
                allow: true,
                why: "it says so".to_owned(),
                facts_sha256: Digest([0xfa; 32]),
                interpreter: "rhai 1.27.0".to_owned(),
            }),
        }),
    );
    story.tell(
        "carol",
        Body::SpendIntent(SpendIntent {
            case,
            payees: serde_json::from_value(json!([{ "address": "bcrt1qpayee", "amount": 5_000 }]))
                .expect("payees"),
            purpose: "rent".to_owned(),
        }),
    );
    story.tell(
        "alice",
        Body::Veto(Veto {
            case,
            why: "we are here".to_owned(),
        }),
    );
    story.tell("carol", Body::Withdrawal(Withdrawal { alarm }));
    story.tell(
        "alice",
        Body::Decision(Decision {
            case,
            outcome: CaseOutcome::Abandoned,
            why: "a false alarm".to_owned(),
        }),
    );
    story.tell(
        "bob",
        Body::Rotation(Rotation {
            party: "bob".to_owned(),
            replaces: Identity::from(key("bob").verifying_key()),
            identity: Some(Identity::from(key("robert").verifying_key())),
            why: "a new laptop".to_owned(),
        }),
    );
    story.told
}

#[test]
fn an_event_of_each_kind_is_what_it_always_was() {
    let story = story();
    let told: BTreeSet<&str> = story.iter().map(|(name, _)| *name).collect();
    assert_eq!(told, Kind::ALL.into_iter().map(|(name, _)| name).collect());
    let mut files = BTreeSet::from(["refused.jsonl".to_owned()]);
    for (place, (name, event)) in story.iter().enumerate() {
        let payload = event.envelope().payload();
        let vector = json!({
            "place": place,
            "kind": name,
            "id": event.id(),
            "signer": Identity::from(*event.signer()),
            "payload": std::str::from_utf8(payload).expect("JSON"),
            "envelope": event.envelope().to_line(),
        });
        let file = format!("{name}.json");
        golden::check_file(FOLDER, &file, &format!("{vector:#}\n"));
        files.insert(file);
        // The committed file is read back, and not what was just made.
        let text = fs::read_to_string(golden::folder(FOLDER).join(format!("{name}.json")));
        let vector: Value = serde_json::from_str(&text.expect("it is there")).expect("JSON");
        let read = SignedEvent::open(vector["envelope"].as_str().expect("text"));
        assert_eq!(&read.expect("an event"), event);
    }
    golden::check_folder(FOLDER, &files);
}

/// A payload with one thing changed, still in its one form, with the old signature.
fn changed(event: &SignedEvent, from: &str, to: &str) -> String {
    let payload = std::str::from_utf8(event.envelope().payload()).expect("JSON");
    let altered = payload.replacen(from, to, 1);
    assert_ne!(altered, payload, "{from}");
    let line = event.envelope().to_line();
    line.replace(&STANDARD.encode(payload), &STANDARD.encode(altered))
}

/// A payload in which something is wrong, rightly signed.
fn signed(author: &str, kind: Kind, payload: &str) -> String {
    Envelope::sign(
        kind.payload_type(),
        payload.as_bytes().to_vec(),
        &key(author),
    )
    .to_line()
}

/// A signature over the same message, made from the secret and a point that is added to R.
fn with_signature(event: &SignedEvent, make: impl Fn(&[u8], &SigningKey) -> Signature) -> String {
    let author = key(&event.event().author);
    let line = event.envelope().to_line();
    let json: Value = serde_json::from_str(&line).expect("JSON");
    let old = json["signatures"][0]["sig"]
        .as_str()
        .expect("text")
        .to_owned();
    let new = make(&event.envelope().signed_bytes(), &author);
    line.replace(&old, &STANDARD.encode(new.to_bytes()))
}

fn torsion(place: usize) -> impl Fn(&[u8], &SigningKey) -> Signature {
    move |message, author| {
        let nonce = Scalar::from(1_234_567_u64);
        let r = (ED25519_BASEPOINT_POINT * nonce + EIGHT_TORSION[place])
            .compress()
            .to_bytes();
        let key = author.verifying_key();
        let hash = Sha512::new()
            .chain_update(r)
            .chain_update(key.as_bytes())
            .chain_update(message);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        Signature::from_components(r, (nonce + k * author.to_scalar()).to_bytes())
    }
}

/// What must be refused, with what is wrong about it.
fn wrong() -> Vec<(String, String)> {
    let story = story();
    let of = |kind: &str| {
        let found = story.iter().find(|(name, _)| *name == kind);
        &found.expect("one of each kind").1
    };
    let text = |kind: &str| {
        let payload = of(kind).envelope().payload().to_vec();
        String::from_utf8(payload).expect("JSON")
    };
    let mut wrong = Vec::new();
    let mut add = |what: &str, envelope: String| wrong.push((what.to_owned(), envelope));

    // One thing changed, and not signed anew.
    let other = "0".repeat(64);
    let ballot = of("ballot");
    let id = |id: Option<EventId>| id.expect("it has one").to_string();
    for (what, from, to) in [
        ("another policy", POLICY.to_string(), other.clone()),
        ("another network", "regtest".to_owned(), "signet".to_owned()),
        (
            "another author",
            "\"bob\"".to_owned(),
            "\"alice\"".to_owned(),
        ),
        (
            "another previous event",
            id(ballot.event().previous),
            other.clone(),
        ),
        (
            "another event seen",
            id(ballot.event().seen.first().copied()),
            other.clone(),
        ),
        (
            "another height",
            "\"height\":107".to_owned(),
            "\"height\":106".to_owned(),
        ),
        (
            "another time",
            "\"median_time_past\":1700004200".to_owned(),
            "\"median_time_past\":1700004201".to_owned(),
        ),
        (
            "another end",
            "1800000000".to_owned(),
            "1800000001".to_owned(),
        ),
        (
            "no end",
            ",\"expires\":1800000000".to_owned(),
            String::new(),
        ),
        (
            "another case",
            format!("\"case\":\"{}", id(ballot.event().body.case())),
            format!("\"case\":\"{other}"),
        ),
        ("another vote", "true".to_owned(), "false".to_owned()),
    ] {
        add(what, changed(ballot, &from, &to));
    }
    let line = ballot.envelope().to_line();
    let types = ["ballot.v1", "ballot.v2", "veto.v1"];
    for to in &types[1..] {
        add("another type", line.replace(types[0], to));
    }

    // Signatures that are none by the strict rule.
    for (what, place) in [("2", 4), ("4", 2), ("8", 1)] {
        add(
            &format!("a signature whose R has a component of order {what}"),
            with_signature(ballot, torsion(place)),
        );
    }
    add(
        "s that is not reduced",
        with_signature(ballot, |message, author| {
            let right = ed25519_dalek::Signer::sign(author, message);
            let mut order = (-Scalar::ONE).to_bytes();
            order[0] += 1;
            let mut bytes = right.to_bytes();
            let mut carry = 0;
            for (byte, add) in bytes[32..].iter_mut().zip(order) {
                let sum = u16::from(*byte) + u16::from(add) + carry;
                *byte = sum.to_le_bytes()[0];
                carry = sum >> 8;
            }
            Signature::from_bytes(&bytes)
        }),
    );
    let identity: String = format!("01{}", "0".repeat(62));
    let own = Identity::from(*ballot.signer()).to_string();
    let json: Value = serde_json::from_str(&line).expect("JSON");
    let sig = json["signatures"][0]["sig"]
        .as_str()
        .expect("text")
        .to_owned();
    let nothing = Signature::from_components(
        ED25519_BASEPOINT_POINT.compress().to_bytes(),
        Scalar::ONE.to_bytes(),
    );
    add(
        "a key of small order",
        line.replace(&own, &identity)
            .replace(&sig, &STANDARD.encode(nothing.to_bytes())),
    );
    add(
        "somebody else's key",
        line.replace(
            &own,
            &Identity::from(key("alice").verifying_key()).to_string(),
        ),
    );
    add(
        "a key in upper case",
        line.replace(&own, &own.to_uppercase()),
    );
    add(
        "a signature too short",
        line.replace(&sig, &STANDARD.encode([0; 63])),
    );
    add(
        "a signature without padding",
        line.replace(
            &sig,
            &STANDARD_NO_PAD.encode(STANDARD.decode(&sig).expect("base64")),
        ),
    );
    add(
        "two signatures",
        ballot
            .envelope()
            .clone()
            .countersign(&key("alice"))
            .to_line(),
    );
    let one = json["signatures"][0].to_string();
    add(
        "one signature twice",
        line.replace(&format!("[{one}]"), &format!("[{one},{one}]")),
    );
    add("no signature", line.replace(&format!("[{one}]"), "[]"));
    add(
        "a field too many in the envelope",
        line.replacen('{', "{\"more\":1,", 1),
    );

    // Rightly signed, and not in the one form.
    let again =
        |add: &mut dyn FnMut(&str, String), what: &str, kind: &str, from: &str, to: &str| {
            let right = text(kind);
            let altered = right.replacen(from, to, 1);
            assert_ne!(altered, right, "{what}");
            let event = of(kind);
            add(
                what,
                signed(&event.event().author, event.event().body.kind(), &altered),
            );
        };
    let seen = id(ballot.event().seen.first().copied());
    let previous = id(ballot.event().previous);
    let below = other.as_str();
    for (what, kind, from, to) in [
        ("a space", "ballot", ",", ", "),
        (
            "a line break at the end",
            "heartbeat",
            "\"body\":{}}",
            "\"body\":{}}\n",
        ),
        (
            "fields in another order",
            "heartbeat",
            "\"author\":\"alice\",\"previous\":null",
            "\"previous\":null,\"author\":\"alice\"",
        ),
        (
            "a field too many",
            "heartbeat",
            "\"body\":{}",
            "\"body\":{},\"more\":1",
        ),
        (
            "a field too many in the body",
            "heartbeat",
            "\"body\":{}",
            "\"body\":{\"more\":1}",
        ),
        (
            "a field twice",
            "heartbeat",
            "\"body\":{}",
            "\"body\":{},\"body\":{}",
        ),
        ("a field too few", "heartbeat", "\"previous\":null,", ""),
        (
            "an end of null",
            "heartbeat",
            ",\"body\"",
            ",\"expires\":null,\"body\"",
        ),
        (
            "over at once",
            "ballot",
            "\"expires\":1800000000",
            "\"expires\":1700004200",
        ),
        (
            "a height with a fraction",
            "heartbeat",
            "\"height\":100",
            "\"height\":100.0",
        ),
        (
            "a height in exponents",
            "heartbeat",
            "\"height\":100",
            "\"height\":1e2",
        ),
        (
            "a height too high",
            "heartbeat",
            "\"height\":100",
            "\"height\":4294967296",
        ),
        (
            "a height below none",
            "heartbeat",
            "\"height\":100",
            "\"height\":-1",
        ),
        ("a letter spelled out", "heartbeat", "alice", "\\u0061lice"),
        ("a network that is none", "heartbeat", "regtest", "testnet"),
        (
            "the body of another kind",
            "heartbeat",
            "\"body\":{}",
            &format!("\"body\":{{\"alarm\":\"{below}\"}}"),
        ),
        ("an id in upper case", "ballot", &seen, &seen.to_uppercase()),
        ("an id too short", "ballot", &seen, &seen[..62]),
        (
            "an event seen twice",
            "ballot",
            &format!("[\"{seen}\"]"),
            &format!("[\"{seen}\",\"{seen}\"]"),
        ),
        (
            "events seen out of order",
            "ballot",
            &format!("[\"{seen}\"]"),
            &format!("[\"{seen}\",\"{below}\"]"),
        ),
        ("his own event among those seen", "ballot", &seen, &previous),
        ("no reason", "veto", "we are here", ""),
        (
            "a reason with spaces around it",
            "veto",
            "we are here",
            "we are here ",
        ),
        ("a reason too long", "veto", "we are here", &"x".repeat(501)),
        (
            "a reason that turns around",
            "veto",
            "we are here",
            "we are \u{202e}here",
        ),
        ("a vote in words", "ballot", "true", "\"true\""),
        ("an outcome that is none", "decision", "abandoned", "done"),
        ("an outpoint that is none", "arming", ":2\"", ":x\""),
        (
            "an attestation with a space",
            "attestation",
            "{\\\"payload\\\"",
            "{ \\\"payload\\\"",
        ),
        (
            "an attestation that was changed",
            "attestation",
            "\\\"sig\\\":\\\"",
            "\\\"sig\\\":\\\"AAAA",
        ),
        (
            "a weak key to rotate to",
            "rotation",
            &Identity::from(key("robert").verifying_key()).to_string(),
            &identity,
        ),
    ] {
        again(&mut add, what, kind, from, to);
    }
    add(
        "a type that no event has",
        Envelope::sign(
            "application/json",
            text("heartbeat").into_bytes(),
            &key("alice"),
        )
        .to_line(),
    );
    add(
        "no text",
        Envelope::sign(Kind::Heartbeat.payload_type(), vec![0xff], &key("alice")).to_line(),
    );
    wrong
}

#[test]
fn what_is_wrong_about_an_event_is_refused() {
    let mut text = String::new();
    let mut seen = BTreeSet::new();
    for (what, envelope) in wrong() {
        assert!(seen.insert(envelope.clone()), "{what}: each is another");
        writeln!(text, "{}", json!({ "wrong": what, "envelope": envelope })).expect("to a string");
    }
    golden::check_file(FOLDER, "refused.jsonl", &text);
    // Each alone, and all of them among right ones.
    let right = story()[0].1.envelope().to_line();
    let mut lines = vec![right; 300];
    let committed = fs::read_to_string(golden::folder(FOLDER).join("refused.jsonl"));
    for (at, line) in committed.expect("it is there").lines().enumerate() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let envelope = line["envelope"].as_str().expect("text");
        assert!(SignedEvent::open(envelope).is_err(), "{}", line["wrong"]);
        lines[3 * at] = envelope.to_owned();
    }
    let opened = Envelope::open_all(lines.iter().map(String::as_str));
    let events = opened
        .into_iter()
        .map(|envelope| SignedEvent::of_envelope(envelope?));
    let bad = events
        .enumerate()
        .filter_map(|(at, event)| event.is_err().then_some(at));
    let expected = (0..seen.len()).map(|at| 3 * at);
    assert!(bad.eq(expected), "and no right one is");
}
