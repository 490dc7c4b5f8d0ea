//! Everything the policy language is for, rule by rule: a few lines of a policy, who can then do
//! what and who cannot, and after which lock; in taproot and in P2WSH.

#[path = "policy/template.rs"]
#[expect(
    dead_code,
    reason = "the tests of diagnostics use the rest of this file"
)]
mod template;

use std::collections::BTreeSet;
use std::sync::Arc;

use longstop::compile::{Compiled, Leaf, LeafKind, SpendCost, Stage, compile};
use longstop::policy::check;
use longstop::units::{AbsoluteLock, RelativeLock};

use template::Filled;

const PARTIES: [&str; 12] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "gina", "hal", "ivan", "judy", "kim", "leo",
];

/// A policy of these quorums, root and paths over a dozen parties, in one script type.
fn policy(script: &str, rules: &str) -> Compiled {
    let parties: String = PARTIES
        .iter()
        .map(|name| format!("{name} = {{ key = \"{{{name}}}\" }}\n"))
        .collect();
    let template = format!(
        "[policy]\nname = \"language\"\nnetwork = \"regtest\"\nscript = \"{script}\"\naccept_total_loss = \"a test\"\n\n[parties]\n{parties}\n{rules}"
    );
    let checked = check(&Filled::new(&template).text);
    assert!(!checked.has_errors(), "{rules}\n{:#?}", checked.diagnostics);
    let policy = checked.policy.expect("a policy without errors");
    compile(Arc::new(policy)).expect("it fits its script type")
}

/// Checks one rule in both script types.
fn rule(rules: &str, holds: impl Fn(&Compiled)) {
    for script in ["tr", "wsh"] {
        holds(&policy(script, rules));
    }
}

fn leaf<'a>(compiled: &'a Compiled, stage: &Stage, kind: &LeafKind) -> &'a Leaf {
    let stage = compiled.stage(stage).expect("the stage is there");
    stage.leaf(kind).expect("the leaf is there")
}

/// Whether these parties have every signature that a leaf asks for.
fn meets(leaf: &Leaf, names: &str) -> bool {
    let present: BTreeSet<&str> = names.split_whitespace().collect();
    leaf.groups().iter().all(|group| {
        let seats: Vec<bool> = group
            .seats()
            .map(|(name, _)| present.contains(name))
            .collect();
        group.is_met_by(&|seat| seats.get(seat).copied().unwrap_or_default())
    })
}

/// Each of the first can use the leaf, each of the others cannot.
fn who(leaf: &Leaf, can: &[&str], cannot: &[&str]) {
    for names in can {
        assert!(meets(leaf, names), "{} by {names}", leaf.kind());
    }
    for names in cannot {
        assert!(!meets(leaf, names), "{} by {names}", leaf.kind());
    }
}

fn lock(leaf: &Leaf) -> (Option<u32>, Option<u32>) {
    (
        leaf.relative().map(RelativeLock::to_consensus),
        leaf.absolute().map(AbsoluteLock::to_consensus),
    )
}

fn direct(name: &str) -> LeafKind {
    LeafKind::Direct(name.to_owned())
}

#[test]
fn thresholds_of_thresholds() {
    rule(
        "[quorums]\n\
         legal = { threshold = 2, of = [\"alice\", \"bob\", \"carol\"] }\n\
         finance = { threshold = 1, of = [\"dave\", \"erin\"] }\n\
         company = { threshold = 2, of = [\"legal\", \"finance\", \"frank\"] }\n\
         [root]\nquorum = \"company\"\n",
        |compiled| {
            who(
                leaf(compiled, &Stage::Vault, &LeafKind::Spend),
                &["alice bob dave", "alice carol frank", "erin frank"],
                &[
                    "alice bob carol",
                    "dave erin",
                    "alice dave",
                    "frank",
                    "alice frank",
                ],
            );
        },
    );
}

#[test]
fn mandatory_members() {
    rule(
        "[quorums]\n\
         others = { threshold = 2, of = [\"bob\", \"carol\", \"dave\"] }\n\
         board = { threshold = 2, of = [\"alice\", \"others\"] }\n\
         [root]\nquorum = \"board\"\n",
        |compiled| {
            who(
                leaf(compiled, &Stage::Vault, &LeafKind::Spend),
                &["alice bob carol", "alice carol dave"],
                &["bob carol dave", "alice bob", "alice"],
            );
        },
    );
}

