//! Spending in stages: an operating quorum pays after a window in which it can be stopped, while
//! root is kept cold.

use bitcoin::{Amount, OutPoint};
use longstop::compile::{Keychain, LeafKind, Role, Stage};
use longstop::transaction::{BuildError, Payee};

use crate::vault::{Armed, DEPOSIT, Draft, Fill, GONE, SCRIPTS, TOO_EARLY, anywhere, just_enough};

pub const GUARDED: &str = r#"
[quorums]
council = { threshold = 3, of = ["alice", "bob", "carol", "dave", "erin"] }
operators = { threshold = 2, of = ["olga", "otto", "oscar"] }
agents = { threshold = 2, of = ["gina", "hal"] }
vetoers = { threshold = 1, members_of = "council" }

[root]
quorum = "council"

[[path]]
name = "payments"
purpose = "spend"
quorum = "operators"
escrow = { window = "15 blocks", veto = "vetoers" }

[[path]]
name = "rescue"
quorum = "agents"
unlock_height = 60000
"#;

const OPERATORS: [&str; 2] = ["olga", "oscar"];

fn triggered(script: &'static str) -> Armed {
    let mut armed = Armed::on(&Draft::new(script, GUARDED), "payments", DEPOSIT);
    let trigger = armed.trigger(0, &OPERATORS);
    armed.world.confirm(&trigger);
    armed
}

fn payee(sats: u64) -> Payee {
    Payee {
        script_pubkey: anywhere(),
        amount: Amount::from_sat(sats),
    }
}

#[test]
fn operators_pay_after_the_window_and_the_change_returns_to_the_vault() {
    for script in SCRIPTS {
        let mut armed = triggered(script);
        let escrow = armed.escrow(0);
        let world = &mut armed.world;
        let payees = [payee(4_000_000), payee(1_000_000)];
        let settle = world
            .builder()
            .settle_to(&escrow, &payees)
            .expect("it pays");
        let fee = settle.fee();
        let change = settle.creates().remove(0);
        let settle = world.live(settle, &OPERATORS);
        world.mine_to_age(&escrow, 14);
        world.refuses(&settle, TOO_EARLY);
        world.mine_to_age(&escrow, 15);
        world.accepts(&settle);
        world.mine_to_age(&escrow, 16);
        world.confirm(&settle);

        assert_eq!(settle.output[0].value, payees[0].amount);
        assert_eq!(settle.output[1].value, payees[1].amount);
        assert_eq!(change.outpoint(), OutPoint::new(settle.compute_txid(), 2));
        assert_eq!(change.derived().stage(), &Stage::Vault);
        assert_eq!(change.derived().keychain(), Keychain::Change);
        assert_eq!(change.derived().index(), escrow.derived().index());
        let left = escrow.amount() - fee - Amount::from_sat(5_000_000 + 240);
        assert_eq!(change.amount(), left);
    }
}

#[test]
fn one_operator_is_too_few() {
    for script in SCRIPTS {
        let armed = triggered(script);
        let escrow = armed.escrow(0);
        let settle = armed.world.builder().settle_to(&escrow, &[payee(1_000)]);
        let mut settle = settle.expect("it pays");
        armed.world.collect(&mut settle, Role::Path, &["otto"]);
        assert!(settle.into_signed().is_err());
    }
}

#[test]
fn a_thief_with_the_operating_quorum_is_cancelled() {
    for script in SCRIPTS {
        let mut armed = triggered(script);
        let escrow = armed.escrow(0);
        let all = Payee {
            script_pubkey: anywhere(),
            amount: escrow.amount() - Amount::from_sat(10_000),
        };
        let theft = armed.world.builder().settle_to(&escrow, &[all]);
        let theft = armed.world.live(theft.expect("it pays"), &OPERATORS);
        armed.world.refuses(&theft, TOO_EARLY);

        armed.world.mine_to_age(&escrow, 10);
        let cancel = armed.cancel(0, &["dave"]);
        armed.world.confirm(&cancel);
        armed.world.bury();
        armed.world.mine_to_age(&escrow, 30);
        armed.world.refuses(&theft, GONE);
    }
}

#[test]
fn root_signs_no_settle_of_a_spend_path_and_has_no_leaf_for_one() {
    for script in SCRIPTS {
        let mut armed = triggered(script);
        let escrow = armed.escrow(0);
        assert!(armed.files.courses()[0].settles.is_empty());
        let settle = just_enough(&escrow, &LeafKind::Settle);
        assert!(settle.iter().all(|(role, _)| *role == Role::Path));

        // Here A works only beside S or Z, but beside Z it goes anywhere, at any time.
        let theft = armed.world.by_hand(&escrow, &LeafKind::Cancel);
        let seats = just_enough(&escrow, &LeafKind::Cancel);
        let theft = armed
            .world
            .signed(&theft, &escrow, &LeafKind::Cancel, &seats, Fill::Nothing);
        armed.world.confirm(&theft);
    }
}

#[test]
fn a_settle_to_payees_is_for_spend_paths_only() {
    let armed = Armed::new(&Draft::new("tr", crate::vault::TREASURY));
    let refused = armed
        .world
        .builder()
        .settle_to(&armed.escrow(0), &[payee(1_000)]);
    let path = "sos".to_owned();
    assert_eq!(refused.map(|_| ()), Err(BuildError::HasLockup { path }));

    let armed = triggered("tr");
    let refused = armed.world.builder().settle(&armed.escrow(0)).map(|_| ());
    let stage = Stage::Lockup("payments".to_owned());
    assert_eq!(refused, Err(BuildError::NoStage { stage }));
}
