//! Backends that are held against each other.

use bitcoin::{BlockHash, FeeRate, ScriptBuf, Transaction, Txid};
use longstop::chain::{
    BackendError, Chain, ChainTip, Compared, EmbeddedChain, Freshness, Refusal, SeenOutput, Verdict,
};
use longstop::units::{BlockHeight, Blocks, CoinBirth};

use super::coins::{Coin, open, spend};
use super::rig::START;

/// A chain that says something else about outputs or transactions, or nothing at all.
struct Liar {
    chain: EmbeddedChain,
    lie: Lie,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    HidesOutputs,
    HidesSpends,
    OlderBirths,
    RefusesAll,
    Silent,
}

fn silent() -> BackendError {
    BackendError::new("it is out of reach")
}

impl Chain for Liar {
    fn tip(&self) -> Result<ChainTip, BackendError> {
        Ok(self.chain.tip())
    }

    fn block_hash(&self, height: BlockHeight) -> Result<Option<BlockHash>, BackendError> {
        Ok(self.chain.block_hash(height))
    }

    fn freshness(&self) -> Result<Freshness, BackendError> {
        Chain::freshness(&self.chain)
    }

    fn submit(&mut self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        match self.lie {
            Lie::Silent => Err(silent()),
            Lie::RefusesAll => Ok(Err(Refusal::consensus("bad-txns-in-belowout"))),
            _ => Ok(self.chain.submit(transaction)),
        }
    }

    fn submit_package(
        &mut self,
        parent: &Transaction,
        child: &Transaction,
    ) -> Result<Verdict, BackendError> {
        Ok(self.chain.submit_package(parent, child))
    }

    fn test_accept(&self, transaction: &Transaction) -> Result<Verdict, BackendError> {
        Ok(self.chain.test_accept(transaction))
    }

    fn outputs(&self, scripts: &[ScriptBuf]) -> Result<Vec<SeenOutput>, BackendError> {
        let mut outputs = self.chain.outputs(scripts);
        match self.lie {
            Lie::HidesOutputs => drop(outputs.pop()),
            Lie::HidesSpends => outputs.iter_mut().for_each(|seen| seen.spend = None),
            Lie::OlderBirths => {
                for birth in outputs.iter_mut().filter_map(|seen| seen.birth.as_mut()) {
                    birth.median_time_past_before.0 -= 1;
                }
            }
            Lie::Silent => return Err(silent()),
            Lie::RefusesAll => {}
        }
        Ok(outputs)
    }

    fn confirmation(&self, txid: Txid) -> Result<Option<CoinBirth>, BackendError> {
        let birth = self.chain.confirmation(txid);
        Ok(birth.map(|birth| CoinBirth {
            height: birth.height.next(),
            ..birth
        }))
    }

    fn transaction(&self, txid: Txid) -> Result<Option<Transaction>, BackendError> {
        Ok(self.chain.transaction(txid).cloned())
    }

    fn in_mempool(&self, txid: Txid) -> Result<bool, BackendError> {
        Ok(self.chain.in_mempool(txid))
    }

    fn feerate(&self, target: Blocks) -> Result<Option<FeeRate>, BackendError> {
        match self.lie {
            Lie::Silent => Err(silent()),
            _ => Chain::feerate(&self.chain, target),
        }
    }
}

fn against(one: &EmbeddedChain, other: impl Chain + Send + 'static) -> Compared {
    Compared::new(
        ("near".to_owned(), Box::new(one.fork())),
        vec![("far".to_owned(), Box::new(other))],
    )
}

fn with_coin() -> (EmbeddedChain, Coin) {
    let mut chain = EmbeddedChain::new(START);
    let amount = bitcoin::Amount::from_sat(100_000);
    let outpoint = chain.fund(open(1), amount).expect("the faucet has coins");
    chain.mine(2);
    (
        chain,
        Coin {
            outpoint,
            number: 1,
        },
    )
}

