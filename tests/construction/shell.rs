//! The engine around the transactions: what it keeps in sight, what it refuses before anybody
//! signs, and whom it lets raise a fee.

use std::rc::Rc;

use bitcoin::secp256k1::Secp256k1;
use bitcoin::{Amount, FeeRate, OutPoint, Psbt, ScriptBuf};
use longstop::chain::EmbeddedChain;
use longstop::compile::{Keychain, TRUC_MAX_WEIGHT};
use longstop::engine::{Action, Engine, Prepared, Signers, StepError};
use longstop::lifecycle::REORG_DEPTH;
use longstop::transaction::{
    ANCHOR_VALUE, BuildError, DUST, FeeChildError, MAX_FEERATE, Payee, ReceiveError, VaultCoin,
};

use crate::vault::{DEPOSIT, Draft, People, SCRIPTS, START, TREASURY, anywhere};

const ROOT: [&str; 3] = ["alice", "bob", "carol"];
const AGENTS: [&str; 2] = ["gina", "hal"];

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn rate(sat_per_vb: u64) -> FeeRate {
    FeeRate::from_sat_per_vb(sat_per_vb).expect("a feerate")
}

/// An engine on a chain of its own, with everybody who signs for it.
struct Shell {
    engine: Engine<EmbeddedChain>,
    people: Rc<People>,
}

impl Shell {
    fn new(script: &'static str) -> Self {
        Self::of(&Draft::new(script, TREASURY))
    }

    fn of(draft: &Draft) -> Self {
        let world = draft.world();
        Self {
            engine: Engine::new(world.compiled, EmbeddedChain::new(START)),
            people: world.people,
        }
    }

    /// A buried coin in the vault.
    fn deposit(&mut self) -> OutPoint {
        let address = self.engine.reveal(Keychain::Receive).expect("an index");
        let script = address.script_pubkey().clone();
        let value = Amount::from_sat(DEPOSIT);
        let coin = self.engine.chain_mut().fund(script, value);
        self.engine.chain_mut().mine(REORG_DEPTH.0);
        coin.expect("the faucet pays")
    }

    fn armed(&mut self) -> OutPoint {
        let coin = self.deposit();
        let holders = names(&["alice", "gina", "hal"]);
        let people = self.people.as_ref();
        let armed = self
            .engine
            .arm(coin, "sos", &names(&ROOT), &holders, people);
        armed.expect("it is armed");
        coin
    }

    fn prepare(&mut self, action: &Action, by: &[&str]) -> Result<Prepared, StepError> {
        self.engine
            .prepare(action, &names(by), self.people.as_ref())
    }

    fn trigger(&mut self, coin: OutPoint) -> Prepared {
        let path = "sos".to_owned();
        let trigger = self.prepare(&Action::Trigger { coin, path }, &AGENTS);
        trigger.expect("it is complete")
    }

    fn mine(&mut self, prepared: &Prepared, by: &str) {
        let sent = self.engine.broadcast(prepared, by, self.people.as_ref());
        sent.expect("the chain takes it");
        self.engine.chain_mut().mine_one();
    }

    fn fee_coin(&mut self, party: &str, sats: u64) {
        let script = self.engine.fee_script(party, Keychain::Receive);
        let value = Amount::from_sat(sats);
        let chain = self.engine.chain_mut();
        chain
            .fund(script.expect("a wallet"), value)
            .expect("it pays");
        chain.mine_one();
    }

    /// What the policy would give at an index, seen from outside.
    fn script(&self, stage: usize, keychain: Keychain, index: u32) -> ScriptBuf {
        let compiled = self.engine.compiled();
        let stage = compiled.stages().nth(stage).expect("such a stage");
        let derived = stage.derive(keychain, index, &Secp256k1::new());
        derived.expect("an index").script_pubkey().clone()
    }
}

fn spend(coins: Vec<OutPoint>, to: ScriptBuf, sats: u64) -> Action {
    let payee = Payee {
        script_pubkey: to,
        amount: Amount::from_sat(sats),
    };
    Action::Spend {
        coins,
        payees: vec![payee],
    }
}

#[test]
fn nobody_is_paid_at_an_address_of_the_policy_shown_or_not() {
    for script in SCRIPTS {
        let mut shell = Shell::new(script);
        let coin = shell.deposit();
        for stage in 0..3 {
            for keychain in Keychain::BOTH {
                for index in [0, 1, 7, 19] {
                    let to = shell.script(stage, keychain, index);
                    let refused = shell.prepare(&spend(vec![coin], to, 50_000), &ROOT);
                    assert!(
                        matches!(refused, Err(StepError::OwnDestination)),
                        "stage {stage}, {keychain} {index}: {refused:?}"
                    );
                }
            }
        }
        let paid = shell.prepare(&spend(vec![coin], anywhere(), 50_000), &ROOT);
        assert!(paid.is_ok(), "{paid:?}");
    }
}

