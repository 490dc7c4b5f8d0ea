//! What happens on a chain, and how it does not matter how often somebody looks.

use longstop::compile::Stage;
use longstop::governance::ChainPoint;
use longstop::units::{BlockHeight, Blocks};
use longstop::watch::{Facts, Kind, Memory, Severity, Trouble, TroubleKind};
use proptest::prelude::*;

use crate::kit::{Watcher, kinds, lasting};
use crate::vault::{Armed, DEPOSIT, Draft, SCRIPTS, TREASURY};

fn height(world: &crate::vault::World) -> BlockHeight {
    world.chain.tip().time.height
}

#[test]
fn a_deposit_is_told_when_it_comes_when_a_block_holds_it_and_when_it_is_buried() {
    let mut world = Draft::new("tr", TREASURY).world();
    let mut watcher = Watcher::new(&world);
    assert!(watcher.look(&world.chain).is_empty());
    let coin = world.pay_to(&Stage::Vault, 0, DEPOSIT);
    let told = watcher.look(&world.chain);
    assert_eq!(kinds(&told), [Kind::Deposit]);
    assert_eq!((told[0].coin, told[0].at), (Some(coin.outpoint()), None));
    assert!(!told[0].first_look);
    world.chain.mine_one();
    let born = height(&world);
    let told = watcher.look(&world.chain);
    assert_eq!(kinds(&told), [Kind::Confirmed]);
    assert_eq!(told[0].at, Some(ChainPoint::Height(born)));
    for _ in 0..4 {
        world.chain.mine_one();
        assert!(watcher.look(&world.chain).is_empty());
    }
    world.chain.mine_one();
    let told = watcher.look(&world.chain);
    assert_eq!(kinds(&told), [Kind::Buried, Kind::Unarmed]);
    assert_eq!(told[1].path.as_deref(), Some("sos"));
}

/// The delay is 90 blocks: each share of it is told at its block, and not one before.
#[test]
fn ages_are_told_at_their_blocks() {
    for script in SCRIPTS {
        let mut world = Draft::new(script, TREASURY).world();
        let mut watcher = Watcher::new(&world);
        watcher.look(&world.chain);
        let coin = world.coin(&Stage::Vault);
        for (age, kind) in [(68, Kind::Age75), (81, Kind::Age90), (90, Kind::Age100)] {
            world.mine_to_age(&coin, age - 1);
            let told = watcher.look(&world.chain);
            assert!(!kinds(&told).contains(&kind), "{age}: {told:?}");
            world.mine_to_age(&coin, age);
            let told = watcher.look(&world.chain);
            assert_eq!(kinds(&told), [kind], "{age}");
            assert_eq!(told[0].at, Some(ChainPoint::Height(height(&world))));
            let born = world
                .chain
                .confirmation(coin.outpoint().txid)
                .expect("born");
            let due = told[0].due.expect("a date");
            assert_eq!(due.at, ChainPoint::Height(born.height.after(Blocks(90))));
        }
    }
}

/// What a rescue does, by block.
enum Deed {
    Trigger,
    Settle,
    Release,
    Cancel,
    Refresh,
}

fn act(armed: &mut Armed, deed: &Deed) {
    let transaction = match deed {
        Deed::Trigger => armed.trigger(0, &["gina", "hal"]),
        Deed::Settle => armed.settle(0),
        Deed::Cancel => armed.cancel(0, &["alice"]),
        Deed::Release => {
            let to = bitcoin::ScriptBuf::new_p2wsh(&bitcoin::WScriptHash::from_raw_hash(
                bitcoin::hashes::Hash::all_zeros(),
            ));
            let release = armed.world.builder().release(&armed.lockup(0), to);
            armed
                .world
                .live(release.expect("a release"), &["gina", "hal"])
        }
        Deed::Refresh => {
            let refresh = armed.world.builder().refresh(&[&armed.coin], 5);
            let root = ["alice", "bob", "carol"];
            armed.world.live(refresh.expect("a refresh"), &root)
        }
    };
    armed.world.confirm(&transaction);
}

