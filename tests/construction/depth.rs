//! Several triggers in a row: each course is for the coin that the cancel before it makes.

use longstop::arming::ArmedCourse;
use longstop::compile::{LeafKind, Role, Stage};
use longstop::transaction::VaultCoin;

use crate::devices::signature_in;
use crate::vault::{Armed, BAD_SCRIPT, Draft, Fill, SCRIPTS, TREASURY, World, made};

const AGENTS: [&str; 2] = ["gina", "hal"];

fn armed_twice(script: &'static str) -> Armed {
    let deep = "veto = \"vetoers\", depth = 2";
    Armed::new(&Draft::new(script, TREASURY).but("veto = \"vetoers\"", deep))
}

#[test]
fn after_a_cancel_the_next_course_works() {
    for script in SCRIPTS {
        let mut armed = armed_twice(script);
        assert_eq!(armed.files.courses().len(), 2);
        let first = armed.trigger(0, &AGENTS);
        armed.world.confirm(&first);
        let cancel = armed.cancel(0, &["erin"]);
        armed.world.confirm(&cancel);

        let back: VaultCoin = made(&armed.files.courses()[0].cancels[0]);
        assert_eq!(back.outpoint().txid, cancel.compute_txid());
        assert!(armed.files.courses_for(back.outpoint()).next().is_some());
        let second = armed.trigger(1, &["hal", "ivan"]);
        armed.world.confirm(&second);
        let escrow = armed.escrow(1);
        assert_eq!(escrow.derived().stage(), &Stage::Escrow("sos".to_owned()));
        let mut vetoed = armed.fork();
        let cancel = vetoed.cancel(1, &["alice"]);
        vetoed.world.confirm(&cancel);

        armed.world.mine_to_age(&escrow, 20);
        let settle = armed.settle(1);
        armed.world.confirm(&settle);
    }
}

#[test]
fn with_depth_one_the_coin_of_a_cancel_is_unarmed() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let trigger = armed.trigger(0, &AGENTS);
        armed.world.confirm(&trigger);
        let cancel = armed.cancel(0, &["erin"]);
        armed.world.confirm(&cancel);
        let back: VaultCoin = made(&armed.files.courses()[0].cancels[0]);
        assert!(armed.files.courses_for(back.outpoint()).next().is_none());

        // The agents alone, without a file for this coin, have nothing.
        let again = armed
            .world
            .builder()
            .trigger(&back, "sos")
            .expect("it pays");
        let bare = again.to_psbt().expect("a file").unsigned_tx;
        let agents = [(Role::Path, 0), (Role::Path, 1)].into();
        let leaf = LeafKind::Trigger("sos".to_owned());
        let tried = armed
            .world
            .signed(&bare, &back, &leaf, &agents, Fill::Nothing);
        armed.world.refuses(&tried, BAD_SCRIPT);

        // Root can arm it anew.
        armed.world.bury();
        let files = armed.world.arm(&back, "sos");
        let trigger = armed.world.finish(&files.courses()[0].trigger, &AGENTS);
        armed.world.accepts(&trigger);
    }
}

#[test]
fn signatures_of_one_course_are_worth_nothing_on_another() {
    for script in SCRIPTS {
        let mut armed = armed_twice(script);
        let [first, second] = armed.files.courses() else {
            panic!("two courses");
        };
        let (first, second) = (first.clone(), second.clone());
        let trigger = armed.trigger(0, &AGENTS);
        armed.world.confirm(&trigger);
        let cancel = armed.cancel(0, &["erin"]);
        armed.world.confirm(&cancel);
        armed.world.refuses(&trigger, "txn-already-known");
        armed
            .world
            .refuses(&transplanted(&armed.world, &first, &second), BAD_SCRIPT);
        armed
            .world
            .accepts(&transplanted(&armed.world, &second, &second));
    }
}

/// The trigger of one course with root's signatures of another, seat by seat, and fresh ones of the
/// agents.
fn transplanted(world: &World, from: &ArmedCourse, onto: &ArmedCourse) -> bitcoin::Transaction {
    let file = from.trigger.to_psbt().expect("a file");
    let bare = onto.trigger.to_psbt().expect("a file").unsigned_tx;
    let (source, leaf) = from.trigger.spends().next().expect("one coin");
    let (target, _) = onto.trigger.spends().next().expect("one coin");
    let from_leaf = source.derived().leaf(leaf).expect("the trigger leaf");
    let onto_leaf = target.derived().leaf(leaf).expect("the trigger leaf");
    World::with_witness(&bare, target, leaf, Fill::Nothing, &|key| {
        let place = onto_leaf.keys.iter().position(|own| own == key);
        let twin = &from_leaf.keys[place.expect("a seat")];
        match key.role {
            Role::Arming => signature_in(&file, from_leaf, twin),
            _ => Some(world.sign(&bare, target, onto_leaf, key)),
        }
    })
}
