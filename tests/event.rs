//! Events: one form for each, one signature, and nothing that can be changed about them.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

use ed25519_dalek::SigningKey;
use longstop::governance::{
    Activation, Alarm, Ballot, Body, CaseOutcome, Decision, Digest, Envelope, Event, EventError,
    EventId, Heartbeat, Identity, Kind, MAX_SEEN, MAX_WHY, Proposal, Rotation, SignedEvent,
    SpendIntent, Veto, Withdrawal,
};
use longstop::policy::Network;
use longstop::signer::SoftwareSigner;
use longstop::units::{BlockHeight, ChainTime, UnixTime};
use proptest::prelude::*;

fn key(name: &str) -> SigningKey {
    SoftwareSigner::stand_in_identity(0, name)
}

fn id(byte: u8) -> EventId {
    EventId(Digest([byte; 32]))
}

fn event(body: Body) -> Event {
    Event {
        policy_id: Digest([7; 32]),
        network: Network::Regtest,
        author: "alice".to_owned(),
        previous: Some(id(1)),
        seen: vec![id(2), id(3)],
        at: ChainTime {
            height: BlockHeight(100),
            median_time_past: UnixTime(1_700_000_000),
        },
        expires: None,
        body,
    }
}

fn heartbeat() -> Event {
    event(Body::Heartbeat(Heartbeat {}))
}

fn proposal(why: &str) -> Event {
    event(Body::Proposal(Proposal {
        path: "sos".to_owned(),
        why: why.to_owned(),
    }))
}

fn bodies() -> impl Strategy<Value = Body> {
    let why = "[a-zA-Z0-9é\"\\\\/<>]{1,20}";
    let case = any::<u8>().prop_map(id);
    prop_oneof![
        Just(Body::Heartbeat(Heartbeat {})),
        (proptest::option::of("[a-z]{1,8}"), why)
            .prop_map(|(path, why)| Body::Alarm(Alarm { path, why })),
        case.clone()
            .prop_map(|alarm| Body::Withdrawal(Withdrawal { alarm })),
        ("[a-z]{1,8}", why).prop_map(|(path, why)| Body::Proposal(Proposal { path, why })),
        (case.clone(), any::<bool>())
            .prop_map(|(case, approve)| Body::Ballot(Ballot { case, approve })),
        case.clone().prop_map(|case| Body::Activation(Activation {
            case,
            judgement: None
        })),
        (case.clone(), why).prop_map(|(case, why)| Body::Veto(Veto { case, why })),
        (case.clone(), why).prop_map(|(case, purpose)| Body::SpendIntent(SpendIntent {
            case,
            payees: Vec::new(),
            purpose
        })),
        (case, why).prop_map(|(case, why)| Body::Decision(Decision {
            case,
            outcome: CaseOutcome::Abandoned,
            why
        })),
        (why, any::<bool>()).prop_map(|(why, known)| Body::Rotation(Rotation {
            party: "bob".to_owned(),
            replaces: Identity::from(key("bob").verifying_key()),
            identity: known.then(|| Identity::from(key("robert").verifying_key())),
            why
        })),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        body in bodies(),
        first in any::<bool>(),
        expires in proptest::option::of(1u32..1000),
    ) {
        let mut event = event(body);
        event.expires = expires.map(|seconds| event.at.median_time_past.after_seconds(seconds));
        if first {
            event.previous = None;
        }
        let signed = event.clone().sign(&key("alice")).expect("it can be said");
        let read = SignedEvent::open(&signed.envelope().to_line()).expect("it was just written");
        prop_assert_eq!(&read, &signed);
        prop_assert_eq!(read.event(), &event);
        prop_assert_eq!(read.signer(), &key("alice").verifying_key());
    }

    #[test]
    fn a_byte_changed_is_noticed(body in bodies(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let line = event(body).sign(&key("alice")).expect("it can be said").envelope().to_line();
        let mut bytes = line.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert!(SignedEvent::open(&text).is_err());
        }
    }
}

/// Everything that is signed changes the id, and the signature does not.
#[test]
fn the_id_is_of_what_was_said() {
    let id_of = |event: Event, name: &str| event.sign(&key(name)).expect("it can be said").id();
    let one = heartbeat();
    assert_eq!(id_of(one.clone(), "alice"), id_of(one.clone(), "mallory"));
    type Change = fn(&mut Event);
    let changes: [Change; 9] = [
        |event| event.policy_id = Digest([8; 32]),
        |event| event.network = Network::Signet,
        |event| event.author = "bob".to_owned(),
        |event| event.previous = None,
        |event| event.seen.clear(),
        |event| event.at.height = BlockHeight(101),
        |event| event.at.median_time_past = UnixTime(1_700_000_001),
        |event| event.expires = Some(UnixTime(1_800_000_000)),
        |event| {
            event.body = Body::Withdrawal(Withdrawal {
                alarm: EventId(Digest([0; 32])),
            });
        },
    ];
    for change in changes {
        let mut other = one.clone();
        change(&mut other);
        assert_ne!(id_of(other, "alice"), id_of(one.clone(), "alice"));
    }
}

