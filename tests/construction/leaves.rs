//! Every leaf of every stage, held to its quorums and its locks.

use std::sync::Arc;

use bitcoin::bip32::Xpub;
use bitcoin::hashes::{Hash, HashEngine, sha256};
use longstop::compile::{CompileError, LeafKind, NUMS_POINT, Stage, compile, is_unspendable};
use longstop::policy::check;
use miniscript::Descriptor;

use crate::leaf::check_leaf;
use crate::vault::{Draft, SCRIPTS, TREASURY, World};

/// Policies whose leaves are of all shapes.
const POLICIES: [(&str, &str); 4] = [
    ("treasury", TREASURY),
    (
        "nested quorums, one seat held twice",
        r#"
[quorums]
legal = { threshold = 2, of = ["alice", "bob", "carol"] }
finance = { threshold = 2, of = ["dave", "erin", "frank"] }
board = { threshold = 2, of = ["legal", "finance", "greta"] }
agents = { threshold = 1, of = ["hal"] }
office = { threshold = 2, of = ["agents", "ivan", "judy"] }
vetoers = { threshold = 1, of = ["legal", "judy"] }

[root]
quorum = "board"

[[path]]
name = "sos"
quorum = "office"
escrow = { window = "5 blocks", veto = "vetoers", backstop = "9 blocks" }
lockup = { period = "7 blocks", clawback = false }

[[path]]
name = "some-day"
quorum = "office"
unlock_height = 175
"#,
    ),
    (
        "one key in root, locks that count time",
        r#"
[quorums]
office = { threshold = 1, of = ["alice"] }
agents = { threshold = 2, of = ["gina", "hal"] }

[root]
quorum = "office"
refresh = "1 hours"

[[path]]
name = "sos"
clock = "time"
quorum = "agents"
escrow = { window = "3 hours", veto = "agents", backstop = "4 hours" }
lockup = { period = "2 hours" }

[[path]]
name = "dead-man"
quorum = "agents"
delay = "9 hours"
clock = "time"

[lints]
LS0503 = "short delays keep the tests quick"
"#,
    ),
    (
        "both kinds of absolute lock, and spending in stages",
        r#"
[quorums]
council = { threshold = 2, of = ["alice", "bob"] }
operators = { threshold = 1, of = ["otto", "olga"] }
agents = { threshold = 2, of = ["gina", "hal"] }

[root]
quorum = "council"
refresh = "1 blocks"

[[path]]
name = "payments"
purpose = "spend"
quorum = "operators"
escrow = { window = "6 blocks", veto = "council" }

[[path]]
name = "new-year"
quorum = "agents"
unlock_at = "2026-01-01T08:00:00Z"

[[path]]
name = "late"
quorum = "agents"
unlock_height = 170
delay = "8 blocks"

[lints]
LS0503 = "short delays keep the tests quick"
"#,
    ),
];

#[test]
fn every_leaf_opens_to_its_quorums_and_when_its_locks_say() {
    let mut seen = std::collections::HashSet::new();
    for (_, terms) in POLICIES {
        for script in SCRIPTS {
            let world = Draft::new(script, terms).world();
            for stage in world.compiled.stages() {
                for leaf in stage.leaves() {
                    check_leaf(&world, stage.stage(), leaf.kind());
                    seen.insert(std::mem::discriminant(leaf.kind()));
                }
            }
        }
    }
    assert_eq!(seen.len(), 9, "every kind of leaf was among them");
}

/// Which leaves stand where; there is no way to spend a stage but these.
#[test]
fn each_stage_has_just_its_leaves() {
    let leaves = |terms: &str, stage: Stage| {
        let compiled = Draft::new("wsh", terms).compiled();
        let stage = compiled.stage(&stage).expect("such a stage");
        let mut kinds: Vec<LeafKind> = stage.leaves().iter().map(|l| l.kind().clone()).collect();
        kinds.sort();
        kinds
    };
    let sos = || "sos".to_owned();
    assert_eq!(
        leaves(TREASURY, Stage::Vault),
        [
            LeafKind::Spend,
            LeafKind::Trigger(sos()),
            LeafKind::Direct("dead-man".to_owned())
        ]
    );
    assert_eq!(
        leaves(TREASURY, Stage::Escrow(sos())),
        [
            LeafKind::Override,
            LeafKind::Cancel,
            LeafKind::Settle,
            LeafKind::Backstop
        ]
    );
    assert_eq!(
        leaves(TREASURY, Stage::Lockup(sos())),
        [LeafKind::Clawback, LeafKind::Release]
    );
    assert_eq!(
        leaves(POLICIES[1].1, Stage::Lockup(sos())),
        [LeafKind::Release],
        "a policy may leave the clawback out"
    );
    assert_eq!(
        leaves(POLICIES[3].1, Stage::Escrow("payments".to_owned())),
        [LeafKind::Override, LeafKind::Cancel, LeafKind::Settle],
        "a path for spending has no backstop"
    );
}

/// How many staged paths of this shape, each with a direct one beside it, a P2WSH vault holds: root
/// and agents as thresholds, and the most paths.
const MOST_PATHS: [(usize, usize, usize, usize, usize); 3] =
    [(3, 5, 2, 3, 8), (11, 15, 2, 3, 4), (8, 15, 5, 9, 2)];

