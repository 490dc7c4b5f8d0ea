//! What a reorg restarts.

use longstop::units::Blocks;

use crate::vault::{Armed, Draft, SCRIPTS, TOO_EARLY, TREASURY, anywhere};

const AGENTS: [&str; 2] = ["gina", "hal"];

#[test]
fn a_reorg_of_the_trigger_restarts_the_window() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let trigger = armed.trigger(0, &AGENTS);
        let settle = armed.settle(0);
        let escrow = armed.escrow(0);
        armed.world.confirm(&trigger);
        armed.world.mine_to_age(&escrow, 20);
        armed.world.accepts(&settle);

        // The trigger's block and all above it go; it comes back six blocks later.
        let mut chain = armed.world.chain.fork();
        let returned = chain
            .reorg(Blocks(20), &[])
            .expect("blocks enough")
            .returned;
        assert_eq!(returned, [trigger.compute_txid()]);
        for _ in 0..6 {
            chain.mine_without(&[trigger.compute_txid()]);
        }
        armed.world.chain = chain;
        let mined = armed.world.chain.mine_one();
        assert_eq!(mined.confirmed, [trigger.compute_txid()]);
        armed.world.refuses(&settle, TOO_EARLY);
        armed.world.mine_to_age(&escrow, 19);
        armed.world.refuses(&settle, TOO_EARLY);
        armed.world.mine_to_age(&escrow, 20);
        armed.world.accepts(&settle);
    }
}

#[test]
fn a_trigger_that_a_reorg_forgets_is_broadcast_again() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let trigger = armed.trigger(0, &AGENTS);
        armed.world.confirm(&trigger);
        let forgotten = [trigger.compute_txid()];
        armed
            .world
            .chain
            .reorg(Blocks(1), &forgotten)
            .expect("a block");
        armed.world.chain.mine(2);
        assert_eq!(armed.world.chain.confirmation(trigger.compute_txid()), None);
        let settle = armed.settle(0);
        armed.world.refuses(&settle, crate::vault::GONE);
        armed.world.confirm(&trigger);
    }
}

#[test]
fn a_reorg_of_the_settle_restarts_the_lock_up() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let trigger = armed.trigger(0, &AGENTS);
        armed.world.confirm(&trigger);
        armed.world.mine_to_age(&armed.escrow(0), 20);
        let settle = armed.settle(0);
        armed.world.confirm(&settle);
        let lockup = armed.lockup(0);
        let release = armed.world.builder().release(&lockup, anywhere());
        let release = armed.world.live(release.expect("it pays"), &AGENTS);
        armed.world.mine_to_age(&lockup, 30);
        armed.world.accepts(&release);

        let txid = settle.compute_txid();
        armed
            .world
            .chain
            .reorg(Blocks(30), &[])
            .expect("blocks enough");
        for _ in 0..4 {
            armed.world.chain.mine_without(&[txid]);
        }
        armed.world.chain.mine_one();
        armed.world.mine_to_age(&lockup, 29);
        armed.world.refuses(&release, TOO_EARLY);
        armed.world.mine_to_age(&lockup, 30);
        armed.world.accepts(&release);
    }
}
