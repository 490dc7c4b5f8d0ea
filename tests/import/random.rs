//! Random descriptors: each becomes a policy that compiles back to the same scripts, or is refused
//! by the name of a family, and never written and then found to contradict itself.

use std::sync::LazyLock;

use bitcoin::bip32::DerivationPath;
use longstop::signer::SoftwareSigner;
use proptest::prelude::*;

use super::*;

static ACCOUNTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let secp = Secp256k1::new();
    let path: DerivationPath = "48h/1h/0h/3h".parse().unwrap();
    let account = |number: usize| {
        let signer = SoftwareSigner::stand_in(0, &format!("p{number}"), &secp);
        signer.account(&path, &secp).to_string()
    };
    (0..40).map(account).collect()
});

/// A script without its keys.
#[derive(Clone, Debug)]
enum Shape {
    Key,
    Locked(usize),
    Multi(usize, usize),
    /// A threshold of keys and, as one more member, a lock.
    Decaying(usize, usize, usize),
    Both(Box<Shape>, Box<Shape>),
    Either(Box<Shape>, Box<Shape>),
    Or(usize, Box<Shape>),
    Unless(Box<Shape>, Box<Shape>),
}

const LOCKS: [&str; 6] = [
    "older(10)",
    "older(1000)",
    "older(30000)",
    "after(900000)",
    "older(4194305)",
    "after(1900000000)",
];

fn shapes() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        3 => Just(Shape::Key),
        2 => (0..LOCKS.len()).prop_map(Shape::Locked),
        1 => (1..4_usize, 0..2_usize).prop_map(|(k, more)| Shape::Multi(k, k + more)),
        2 => (2..4_usize, 0..2_usize, 0..LOCKS.len())
            .prop_map(|(k, more, lock)| Shape::Decaying(k, k + more, lock)),
    ];
    leaf.prop_recursive(3, 10, 2, |inner| {
        let two = || {
            (
                inner.clone().prop_map(Box::new),
                inner.clone().prop_map(Box::new),
            )
        };
        prop_oneof![
            two().prop_map(|(one, other)| Shape::Both(one, other)),
            two().prop_map(|(one, other)| Shape::Either(one, other)),
            (1..4_usize, inner.clone().prop_map(Box::new))
                .prop_map(|(count, other)| Shape::Or(count, other)),
            two().prop_map(|(one, other)| Shape::Unless(one, other)),
        ]
    })
}

/// Writes shapes, with keys of so many parties in turn.
struct Pen {
    accounts: Vec<String>,
    used: usize,
    multi: &'static str,
}

impl Pen {
    fn key(&mut self) -> String {
        let (round, party) = (
            self.used / self.accounts.len(),
            self.used % self.accounts.len(),
        );
        self.used += 1;
        format!(
            "{}/<{};{}>/*",
            self.accounts[party],
            2 * round,
            2 * round + 1
        )
    }

    fn keys(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.key()).collect()
    }

    fn write(&mut self, shape: &Shape) -> String {
        match shape {
            Shape::Key => format!("pk({})", self.key()),
            Shape::Locked(lock) => format!("and_v(v:pk({}),{})", self.key(), LOCKS[*lock]),
            Shape::Multi(k, n) => {
                let keys = self.keys(*n).join(",");
                format!("{}({k},{keys})", self.multi)
            }
            Shape::Decaying(k, n, lock) => {
                let keys = self.keys(*n);
                let keys: Vec<String> = keys.iter().map(|key| format!("pk({key})")).collect();
                format!("thresh({k},{},sln:{})", keys.join(",s:"), LOCKS[*lock])
            }
            Shape::Both(one, other) => {
                format!("and_v(v:{},{})", self.write(one), self.write(other))
            }
            Shape::Either(one, other) => {
                format!("or_i({},{})", self.write(one), self.write(other))
            }
            Shape::Or(count, other) => {
                let keys = self.keys(*count).join(",");
                let other = self.write(other);
                format!("or_d({}(1,{keys}),{other})", self.multi)
            }
            Shape::Unless(one, other) => {
                let key = self.key();
                format!("andor(pk({key}),{},{})", self.write(one), self.write(other))
            }
        }
    }
}

