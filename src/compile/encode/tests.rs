//! What is predicted of a way of writing a condition is what miniscript makes of it.

mod frozen;
mod several;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use bitcoin::key::XOnlyPublicKey;
use bitcoin::secp256k1::{PublicKey as RawKey, Secp256k1, SecretKey, schnorr};
use bitcoin::taproot::TapLeafHash;
use bitcoin::{PublicKey, absolute, ecdsa, relative, sighash, taproot};
use miniscript::{FromStrKey, Miniscript, Satisfier, ScriptContext, Segwitv0, Tap, ToPublicKey};

use super::Condition::{Seat, Threshold};
use super::*;
use crate::compile::chance::Chance;
use crate::compile::joint::Eased;
use crate::compile::seat::SeatKey;

/// A seat that is in no condition.
const OTHER: usize = 40;

/// The leaf that the conditions are of.
const LEAF: usize = 3;

/// The seats of the next leaf are counted from here on.
const SEATS: usize = 13;

fn keys(threshold: usize, seats: std::ops::Range<usize>) -> Condition {
    Threshold(threshold, seats.map(Seat).collect())
}

/// Every shape by itself, and many by chance.
fn conditions() -> Vec<Condition> {
    let mut all = vec![
        Seat(0),
        Threshold(1, vec![Seat(0)]),
        keys(1, 0..2),
        keys(2, 0..2),
        keys(2, 0..3),
        keys(3, 0..3),
        keys(16, 0..17),
        keys(17, 0..17),
        keys(2, 0..17),
        Threshold(2, vec![keys(2, 0..3), keys(1, 3..5), Seat(5)]),
        Threshold(1, vec![keys(2, 0..2), Seat(2), keys(2, 3..6)]),
        Threshold(1, vec![keys(2, 0..3), keys(3, 3..6), keys(2, 6..8)]),
        Threshold(3, vec![Seat(0), keys(1, 1..3), keys(2, 3..6)]),
        Threshold(
            17,
            std::iter::once(keys(1, 0..2))
                .chain((2..19).map(Seat))
                .collect(),
        ),
    ];
    let mut chance = Chance(7);
    while all.len() < 150 {
        let mut next = 0;
        let condition = chance.condition(3, &mut next);
        if next <= 12 {
            all.push(condition);
        }
    }
    all
}

/// All smallest sets of seats that meet a condition.
fn smallest_sets(condition: &Condition) -> Vec<BTreeSet<usize>> {
    match condition {
        Seat(seat) => vec![BTreeSet::from([*seat])],
        Threshold(threshold, members) => smallest_of(*threshold, members.iter().map(smallest_sets)),
    }
}

/// All smallest sets that meet so many of the members, each of which has these.
fn smallest_of(
    threshold: usize,
    members: impl Iterator<Item = Vec<BTreeSet<usize>>>,
) -> Vec<BTreeSet<usize>> {
    let mut ways = vec![Vec::new(); threshold + 1];
    ways[0].push(BTreeSet::new());
    for own in members {
        for met in (1..=threshold).rev() {
            let more: Vec<BTreeSet<usize>> = ways[met - 1]
                .iter()
                .flat_map(|before| own.iter().map(move |own| before | own))
                .collect();
            ways[met].extend(more);
        }
    }
    ways.swap_remove(threshold)
}

fn key(seat: usize) -> RawKey {
    static KEYS: OnceLock<Vec<RawKey>> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let secrets = (1..=OTHER + 1).map(|number| SecretKey::from_slice(&[number as u8; 32]));
        let secp = Secp256k1::new();
        let keys = secrets.map(|secret| RawKey::from_secret_key(&secp, &secret.expect("a secret")));
        keys.collect()
    });
    keys[seat]
}

/// Seats that sign, whatever is asked for, and whether the absolute lock is open.
struct Signs<'a> {
    seats: &'a BTreeSet<usize>,
    is_open: bool,
}

impl Signs<'_> {
    fn has(&self, key: XOnlyPublicKey) -> bool {
        let mut seats = self.seats.iter();
        seats.any(|seat| self::key(*seat).x_only_public_key().0 == key)
    }
}