#[track_caller]
fn disagree<T: std::fmt::Debug>(outcome: Result<T, BackendError>, about: &str) {
    let error = outcome.expect_err("they disagree");
    assert!(matches!(error, BackendError::Disagreement(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("`near`") && text.contains("`far`"), "{text}");
    assert!(text.contains(about), "{text}");
}

#[test]
fn one_may_be_three_blocks_behind_and_not_four() {
    let (chain, _) = with_coin();
    for (behind, good) in [(0, true), (1, true), (2, true), (3, true), (4, false)] {
        let mut ahead = chain.fork();
        ahead.mine(behind);
        for compared in [against(&chain, ahead.fork()), against(&ahead, chain.fork())] {
            if good {
                compared.tip().expect("on the same branch");
                let seen = compared.outputs(&[open(1)]).expect("the same");
                assert_eq!(seen.len(), 1);
            } else {
                disagree(compared.tip(), "are not believed");
                disagree(compared.outputs(&[open(1)]), "are not believed");
            }
        }
    }
}

#[test]
fn another_branch_is_found_at_any_height() {
    let (chain, _) = with_coin();
    for (depth, more) in [(1u32, 1u32), (1, 2), (2, 2), (2, 4)] {
        let mut other = chain.fork();
        other.reorg(Blocks(depth), &[]).expect("mined");
        other.mine(more);
        disagree(against(&chain, other).tip(), "has block");
    }
}

#[test]
fn what_a_liar_says_is_named() {
    let (mut chain, coin) = with_coin();
    let payment = spend(2, &[coin], &[(99_000, open(2))]);
    assert_eq!(chain.submit(&payment), Ok(()));
    chain.mine(1);
    let scripts = [open(1), open(2)];
    assert!(against(&chain, chain.fork()).outputs(&scripts).is_ok());
    let liar = |lie| Liar {
        chain: chain.fork(),
        lie,
    };
    disagree(
        against(&chain, liar(Lie::HidesOutputs)).outputs(&scripts),
        "not there",
    );
    disagree(
        against(&chain, liar(Lie::HidesSpends)).outputs(&scripts),
        "unspent",
    );
    disagree(
        against(&chain, liar(Lie::OlderBirths)).outputs(&scripts),
        "from block",
    );
    let txid = payment.compute_txid();
    let confirmed = against(&chain, liar(Lie::HidesOutputs)).confirmation(txid);
    disagree(confirmed, "in block");
    assert!(
        against(&chain, liar(Lie::Silent))
            .outputs(&scripts)
            .is_err()
    );
}

#[test]
fn unconfirmed_transactions_are_no_disagreement() {
    let (chain, coin) = with_coin();
    let mut other = chain.fork();
    let payment = spend(2, &[coin], &[(99_000, open(2))]);
    assert_eq!(other.submit(&payment), Ok(()));
    let seen = against(&chain, other).outputs(&[open(1), open(2)]);
    assert_eq!(seen.expect("the confirmed part is the same").len(), 1);
}

#[test]
fn a_transaction_goes_to_all_and_one_that_answers_is_enough() {
    let (chain, coin) = with_coin();
    let payment = spend(2, &[coin], &[(99_000, open(2))]);
    let silent = || Liar {
        chain: chain.fork(),
        lie: Lie::Silent,
    };
    let named = |name: &str, chain: Box<dyn Chain + Send>| (name.to_owned(), chain);
    let mut first_is_silent = Compared::new(
        named("near", Box::new(silent())),
        vec![named("far", Box::new(chain.fork()))],
    );
    assert_eq!(
        first_is_silent.submit(&payment).expect("one answers"),
        Ok(())
    );
    let mut other_is_silent = against(&chain, silent());
    assert_eq!(
        other_is_silent.submit(&payment).expect("one answers"),
        Ok(())
    );
    let mut all_are_silent = Compared::new(
        named("near", Box::new(silent())),
        vec![named("far", Box::new(silent()))],
    );
    assert!(all_are_silent.submit(&payment).is_err());
    let refusing = Liar {
        chain: chain.fork(),
        lie: Lie::RefusesAll,
    };
    disagree(
        against(&chain, refusing).submit(&payment),
        "breaks a rule of consensus",
    );
}

#[test]
fn relay_policies_may_differ() {
    let (chain, coin) = with_coin();
    let mut strict = chain.fork();
    strict.set_mempool_min(bitcoin::FeeRate::from_sat_per_vb(50).expect("small"));
    let payment = spend(2, &[coin], &[(99_000, open(2))]);
    let mut compared = against(&chain, strict);
    assert_eq!(compared.submit(&payment).expect("it answers"), Ok(()));
}
