//! Signatures verified together: exactly those that `verify_strict` accepts, and no other.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/golden.rs"]
mod golden;

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Digest, Sha512, Signature, SigningKey, Verifier, VerifyingKey};
use longstop::governance::{Envelope, EnvelopeError, Signed, bad_signatures};
use longstop::signer::SoftwareSigner;
use proptest::prelude::*;

/// A message with its signature and its key, made by any means.
#[derive(Clone, Debug)]
struct Case {
    key: VerifyingKey,
    message: Vec<u8>,
    signature: Signature,
}

impl Case {
    fn signed(&self) -> Signed<'_> {
        Signed {
            key: &self.key,
            message: &self.message,
            signature: &self.signature,
        }
    }

    fn is_strict(&self) -> bool {
        self.key
            .verify_strict(&self.message, &self.signature)
            .is_ok()
    }
}

/// What is found bad together, beside what is refused one by one.
fn both(cases: &[Case]) -> (Vec<usize>, Vec<usize>) {
    let signed: Vec<Signed<'_>> = cases.iter().map(Case::signed).collect();
    let one_by_one = (0..cases.len()).filter(|at| !cases[*at].is_strict());
    (bad_signatures(&signed), one_by_one.collect())
}

/// Right signatures of a few authors.
fn right(count: usize) -> Vec<Case> {
    RIGHT[..count].to_vec()
}

static RIGHT: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let authors: Vec<SigningKey> = (0..5)
        .map(|number| SoftwareSigner::stand_in_identity(number, "author"))
        .collect();
    let case = |at: usize| {
        let author = &authors[at % authors.len()];
        let message = format!("message {at}").into_bytes();
        Case {
            key: author.verifying_key(),
            signature: ed25519_dalek::Signer::sign(author, &message),
            message,
        }
    };
    (0..8193).map(case).collect()
});