/// A story on a fork of the world: what is done, and how many empty blocks come after.
const RESCUE: &[(Deed, u32)] = &[(Deed::Trigger, 20), (Deed::Settle, 30), (Deed::Release, 8)];
const VETO: &[(Deed, u32)] = &[(Deed::Trigger, 7), (Deed::Cancel, 15)];
const REFRESH: &[(Deed, u32)] = &[(Deed::Refresh, 12)];

/// Plays a story, and calls `look` after each block.
fn play(armed: &mut Armed, story: &[(Deed, u32)], mut look: impl FnMut(&Armed)) {
    for (deed, blocks) in story {
        act(armed, deed);
        look(armed);
        for _ in 0..*blocks {
            armed.world.chain.mine_empty();
            look(armed);
        }
    }
}

#[test]
fn a_rescue_is_told_step_by_step() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut watcher = Watcher::of(&armed);
    let mut told = Vec::new();
    play(&mut armed, RESCUE, |armed| {
        told.extend(watcher.look(&armed.world.chain));
    });
    use Kind::*;
    let expected = [
        Trigger, Confirmed, Buried, Age75, Age90, SettleDue, Settle, Confirmed, Buried, Age75,
        Age90, ReleaseDue, Release, Confirmed, Buried,
    ];
    assert_eq!(kinds(&told), expected);
    let trigger = &told[0];
    assert_eq!(trigger.severity, Severity::Alarm);
    assert_eq!(trigger.coin, Some(armed.coin.outpoint()));
    assert_eq!(trigger.path.as_deref(), Some("sos"));
    let Some(ChainPoint::Height(at)) = trigger.at else {
        panic!("a block holds it");
    };
    let window = ChainPoint::Height(at.after(Blocks(20)));
    assert_eq!(trigger.due.map(|due| due.at), Some(window));
    assert!(
        told.iter()
            .all(|notice| !notice.missed && !notice.first_look)
    );
}

/// Deeds, each after so many blocks, and what is told of them.
type Story<'a> = (&'a [(Deed, u32)], &'a [Kind]);

