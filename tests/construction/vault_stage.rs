//! The vault: root at once, the agents with root's trigger, the agents alone after the delay.

use bitcoin::{Amount, FeeRate};
use longstop::compile::{LeafKind, Role, Stage};
use longstop::transaction::{Coin, Payee, VaultCoin};
use longstop::units::Blocks;

use crate::vault::{
    Armed, BAD_SCRIPT, DEPOSIT, Draft, Fill, GONE, NOT_FINAL, SCRIPTS, Seats, TOO_EARLY, TREASURY,
    anywhere,
};

const ROOT: [&str; 3] = ["alice", "bob", "carol"];
const AGENTS: [&str; 2] = ["gina", "ivan"];

#[test]
fn root_spends_from_the_first_confirmation() {
    for script in SCRIPTS {
        let mut world = Draft::new(script, TREASURY).world();
        let coin = world.pay_to(&Stage::Vault, 0, DEPOSIT);
        let deposit = coin.source().expect("the faucet's").as_ref().clone();
        let coin = VaultCoin::try_from(coin).expect("in the vault");
        let payee = Payee {
            script_pubkey: anywhere(),
            amount: Amount::from_sat(3_000_000),
        };
        let spend = world.builder().spend(&[&coin], &[payee], 0);
        let spend = world.live(spend.expect("the coin pays"), &ROOT);
        world.refuses(&spend, TOO_EARLY);
        let both = [deposit, spend.clone()];
        let refusal = world.chain.mine_with(&both).expect_err("the same block");
        assert_eq!(refusal.class, "bad-txns-nonfinal");

        world.chain.mine_one();
        world.confirm(&spend);
        assert_eq!(spend.output[0].script_pubkey, anywhere());
        let change = world
            .builder()
            .derive(&Stage::Vault, longstop::compile::Keychain::Change, 0);
        let change = change.expect("an index");
        assert_eq!(&spend.output[1].script_pubkey, change.script_pubkey());
    }
}

#[test]
fn more_signers_than_needed_leave_the_witness_as_small() {
    for script in SCRIPTS {
        let mut world = Draft::new(script, TREASURY).world();
        let coin = world.deposit(DEPOSIT);
        let spend = |by: &[&str]| {
            let refresh = world.builder().refresh(&[&coin], 1).expect("it pays");
            world.live(refresh, by)
        };
        let three = spend(&ROOT);
        let all = spend(&["erin", "dave", "carol", "bob", "alice"]);
        world.accepts(&three);
        world.accepts(&all);
        let signatures = |transaction: &bitcoin::Transaction| {
            let items = transaction.input[0].witness.iter();
            // A control block of one level has 65 bytes, one more than a signature of taproot.
            let lengths = if script == "tr" { 64..=64 } else { 70..=72 };
            items.filter(|item| lengths.contains(&item.len())).count()
        };
        assert_eq!(signatures(&three), 3);
        assert_eq!(signatures(&all), 3);

        let mut refresh = world.builder().refresh(&[&coin], 1).expect("it pays");
        world.collect(&mut refresh, Role::Root, &["alice", "erin"]);
        assert!(refresh.into_signed().is_err(), "two of five are too few");
    }
}

/// The columns: how many of root have signed in advance, how many agents sign, whether that does.
const TRIGGERS: [(usize, usize, bool); 9] = [
    (0, 0, false),
    (3, 0, false),
    (3, 1, false),
    (0, 2, false),
    (2, 2, false),
    (3, 2, true),
    (4, 3, true),
    (5, 2, true),
    (2, 3, false),
];

#[test]
fn a_trigger_needs_root_in_advance_and_the_agents() {
    for script in SCRIPTS {
        let armed = Armed::new(&Draft::new(script, TREASURY));
        let world = &armed.world;
        let trigger = armed.trigger(0, &AGENTS);
        world.accepts(&trigger);
        let leaf = LeafKind::Trigger("sos".to_owned());
        for (root, agents, good) in TRIGGERS {
            let mut seats: Seats = (0..root).map(|seat| (Role::Arming, seat)).collect();
            seats.extend((0..agents).map(|seat| (Role::Path, seat)));
            for fill in [Fill::Nothing, Fill::Copy] {
                let tried = world.signed(&trigger, &armed.coin, &leaf, &seats, fill);
                if good {
                    world.accepts(&tried);
                } else {
                    world.refuses(&tried, BAD_SCRIPT);
                }
            }
        }
    }
}