/// A descriptor, with its checksum.
fn written(shape: &Shape, parties: usize, is_taproot: bool) -> String {
    let mut pen = Pen {
        accounts: ACCOUNTS[..parties].to_vec(),
        used: 0,
        multi: if is_taproot { "multi_a" } else { "multi" },
    };
    let script = pen.write(shape);
    with_checksum(&if is_taproot {
        let nobody = "tpubD6NzVbkrYhZ4WLczPJWReQycCJdd6YVWXubbVUFnJ5KgU5MDQrD998ZJLSmaB7GVcCnJSDWprxmrGkJ6SvgQC6QAffVpqSvonXmeizXcrkN";
        format!("tr({nobody}/<0;1>/*,{script})")
    } else {
        format!("wsh({script})")
    })
}

/// Imports it and compiles it back, or gives the family for which it is refused.
fn outcome(text: &str) -> Option<Family> {
    match read(text) {
        Ok(imported) => {
            let compiled = compiled(&imported);
            let body = text.split('#').next().unwrap();
            for keychain in Keychain::BOTH {
                let indexes = [0, 7];
                assert_eq!(
                    scripts(&compiled, keychain, &indexes),
                    expected(body, keychain, &indexes)
                );
            }
            None
        }
        Err(ImportError::Refused(refusal)) => Some(refusal.family),
        Err(other) => panic!("{text}: {other}"),
    }
}

/// As a policy, with names and no keys.
fn quorum(imported: &Imported, name: &str) -> String {
    let document = imported.document(&Naming::default());
    let line = document.lines().find(|line| line.starts_with(name));
    line.unwrap_or_else(|| panic!("{document}")).to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Where no key has a second branch, whatever can be spent at once by somebody fits.
    #[test]
    fn distinct_keys_import_or_have_a_family(shape in shapes(), is_taproot: bool) {
        let text = written(&shape, 40, is_taproot);
        let refused = outcome(&text);
        let known = [
            Family::AllLocked,
            Family::MixedLocks,
            Family::TooMany,
            Family::Unsound,
        ];
        prop_assert!(refused.is_none_or(|family| known.contains(&family)), "{text}: {refused:?}");
    }

    #[test]
    fn accounts_used_again_import_or_have_a_family(
        shape in shapes(),
        is_taproot: bool,
        parties in 2..6_usize,
    ) {
        outcome(&written(&shape, parties, is_taproot));
    }
}

/// Who has to sign, beside a threshold that decays: one signature of a party cannot fill two
/// places, so this is no seat that others fill later.
#[test]
fn a_mandatory_signer_beside_a_decaying_threshold() {
    let shape = Shape::Both(Box::new(Shape::Key), Box::new(Shape::Decaying(2, 3, 2)));
    for is_taproot in [false, true] {
        let text = written(&shape, 40, is_taproot);
        assert_eq!(outcome(&text), None);
        let imported = read(&text).unwrap();
        assert_eq!(imported.ways().len(), 2);
        assert_eq!(
            quorum(&imported, "signers-1-2 ="),
            "signers-1-2 = { threshold = 1, of = [\"party-2\", \"party-3\", \"party-4\"] }"
        );
    }
}

/// Which of a party's branches is whose seat is found, or the descriptor is refused by name.
#[test]
fn one_party_now_and_later() {
    let shape = Shape::Both(
        Box::new(Shape::Key),
        Box::new(Shape::Either(
            Box::new(Shape::Either(
                Box::new(Shape::Key),
                Box::new(Shape::Locked(4)),
            )),
            Box::new(Shape::Key),
        )),
    );
    for parties in 1..5 {
        for is_taproot in [false, true] {
            outcome(&written(&shape, parties, is_taproot));
        }
    }
}