#[test]
fn a_p2wsh_vault_holds_so_many_paths_and_no_more() {
    for (root, of, agents, among, most) in MOST_PATHS {
        let names = |prefix: &str, count: usize| {
            let names: Vec<_> = (0..count).map(|i| format!("\"{prefix}-{i}\"")).collect();
            names.join(", ")
        };
        let terms = |paths: usize| {
            let mut terms = format!(
                "[quorums]\ncouncil = {{ threshold = {root}, of = [{}] }}\nagents = {{ threshold = {agents}, of = [{}] }}\n[root]\nquorum = \"council\"\n",
                names("seat", of),
                names("agent", among),
            );
            for path in 0..paths {
                let (window, height) = (20 + path, 60_000 + path);
                terms += &format!(
                    r#"
[[path]]
name = "sos-{path}"
quorum = "agents"
escrow = {{ window = "{window} blocks", veto = "agents", backstop = "40 blocks" }}
lockup = {{ period = "30 blocks" }}
[[path]]
name = "late-{path}"
quorum = "agents"
unlock_height = {height}
"#
                );
            }
            terms
        };
        let policy = |script, paths| Arc::new(Draft::new(script, &terms(paths)).policy());
        let fit = (1..).take_while(|paths| compile(policy("wsh", *paths)).is_ok());
        assert_eq!(fit.last(), Some(most), "{root} of {of}");
        let refused = compile(policy("wsh", most + 1)).map(drop);
        let stage = Stage::Vault;
        assert!(
            matches!(&refused, Err(CompileError::Limit { stage: at, .. }) if *at == stage),
            "{refused:?}"
        );
        let taproot = compile(policy("tr", most + 1)).map(drop);
        assert!(taproot.is_ok(), "taproot has no such limit: {taproot:?}");

        let world = Draft::new("wsh", &terms(most)).world();
        for leaf in world.compiled.vault().leaves() {
            if leaf.absolute().is_none() {
                check_leaf(&world, &stage, leaf.kind());
            }
        }
    }
}

/// The internal key is the point that nobody has a key for, with a chain code that follows from
/// the keys of the tree, left to right.
#[test]
fn internal_keys_are_unspendable_and_differ() {
    let compiled = Draft::new("tr", TREASURY).compiled();
    let mut seen = std::collections::BTreeSet::new();
    for stage in compiled.stages() {
        let text = stage.descriptor().to_string();
        let keys: Vec<Xpub> = text
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| word.starts_with("tpub"))
            .map(|word| word.parse().expect("an extended key"))
            .collect();
        let (internal, leaves) = keys.split_first().expect("keys");
        assert_eq!(internal.public_key.serialize(), NUMS_POINT);
        let mut engine = sha256::Hash::engine();
        for key in leaves {
            engine.input(&key.public_key.serialize());
        }
        let expected = sha256::Hash::from_engine(engine).to_byte_array();
        assert_eq!(internal.chain_code.to_bytes(), expected);
        assert!(seen.insert(internal.chain_code), "no two stages share one");
    }
    assert_eq!(seen.len(), 3);
}

/// Where root is one key it is the key path, and in a stage without a leaf of root there is none.
#[test]
fn a_root_of_one_key_is_the_key_path_of_the_stages_it_can_spend() {
    let terms = POLICIES[2].1.replace(
        "period = \"2 hours\"",
        "period = \"2 hours\", clawback = false",
    );
    let compiled = Draft::new("tr", &terms).compiled();
    for stage in compiled.stages() {
        let key_paths = stage.leaves().iter().filter(|leaf| leaf.is_key_path());
        let kinds: Vec<LeafKind> = key_paths.map(|leaf| leaf.kind().clone()).collect();
        let Descriptor::Tr(tr) = stage.descriptor() else {
            panic!("it is taproot");
        };
        let expected = match stage.stage() {
            Stage::Vault => vec![LeafKind::Spend],
            Stage::Escrow(_) => vec![LeafKind::Override],
            Stage::Lockup(_) => vec![],
        };
        assert_eq!(kinds, expected);
        assert_eq!(is_unspendable(tr.internal_key()), expected.is_empty());
    }
}

/// A single holder without any path has no script leaf at all: the output is the key alone.
#[test]
fn a_single_key_root_without_paths_is_a_key_path_and_nothing_else() {
    let terms = r#"
[quorums]
owner = { threshold = 1, of = ["alice"] }

[root]
quorum = "owner"
"#;
    let text = Draft::new("tr", terms).text();
    let accepted = "script = \"tr\"\naccept_total_loss = \"it is pocket money\"";
    let policy = check(&text.replace("script = \"tr\"", accepted))
        .policy
        .expect("sound");
    let compiled = Arc::new(compile(Arc::new(policy)).expect("it compiles"));
    let Descriptor::Tr(tr) = compiled.vault().descriptor() else {
        panic!("it is taproot");
    };
    assert!(tr.tap_tree().is_none());
    check_leaf(&World::new(compiled), &Stage::Vault, &LeafKind::Spend);
}
