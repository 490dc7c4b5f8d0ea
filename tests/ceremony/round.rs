//! Rounds of arming: several coins, two paths, depth 2, and files that were spoilt on the way.

use bitcoin::hashes::{Hash, sha256};
use bitcoin::{Amount, Psbt, ScriptBuf, Sequence, Transaction, Txid};
use longstop::arming::ArmingState;
use longstop::ceremony::{Round, RoundError, RoundFile, Taken};
use longstop::engine::Signers;
use longstop::governance::{Acknowledgement, Body, Digest, Event};
use longstop::signer::SoftwareSigner;
use longstop::transaction::VaultCoin;

use crate::devices::OverEager;
use crate::vault::{DEPOSIT, Draft, SCRIPTS, TREASURY, World};

const ROOT: [&str; 3] = ["alice", "bob", "carol"];
const HOLDERS: [&str; 3] = ["gina", "hal", "alice"];

/// A second staged path, and a depth of two on the first.
fn draft(script: &'static str) -> Draft {
    let second = "[[path]]\nname = \"slow\"\nquorum = \"agents\"\nescrow = { window = \"25 blocks\", veto = \"vetoers\", backstop = \"40 blocks\" }\nlockup = { period = \"30 blocks\" }\n\n[[path]]\nname = \"dead-man\"";
    Draft::new(script, TREASURY)
        .but("veto = \"vetoers\"", "veto = \"vetoers\", depth = 2")
        .but("[[path]]\nname = \"dead-man\"", second)
}

fn world(script: &'static str) -> (World, Vec<VaultCoin>) {
    let mut world = draft(script).world();
    let one = world.deposit(DEPOSIT);
    let two = world.pay_to(&longstop::compile::Stage::Vault, 1, DEPOSIT / 2);
    world.chain.mine_one();
    let two = VaultCoin::try_from(two).expect("in the vault");
    world.bury();
    (world, vec![one, two])
}

fn paths() -> Vec<String> {
    vec!["sos".to_owned(), "slow".to_owned()]
}

fn text(round: &Round<'_>) -> Vec<u8> {
    serde_json::to_vec(&round.to_file().expect("a file")).expect("it is JSON")
}

/// Has a party sign all that is asked of it.
fn sign(world: &World, round: &mut Round<'_>, party: &str) -> Taken {
    let requests = round.requests_for(|used| used.party == party);
    let mut all = Taken::default();
    for request in requests.expect("requests") {
        let returned: Psbt = world.people.sign(party, request).expect("it signs");
        all.add(round.take(party, &returned).expect("it is ours"));
    }
    all
}

fn sign_all(world: &World, round: &mut Round<'_>) {
    for party in ROOT {
        let taken = sign(world, round, party);
        assert!(taken.stripped.is_empty() && taken.accepted.contains_key(party));
    }
}

fn acknowledge_all(round: &mut Round<'_>) {
    for party in HOLDERS {
        assert_eq!(round.acknowledge(party), Ok(4));
    }
}

#[test]
fn a_round_of_two_coins_and_two_paths_is_armed_in_order() {
    for script in SCRIPTS {
        let (world, coins) = world(script);
        let start = Round::start(&world.compiled, world.secp(), &coins, &paths());
        let mut round = start.expect("they can be armed");
        assert_eq!(round.armings().len(), 4);
        assert!(round.acknowledge("gina").is_err(), "nothing is signed");
        // Two courses on one path and one on the other, each with a cancel and a settle.
        let requests = round.requests_for(|used| used.party == "alice");
        assert_eq!(requests.expect("requests").len(), 2 * (4 + 2));
        sign_all(&world, &mut round);
        assert_eq!(round.state(), ArmingState::Protected);
        let asked = round.requests_for(|_| true).expect("requests");
        assert!(asked.is_empty(), "nobody is asked for a trigger yet");
        acknowledge_all(&mut round);
        assert_eq!(round.state(), ArmingState::Acknowledged);
        let requests = round.requests_for(|used| used.party == "alice");
        assert_eq!(requests.expect("requests").len(), 2 * (2 + 1));

        // Through a file at every step, it is the same.
        let bytes = text(&round);
        let (mut again, taken) =
            Round::read(&bytes, &world.compiled, world.secp()).expect("a round");
        assert!(taken.refused.is_empty() && taken.stripped.is_empty());
        assert_eq!(text(&again), bytes);
        sign_all(&world, &mut again);
        let bytes = text(&again);
        let (done, taken) = Round::read(&bytes, &world.compiled, world.secp()).expect("a round");
        assert!(taken.refused.is_empty() && taken.stripped.is_empty());
        assert_eq!(done.state(), ArmingState::Armed);
        let armed = done.into_armed().expect("all are armed");
        assert_eq!(armed.len(), 4);
        assert_eq!(armed[0].courses().len(), 2);
        let trigger = world.finish(&armed[0].courses()[0].trigger, &["gina", "hal"]);
        world.accepts(&trigger);
    }
}