#[test]
fn the_file_alone_does_nothing() {
    for script in SCRIPTS {
        let armed = Armed::new(&Draft::new(script, TREASURY));
        let trigger = &armed.files.courses()[0].trigger;
        assert!(trigger.finalize().is_err(), "no agent has signed");
        let mut one = trigger.clone();
        armed.world.collect(&mut one, Role::Path, &["hal"]);
        assert!(one.finalize().is_err(), "one agent is too few");
        armed.world.collect(&mut one, Role::Path, &["gina"]);
        assert!(one.finalize().is_ok(), "two suffice");
    }
}

#[test]
fn the_direct_path_opens_with_its_delay() {
    for script in SCRIPTS {
        let mut world = Draft::new(script, TREASURY).world();
        let coin = world.deposit(DEPOSIT);
        let recovery = world.builder().recover(&coin, "dead-man", anywhere());
        let recovery = world.live(recovery.expect("it pays"), &AGENTS);
        world.mine_to_age(&coin, 89);
        world.refuses(&recovery, TOO_EARLY);
        world.mine_to_age(&coin, 90);
        world.accepts(&recovery);
        world.mine_to_age(&coin, 91);
        world.confirm(&recovery);
    }
}

#[test]
fn absolute_locks_open_at_their_height_and_date() {
    // The chain starts at height 150, one block in ten minutes; median time lags six blocks.
    let terms = r#"
[quorums]
council = { threshold = 2, of = ["alice", "bob"] }
agents = { threshold = 2, of = ["gina", "ivan"] }
[root]
quorum = "council"
[[path]]
name = "height"
quorum = "agents"
unlock_height = 170
[[path]]
name = "date"
quorum = "agents"
unlock_at = "2026-01-01T03:00:00Z"
"#;
    for script in SCRIPTS {
        let mut world = Draft::new(script, terms).world();
        let coin = world.deposit(DEPOSIT);
        let recover = |world: &crate::vault::World, path| {
            let recovery = world.builder().recover(&coin, path, anywhere());
            world.live(recovery.expect("it pays"), &AGENTS)
        };
        let height = recover(&world, "height");
        let date = recover(&world, "date");
        assert_eq!(height.lock_time.to_consensus_u32(), 170);
        let mut opened = None;
        for _ in 0..40 {
            let tip = world.chain.tip().time;
            // A lock at a height lets the transaction into the block after it.
            if tip.height.0 < 170 {
                world.refuses(&height, NOT_FINAL);
            } else {
                world.accepts(&height);
            }
            // A lock at a date waits until the median of the block before lies behind it.
            if tip.median_time_past.0 <= crate::vault::START.0 + 3 * 3_600 {
                world.refuses(&date, NOT_FINAL);
            } else {
                world.accepts(&date);
                opened = opened.or(Some(tip.height.0));
            }
            world.chain.mine_empty();
        }
        assert!(opened.is_some_and(|opened| opened > 150 + 18), "{opened:?}");
    }
}

#[test]
fn a_buried_refresh_ends_every_pre_signature() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let trigger = armed.trigger(0, &AGENTS);
        let refresh = armed.world.builder().refresh(&[&armed.coin], 3);
        let refresh = armed.world.live(refresh.expect("it pays"), &ROOT);
        armed.world.confirm(&refresh);
        armed.world.refuses(&trigger, GONE);

        // One confirmation can be undone, and the old files live again.
        let mut undone = armed.fork();
        let forgotten = [refresh.compute_txid()];
        undone
            .world
            .chain
            .reorg(Blocks(1), &forgotten)
            .expect("one block");
        undone.world.chain.mine_empty();
        undone.world.chain.mine_empty();
        undone.world.accepts(&trigger);

        armed.world.bury();
        armed.world.refuses(&trigger, GONE);
        let settle = armed.settle(0);
        armed.world.refuses(&settle, GONE);
        let cancel = armed.cancel(0, &["erin"]);
        armed.world.refuses(&cancel, GONE);
    }
}