#[test]
fn a_veto_and_a_refresh_are_told() {
    let armed = Armed::new(&Draft::new("wsh", TREASURY));
    use Kind::*;
    let stories: [Story<'_>; 2] = [
        (
            VETO,
            &[
                Trigger, Confirmed, Buried, Cancel, Confirmed, Buried, Unarmed,
            ],
        ),
        (REFRESH, &[Refresh, Confirmed, Buried, Unarmed, StaleArming]),
    ];
    for (story, expected) in stories {
        let mut armed = armed.fork();
        let mut watcher = Watcher::of(&armed);
        let mut told = Vec::new();
        play(&mut armed, story, |armed| {
            told.extend(watcher.look(&armed.world.chain));
        });
        assert_eq!(kinds(&told), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// However often somebody looks, the same is told, apart from what counts down.
    #[test]
    fn it_does_not_matter_how_often_somebody_looks(
        which in 0_usize..3,
        looks in proptest::collection::vec(any::<bool>(), 80),
        script in 0_usize..2,
    ) {
        let mut armed = Armed::new(&Draft::new(SCRIPTS[script], TREASURY));
        let mut always = Watcher::of(&armed);
        let mut never = Watcher::of(&armed);
        let mut sometimes = Watcher::of(&armed);
        let (mut of_always, mut of_sometimes) = (Vec::new(), Vec::new());
        let mut wants = looks.into_iter();
        play(&mut armed, [RESCUE, VETO, REFRESH][which], |armed| {
            of_always.extend(always.look(&armed.world.chain));
            if wants.next() == Some(true) {
                of_sometimes.extend(sometimes.look(&armed.world.chain));
            }
        });
        of_sometimes.extend(sometimes.look(&armed.world.chain));
        let of_never = never.look(&armed.world.chain);
        let order = |told: &[longstop::watch::Notice]| {
            let mut told: Vec<_> = told.iter().map(lasting).collect();
            told.sort();
            told
        };
        prop_assert_eq!(order(&of_always), order(&of_never));
        prop_assert_eq!(order(&of_always), order(&of_sometimes));
        prop_assert_eq!(always.memory, never.memory);
    }
}

/// Time locks go by the median time, and nothing is told before it has come.
#[test]
fn it_does_not_matter_either_where_time_counts() {
    let terms = TREASURY
        .replace("20 blocks", "3 hours")
        .replace("40 blocks", "8 hours");
    let terms = terms
        .replace("30 blocks", "5 hours")
        .replace("90 blocks", "30 hours");
    let terms = terms.replace("[root]\n", "[root]\nclock = \"time\"\n");
    let timed = terms.replace("name = \"sos\"\n", "name = \"sos\"\nclock = \"time\"\n");
    let timed = timed.replace(
        "name = \"dead-man\"\n",
        "name = \"dead-man\"\nclock = \"time\"\n",
    );
    let timed = timed.replace("[root]\nclock = \"time\"\n", "[root]\n");
    let mut armed = Armed::new(&Draft::new("tr", &timed));
    let mut always = Watcher::of(&armed);
    let mut never = Watcher::of(&armed);
    let mut of_always = Vec::new();
    let story = [(Deed::Trigger, 30), (Deed::Settle, 40), (Deed::Release, 8)];
    play(&mut armed, &story, |armed| {
        of_always.extend(always.look(&armed.world.chain));
    });
    let of_never = never.look(&armed.world.chain);
    let sorted = |told: &[longstop::watch::Notice]| {
        let mut told: Vec<_> = told.iter().map(lasting).collect();
        told.sort();
        told
    };
    assert!(
        kinds(&of_always).contains(&Kind::ReleaseDue),
        "{of_always:?}"
    );
    assert_eq!(sorted(&of_always), sorted(&of_never));
}

/// Row "outage": nothing is lost, things come in their order, and what is late comes first.
#[test]
fn an_outage_is_caught_up_with_in_order() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut watcher = Watcher::of(&armed);
    play(&mut armed, &[(Deed::Trigger, 25)], |_| {});
    let told = watcher.look(&armed.world.chain);
    assert_eq!(told[0].kind, Kind::Trigger);
    assert!(told[0].missed, "its window is over");
    let heights: Vec<_> = told[1..].iter().map(|notice| notice.at).collect();
    assert!(heights.is_sorted());
    // One block less, and the window is not over yet.
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut watcher = Watcher::of(&armed);
    play(&mut armed, &[(Deed::Trigger, 18)], |_| {});
    let told = watcher.look(&armed.world.chain);
    assert_eq!(told[0].kind, Kind::Trigger);
    assert!(!told[0].missed && !kinds(&told).contains(&Kind::SettleDue));
    armed.world.chain.mine_empty();
    assert_eq!(kinds(&watcher.look(&armed.world.chain)), [Kind::SettleDue]);
}

#[test]
fn a_reorg_is_told_and_what_it_brings_back_is_told_again() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut watcher = Watcher::of(&armed);
    let trigger = armed.trigger(0, &["gina", "hal"]);
    armed.world.confirm(&trigger);
    assert_eq!(
        kinds(&watcher.look(&armed.world.chain)),
        [Kind::Trigger, Kind::Confirmed]
    );
    let before = watcher.memory.clone();
    // It is back in the mempool: the trigger is as true as it was, its block is not.
    let mut away = armed.fork();
    away.world
        .chain
        .reorg(Blocks(1), &[])
        .expect("not too deep");
    let told = watcher.look(&away.world.chain);
    assert_eq!(kinds(&told), [Kind::Undone]);
    assert!(told[0].text.contains("that block"), "{}", told[0].text);
    away.world.chain.mine(2);
    let told = watcher.look(&away.world.chain);
    assert_eq!(kinds(&told), [Kind::Confirmed]);
    // It is gone altogether.
    let mut away = armed.fork();
    let txid = trigger.compute_txid();
    away.world
        .chain
        .reorg(Blocks(1), &[txid])
        .expect("not too deep");
    away.world.chain.mine(2);
    watcher.memory = before;
    let told = watcher.look(&away.world.chain);
    assert_eq!(kinds(&told), [Kind::Undone]);
    assert!(
        told[0]
            .text
            .contains(&format!("the trigger on `sos` {txid}"))
    );
    // And comes once more.
    away.world.confirm(&trigger);
    let told = watcher.look(&away.world.chain);
    assert_eq!(kinds(&told), [Kind::Trigger, Kind::Confirmed]);
}

