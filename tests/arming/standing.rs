//! When an arming is worth nothing any more.

use longstop::arming::ArmingState;
use longstop::lifecycle::{
    ArmingStanding, Confidence, OutputFacts, REORG_DEPTH, SpendFacts, StaleReason, Standing,
    arming_standing,
};
use longstop::units::Blocks;

use crate::vault::{Armed, Draft, SCRIPTS, TREASURY, World};

const ROOT: [&str; 3] = ["alice", "bob", "carol"];

/// What the chain says of the armed coin.
fn standing(armed: &Armed) -> Standing {
    let chain = &armed.world.chain;
    let script = armed.coin.derived().script_pubkey().clone();
    let seen = chain.outputs(&[script]);
    let mut ours = seen
        .iter()
        .filter(|seen| seen.outpoint == armed.coin.outpoint());
    let seen = ours.next().expect("the coin is on the chain");
    let facts = OutputFacts {
        birth: seen.birth,
        spent: seen.spend.as_ref().map(|spend| SpendFacts {
            txid: spend.txid,
            height: spend.height,
        }),
    };
    Standing::of(facts, chain.tip().time)
}

fn arming_of(armed: &Armed) -> ArmingStanding {
    let policy = armed.world.compiled.id();
    let (under, standing) = (armed.files.policy(), standing(armed));
    arming_standing(ArmingState::Armed, under, policy, standing)
}

const CURRENT: ArmingStanding = ArmingStanding::Current {
    state: ArmingState::Armed,
};

const MOVED: ArmingStanding = ArmingStanding::Stale {
    reason: StaleReason::CoinMoved,
};

#[test]
fn a_refresh_makes_it_stale_once_it_is_buried() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        assert!(standing(&armed).is_buried_and_unspent());
        assert_eq!(arming_of(&armed), CURRENT);
        let refresh = armed.world.builder().refresh(&[&armed.coin], 4);
        let refresh = armed.world.live(refresh.expect("it pays"), &ROOT);
        armed.world.submit(&refresh);
        assert_eq!(
            arming_of(&armed),
            CURRENT,
            "in the mempool it can be replaced"
        );
        armed.world.chain.mine_one();
        for confirmations in 1..REORG_DEPTH.0 {
            assert_eq!(arming_of(&armed), CURRENT, "{confirmations} deep");
            armed.world.chain.mine_one();
        }
        assert_eq!(arming_of(&armed), MOVED);

        // The same blocks undone bring the coin back, and its files with it.
        let txid = refresh.compute_txid();
        let chain = &mut armed.world.chain;
        chain
            .reorg(Blocks(REORG_DEPTH.0), &[txid])
            .expect("blocks enough");
        chain.mine(REORG_DEPTH.0 + 1);
        assert_eq!(arming_of(&armed), CURRENT);
        let trigger = armed.trigger(0, &["gina", "hal"]);
        armed.world.accepts(&trigger);
    }
}

#[test]
fn a_changed_policy_makes_it_stale_at_once() {
    let armed = Armed::new(&Draft::new("tr", TREASURY));
    let was = armed.files.policy();
    let unspent = Standing::Unspent {
        confidence: Confidence::Buried,
    };
    let changes = [
        ("window = \"20 blocks\"", "window = \"21 blocks\""),
        ("agents = { threshold = 2", "agents = { threshold = 3"),
        ("\"gina\", \"hal\", \"ivan\"", "\"gina\", \"hal\", \"judy\""),
        ("\"gina\", \"hal\", \"ivan\"", "\"hal\", \"gina\", \"ivan\""),
        ("delay = \"90 blocks\"", "delay = \"91 blocks\""),
        ("name = \"dead-man\"", "name = \"late\""),
    ];
    for (before, after) in changes {
        let changed = Draft::new("tr", TREASURY).but(before, after).compiled();
        let found = arming_standing(ArmingState::Armed, was, changed.id(), unspent);
        let reason = StaleReason::PolicyChanged;
        assert_eq!(found, ArmingStanding::Stale { reason }, "{after}");
    }
    let same = Draft::new("tr", TREASURY).compiled();
    let found = arming_standing(ArmingState::Armed, was, same.id(), unspent);
    assert_eq!(found, CURRENT);
}

/// How far a ceremony has come does not change what the coin's moves mean for it.
#[test]
fn an_unfinished_arming_is_stale_for_the_same_reasons() {
    let world = World::new(Draft::new("wsh", TREASURY).compiled());
    let id = world.compiled.id();
    let spent = |confidence| Standing::Spent {
        by: bitcoin::hashes::Hash::all_zeros(),
        confidence,
    };
    for state in [
        ArmingState::Unarmed,
        ArmingState::Protected,
        ArmingState::Acknowledged,
        ArmingState::Armed,
    ] {
        let at = |confidence| arming_standing(state, id, id, spent(confidence));
        assert_eq!(
            at(Confidence::Unconfirmed),
            ArmingStanding::Current { state }
        );
        assert_eq!(at(Confidence::Confirmed), ArmingStanding::Current { state });
        assert_eq!(at(Confidence::Buried), MOVED);
    }
}
