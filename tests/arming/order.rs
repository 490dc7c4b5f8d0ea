//! The order that never leaves a trigger without its cancel.

use bitcoin::Psbt;
use longstop::arming::{Arming, ArmingError, ArmingState};
use longstop::compile::{Keychain, Role};
use longstop::engine::{Engine, Signers, StepError};
use longstop::lifecycle::REORG_DEPTH;
use longstop::transaction::{ReceiveError, VaultCoin};

use crate::vault::{DEPOSIT, Draft, SCRIPTS, TREASURY, World};

const ROOT: [&str; 3] = ["alice", "carol", "erin"];

/// A coin about to be armed, with vetoes by two of the council.
fn ceremony(script: &'static str, depth: usize) -> (World, VaultCoin, Arming) {
    let deep = format!("veto = \"vetoers\", depth = {depth}");
    let draft = Draft::new(script, TREASURY)
        .but("veto = \"vetoers\"", &deep)
        .but("vetoers = { threshold = 1", "vetoers = { threshold = 2");
    let mut world = draft.world();
    let coin = world.deposit(DEPOSIT);
    world.bury();
    let arming = world.plan(&coin, "sos");
    (world, coin, arming)
}

fn sign(world: &World, party: &str, request: &Psbt) -> Psbt {
    let signed = world.people.sign(party, request.clone());
    signed.expect("everybody can sign")
}

/// What the triggers will look like, whoever hands them out too early.
fn trigger_requests(world: &World, coin: &VaultCoin) -> Psbt {
    let trigger = world.builder().trigger(coin, "sos").expect("it pays");
    trigger.request(Role::Arming).expect("a request")
}

#[test]
fn a_coin_goes_from_unarmed_to_protected_to_acknowledged_to_armed() {
    for script in SCRIPTS {
        for depth in [1, 2, 3] {
            let (world, coin, mut arming) = ceremony(script, depth);
            let early = sign(&world, "alice", &trigger_requests(&world, &coin));
            let is = |arming: &Arming, state| assert_eq!(arming.state(), state, "depth {depth}");

            // Unarmed: cancels and settles are asked for, and nobody has anything to acknowledge.
            is(&arming, ArmingState::Unarmed);
            assert_eq!(arming.acknowledge("gina"), Err(ArmingError::NotProtected));
            let refused = arming.receive(&early, world.secp());
            assert_eq!(
                refused,
                Err(ArmingError::TriggerTooEarly(ArmingState::Unarmed))
            );
            let requests = arming.requests().expect("cancels and settles");
            assert_eq!(requests.len(), 2 * depth);
            assert!(
                requests
                    .iter()
                    .all(|request| request.unsigned_tx != early.unsigned_tx)
            );
            let (last, others) = requests.split_last().expect("some");
            for request in others {
                for party in ROOT {
                    let returned = sign(&world, party, request);
                    arming.receive(&returned, world.secp()).expect("ours");
                }
            }
            for party in &ROOT[..2] {
                arming
                    .receive(&sign(&world, party, last), world.secp())
                    .expect("ours");
            }
            is(&arming, ArmingState::Unarmed);
            assert_eq!(arming.acknowledge("gina"), Err(ArmingError::NotProtected));
            arming
                .receive(&sign(&world, ROOT[2], last), world.secp())
                .expect("ours");

            // Protected: nothing is signed until enough have their copies, of both quorums.
            is(&arming, ArmingState::Protected);
            assert_eq!(arming.requests(), Err(ArmingError::NotAcknowledged));
            let stranger = Err(ArmingError::NotConcerned("mallory".to_owned()));
            assert_eq!(arming.acknowledge("mallory"), stranger);
            for party in ["gina", "gina", "hal", "ivan", "bob"] {
                arming.acknowledge(party).expect("it has a part in this");
                is(&arming, ArmingState::Protected);
                let refused = arming.receive(&early, world.secp());
                assert_eq!(
                    refused,
                    Err(ArmingError::TriggerTooEarly(ArmingState::Protected))
                );
            }
            arming.acknowledge("dave").expect("the second veto");

            // Acknowledged: now, and only now, root signs the triggers.
            is(&arming, ArmingState::Acknowledged);
            let requests = arming.requests().expect("triggers");
            assert_eq!(requests.len(), depth);
            assert_eq!(requests[0].unsigned_tx, early.unsigned_tx);
            let mut arming = arming.into_armed().map(drop).expect_err("not armed yet");
            let (last, others) = requests.split_last().expect("some");
            for request in others {
                for party in ROOT {
                    arming
                        .receive(&sign(&world, party, request), world.secp())
                        .expect("ours");
                }
            }
            for party in &ROOT[..2] {
                arming
                    .receive(&sign(&world, party, last), world.secp())
                    .expect("ours");
                is(&arming, ArmingState::Acknowledged);
            }
            arming
                .receive(&sign(&world, ROOT[2], last), world.secp())
                .expect("ours");

            is(&arming, ArmingState::Armed);
            assert_eq!(arming.requests(), Err(ArmingError::AlreadyArmed));
            let armed = arming.into_armed().expect("armed");
            assert_eq!(armed.courses().len(), depth);
            assert_eq!(armed.policy(), world.compiled.id());
            let trigger = world.finish(&armed.courses()[0].trigger, &["gina", "ivan"]);
            world.accepts(&trigger);
        }
    }
}