#[test]
fn weights_that_come_to_thresholds() {
    rule(
        "[quorums]\n\
         board = { weight = 4, weights = { alice = 2, bob = 2, carol = 1, dave = 1, erin = 1 } }\n\
         [root]\nquorum = \"board\"\n",
        |compiled| {
            who(
                leaf(compiled, &Stage::Vault, &LeafKind::Spend),
                &["alice bob", "alice carol dave", "bob carol erin"],
                &["carol dave erin", "alice carol", "bob"],
            );
        },
    );
}

#[test]
fn decaying_quorums() {
    rule(
        "[quorums]\n\
         five = { threshold = 5, of = [\"alice\", \"bob\", \"carol\", \"dave\", \"erin\"] }\n\
         four = { threshold = 4, members_of = \"five\" }\n\
         three = { threshold = 3, members_of = \"five\" }\n\
         [root]\nquorum = \"five\"\nrefresh = \"30 days\"\n\
         [[path]]\nname = \"after-100\"\nquorum = \"four\"\ndelay = \"100 days\"\n\
         [[path]]\nname = \"after-200\"\nquorum = \"three\"\ndelay = \"200 days\"\n",
        |compiled| {
            let early = leaf(compiled, &Stage::Vault, &direct("after-100"));
            who(early, &["alice bob carol dave"], &["alice bob carol"]);
            assert_eq!(lock(early), (Some(14_400), None));
            let late = leaf(compiled, &Stage::Vault, &direct("after-200"));
            who(late, &["carol dave erin"], &["alice bob"]);
            assert_eq!(lock(late), (Some(28_800), None));
        },
    );
}

#[test]
fn several_paths_with_equal_delays() {
    rule(
        "[quorums]\n\
         council = { threshold = 2, of = [\"alice\", \"bob\"] }\n\
         family = { threshold = 2, of = [\"gina\", \"hal\", \"ivan\"] }\n\
         lawyers = { threshold = 2, of = [\"judy\", \"kim\"] }\n\
         [root]\nquorum = \"council\"\nrefresh = \"30 days\"\n\
         [[path]]\nname = \"by-family\"\nquorum = \"family\"\ndelay = \"100 days\"\n\
         [[path]]\nname = \"by-lawyers\"\nquorum = \"lawyers\"\ndelay = \"100 days\"\n",
        |compiled| {
            let family = leaf(compiled, &Stage::Vault, &direct("by-family"));
            let lawyers = leaf(compiled, &Stage::Vault, &direct("by-lawyers"));
            assert_eq!(lock(family), lock(lawyers));
            who(family, &["gina ivan"], &["judy kim", "gina judy"]);
            who(lawyers, &["judy kim"], &["gina hal", "gina judy"]);
        },
    );
}

#[test]
fn absolute_heights_and_dates() {
    rule(
        "[quorums]\n\
         council = { threshold = 2, of = [\"alice\", \"bob\"] }\n\
         children = { threshold = 2, of = [\"gina\", \"hal\"] }\n\
         [root]\nquorum = \"council\"\nrefresh = \"30 days\"\n\
         [[path]]\nname = \"at-height\"\nquorum = \"children\"\nunlock_height = 1200000\n\
         [[path]]\nname = \"at-date\"\nquorum = \"children\"\nunlock_at = \"2031-01-01T00:00:00Z\"\n\
         [[path]]\nname = \"both\"\nquorum = \"children\"\nunlock_height = 1200001\ndelay = \"100 days\"\n",
        |compiled| {
            // Neither is held by age, so a signature of the wrong transaction must not open it.
            assert_eq!(
                lock(leaf(compiled, &Stage::Vault, &direct("at-height"))),
                (Some(1), Some(1_200_000))
            );
            assert_eq!(
                lock(leaf(compiled, &Stage::Vault, &direct("at-date"))),
                (Some(1), Some(1_924_992_000))
            );
            assert_eq!(
                lock(leaf(compiled, &Stage::Vault, &direct("both"))),
                (Some(14_400), Some(1_200_001))
            );
        },
    );
}

