//! What people say, and what they should have: cases, heartbeats, fee wallets, keys.

use bitcoin::FeeRate;
use longstop::compile::{Keychain, Stage};
use longstop::governance::ChainPoint;
use longstop::units::{BlockHeight, UnixTime};
use longstop::watch::{
    CaseFact, Kind, LedgerFacts, Member, OverdueKeys, Severity, SilenceFact, reserves,
};

use crate::kit::{Watcher, kinds};
use crate::vault::{Armed, Draft, TREASURY};

fn silence(silent: &[&str], from: u32) -> SilenceFact {
    SilenceFact {
        path: "sos".to_owned(),
        quorum: "council".to_owned(),
        fewer_than: 2,
        period: "40 blocks".to_owned(),
        members: vec![Member {
            party: "alice".to_owned(),
            due: ChainPoint::Height(BlockHeight(180)),
            until: ChainPoint::Height(BlockHeight(190)),
        }],
        silent: silent.iter().map(|name| (*name).to_owned()).collect(),
        from: ChainPoint::Height(BlockHeight(from)),
    }
}

#[test]
fn heartbeats_and_silence_are_told_at_their_blocks() {
    let mut world = Draft::new("tr", TREASURY).world();
    let mut watcher = Watcher::new(&world);
    watcher.look(&world.chain);
    let mut told = Vec::new();
    while world.chain.tip().time.height < BlockHeight(200) {
        world.chain.mine_one();
        let mut facts = watcher.facts(&world.chain);
        let silent: &[&str] = match world.chain.tip().time.height.0 {
            190.. => &["alice"],
            _ => &[],
        };
        let mut term = silence(silent, 195);
        if !silent.is_empty() {
            term.members.clear();
        }
        facts.ledger = Some(LedgerFacts {
            silences: vec![term],
            ..LedgerFacts::default()
        });
        for notice in watcher.take(&facts) {
            told.push((world.chain.tip().time.height.0, notice.kind));
        }
    }
    let expected = [
        (180, Kind::HeartbeatDue),
        (190, Kind::SilentParty),
        (195, Kind::Silence),
    ];
    assert_eq!(told, expected);
}

#[test]
fn each_phase_of_a_case_is_told_once_and_a_ledger_out_of_reach_takes_nothing_back() {
    let world = Draft::new("tr", TREASURY).world();
    let mut watcher = Watcher::new(&world);
    let case = |phase| LedgerFacts {
        cases: vec![CaseFact {
            id: "a1b2c3d4e5f60718".to_owned(),
            path: "sos".to_owned(),
            why: "nobody answers".to_owned(),
            phase,
        }],
        ..LedgerFacts::default()
    };
    let mut look = |phase: Option<&'static str>| {
        let mut facts = watcher.facts(&world.chain);
        facts.ledger = phase.map(case);
        kinds(&watcher.take(&facts))
    };
    assert_eq!(look(Some("proposed")), [Kind::Case]);
    assert!(look(Some("proposed")).is_empty());
    assert!(look(None).is_empty());
    assert!(look(Some("proposed")).is_empty());
    assert_eq!(look(Some("activated")), [Kind::Case]);
    assert!(look(Some("activated")).is_empty());
}

#[test]
fn a_fee_wallet_is_low_until_it_has_a_coin_for_each_that_could_move() {
    let mut armed = Armed::new(&Draft::new("tr", TREASURY));
    let mut watcher = Watcher::of(&armed);
    let stress = FeeRate::from_sat_per_vb(50).expect("a feerate");
    let mut look = |armed: &Armed| {
        let mut facts = watcher.facts(&armed.world.chain);
        let chain = facts.chain.as_ref().expect("it answers");
        let compiled = &armed.world.compiled;
        let found = reserves(compiled, chain, &armed.world.chain, ["gina"], stress);
        facts.reserves = found.expect("it answers");
        let reserve = facts.reserves[0].clone();
        (reserve, kinds(&watcher.take(&facts)))
    };
    let (reserve, told) = look(&armed);
    assert_eq!((reserve.coins, reserve.wanted), (0, 1));
    assert_eq!(told, [Kind::LowReserve]);
    // One satoshi too little is too little.
    armed.world.fee_coin("gina", reserve.each.to_sat() - 1);
    assert_eq!(look(&armed).0.coins, 0);
    armed.world.fee_coin("gina", reserve.each.to_sat());
    let (reserve, told) = look(&armed);
    assert_eq!((reserve.coins, told), (1, vec![]));
    // What it says is enough pays for the child of the trigger at that feerate.
    let trigger = armed.trigger(0, &["gina", "hal"]);
    let mut fork = armed.fork();
    let coin = fork.world.fee_coin("gina", reserve.each.to_sat());
    let paid: u64 = trigger
        .output
        .iter()
        .map(|output| output.value.to_sat())
        .sum();
    let fee = bitcoin::Amount::from_sat(armed.coin.amount().to_sat() - paid);
    let child = fork.world.fee_child(&trigger, fee, 50, &coin, "gina");
    assert_eq!(fork.world.chain.submit_package(&trigger, &child), Ok(()));
    let script = longstop::engine::fee_script(
        &armed.world.compiled,
        "gina",
        Keychain::Receive,
        armed.world.secp(),
    );
    assert_eq!(script.as_ref(), Some(&coin.txout.script_pubkey));
    assert!(armed.world.compiled.stage(&Stage::Vault).is_some());
}

#[test]
fn overdue_keys_are_told_until_they_are_shown() {
    let world = Draft::new("tr", TREASURY).world();
    let mut watcher = Watcher::new(&world);
    let mut look = |on: Option<UnixTime>, is_overdue: bool| {
        let mut facts = watcher.facts(&world.chain);
        if is_overdue {
            facts.overdue.push(OverdueKeys {
                party: "hal".to_owned(),
                on,
                shown: (0, 4),
            });
        }
        let told = watcher.take(&facts);
        assert!(
            told.iter()
                .all(|notice| notice.severity == Severity::Warning)
        );
        kinds(&told)
    };
    assert_eq!(look(None, true), [Kind::KeysOverdue]);
    assert!(look(None, true).is_empty());
    assert!(look(None, false).is_empty());
    assert_eq!(look(Some(UnixTime(5)), true), [Kind::KeysOverdue]);
}
