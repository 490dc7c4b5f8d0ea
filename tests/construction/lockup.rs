//! The lock-up: root takes the coin back at once, the agents have it after the period.

use longstop::compile::{LeafKind, Role, Stage};
use longstop::transaction::BuildError;

use crate::vault::{Armed, Draft, GONE, SCRIPTS, TOO_EARLY, TREASURY, anywhere};

const ROOT: [&str; 3] = ["carol", "dave", "erin"];
const AGENTS: [&str; 2] = ["hal", "ivan"];

/// An armed coin whose settle has just been confirmed.
fn settled(draft: &Draft) -> Armed {
    let mut armed = Armed::new(draft);
    let trigger = armed.trigger(0, &AGENTS);
    armed.world.confirm(&trigger);
    armed.world.mine_to_age(&armed.escrow(0), 20);
    let settle = armed.settle(0);
    armed.world.confirm(&settle);
    armed
}

#[test]
fn root_claws_back_at_once() {
    for script in SCRIPTS {
        let mut armed = settled(&Draft::new(script, TREASURY));
        let lockup = armed.lockup(0);
        let release = armed.world.builder().release(&lockup, anywhere());
        let release = armed.world.live(release.expect("it pays"), &AGENTS);
        let clawback = armed.world.builder().clawback(&lockup).expect("it pays");
        let mut short = clawback.clone();
        let clawback = armed.world.live(clawback, &ROOT);
        armed.world.collect(&mut short, Role::Root, &ROOT[1..]);
        assert!(short.into_signed().is_err(), "two of root are too few");
        armed.world.confirm(&clawback);
        armed.world.bury();
        armed.world.refuses(&release, GONE);
    }
}

#[test]
fn root_claws_back_even_in_the_block_of_the_settle() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let trigger = armed.trigger(0, &AGENTS);
        armed.world.confirm(&trigger);
        armed.world.mine_to_age(&armed.escrow(0), 20);
        let settle = armed.settle(0);
        let clawback = armed.world.builder().clawback(&armed.lockup(0));
        let clawback = armed.world.live(clawback.expect("it pays"), &ROOT);
        armed.world.submit(&settle);
        armed.world.submit(&clawback);
        assert_eq!(armed.world.chain.mine_one().confirmed.len(), 2);
    }
}

#[test]
fn the_release_opens_with_the_period() {
    for script in SCRIPTS {
        let mut armed = settled(&Draft::new(script, TREASURY));
        let lockup = armed.lockup(0);
        let world = &mut armed.world;
        let release = world.builder().release(&lockup, anywhere());
        let release = world.live(release.expect("it pays"), &AGENTS);
        world.refuses(&release, TOO_EARLY);
        world.mine_to_age(&lockup, 29);
        world.refuses(&release, TOO_EARLY);
        world.mine_to_age(&lockup, 30);
        world.accepts(&release);
        world.mine_to_age(&lockup, 31);
        world.confirm(&release);
    }
}

#[test]
fn a_policy_without_clawback_has_no_leaf_of_root() {
    for script in SCRIPTS {
        let draft = Draft::new(script, TREASURY).but(
            "period = \"30 blocks\"",
            "period = \"30 blocks\", clawback = false",
        );
        let mut armed = settled(&draft);
        let lockup = armed.lockup(0);
        let roles: Vec<Role> = lockup
            .derived()
            .leaves()
            .iter()
            .flat_map(|leaf| leaf.keys.iter().map(|key| key.role))
            .collect();
        assert_eq!(
            roles,
            [Role::Path; 3],
            "the agents' three keys and no other"
        );
        let refused = armed.world.builder().clawback(&lockup).map(|_| ());
        let expected = BuildError::NoLeaf {
            stage: Stage::Lockup("sos".to_owned()),
            leaf: LeafKind::Clawback,
        };
        assert_eq!(refused, Err(expected));
        armed.world.mine_to_age(&lockup, 30);
        let release = armed.world.builder().release(&lockup, anywhere());
        let release = armed.world.live(release.expect("it pays"), &AGENTS);
        armed.world.confirm(&release);
    }
}