fn scalar(number: u64, use_: &str) -> Scalar {
    let hash = Sha512::new()
        .chain_update(use_)
        .chain_update(number.to_le_bytes());
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

fn k(r: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new()
        .chain_update(r)
        .chain_update(key)
        .chain_update(message);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// A signature made with the secret: the nonce times the base point, and then anything added to R,
/// in whatever encoding.
fn made(secret: Scalar, key: [u8; 32], message: &[u8], nonce: Scalar, r: [u8; 32]) -> Signature {
    let s = nonce + k(&r, &key, message) * secret;
    Signature::from_components(r, s.to_bytes())
}

/// What can be made of a signature, by whoever knows its secret.
const WAYS: u8 = 14;

/// A signature that is unusual in one way.
fn unusual(way: u8, number: u64) -> Case {
    let author = SoftwareSigner::stand_in_identity(number % 5, "author");
    let (mut secret, mut key) = (author.to_scalar(), author.verifying_key());
    let mut message = format!("unusual {number}").into_bytes();
    let mut nonce = scalar(number, "nonce");
    let torsion = EIGHT_TORSION[1 + usize::try_from(number % 7).expect("small")];
    let plain = ED25519_BASEPOINT_POINT * nonce;
    let mut r = plain.compress().to_bytes();
    match way {
        // R with a component of small order.
        0 => r = (plain + torsion).compress().to_bytes(),
        // A key with such a component: the signature may hold or not.
        1 | 2 => {
            key = VerifyingKey::from(key.to_edwards() + torsion);
            if way == 2 {
                // Here it holds: the component of R is the one that the key leaves.
                (nonce, r) = fitting(&key, torsion, &message, number);
            }
        }
        // A key of small order, under which everything holds.
        3 => {
            secret = Scalar::ZERO;
            key = VerifyingKey::from(EIGHT_TORSION[0]);
        }
        4 => {
            secret = Scalar::ZERO;
            key = VerifyingKey::from(torsion);
            (nonce, r) = fitting(&key, torsion, &message, number);
        }
        // R is the identity, in its encoding and in others.
        5..=7 => {
            nonce = Scalar::ZERO;
            r = [0; 32];
            r[0] = 1;
            if way == 6 {
                r[31] = 0x80;
            } else if way == 7 {
                // y = p + 1
                r = [0xff; 32];
                (r[0], r[31]) = (0xee, 0x7f);
            }
        }
        // R is another point of small order.
        8 => {
            nonce = Scalar::ZERO;
            r = torsion.compress().to_bytes();
        }
        // R is no point.
        9 => {
            r = [0; 32];
            r[0] = 2;
        }
        _ => {}
    }
    let mut signature = made(secret, key.to_bytes(), &message, nonce, r).to_bytes();
    match way {
        // s that is not reduced.
        10 => add_order(&mut signature[32..]),
        // A flipped bit.
        11 => signature[usize::try_from(number % 64).expect("small")] ^= 1 << (number % 8),
        // Another message.
        12 => message.push(b'!'),
        // As it should be.
        _ => {}
    }
    Case {
        key,
        message,
        signature: Signature::from_bytes(&signature),
    }
}

/// A nonce and an R for which the component of small order of R is that of −kA.
fn fitting(
    key: &VerifyingKey,
    torsion: EdwardsPoint,
    message: &[u8],
    number: u64,
) -> (Scalar, [u8; 32]) {
    let fits = (0..).find_map(|trial: u64| {
        let nonce = scalar(number + 1000 * trial, "trial");
        let times = Scalar::from(trial % 8);
        let r = ED25519_BASEPOINT_POINT * nonce - torsion * times;
        let r = r.compress().to_bytes();
        let k = k(&r, key.as_bytes(), message);
        (k.as_bytes()[0] % 8 == times.as_bytes()[0]).then_some((nonce, r))
    });
    fits.expect("one in eight fits")
}

/// Adds ℓ, the order of the base point.
fn add_order(s: &mut [u8]) {
    let mut order = (-Scalar::ONE).to_bytes();
    order[0] += 1;
    let mut carry = 0;
    for (byte, add) in s.iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2));
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(digits).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The case, unless its key is no point at all, which nobody can verify with.
fn case(key: &str, message: Vec<u8>, signature: &str) -> Option<Case> {
    let key = VerifyingKey::try_from(bytes(key).as_slice()).ok()?;
    let signature = Signature::from_slice(&bytes(signature)).expect("64 bytes");
    Some(Case {
        key,
        message,
        signature,
    })
}

fn lines(file: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(golden::folder("ed25519").join(file)).expect("it is there");
    let line = |line: &str| serde_json::from_str(line).expect("JSON");
    text.lines().map(line).collect()
}

/// Among so many right ones that they are verified together, and by themselves, these are bad.
#[track_caller]
fn check(cases: &[Case], strict: &[bool]) {
    let held: Vec<bool> = cases.iter().map(Case::is_strict).collect();
    assert_eq!(held, strict, "what `verify_strict` says");
    let mut among = right(300);
    among.splice(150..150, cases.iter().cloned());
    for cases in [cases, &among] {
        let (together, one_by_one) = both(cases);
        assert_eq!(together, one_by_one);
    }
    // One at a time, so that none hides another.
    for case in cases.iter().step_by(1 + cases.len() / 20) {
        let mut among = right(256);
        among[17] = case.clone();
        let (together, one_by_one) = both(&among);
        assert_eq!(together, one_by_one);
    }
}

#[test]
fn vectors_of_unusual_points_are_judged_strictly() {
    let mut cases = Vec::new();
    let mut strict = Vec::new();
    for line in lines("cctv.jsonl") {
        let text = |field: &str| line[field].as_str().expect("text").to_owned();
        let flags: Vec<&str> = line["flags"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|flag| flag.as_str())
            .collect();
        cases.extend(case(&text("key"), text("msg").into_bytes(), &text("sig")));
        strict.push(
            flags
                .iter()
                .all(|flag| flag.starts_with("low_order_component")),
        );
    }
    assert_eq!(cases.len(), strict.len(), "every key is a point");
    assert!(strict.iter().filter(|holds| **holds).count() > 1);
    check(&cases, &strict);
}

#[test]
fn vectors_of_the_paper_are_judged_strictly() {
    let text = fs::read_to_string(golden::folder("ed25519").join("speccheck.json"));
    let listed: Vec<serde_json::Value> =
        serde_json::from_str(&text.expect("it is there")).expect("JSON");
    let cases = listed.iter().filter_map(|listed| {
        let text = |field: &str| listed[field].as_str().expect("text");
        case(text("pub_key"), bytes(text("message")), text("signature"))
    });
    let cases: Vec<Case> = cases.collect();
    let strict: Vec<bool> = (0..12).map(|place| place == 3).collect();
    check(&cases, &strict);
}

#[test]
fn vectors_whose_r_has_torsion_are_refused() {
    let mut text = String::new();
    for number in 0..6_u64 {
        let author = SoftwareSigner::stand_in_identity(number, "torsion");
        let key = author.verifying_key();
        let message = format!("torsion {number}");
        let nonce = scalar(number, "torsion");
        for (place, torsion) in EIGHT_TORSION.iter().enumerate() {
            let order = [1, 8, 4, 8, 2, 8, 4, 8][place];
            let r = ED25519_BASEPOINT_POINT * nonce + torsion;
            let signature = made(
                author.to_scalar(),
                key.to_bytes(),
                message.as_bytes(),
                nonce,
                r.compress().to_bytes(),
            );
            let (key, signature) = (hex(key.as_bytes()), hex(&signature.to_bytes()));
            text.push_str(&format!(
                "{{\"key\":\"{key}\",\"sig\":\"{signature}\",\"msg\":\"{message}\",\"order\":{order}}}\n"
            ));
        }
    }
    golden::check_file("ed25519", "torsion.jsonl", &text);
    let mut cases = Vec::new();
    let mut strict = Vec::new();
    for line in lines("torsion.jsonl") {
        let text = |field: &str| line[field].as_str().expect("text").to_owned();
        cases.extend(case(&text("key"), text("msg").into_bytes(), &text("sig")));
        strict.push(line["order"] == 1);
    }
    assert_eq!(strict.iter().filter(|holds| **holds).count(), 6);
    check(&cases, &strict);
    // It is a lax rule that they are for: with the cofactor, all of them hold.
    for case in &cases {
        let r = curve25519_dalek::edwards::CompressedEdwardsY(*case.signature.r_bytes());
        let k = k(case.signature.r_bytes(), case.key.as_bytes(), &case.message);
        let s = Scalar::from_canonical_bytes(*case.signature.s_bytes()).expect("reduced");
        let rest = ED25519_BASEPOINT_POINT * s
            - case.key.to_edwards() * k
            - r.decompress().expect("a point");
        assert!(rest.is_small_order());
    }
}

#[test]
fn files_of_vectors_are_all_read() {
    let files = [
        "README.md",
        "cctv.LICENSE",
        "cctv.jsonl",
        "speccheck.json",
        "torsion.jsonl",
    ];
    let files: BTreeSet<String> = files.iter().map(ToString::to_string).collect();
    golden::check_folder("ed25519", &files);
}

#[test]
fn every_way_to_be_unusual_is_judged_as_alone() {
    let mut kinds = BTreeSet::new();
    for way in 0..WAYS {
        for number in 0..7 {
            let case = unusual(way, number);
            let lax = case.key.verify(&case.message, &case.signature).is_ok();
            kinds.insert((lax, case.is_strict()));
            let mut among = right(257);
            among[usize::try_from(number * 40).expect("small")] = case;
            let (together, one_by_one) = both(&among);
            assert_eq!(together, one_by_one, "way {way}, number {number}");
        }
    }
    // Refused by both rules, by the strict one alone, and by none.
    let expected = BTreeSet::from([(false, false), (true, false), (true, true)]);
    assert_eq!(kinds, expected);
}

#[test]
fn torsion_that_cancels_out_is_noticed() {
    // Of each pair, R + T and R − T, so that the sum of all R has none.
    let author = SoftwareSigner::stand_in_identity(0, "author");
    for torsion in &EIGHT_TORSION[1..] {
        let mut cases = right(300);
        for (at, torsion) in [(3, *torsion), (4, -torsion), (299, *torsion), (0, -torsion)] {
            let message = format!("pair {at}").into_bytes();
            let nonce = scalar(at as u64, "pair");
            let r = (ED25519_BASEPOINT_POINT * nonce + torsion)
                .compress()
                .to_bytes();
            let key = author.verifying_key();
            let signature = made(author.to_scalar(), key.to_bytes(), &message, nonce, r);
            cases[at] = Case {
                key,
                message,
                signature,
            };
        }
        let (together, one_by_one) = both(&cases);
        assert_eq!(together, [0, 3, 4, 299]);
        assert_eq!(one_by_one, together);
    }
}

#[test]
fn errors_that_cancel_out_are_noticed() {
    // s + 1 in one and s − 1 in another: a sum without factors would not see it.
    let mut cases = right(300);
    for (at, more) in [(10, Scalar::ONE), (200, -Scalar::ONE)] {
        let signature = cases[at].signature;
        let s = Scalar::from_canonical_bytes(*signature.s_bytes()).expect("reduced") + more;
        cases[at].signature = Signature::from_components(*signature.r_bytes(), s.to_bytes());
    }
    assert_eq!(both(&cases).0, [10, 200]);
}

#[test]
fn few_and_many_are_judged_alike_at_the_boundaries() {
    assert_eq!(both(&[]).0, [0_usize; 0]);
    for count in [1, 255, 256, 257, 8192, 8193] {
        let mut cases = right(count);
        assert_eq!(both(&cases).0, [0_usize; 0], "{count}");
        cases[count - 1].message.push(0);
        assert_eq!(both(&cases).0, [count - 1], "{count}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn together_is_as_one_by_one(
        count in 250..400_usize,
        odd in prop::collection::vec((any::<prop::sample::Index>(), 0..WAYS, any::<u32>()), 0..6),
    ) {
        let mut cases = right(count);
        for (at, way, number) in odd {
            cases[at.index(count)] = unusual(way, number.into());
        }
        let (together, one_by_one) = both(&cases);
        prop_assert_eq!(together, one_by_one);
    }
}

const TYPE: &str = "application/vnd.example+json";

/// Envelopes opened together have the outcomes they have alone, whatever is wrong with them.
#[test]
fn envelopes_are_opened_together_as_alone() {
    let identity = |number| SoftwareSigner::stand_in_identity(number, "author");
    let line = |at: u64| {
        let payload = format!("{{\"number\":{at}}}").into_bytes();
        let envelope = Envelope::sign(TYPE, payload, &identity(at % 4));
        let several = envelope
            .clone()
            .countersign(&identity(9))
            .countersign(&identity(10));
        if at.is_multiple_of(5) {
            several
        } else {
            envelope
        }
        .to_line()
    };
    let mut lines: Vec<String> = (0..400).map(line).collect();
    let together = Envelope::open_all(lines.iter().map(String::as_str));
    assert!(together.iter().all(Result::is_ok));

    // Signatures of one are put into another; the second of three too.
    let swap = |one: &str, other: &str, which: usize| {
        let mut json: serde_json::Value = serde_json::from_str(one).expect("JSON");
        let other: serde_json::Value = serde_json::from_str(other).expect("JSON");
        json["signatures"][which]["sig"] = other["signatures"][which]["sig"].clone();
        json.to_string()
    };
    lines[7] = swap(&lines[7], &lines[11], 0);
    lines[20] = swap(&lines[20], &lines[40], 1);
    lines[60] = swap(&swap(&lines[60], &lines[80], 2), &lines[80], 0);
    lines[100] = "no JSON".to_owned();
    lines[101] = lines[101].replace("keyid\":\"", "keyid\":\"f");
    lines[102] = lines[102].replace(TYPE, "application/vnd.other+json");
    lines[399] = swap(&lines[399], &lines[395], 0);
    let together = Envelope::open_all(lines.iter().map(String::as_str));
    let alone: Vec<_> = lines.iter().map(|line| Envelope::open(line)).collect();
    assert_eq!(together, alone);
    let bad: Vec<usize> = (0..lines.len()).filter(|at| alone[*at].is_err()).collect();
    assert_eq!(bad, [7, 20, 60, 100, 101, 102, 399]);
    let key = |number| hex(identity(number).verifying_key().as_bytes());
    assert_eq!(
        together[20],
        Err(EnvelopeError::BadSignature { key: key(9) })
    );
    assert_eq!(
        together[60],
        Err(EnvelopeError::BadSignature { key: key(0) })
    );
}
