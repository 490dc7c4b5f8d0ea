//! Files of version 2: each rung is known by its amount, and nothing between the rungs is.

use std::collections::BTreeMap;

use bitcoin::transaction::Version;
use bitcoin::{Amount, FeeRate, Psbt, ScriptBuf, TxOut};
use longstop::ceremony::{Reader, Round};
use longstop::compile::Role;
use longstop::transaction::{EscrowCoin, VaultCoin};

use crate::vault::{Draft, SCRIPTS, TREASURY, World, made};

fn rate(sat_per_vb: u64) -> FeeRate {
    FeeRate::from_sat_per_vb(sat_per_vb).expect("a feerate")
}

/// The words of what is wrong with a file about a coin.
fn faults(world: &World, coin: &VaultCoin, psbt: &Psbt) -> Vec<String> {
    let coins = BTreeMap::from([(coin.outpoint(), coin.txout())]);
    let mut reader = Reader::new(&world.compiled, world.secp()).with_coins(coins);
    let read = reader.read(psbt.to_string().as_bytes()).expect("a PSBT");
    let faults = read.faults.iter();
    faults.map(|fault| fault.code.to_string()).collect()
}

#[test]
fn each_rung_is_sound_and_nothing_else_is() {
    for script in SCRIPTS {
        // The highest is above what anybody may pay without saying that he means it.
        let mut world = Draft::new(script, TREASURY)
            .with_rungs(&[2, 20, 1_000])
            .world();
        let coin = world.deposit(10_000_000);
        let request = |feerate| {
            let builder = world.builder().with_feerate(feerate);
            let trigger = builder.trigger(&coin, "sos").expect("it pays");
            trigger.request(Role::Arming).expect("a request")
        };
        for rung in world.compiled.policy().rungs() {
            let psbt = request(*rung);
            assert_eq!(faults(&world, &coin, &psbt), [""; 0], "{rung}");
            let mut more = psbt.clone();
            more.unsigned_tx.output[0].value += Amount::ONE_SAT;
            assert!(faults(&world, &coin, &more).contains(&"presigned-differs".to_owned()));
            let mut anchored = psbt.clone();
            anchored.unsigned_tx.output.push(TxOut {
                value: Amount::from_sat(240),
                script_pubkey: ScriptBuf::new_p2a(),
            });
            anchored.outputs.push(bitcoin::psbt::Output::default());
            assert!(faults(&world, &coin, &anchored).contains(&"anchor".to_owned()));
            for version in [1, 3] {
                let mut other = psbt.clone();
                other.unsigned_tx.version = Version(version);
                assert!(faults(&world, &coin, &other).contains(&"version".to_owned()));
            }
        }
        for between in [3, 19, 21, 999] {
            let found = faults(&world, &coin, &request(rate(between)));
            assert_eq!(found, ["presigned-differs"], "{between}");
        }
        // What is signed live pays what it likes.
        let refresh = world.builder().with_feerate(rate(13)).refresh(&[&coin], 3);
        let refresh = refresh
            .expect("it pays")
            .request(Role::Root)
            .expect("a request");
        assert_eq!(faults(&world, &coin, &refresh), [""; 0]);
    }
}

/// Of the coin of each trigger there are cancels and settles of its own.
#[test]
fn a_round_holds_the_files_of_every_rung() {
    for script in SCRIPTS {
        let mut world = Draft::new(script, TREASURY).with_rungs(&[2, 20]).world();
        let coin = world.deposit(1_000_000);
        world.bury();
        let paths = ["sos".to_owned()];
        let start = Round::start(
            &world.compiled,
            world.secp(),
            std::slice::from_ref(&coin),
            &paths,
        );
        let round = start.expect("it can be armed");
        let alice = round.requests_for(|used| used.party == "alice");
        assert_eq!(alice.expect("requests").len(), 8);
        let file = round.to_file().expect("a file");
        let [entry] = &file.armings[..] else {
            panic!("one coin on one path");
        };
        assert_eq!(entry.courses.len(), 2);
        for (course, rung) in entry.courses.iter().zip([2, 20]) {
            let builder = world.builder().with_feerate(rate(rung));
            let trigger = builder.trigger(&coin, "sos").expect("it pays");
            let escrow: EscrowCoin = made(&trigger);
            assert_eq!((course.cancels.len(), course.settles.len()), (2, 2));
            for text in course.cancels.iter().chain(&course.settles) {
                let psbt: Psbt = text.parse().expect("a PSBT");
                let spent = psbt.unsigned_tx.input[0].previous_output;
                assert_eq!(spent, escrow.outpoint());
            }
        }
        let bytes = serde_json::to_vec(&file).expect("plain data");
        let (again, taken) = Round::read(&bytes, &world.compiled, world.secp()).expect("a round");
        assert!(taken.refused.is_empty());
        assert_eq!(again.to_file().expect("a file"), file);
    }
}
