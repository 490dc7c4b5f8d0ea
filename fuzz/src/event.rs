//! Any bytes as an event: as an envelope, and as a payload that its author has signed.
//!
//! A fuzzer cannot make up a signature, so payloads are signed here.  The first line of the bytes
//! is a kind of event, `custody` for the payload of an attestation, or `envelope`; the rest is what
//! is signed, or the envelope.

use longstop::governance::{ATTESTATION_TYPE, Attestation, Envelope, Event, Kind, SignedEvent};
use longstop::signer::SoftwareSigner;

use super::said::assert_presentable;

/// The laws: what is read is the bytes that it is written to, its signature is of these bytes and
/// of its type, and whatever is refused is refused in words that can be shown.
pub fn laws(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (kind, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
    let rest = rest.strip_prefix(b"\n").unwrap_or_default();
    match str::from_utf8(kind) {
        Ok("envelope") => envelope_laws(&String::from_utf8_lossy(rest)),
        Ok("custody") => custody_laws(rest),
        Ok(name) => payload_laws(name, rest),
        Err(_) => envelope_laws(&String::from_utf8_lossy(bytes)),
    }
}

/// An envelope is its own line again, or one with the same signatures over the same bytes.
fn envelope_laws(text: &str) {
    let opened = Envelope::open(text);
    let together = Envelope::open_all([text]).pop();
    assert_eq!(together.as_ref(), Some(&opened), "together as alone");
    let envelope = match opened {
        Ok(envelope) => envelope,
        Err(error) => return assert_presentable(&error.to_string()),
    };
    assert_eq!(
        Envelope::open(&envelope.to_line()).as_ref(),
        Ok(&envelope),
        "what is written is read"
    );
    if let Err(error) = SignedEvent::of_envelope(envelope) {
        assert_presentable(&error.to_string());
    }
}

/// The payload of an attestation is the bytes that its meaning is written to.
fn custody_laws(payload: &[u8]) {
    match Attestation::from_payload(payload) {
        Ok(attestation) => {
            assert_eq!(attestation.payload(), payload);
            let key = SoftwareSigner::stand_in_identity(0, &attestation.party);
            let envelope = attestation.sign(&key);
            assert_eq!(envelope.payload_type(), ATTESTATION_TYPE);
            assert_eq!(Envelope::open(&envelope.to_line()), Ok(envelope));
        }
        Err(error) => assert_presentable(&error.to_string()),
    }
}

/// The payload of an event is the bytes that its meaning is written to, under one type only.
fn payload_laws(name: &str, payload: &[u8]) {
    let kind = Kind::ALL.iter().find(|(known, _)| *known == name);
    let payload_type = kind.map_or(name, |(_, kind)| kind.payload_type());
    let event = match Event::from_payload(payload_type, payload) {
        Ok(event) => event,
        Err(error) => return assert_presentable(&error.to_string()),
    };
    assert_eq!(event.payload(), payload, "decoded and encoded, the same");
    assert_eq!(event.body.kind().payload_type(), payload_type);
    let key = SoftwareSigner::stand_in_identity(0, &event.author);
    let signed = event.clone().sign(&key).expect("what was read can be said");
    assert_eq!(signed.envelope().payload(), payload);
    let line = signed.envelope().to_line();
    let read = SignedEvent::open(&line);
    assert_eq!(read.as_ref(), Ok(&signed), "what is written is read");
    // The name is of what is said, and not of who signs it.
    let other = SoftwareSigner::stand_in_identity(1, &event.author);
    let again = event.sign(&other).expect("what was read can be said");
    assert_eq!(again.id(), signed.id());
    // The same bytes say nothing else under another type.
    for (_, other) in Kind::ALL {
        if other.payload_type() != payload_type
            && let Ok(event) = Event::from_payload(other.payload_type(), payload)
        {
            assert_eq!(event.body.kind(), other, "the type says what it is");
            let other = event.sign(&key).expect("what was read can be said");
            assert_ne!(other.id(), signed.id(), "and its name is another");
        }
    }
}