#[test]
fn copies_come_together() {
    for script in SCRIPTS {
        let (world, coins) = world(script);
        let start = || Round::start(&world.compiled, world.secp(), &coins[..1], &paths()[..1]);
        let mut ours = start().expect("it can be armed");
        for party in ROOT {
            let mut copy = start().expect("it can be armed");
            sign(&world, &mut copy, party);
            ours.take_round(party, &text(&copy)).expect("it is ours");
        }
        assert_eq!(ours.state(), ArmingState::Protected);
        // A copy of a round about another coin brings nothing.
        let other = Round::start(&world.compiled, world.secp(), &coins[1..], &paths()[..1]);
        let other = other.expect("it can be armed");
        let taken = ours.take_round("other", &text(&other)).expect("a round");
        assert_eq!(taken.refused.len(), 1);
        assert!(taken.accepted.is_empty());
    }
}

/// The order cannot be told otherwise by a file: a trigger that root signed too early is left out.
#[test]
fn a_trigger_before_its_time_is_left_out() {
    for script in SCRIPTS {
        let (world, coins) = world(script);
        let start = Round::start(&world.compiled, world.secp(), &coins[..1], &paths()[..1]);
        let mut round = start.expect("it can be armed");
        sign_all(&world, &mut round);
        acknowledge_all_of_one(&mut round);
        sign_all(&world, &mut round);
        let mut file = round.to_file().expect("a file");
        assert_eq!(file.armings[0].state, ArmingState::Armed);
        let read = |file: &RoundFile| {
            let bytes = serde_json::to_vec(file).expect("it is JSON");
            let read = Round::read(&bytes, &world.compiled, world.secp());
            read.map(|(round, taken)| (round.state(), taken))
        };
        // What the file says of its state is not believed.
        file.armings[0].acknowledged.clear();
        let (state, taken) = read(&file).expect("a round");
        assert_eq!(state, ArmingState::Protected);
        assert_eq!(taken.refused.len(), 2, "two triggers");
        assert!(taken.refused[0].contains("is not signed before"));
        // Without a settle nobody can acknowledge either.
        let mut unsettled = round.to_file().expect("a file");
        unsettled.armings[0].courses[0].settles.clear();
        let (state, _) = read(&unsettled).expect("a round");
        assert_eq!(state, ArmingState::Unarmed);
        // A stranger's word is worth nothing.
        let mut stranger = round.to_file().expect("a file");
        for said in &mut stranger.armings[0].acknowledged {
            said.party = "mallory".to_owned();
        }
        let (state, _) = read(&stranger).expect("a round");
        assert_eq!(state, ArmingState::Protected);
    }
}

fn acknowledge_all_of_one(round: &mut Round<'_>) {
    for party in HOLDERS {
        assert_eq!(round.acknowledge(party), Ok(1));
    }
}

/// One change each to what a transaction does, as whoever swaps a destination would make it.
fn changed(transaction: &Transaction) -> Vec<Transaction> {
    let changes: [fn(&mut Transaction); 7] = [
        |own| own.output[0].script_pubkey = ScriptBuf::new_op_return([1]),
        |own| own.output[0].value += Amount::ONE_SAT,
        |own| own.output.swap(0, 1),
        |own| own.input[0].sequence = Sequence(own.input[0].sequence.0 ^ 1),
        |own| own.input[0].previous_output.vout += 1,
        |own| own.lock_time = bitcoin::absolute::LockTime::from_consensus(1),
        |own| own.version.0 ^= 1,
    ];
    let changes = changes.iter().map(|change| {
        let mut other = transaction.clone();
        change(&mut other);
        other
    });
    changes.collect()
}

/// The digest of an acknowledgement, put together by hand: the policy, the coin, the path and the id
/// of every transaction, each of which is the digest of an unsigned transaction as a whole.
fn digest(policy: [u8; 32], said: &Acknowledgement, txids: &[Txid]) -> Digest {
    let tag = sha256::Hash::hash(b"longstop/arming").to_byte_array();
    let path = said.path.as_bytes();
    let mut bytes = [tag, tag, policy].concat();
    bytes.extend(said.coin.txid.to_byte_array());
    bytes.extend(said.coin.vout.to_le_bytes());
    bytes.extend((path.len() as u64).to_le_bytes());
    bytes.extend(path);
    for txid in txids {
        bytes.extend(txid.to_byte_array());
    }
    Digest(sha256::Hash::hash(&bytes).to_byte_array())
}