#[test]
fn a_coin_that_somebody_else_sent_back_is_seen() {
    for script in SCRIPTS {
        let mut shell = Shell::new(script);
        let mut other = Shell::new(script);
        other.engine.reveal(Keychain::Receive).expect("an index");
        let coin = shell.armed();
        let trigger = shell.trigger(coin);
        shell.mine(&trigger, "gina");
        let coin = trigger.creates[0].outpoint();
        let cancel = shell.prepare(&Action::Cancel { coin }, &["alice"]);
        let cancel = cancel.expect("it is complete");
        shell.mine(&cancel, "alice");

        *other.engine.chain_mut() = shell.engine.chain().fork();
        let seen = other.engine.unspent().expect("it answers");
        let seen: Vec<OutPoint> = seen.iter().map(|known| known.coin.outpoint()).collect();
        assert_eq!(seen, [cancel.creates[0].outpoint()]);
    }
}

#[test]
fn whoever_has_one_fee_coin_can_raise_his_own_fee_and_nobody_elses() {
    for script in SCRIPTS {
        let mut shell = Shell::new(script);
        let (first, second) = (shell.armed(), shell.armed());
        shell.fee_coin("gina", 100_000);
        let trigger = shell.trigger(first);
        let people = Rc::clone(&shell.people);
        let mut fees = Vec::new();
        for sat_per_vb in [10, 50] {
            shell.engine.set_feerate(rate(sat_per_vb));
            let sent = shell.engine.broadcast(&trigger, "gina", people.as_ref());
            let (child, fee) = sent.expect("the chain takes it").child.expect("a child");
            assert!(shell.engine.chain().in_mempool(child.compute_txid()));
            fees.push(fee);
        }
        assert!(fees[0] < fees[1], "{fees:?}");
        let waiting = shell.engine.chain().mempool().count();
        assert_eq!(waiting, 2, "the second child replaced the first");

        // The coin is taken for every other transaction, as long as this one waits.
        let trigger = shell.trigger(second);
        let refused = shell.engine.broadcast(&trigger, "gina", people.as_ref());
        assert!(
            matches!(&refused, Err(StepError::NoFeeCoin(party)) if party == "gina"),
            "{refused:?}"
        );
    }
}

/// Signs a fee child that leaves the money elsewhere.
struct Swapping<'a>(&'a People);

impl Signers for Swapping<'_> {
    fn sign(&self, party: &str, mut psbt: Psbt) -> Option<Psbt> {
        psbt.unsigned_tx.output[0].script_pubkey = anywhere();
        self.0.sign(party, psbt)
    }
}

#[test]
fn a_fee_child_comes_back_as_it_was_asked_for() {
    let mut shell = Shell::new("tr");
    let coin = shell.armed();
    shell.fee_coin("gina", 100_000);
    let trigger = shell.trigger(coin);
    shell.engine.set_feerate(rate(10));
    let people = Rc::clone(&shell.people);
    let swapping = Swapping(people.as_ref());
    let refused = shell.engine.broadcast(&trigger, "gina", &swapping);
    assert!(
        matches!(
            refused,
            Err(StepError::Receive(ReceiveError::OtherTransaction { .. }))
        ),
        "{refused:?}"
    );
    let sent = shell.engine.broadcast(&trigger, "gina", people.as_ref());
    assert!(sent.is_ok(), "{sent:?}");
}

#[test]
fn no_feerate_beyond_all_reason_is_paid() {
    let most = MAX_FEERATE.to_sat_per_kwu();
    for (rate, paid) in [
        (most - 1, true),
        (most, true),
        (most + 1, false),
        (u64::MAX / 1_000, false),
        (u64::MAX, false),
    ] {
        let mut shell = Shell::new("tr");
        let coin = shell.armed();
        shell.fee_coin("gina", 10_000_000);
        let trigger = shell.trigger(coin);
        shell.engine.set_feerate(FeeRate::from_sat_per_kwu(rate));
        let people = Rc::clone(&shell.people);
        let sent = shell.engine.broadcast(&trigger, "gina", people.as_ref());
        let refused = matches!(sent, Err(StepError::FeeChild(FeeChildError::Feerate)));
        assert_eq!((sent.is_ok(), refused), (paid, !paid), "{rate}: {sent:?}");
        let refresh = shell.prepare(&Action::Refresh { coins: vec![coin] }, &ROOT);
        let refused = matches!(refresh, Err(StepError::Build(BuildError::Feerate)));
        assert_eq!((refresh.is_ok(), refused), (paid, !paid), "{rate}");
    }
}