#[test]
fn relative_locks_of_512_seconds() {
    rule(
        "[quorums]\n\
         council = { threshold = 2, of = [\"alice\", \"bob\"] }\n\
         children = { threshold = 2, of = [\"gina\", \"hal\"] }\n\
         [root]\nquorum = \"council\"\nrefresh = \"30 days\"\n\
         [[path]]\nname = \"by-clock\"\nquorum = \"children\"\nclock = \"time\"\ndelay = \"100 days\"\n",
        |compiled| {
            // 8,640,000 seconds are 16,875 units just so; bit 22 says that units are meant.
            let by_clock = leaf(compiled, &Stage::Vault, &direct("by-clock"));
            assert_eq!(lock(by_clock), (Some((1 << 22) | 16_875), None));
        },
    );
}

const STAGED: &str = "[quorums]\n\
    council = { threshold = 2, of = [\"alice\", \"bob\", \"carol\"] }\n\
    desk = { threshold = 1, of = [\"dave\", \"erin\"] }\n\
    agents = { threshold = 2, of = [\"gina\", \"hal\", \"ivan\"] }\n\
    trustees = { threshold = 2, of = [\"judy\", \"kim\", \"leo\"] }\n\
    [root]\nquorum = \"council\"\nrefresh = \"30 days\"\n";

/// The simple profile: root spends at once, and a staged path recovers.
#[test]
fn the_simple_profile() {
    let rules = format!(
        "{STAGED}[[path]]\nname = \"sos\"\nquorum = \"agents\"\n\
         escrow = {{ window = \"14 days\", veto = \"trustees\", backstop = \"60 days\" }}\n\
         lockup = {{ period = \"30 days\" }}\n"
    );
    rule(&rules, |compiled| {
        who(
            leaf(compiled, &Stage::Vault, &LeafKind::Spend),
            &["alice bob"],
            &["alice", "gina hal"],
        );
        let trigger = leaf(
            compiled,
            &Stage::Vault,
            &LeafKind::Trigger("sos".to_owned()),
        );
        who(
            trigger,
            &["alice bob gina hal"],
            &["alice bob", "gina hal ivan", "alice bob gina"],
        );
        let escrow = Stage::Escrow("sos".to_owned());
        let cancel = leaf(compiled, &escrow, &LeafKind::Cancel);
        who(cancel, &["alice carol judy leo"], &["alice carol judy"]);
        let settle = leaf(compiled, &escrow, &LeafKind::Settle);
        assert_eq!(lock(settle), (Some(2_016), None));
        let backstop = leaf(compiled, &escrow, &LeafKind::Backstop);
        who(backstop, &["gina hal"], &["alice bob carol"]);
        assert_eq!(lock(backstop), (Some(2_016 + 8_640), None));
        let lockup = Stage::Lockup("sos".to_owned());
        let release = leaf(compiled, &lockup, &LeafKind::Release);
        who(release, &["gina hal"], &["alice bob carol", "gina"]);
        assert_eq!(lock(release), (Some(4_320), None));
    });
}

/// The guarded profile: day-to-day spending is staged as well, and root is kept cold.
#[test]
fn the_guarded_profile() {
    let rules = format!(
        "{STAGED}[[path]]\nname = \"pay\"\npurpose = \"spend\"\nquorum = \"desk\"\n\
         escrow = {{ window = \"1 day\", veto = \"trustees\" }}\n"
    );
    rule(&rules, |compiled| {
        let trigger = leaf(
            compiled,
            &Stage::Vault,
            &LeafKind::Trigger("pay".to_owned()),
        );
        who(trigger, &["alice bob dave"], &["dave erin", "alice bob"]);
        let escrow = Stage::Escrow("pay".to_owned());
        let settle = leaf(compiled, &escrow, &LeafKind::Settle);
        who(settle, &["dave", "erin"], &["alice bob carol"]);
        assert_eq!(lock(settle), (Some(144), None));
        assert!(compiled.stage(&Stage::Lockup("pay".to_owned())).is_none());
    });
}

/// Each staged path has an escrow of its own, and none can be settled by the file of another.
#[test]
fn several_staged_paths_side_by_side() {
    let rules = format!(
        "{STAGED}[[path]]\nname = \"pay\"\npurpose = \"spend\"\nquorum = \"desk\"\n\
         escrow = {{ window = \"1 day\", veto = \"trustees\" }}\n\
         [[path]]\nname = \"sos\"\nquorum = \"agents\"\n\
         escrow = {{ window = \"14 days\", veto = \"trustees\", backstop = \"60 days\" }}\n\
         lockup = {{ period = \"30 days\" }}\n\
         [[path]]\nname = \"slow\"\nquorum = \"trustees\"\n\
         escrow = {{ window = \"28 days\", veto = \"agents\", backstop = \"90 days\" }}\n\
         lockup = {{ period = \"60 days\" }}\n"
    );
    rule(&rules, |compiled| {
        assert_eq!(compiled.staged().len(), 3);
        let stages: BTreeSet<String> = compiled
            .stages()
            .map(|stage| stage.descriptor().to_string())
            .collect();
        assert_eq!(
            stages.len(),
            1 + 3 + 2,
            "a vault, three escrows, two lock-ups"
        );
        let window = |path: &str| {
            lock(leaf(
                compiled,
                &Stage::Escrow(path.to_owned()),
                &LeafKind::Settle,
            ))
            .0
        };
        assert_eq!(
            [window("pay"), window("sos"), window("slow")],
            [Some(144), Some(2_016), Some(4_032)]
        );
    });
}