impl<Pk: ToPublicKey> Satisfier<Pk> for Signs<'_> {
    fn lookup_ecdsa_sig(&self, key: &Pk) -> Option<ecdsa::Signature> {
        // As long as a signature gets: its first number has a sign byte, its second has none.
        let numbers = [[0xff; 1].as_slice(), &[1; 31], &[1; 32]].concat();
        self.has(key.to_x_only_pubkey()).then(|| ecdsa::Signature {
            signature: bitcoin::secp256k1::ecdsa::Signature::from_compact(&numbers)
                .expect("two numbers"),
            sighash_type: sighash::EcdsaSighashType::All,
        })
    }

    fn lookup_tap_leaf_script_sig(&self, key: &Pk, _: &TapLeafHash) -> Option<taproot::Signature> {
        self.has(key.to_x_only_pubkey())
            .then(|| taproot::Signature {
                signature: schnorr::Signature::from_slice(&[1; 64]).expect("64 bytes"),
                sighash_type: sighash::TapSighashType::Default,
            })
    }

    fn check_older(&self, _: relative::LockTime) -> bool {
        true
    }

    fn check_after(&self, _: absolute::LockTime) -> bool {
        self.is_open
    }
}

/// A miniscript with keys for its seats.
fn with_keys<Pk: FromStrKey, Ctx: ScriptContext>(
    text: &str,
    name: &dyn Fn(usize) -> String,
) -> Miniscript<Pk, Ctx> {
    let mut out = String::new();
    for run in text.split_inclusive(['(', ')', ',']) {
        let word = run.trim_end_matches(['(', ')', ',']);
        match word.parse() {
            Ok(SeatKey::Seat { leaf, seat }) => out += &name((leaf - LEAF) * SEATS + seat),
            _ => out += word,
        }
        out += &run[word.len()..];
    }
    Miniscript::from_str_insane(&out).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Bytes of a script, and of the witness by each of these sets once all locks are open.
fn measured(text: &str, script: ScriptType, sets: &[BTreeSet<usize>]) -> (usize, Vec<usize>) {
    measured_when(true, text, script, sets)
}

/// The same with the absolute lock open or shut.
fn measured_when(
    is_open: bool,
    text: &str,
    script: ScriptType,
    sets: &[BTreeSet<usize>],
) -> (usize, Vec<usize>) {
    fn bytes<Pk: ToPublicKey, Ctx: ScriptContext>(
        is_open: bool,
        script: &Miniscript<Pk, Ctx>,
        sets: &[BTreeSet<usize>],
    ) -> (usize, Vec<usize>) {
        let witnesses = sets.iter().map(|seats| {
            let witness = script.satisfy(Signs { seats, is_open });
            let witness = witness.unwrap_or_else(|error| panic!("{script} by {seats:?}: {error}"));
            witness.iter().map(|item| 1 + item.len()).sum()
        });
        (script.script_size(), witnesses.collect())
    }
    match script {
        ScriptType::Wsh => {
            let name = |seat| PublicKey::new(key(seat)).to_string();
            bytes(
                is_open,
                &with_keys::<PublicKey, Segwitv0>(text, &name),
                sets,
            )
        }
        ScriptType::Tr => {
            let name = |seat| key(seat).x_only_public_key().0.to_string();
            bytes(
                is_open,
                &with_keys::<XOnlyPublicKey, Tap>(text, &name),
                sets,
            )
        }
    }
}

/// A key that is in no condition, with the bytes of its script and of its signature.
fn other(script: ScriptType) -> (String, usize, usize) {
    let text = format!("pk(k{LEAF}_{OTHER})");
    let (size, witness) = measured(&text, script, &[BTreeSet::from([OTHER])]);
    (text, size, witness[0])
}

fn encoder(script: ScriptType, hashes: bool) -> Encoder {
    Encoder::new(script, LEAF).with_hashes(hashes)
}

const ENCODERS: [(ScriptType, bool); 3] = [
    (ScriptType::Tr, false),
    (ScriptType::Wsh, false),
    (ScriptType::Wsh, true),
];

/// Holds a way against the script that miniscript reads and the witnesses it builds; where it
/// leaves nothing on the stack, another key stands behind it.
fn check(way: &Way, is_base: bool, script: ScriptType, sets: &[BTreeSet<usize>]) {
    let (key, key_size, signature) = other(script);
    let (text, size, more) = if is_base {
        (way.to_string(), way.size, 0)
    } else {
        let size = way.size + key_size as f64;
        (format!("and_v({way},{key})"), size, signature)
    };
    let sets: Vec<BTreeSet<usize>> = sets.iter().map(with_other).collect();
    let (found, witnesses) = measured(&text, script, &sets);
    assert_eq!(size, found as f64, "{text}");
    let most = witnesses.iter().max().expect("a set") - more;
    assert_eq!(way.most, most as f64, "{text}");
    let sum = witnesses.iter().map(|bytes| bytes - more).sum::<usize>();
    let mean = sum as f64 / sets.len() as f64;
    assert!(
        (way.satisfy - mean).abs() < 1e-6,
        "{text}: {} {mean}",
        way.satisfy
    );
}

fn with_other(set: &BTreeSet<usize>) -> BTreeSet<usize> {
    set | &BTreeSet::from([OTHER])
}

/// Script and witnesses have the bytes that every way says; shown not to be satisfied, it takes
/// the bytes it says; and below others it stands in the wrapper it says.
#[test]
fn ways_take_what_they_say() {
    let mut count = 0;
    for condition in conditions() {
        let sets = smallest_sets(&condition);
        for (script, hashes) in ENCODERS {
            let ways = encoder(script, hashes).ways(&condition);
            assert!(!ways.base.is_empty() && !ways.verify.is_empty());
            let (key, key_size, signature) = other(script);
            let enough = [with_other(&sets[0])];
            for way in &ways.base {
                check(way, true, script, &sets);
                count += 1;
                let verify = format!("and_v(v:{way},{key})");
                let (size, _) = measured(&verify, script, &enough);
                assert_eq!(way.size + way.verify, (size - key_size) as f64, "{verify}");
                let Some(dissatisfy) = way.dissatisfy else {
                    continue;
                };
                let text = format!("or_d({way},{key})");
                let (size, shown) = measured(&text, script, &[BTreeSet::from([OTHER])]);
                // Three operations choose: `IFDUP`, `NOTIF` and `ENDIF`.
                assert_eq!(way.size, (size - key_size - 3) as f64, "{text}");
                assert_eq!(dissatisfy, (shown[0] - signature) as f64, "{text}");
                let (below, wrapper) = way.below();
                let text = fragment("and_b", &[&Rc::new(Text::Word(key.clone())), &below]);
                let text = Way {
                    text,
                    ..way.clone()
                }
                .to_string();
                let (size, _) = measured(&text, script, &enough);
                assert_eq!(way.size + wrapper, (size - key_size - 1) as f64, "{text}");
            }
            for way in &ways.verify {
                check(way, false, script, &sets);
                assert_eq!(way.dissatisfy, None);
                count += 1;
            }
        }
    }
    assert!(count > 1_000, "{count}");
}

/// The same with locks, alone and together.
#[test]
fn leaves_take_what_they_say() {
    let (older, after) = (Lock::new("older", 0x80), Lock::new("after", 0x80_0000));
    let nested = Threshold(2, vec![keys(1, 3..5), Seat(5), keys(2, 6..9)]);
    for (script, hashes) in ENCODERS {
        let encoder = encoder(script, hashes);
        for parts in [
            vec![keys(2, 0..3)],
            vec![keys(2, 0..3), nested.clone()],
            vec![nested.clone(), Seat(0)],
        ] {
            let sets = smallest_sets(&Threshold(parts.len(), parts.clone()));
            for locks in [
                vec![],
                vec![older.clone()],
                vec![after.clone()],
                vec![older.clone(), after.clone()],
            ] {
                for is_seldom in [false, true] {
                    let way = encoder.all(&parts, &locks, is_seldom).expect("a part");
                    check(&way, true, script, &sets);
                    assert_eq!(way.dissatisfy, None);
                }
            }
        }
        assert!(encoder.all(&[], &[], false).is_none());
    }
}

/// The numbers at which a push takes one byte more.
#[test]
fn numbers_take_what_they_take_in_scripts() {
    for number in [
        1,
        2,
        15,
        16,
        17,
        18,
        126,
        127,
        128,
        129,
        0x7ffe,
        0x7fff,
        0x8000,
        0x8001,
        0x7f_fffe,
        0x7f_ffff,
        0x80_0000,
        0x7fff_fffe,
        0x7fff_ffff,
    ] {
        let lock = Lock::new("after", number);
        let script = Miniscript::<PublicKey, Segwitv0>::from_str_insane(&lock.text);
        let script = script.expect("it is one");
        assert_eq!(lock.size, script.script_size() as u64, "{number}");
        assert_eq!(lock.size, script.encode().len() as u64, "{number}");
        assert_eq!(push_size(u64::from(number)) + 1, lock.size);
    }
    assert_eq!(push_size(0x8000_0000), 6);
}