#[test]
fn agents_alone_do_not_acknowledge() {
    let (world, _, mut arming) = ceremony("tr", 1);
    world.root_signs(&mut arming);
    for party in ["alice", "bob", "gina"] {
        arming.acknowledge(party).expect("it has a part in this");
        assert_eq!(
            arming.state(),
            ArmingState::Protected,
            "one agent is too few"
        );
    }
    arming.acknowledge("ivan").expect("the second agent");
    assert_eq!(arming.state(), ArmingState::Acknowledged);
}

#[test]
fn files_of_other_transactions_are_refused() {
    for script in SCRIPTS {
        let (mut world, coin, mut arming) = ceremony(script, 1);
        let before = arming.requests().expect("requests");

        let other = world.deposit(DEPOSIT + 1);
        let foreign = world
            .plan(&other, "sos")
            .requests()
            .expect("requests")
            .remove(0);
        let signed = sign(&world, "alice", &foreign);
        let txid = signed.unsigned_tx.compute_txid();
        assert_eq!(
            arming.receive(&signed, world.secp()),
            Err(ArmingError::Unrelated(txid))
        );

        // The same cancel, but paying somebody else, is another transaction.
        let mut bent = before[0].clone();
        bent.unsigned_tx.output[0].script_pubkey = crate::vault::anywhere();
        let signed = sign(&world, "alice", &bent);
        let refused = arming.receive(&signed, world.secp());
        assert!(
            matches!(refused, Err(ArmingError::Unrelated(_))),
            "{refused:?}"
        );
        assert_eq!(arming.requests(), Ok(before));
        assert_eq!(arming.state(), ArmingState::Unarmed);

        let mut cancel = {
            let trigger = world.builder().trigger(&coin, "sos").expect("it pays");
            world
                .builder()
                .cancel(&crate::vault::made(&trigger))
                .expect("it pays")
        };
        let refused = cancel.receive(Role::Arming, &signed, world.secp());
        assert!(matches!(
            refused,
            Err(ReceiveError::OtherTransaction { .. })
        ));
    }
}

#[test]
fn a_direct_path_is_not_armed() {
    let mut world = Draft::new("tr", TREASURY).world();
    let coin = world.deposit(DEPOSIT);
    let path = world.compiled.policy().path("dead-man").expect("a path");
    let refused = Arming::plan(&world.builder(), world.compiled.id(), path, &coin);
    let expected = Err(ArmingError::NotStaged("dead-man".to_owned()));
    assert_eq!(refused.map(drop), expected);
}

/// All transaction ids are known before anything is signed, and no witness changes them.
#[test]
fn courses_follow_from_one_another() {
    for script in SCRIPTS {
        let (world, coin, _) = ceremony(script, 3);
        let armed = world.arm(&coin, "sos");
        let mut next = coin.outpoint();
        for course in armed.courses() {
            let spent = |psbt: &Psbt| psbt.unsigned_tx.input[0].previous_output;
            let trigger = course.trigger.to_psbt().expect("a file");
            assert_eq!(spent(&trigger), next);
            let by = [["gina", "hal"], ["hal", "ivan"]];
            for agents in by {
                let complete = world.finish(&course.trigger, &agents);
                assert_eq!(complete.compute_txid(), course.trigger.txid());
            }
            let cancel = course.cancels[0].to_psbt().expect("a file");
            let settle = course.settles.first().expect("a settle").to_psbt();
            assert_eq!(spent(&cancel).txid, course.trigger.txid());
            assert_eq!(spent(&settle.expect("a file")), spent(&cancel));
            next = bitcoin::OutPoint::new(course.cancels[0].txid(), 0);
        }
    }
}

/// The engine arms a coin that is buried, and arms it once.
#[test]
fn the_engine_arms_a_buried_coin_and_once() {
    for script in SCRIPTS {
        let world = Draft::new(script, TREASURY).world();
        let people = world.people.as_ref();
        let mut engine = Engine::new(world.compiled, world.chain);
        let vault = engine.reveal(Keychain::Receive).expect("an index");
        let amount = bitcoin::Amount::from_sat(DEPOSIT);
        let funded = engine
            .chain_mut()
            .fund(vault.script_pubkey().clone(), amount);
        let coin = funded.expect("the faucet pays");
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (root, holders) = (names(&ROOT), names(&["alice", "gina", "hal"]));
        for _ in 0..REORG_DEPTH.0 {
            let early = engine.arm(coin, "sos", &root, &holders, people);
            assert!(matches!(early, Err(StepError::NotBuried(_))), "{early:?}");
            engine.chain_mut().mine_one();
        }
        let few = engine.arm(coin, "sos", &root[1..], &holders, people);
        assert!(
            matches!(few, Err(StepError::MissingSignatures(Role::Arming))),
            "{few:?}"
        );
        let alone = engine.arm(coin, "sos", &root, &holders[..2], people);
        assert!(alone.is_err(), "one agent holds no files worth a trigger");
        assert!(engine.armed().is_empty());
        engine
            .arm(coin, "sos", &root, &holders, people)
            .expect("armed");
        let again = engine.arm(coin, "sos", &root, &holders, people);
        assert!(
            matches!(again, Err(StepError::Arming(ArmingError::AlreadyArmed))),
            "{again:?}"
        );
        assert_eq!(engine.armed().len(), 1);
    }
}