/// Whoever acknowledges signs for every transaction as a whole: one with another destination, amount
/// or lock is none that he has acknowledged.
#[test]
fn an_acknowledgement_is_for_these_very_transactions() {
    for script in SCRIPTS {
        let mut world = draft(script).with_identities().world();
        let coin = world.deposit(DEPOSIT);
        world.bury();
        let start = Round::start(&world.compiled, world.secp(), &[coin], &paths()[..1]);
        let mut round = start.expect("it can be armed");
        sign_all(&world, &mut round);
        let policy = world.compiled.id().to_bytes();
        let said = round.acknowledgements("gina").expect("she is concerned");
        let [said] = &said[..] else {
            panic!("one arming: {said:?}");
        };
        let txids = round.armings()[0].txids();
        assert_eq!(said.file, digest(policy, said, &txids));
        let line = |file: Digest| {
            let body = Body::Acknowledgement(Acknowledgement {
                file,
                ..said.clone()
            });
            let event = Event {
                policy_id: Digest(policy),
                network: world.compiled.policy().network(),
                author: "gina".to_owned(),
                previous: None,
                seen: Vec::new(),
                at: world.chain.tip().time,
                expires: None,
                body,
            };
            let key = SoftwareSigner::stand_in_identity(0, "gina");
            event
                .sign(&key)
                .expect("it can be said")
                .envelope()
                .to_line()
        };
        let file = round.to_file().expect("a file");
        let course = &file.armings[0].courses[0];
        let signed = [&course.cancels[0], &course.settles[0]];
        let signed = signed.map(|text| text.parse::<Psbt>().expect("a PSBT"));
        for psbt in &signed {
            let transaction = &psbt.unsigned_tx;
            let place = txids
                .iter()
                .position(|txid| *txid == transaction.compute_txid());
            let place = place.expect("it is one of them");
            for other in changed(transaction) {
                let mut others = txids.clone();
                others[place] = other.compute_txid();
                assert_ne!(others, txids, "{other:?}");
                let refused = round.acknowledge_signed(&line(digest(policy, said, &others)));
                let why = refused.expect_err("it is about another one").to_string();
                assert!(why.contains("holds other transactions"), "{why}");
            }
        }
        // The order counts, and that there are no more and no fewer.
        let mut swapped = txids.clone();
        swapped.swap(0, 1);
        for others in [
            &swapped[..],
            &txids[1..],
            &[&txids[..], &txids[..1]].concat(),
        ] {
            assert!(
                round
                    .acknowledge_signed(&line(digest(policy, said, others)))
                    .is_err()
            );
        }
        let heard = round.acknowledge_signed(&line(said.file));
        assert_eq!(heard.as_deref(), Ok("gina"));
    }
}

#[test]
fn rounds_of_others_are_refused() {
    let (world, coins) = world("tr");
    let start = Round::start(&world.compiled, world.secp(), &coins[..1], &paths()[..1]);
    let file = start.expect("it can be armed").to_file().expect("a file");
    let read = |change: &dyn Fn(&mut RoundFile)| {
        let mut changed = file.clone();
        change(&mut changed);
        let bytes = serde_json::to_vec(&changed).expect("it is JSON");
        Round::read(&bytes, &world.compiled, world.secp()).map(drop)
    };
    assert_eq!(read(&|_| {}), Ok(()));
    let other = |result| matches!(result, Err(RoundError::Other { .. }));
    assert!(other(read(&|file| file.policy = "00".repeat(32))));
    assert!(other(read(&|file| file.network = "bitcoin".to_owned())));
    assert!(other(read(
        &|file| file.format = "longstop-round-2".to_owned()
    )));
    let no_path = Err(RoundError::NoPath("sso".to_owned()));
    assert_eq!(
        read(&|file| file.armings[0].path = "sso".to_owned()),
        no_path
    );
    assert!(read(&|file| file.armings[0].path = "dead-man".to_owned()).is_err());
    // The amount is that of the transaction which made the coin.
    assert!(read(&|file| file.armings[0].coin.sats += 1).is_err());
    assert!(read(&|file| file.armings[0].coin.index += 1).is_err());
    let twice = read(&|file| file.armings.push(file.armings[0].clone()));
    assert!(matches!(twice, Err(RoundError::Twice { .. })));
    let bytes = serde_json::to_vec(&file).expect("it is JSON");
    let cut = Round::read(&bytes[..bytes.len() - 1], &world.compiled, world.secp());
    assert!(matches!(cut, Err(RoundError::NotARound(_))));
    assert!(matches!(
        Round::start(&world.compiled, world.secp(), &[], &paths()),
        Err(RoundError::Nothing)
    ));
}

/// A device that signs with all it has gives root's arming signatures and no others.
#[test]
fn what_was_not_asked_for_is_stripped() {
    for script in SCRIPTS {
        let (world, coins) = world(script);
        let start = Round::start(&world.compiled, world.secp(), &coins[..1], &paths()[..1]);
        let mut round = start.expect("it can be armed");
        let requests = round.requests_for(|used| used.party == "alice");
        let request = requests.expect("requests").remove(0);
        let arming = &round.armings()[0];
        let trigger = world
            .builder()
            .trigger(arming.coin(), "sos")
            .expect("it pays");
        let escrow: longstop::transaction::EscrowCoin = crate::vault::made(&trigger);
        let device = OverEager::new(&world.people, &escrow);
        let returned = device.sign("alice", request).expect("it signs");
        let taken = round.take("device", &returned).expect("it is ours");
        assert_eq!(taken.accepted.get("alice"), Some(&1));
        assert!(taken.stripped.len() >= 2, "veto, override and settle");
    }
}