#[test]
fn a_lock_up_with_its_own_quorum() {
    let rules = format!(
        "{STAGED}[[path]]\nname = \"sos\"\nquorum = \"agents\"\n\
         escrow = {{ window = \"14 days\", veto = \"council\", backstop = \"60 days\" }}\n\
         lockup = {{ period = \"30 days\", quorum = \"trustees\" }}\n"
    );
    rule(&rules, |compiled| {
        let lockup = Stage::Lockup("sos".to_owned());
        let release = leaf(compiled, &lockup, &LeafKind::Release);
        who(
            release,
            &["judy kim"],
            &["gina hal ivan", "alice bob carol"],
        );
        // Otherwise the agents could wait for the backstop and leave the trustees out.
        let escrow = Stage::Escrow("sos".to_owned());
        let backstop = leaf(compiled, &escrow, &LeafKind::Backstop);
        who(backstop, &["kim leo"], &["gina hal ivan"]);
        // The trigger stays the agents' business.
        let trigger = leaf(
            compiled,
            &Stage::Vault,
            &LeafKind::Trigger("sos".to_owned()),
        );
        who(trigger, &["alice bob gina hal"], &["alice bob judy kim"]);
    });
}

#[test]
fn a_lock_up_with_a_beneficiary() {
    let rules = format!(
        "{STAGED}[[path]]\nname = \"sos\"\nquorum = \"agents\"\n\
         escrow = {{ window = \"14 days\", veto = \"council\", backstop = \"60 days\" }}\n\
         lockup = {{ period = \"30 days\", beneficiary = \"leo\", clawback = false }}\n"
    );
    rule(&rules, |compiled| {
        let lockup = Stage::Lockup("sos".to_owned());
        let release = leaf(compiled, &lockup, &LeafKind::Release);
        who(release, &["leo"], &["gina hal ivan", "judy kim", ""]);
        let stage = compiled.stage(&lockup).expect("there is a lock-up");
        assert!(stage.leaf(&LeafKind::Clawback).is_none());
    });
}
/// The likelier path comes first, and in a tree its control block, and so its witness, is shorter.
#[test]
fn likelihoods_of_paths() {
    let rules = |first: u32, second: u32| {
        format!(
            "{STAGED}[[path]]\nname = \"one\"\nquorum = \"agents\"\ndelay = \"100 days\"\nlikelihood = {first}\n\
             [[path]]\nname = \"two\"\nquorum = \"trustees\"\ndelay = \"100 days\"\nlikelihood = {second}\n"
        )
    };
    let order = |compiled: &Compiled| -> Vec<String> {
        let leaves = compiled.vault().leaves().iter();
        leaves.map(|leaf| leaf.kind().to_string()).collect()
    };
    for script in ["tr", "wsh"] {
        let first = policy(script, &rules(500, 1));
        assert_eq!(order(&first), ["direct one", "spend", "direct two"]);
        let second = policy(script, &rules(1, 500));
        assert_eq!(order(&second), ["direct two", "spend", "direct one"]);
        assert_ne!(first.id(), second.id());
    }
    let weight = |compiled: &Compiled, path: &str| {
        let vault = compiled.vault();
        let leaf = vault.leaf(&direct(path)).expect("the leaf is there");
        SpendCost::of(vault, leaf).witness_weight
    };
    let tree = policy("tr", &rules(500, 1));
    assert_eq!(weight(&tree, "one") + 32, weight(&tree, "two"));
    // The same, said or not.
    let silent = policy("tr", &rules(5, 5).replace("likelihood = 5\n", ""));
    assert_eq!(silent.id(), policy("tr", &rules(5, 5)).id());
}