#[test]
fn a_payment_to_an_escrow_is_an_incident_and_a_trigger_is_none() {
    let mut world = Draft::new("wsh", TREASURY).world();
    let mut watcher = Watcher::new(&world);
    watcher.look(&world.chain);
    world.coin(&Stage::Escrow("sos".to_owned()));
    let told = watcher.look(&world.chain);
    assert_eq!(kinds(&told)[0], Kind::Incident);
    assert_eq!(told[0].severity, Severity::Alarm);
    let mut armed = Armed::new(&Draft::new("wsh", TREASURY));
    let mut watcher = Watcher::of(&armed);
    act(&mut armed, &Deed::Trigger);
    assert!(!kinds(&watcher.look(&armed.world.chain)).contains(&Kind::Incident));
}

/// Memory can be lost: then what holds is told once more, and marked.
#[test]
fn without_memory_what_holds_is_told_once_more() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut watcher = Watcher::of(&armed);
    play(&mut armed, &[(Deed::Trigger, 17)], |armed| {
        watcher.look(&armed.world.chain);
    });
    watcher.memory = Memory::from_bytes(b"{ torn");
    let told = watcher.look(&armed.world.chain);
    assert!(told.iter().all(|notice| notice.first_look));
    // The coin is in the escrow, however long ago that was; it was in the vault before.
    assert_eq!(kinds(&told), [Kind::Trigger, Kind::Buried, Kind::Age90]);
    assert!(watcher.look(&armed.world.chain).is_empty());
}

/// A chain that is in trouble takes nothing back, and tells it once.
#[test]
fn trouble_is_told_once_and_so_is_its_end() {
    let mut world = Draft::new("tr", TREASURY).world();
    let mut watcher = Watcher::new(&world);
    world.coin(&Stage::Vault);
    watcher.look(&world.chain);
    let trouble = |text: &str| Facts {
        trouble: vec![Trouble {
            what: TroubleKind::Silent,
            text: text.to_owned(),
        }],
        ..Facts::default()
    };
    let told = watcher.take(&trouble("no answer"));
    assert_eq!(kinds(&told), [Kind::ChainSilent]);
    assert!(watcher.take(&trouble("still none")).is_empty());
    let told = watcher.look(&world.chain);
    assert_eq!(kinds(&told), [Kind::ChainBack]);
}

/// What is over is forgotten, and not told again.
#[test]
fn what_is_over_for_good_is_forgotten() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut watcher = Watcher::of(&armed);
    play(&mut armed, RESCUE, |_| {});
    assert!(!watcher.look(&armed.world.chain).is_empty());
    let full = watcher.memory.len();
    for _ in 0..2_030 {
        armed.world.chain.mine_empty();
    }
    assert!(watcher.look(&armed.world.chain).is_empty());
    assert!(watcher.memory.is_empty(), "{full} {:?}", watcher.memory);
    assert!(watcher.look(&armed.world.chain).is_empty());
}

/// The wallets of a vault are made anew every few hundred blocks, so that they stay as small as
/// they were; nobody notices, and a reorg behind that is followed as well.
#[test]
fn a_long_watch_knows_what_a_short_one_does() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut watcher = Watcher::of(&armed);
    let trigger = armed.trigger(0, &["gina", "hal"]);
    armed.world.confirm(&trigger);
    for _ in 0..310 {
        armed.world.chain.mine_empty();
        watcher.look(&armed.world.chain);
    }
    let agree = |watcher: &Watcher, armed: &Armed| {
        let fresh = Watcher::of(armed);
        let (known, expected) = (watcher.vault.outputs(), fresh.vault.outputs());
        assert_eq!(known.expect("synced"), expected.expect("synced"));
    };
    agree(&watcher, &armed);
    armed
        .world
        .chain
        .reorg(Blocks(150), &[])
        .expect("not too deep");
    armed.world.chain.mine(151);
    assert!(watcher.look(&armed.world.chain).is_empty());
    agree(&watcher, &armed);
    let txid = trigger.compute_txid();
    armed
        .world
        .chain
        .reorg(Blocks(312), &[txid])
        .expect("not too deep");
    armed.world.chain.mine(313);
    let told = watcher.look(&armed.world.chain);
    assert!(kinds(&told).contains(&Kind::Undone), "{told:?}");
    agree(&watcher, &armed);
}