#[test]
fn every_kind_has_its_own_type() {
    for (name, kind) in Kind::ALL {
        assert_eq!(kind.name(), name);
        assert_eq!(Kind::of_payload_type(kind.payload_type()), Some(kind));
        assert!(kind.payload_type().contains(&format!(".{name}.v1+")));
    }
    assert_eq!(Kind::of_payload_type("application/json"), None);
}

#[test]
fn the_limits() {
    let long = |count| proposal(&"é".repeat(count)).sign(&key("alice"));
    assert!(long(1).is_ok());
    assert!(long(MAX_WHY).is_ok());
    assert!(matches!(long(MAX_WHY + 1), Err(EventError::Body(_))));
    for text in ["", " a", "a ", "a\u{202e}b", "a\nb"] {
        assert!(matches!(
            proposal(text).sign(&key("alice")),
            Err(EventError::Body(_))
        ));
    }
    let seen = |count: usize| {
        let mut event = heartbeat();
        event.seen = (0..count)
            .map(|n| {
                let mut bytes = [9; 32];
                bytes[..8].copy_from_slice(&(n as u64).to_be_bytes());
                EventId(Digest(bytes))
            })
            .collect();
        event.sign(&key("alice"))
    };
    assert!(seen(0).is_ok());
    assert!(seen(MAX_SEEN).is_ok());
    assert_eq!(
        seen(MAX_SEEN + 1),
        Err(EventError::TooManySeen(MAX_SEEN + 1))
    );
    let expires = |seconds: u32| {
        let mut event = heartbeat();
        event.expires = Some(UnixTime(seconds));
        event.sign(&key("alice"))
    };
    assert_eq!(expires(1_700_000_000), Err(EventError::NeverValid));
    assert!(expires(1_700_000_001).is_ok());
}

/// The other spellings of one event, rightly signed.
#[test]
fn one_form_alone_is_read() {
    let signed = |payload: &str| {
        let kind = Kind::Heartbeat.payload_type();
        let envelope = Envelope::sign(kind, payload.as_bytes().to_vec(), &key("alice"));
        SignedEvent::of_envelope(envelope)
    };
    let right = String::from_utf8(heartbeat().payload()).expect("JSON is text");
    assert!(signed(&right).is_ok());
    let two = format!("\"{}\",\"{}\"", id(2), id(3));
    let swapped = format!("\"{}\",\"{}\"", id(3), id(2));
    let twice = format!("\"{}\",\"{}\"", id(2), id(2));
    let own = format!("\"{}\",\"{}\"", id(1), id(2));
    for (from, to, expected) in [
        (
            two.as_str(),
            swapped.as_str(),
            Some(EventError::SeenOutOfOrder),
        ),
        (&two, &twice, Some(EventError::SeenOutOfOrder)),
        (&two, &own, Some(EventError::SeenOwn)),
        (":100", ": 100", Some(EventError::NotCanonical)),
        (
            "\"body\":{}",
            "\"body\":{},\"expires\":null",
            Some(EventError::NotCanonical),
        ),
        ("alice", "\\u0061lice", Some(EventError::NotCanonical)),
        (":100", ":1e2", None),
        (":100", ":-1", None),
        (":100", ":4294967296", None),
        ("\"body\":{}", "\"body\":{\"why\":\"x\"}", None),
        ("\"body\":{}", "\"body\":{},\"author\":\"bob\"", None),
        ("\"network\":\"regtest\",", "", None),
        ("regtest", "mainnet", None),
        ("0707", "07G7", None),
        ("0707", "07AB", None),
    ] {
        let text = right.replacen(from, to, 1);
        assert_ne!(text, right, "{from}");
        match (signed(&text), expected) {
            (Err(error), Some(expected)) => assert_eq!(error, expected, "{text}"),
            (Err(EventError::NotAnEvent(_)), None) => {}
            (other, _) => panic!("{text}: {other:?}"),
        }
    }
    assert!(signed(&format!("{right} ")).is_err());
}

#[test]
fn one_signature_and_no_other_type() {
    let event = heartbeat();
    let signed = event.clone().sign(&key("alice")).expect("it can be said");
    let two = signed.envelope().clone().countersign(&key("bob"));
    assert_eq!(
        SignedEvent::of_envelope(two),
        Err(EventError::Signatures(2))
    );
    let other = Envelope::sign("text/plain", event.payload(), &key("alice"));
    assert!(matches!(
        SignedEvent::of_envelope(other),
        Err(EventError::UnknownType(_))
    ));
    let kind = Kind::Veto.payload_type();
    let other = Envelope::sign(kind, event.payload(), &key("alice"));
    assert!(matches!(
        SignedEvent::of_envelope(other),
        Err(EventError::NotAnEvent(_))
    ));
}