#[test]
fn a_refresh_in_the_mempool_can_be_replaced_by_the_trigger_and_a_fee_child() {
    for script in SCRIPTS {
        let mut armed = Armed::new(&Draft::new(script, TREASURY));
        let purse = armed.world.fee_coin("gina", 100_000);
        let fee = armed.files.courses()[0].trigger.fee();
        let world = &mut armed.world;
        let dear = FeeRate::from_sat_per_vb(10).expect("a feerate");
        let builder = world.builder().with_feerate(dear);
        let refresh = builder.refresh(&[&armed.coin], 3).expect("it pays");
        let refresh = world.live(refresh, &ROOT);
        world.submit(&refresh);
        let trigger = armed.trigger(0, &AGENTS);
        let world = &mut armed.world;
        world.relay_refuses(&trigger, "insufficient fee");

        let child = world.fee_child(&trigger, fee, 20, &purse, "gina");
        let verdict = world.chain.submit_package(&trigger, &child);
        assert_eq!(verdict, Ok(()));
        assert!(!world.chain.in_mempool(refresh.compute_txid()));
        let mined = world.chain.mine_one();
        assert!(mined.confirmed.contains(&trigger.compute_txid()));
        world.refuses(&refresh, GONE);
    }
}

#[test]
fn root_and_agents_together_go_anywhere() {
    // Arming keys are root's: whoever has them and the agents needs no file.
    for script in SCRIPTS {
        let mut world = Draft::new(script, TREASURY).world();
        let coin: Coin = world.coin(&Stage::Vault);
        let leaf = LeafKind::Trigger("sos".to_owned());
        let theft = world.by_hand(&coin, &leaf);
        assert_eq!(theft.output[0].script_pubkey, anywhere());
        let seats = crate::vault::just_enough(&coin, &leaf);
        world.accepts(&world.signed(&theft, &coin, &leaf, &seats, Fill::Nothing));
    }
}

/// Six blocks whose miners' clocks run two hours ahead move the median time past by as much.  A
/// lock that counts time opens that much earlier; one that counts blocks cannot be hurried.
#[test]
fn forward_dated_blocks_hurry_time_locks_and_no_block_locks() {
    const TWO_HOURS: i32 = 7200;
    /// Blocks until the direct path opens, with miners' clocks so far ahead from the deposit on.
    fn blocks_until_open(script: &'static str, clock: &str, delay: &str, ahead: i32) -> u32 {
        let direct = format!("quorum = \"agents\"\nclock = \"{clock}\"\ndelay = \"{delay}\"\n");
        let draft = Draft::new(script, TREASURY)
            .but("quorum = \"agents\"\ndelay = \"90 blocks\"\n", &direct);
        let mut world = draft.world();
        let coin = world.deposit(DEPOSIT);
        world.chain.set_skew(ahead);
        let recovery = world.builder().recover(&coin, "dead-man", anywhere());
        let recovery = world.live(recovery.expect("the path is direct"), &["gina", "hal"]);
        (0..200)
            .find(|_| {
                let open = world.chain.test_accept(&recovery).is_ok();
                world.chain.mine_empty();
                open
            })
            .expect("it opens")
    }
    for script in SCRIPTS {
        let honest = blocks_until_open(script, "time", "15 hours", 0);
        let hurried = blocks_until_open(script, "time", "15 hours", TWO_HOURS);
        assert_eq!(
            honest - hurried,
            12,
            "{script}: two hours are twelve blocks"
        );
        let honest = blocks_until_open(script, "blocks", "90 blocks", 0);
        let hurried = blocks_until_open(script, "blocks", "90 blocks", TWO_HOURS);
        assert_eq!((honest, hurried), (89, 89), "{script}");
    }
}