#[test]
fn what_no_node_would_take_is_refused_before_anybody_signs() {
    let mut shell = Shell::new("tr");
    let (coin, other) = (shell.deposit(), shell.deposit());
    let mut build = |action: &Action| match shell.prepare(action, &ROOT) {
        Err(StepError::Build(error)) => Some(error),
        Ok(_) => None,
        Err(other) => panic!("refused for another reason: {other}"),
    };
    let twice = BuildError::Twice { coin };
    let coins = vec![coin, other, coin];
    assert_eq!(build(&Action::Refresh { coins }), Some(twice.clone()));
    assert_eq!(
        build(&spend(vec![coin, coin], anywhere(), 1_000)),
        Some(twice)
    );
    let coins = vec![coin, other];
    assert_eq!(build(&Action::Refresh { coins }), None);

    for (sats, dust) in [(0, true), (329, true), (330, false), (331, false)] {
        let refused = build(&spend(vec![coin], anywhere(), sats));
        let expected = BuildError::Dust {
            amount: Amount::from_sat(sats),
            least: DUST,
        };
        assert_eq!(refused, dust.then_some(expected), "{sats} sat");
    }

    for sats in [DEPOSIT, u64::MAX - 1_000, u64::MAX] {
        let refused = build(&spend(vec![coin], anywhere(), sats));
        assert!(
            matches!(refused, Some(BuildError::TooSmall { .. })),
            "{sats}: {refused:?}"
        );
    }
    let payee = Payee {
        script_pubkey: anywhere(),
        amount: Amount::from_sat(u64::MAX / 2),
    };
    let refused = build(&Action::Spend {
        coins: vec![coin],
        payees: vec![payee; 3],
    });
    assert!(matches!(refused, Some(BuildError::TooSmall { .. })));
}

#[test]
fn as_many_coins_at_once_as_nodes_relay_and_one_more() {
    for script in SCRIPTS {
        let mut world = Draft::new(script, TREASURY).world();
        let one = world.deposit(DEPOSIT);
        let compiled = std::sync::Arc::clone(&world.compiled);
        let vault = compiled.vault();
        let leaf = &vault.leaves()[0];
        let weigh = |inputs| longstop::compile::spend_weight(vault, leaf, inputs).to_wu();
        let most = (1..).take_while(|inputs| weigh(*inputs) <= TRUC_MAX_WEIGHT);
        let most = most.last().expect("one at least");
        let coins: Vec<VaultCoin> = (0..=most)
            .map(|vout| {
                let vout = u32::try_from(vout).expect("few");
                let outpoint = OutPoint::new(one.outpoint().txid, vout);
                let derived = std::sync::Arc::clone(one.derived());
                let coin = longstop::transaction::Coin::new(outpoint, one.amount(), derived);
                VaultCoin::try_from(coin).expect("in the vault")
            })
            .collect();
        let all: Vec<&VaultCoin> = coins.iter().collect();
        let (_, fewer) = all.split_last().expect("some");
        assert!(world.builder().refresh(fewer, 0).is_ok());
        let refused = world.builder().refresh(&all, 0).map(|_| ());
        assert!(
            matches!(refused, Err(BuildError::TooHeavy { weight, most: TRUC_MAX_WEIGHT }) if weight > TRUC_MAX_WEIGHT),
            "{refused:?}"
        );
        assert!(one.amount() > ANCHOR_VALUE);
    }
}

/// Two staged paths can be open to one coin: it is armed once for each, and whichever triggers
/// first takes it.
#[test]
fn a_coin_is_armed_once_for_each_path() {
    const SECOND: &str = r#"[[path]]
name = "payments"
purpose = "spend"
quorum = "agents"
escrow = { window = "15 blocks", veto = "vetoers" }

[[path]]
name = "dead-man""#;
    for script in SCRIPTS {
        let draft = Draft::new(script, TREASURY).but("[[path]]\nname = \"dead-man\"", SECOND);
        let mut shell = Shell::of(&draft);
        let coin = shell.deposit();
        let holders = names(&["alice", "gina", "hal"]);
        let people = Rc::clone(&shell.people);
        for path in ["sos", "payments"] {
            let engine = &mut shell.engine;
            let armed = engine.arm(coin, path, &names(&ROOT), &holders, people.as_ref());
            assert!(armed.is_ok(), "{script} {path}");
            let again = engine.arm(coin, path, &names(&ROOT), &holders, people.as_ref());
            assert_eq!(
                again.map(drop).map_err(|error| error.class().to_owned()),
                Err("arming".to_owned())
            );
        }
        let trigger = |path: &str| Action::Trigger {
            coin,
            path: path.to_owned(),
        };
        let first = shell
            .engine
            .prepare(&trigger("payments"), &names(&AGENTS), people.as_ref());
        let second = shell
            .engine
            .prepare(&trigger("sos"), &names(&AGENTS), people.as_ref());
        let (first, second) = (first.expect("armed"), second.expect("armed"));
        shell
            .engine
            .broadcast(&first, "gina", people.as_ref())
            .expect("the first one");
        shell.engine.chain_mut().mine_one();
        let late = shell.engine.broadcast(&second, "gina", people.as_ref());
        assert!(
            matches!(late, Err(StepError::Refused(_))),
            "{script}: the coin is gone"
        );
    }
}

#[test]
fn broadcasting_again_is_no_failure() {
    let mut shell = Shell::new("tr");
    let coin = shell.armed();
    let people = Rc::clone(&shell.people);
    let action = Action::Trigger {
        coin,
        path: "sos".to_owned(),
    };
    let trigger = shell
        .engine
        .prepare(&action, &names(&AGENTS), people.as_ref())
        .expect("armed");
    for _ in 0..2 {
        shell
            .engine
            .broadcast(&trigger, "gina", people.as_ref())
            .expect("known is as good as new");
    }
}
