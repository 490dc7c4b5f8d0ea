//! The steps of the protocol, in the engine's terms: which coin a name means by now, who signs,
//! and who broadcasts.

use std::sync::Arc;

use bitcoin::{OutPoint, ScriptBuf, Txid};

use super::copies::Given;
use super::run::{Done, Rehearsed};
use super::scenario::{Deposit, Name, Pay, Step, Word};
use super::words::{accepted, list, strings, stripped};
use crate::chain::{BackendError, FaucetError};
use crate::compile::{Keychain, Stage};
use crate::engine::{Action, KnownCoin, Payment, Received, StepError};
use crate::policy::{Lockup, Quorum, Staged};
use crate::report::{Verdict, btc};

impl Rehearsed<'_> {
    pub(super) fn deposit(&mut self, deposit: &Deposit) -> Result<Done, StepError> {
        let address = self.engine.reveal(Keychain::Receive)?;
        let script = address.script_pubkey().clone();
        let shown = address.address(self.engine.compiled().policy().network());
        let funded = self.engine.chain_mut().fund(script, deposit.amount);
        let outpoint = match funded {
            Ok(outpoint) => outpoint,
            Err(dry @ FaucetError::Dry(_)) => {
                let class = "faucet-dry".to_owned();
                let reason = dry.to_string();
                let verdict = Verdict::RefusedBySoftware { class, reason };
                return Ok(Done {
                    verdict,
                    notes: Vec::new(),
                    signed: Vec::new(),
                });
            }
            Err(error) => return Err(faucet_error(error)),
        };
        self.deposits.insert(deposit.coin.text.clone(), outpoint);
        self.engine.chain_mut().mine_one();
        Ok(unsent(vec![format!("at {shown}")], &[]))
    }

    pub(super) fn arm(&mut self, step: &Step, by: &[String]) -> Result<Done, StepError> {
        let coin = self.coin(first(step)?)?;
        let path = text(step.path.as_ref());
        let policy = Arc::clone(self.engine.compiled().policy());
        let holders: Vec<String> = policy
            .parties()
            .map(|party| party.name().to_owned())
            .filter(|party| self.cast.can_sign(party))
            .collect();
        let received = self.engine.arm(coin, &path, by, &holders, &self.cast)?;
        for coin in &step.coins {
            self.lost_files.remove(&coin.text);
            self.keep_copies(&coin.text, &path);
        }
        let armed = self.engine.armed().last();
        let courses = armed.map_or(0, |armed| armed.courses().len());
        let mut notes = vec![match (policy.rungs().len(), courses) {
            (1, 1) => "all is signed in advance for one attempt, its trigger last".to_owned(),
            (1, n) => {
                format!("all is signed in advance for {n} attempts in a row, the triggers last")
            }
            (n, _) => {
                format!("all is signed in advance for one attempt at {n} rungs, the triggers last")
            }
        }];
        notes.extend(stripped(&received));
        Ok(unsent(notes, &received))
    }

    pub(super) fn veto(&mut self, step: &Step, by: &[String]) -> Result<Done, StepError> {
        let coin = self.coin(first(step)?)?;
        self.has_files(step, coin, by)?;
        let received = self.engine.veto(coin, by, &self.cast)?;
        let mut notes = vec!["the cancel is signed; nothing is sent yet".to_owned()];
        notes.extend(stripped(&received));
        Ok(unsent(notes, &received))
    }

    pub(super) fn step(
        &mut self,
        word: Word,
        step: &Step,
        by: &[String],
    ) -> Result<Done, StepError> {
        let action = self.action(word, step, by)?;
        let tower = match word {
            Word::Cancel => self.watchtower(by, self.coin(first(step)?)?)?,
            _ => None,
        };
        let tower = tower.map(|tower| (tower.name().to_owned(), tower.of().name().to_owned()));
        let prepared = match &tower {
            Some((tower, _)) => {
                let name = &first(step)?.text;
                let left = self.copies.left_with(name, tower);
                let left = left.ok_or(StepError::NoFiles(self.coin(first(step)?)?))?;
                self.engine.prepare(&action, left, &Given(&self.cast))?
            }
            None => self.engine.prepare(&action, by, &self.cast)?,
        };
        let signed = match &tower {
            Some((tower, _)) => vec![tower.clone()],
            None => signers(&prepared.received),
        };
        let broadcaster = match (&step.broadcaster, tower) {
            (Some(broadcaster), _) => broadcaster.text.clone(),
            (None, Some((_, owner))) => owner,
            (None, None) => signed.iter().chain(by).next().cloned().unwrap_or_default(),
        };
        let payer = self.payer(&broadcaster);
        let broadcast = match step.bare {
            true => self.engine.broadcast_bare(&prepared),
            false => self.engine.broadcast(&prepared, payer, &self.cast),
        };
        let broadcast = broadcast.map_err(|error| match error {
            StepError::NoFeeCoin(_) => StepError::NoFeeCoin(broadcaster.clone()),
            error => error,
        })?;
        let mut notes = stripped(&prepared.received);
        if let Some((_, fee)) = &broadcast.child {
            notes.push(format!("{broadcaster} pays {fee} for a fee child"));
        }
        if !step.unconfirmed {
            let mined = self.engine.chain_mut().mine_one();
            let txid = prepared.transaction.compute_txid();
            if !mined.confirmed.contains(&txid) {
                notes.push("it pays too little to be mined, and waits in the mempool".to_owned());
            }
        }
        let child = broadcast.child;
        let child = child.map(|(child, fee)| (child.vsize() as u64, fee));
        // Where everything was signed in advance, whoever sends it is the one who acts.
        let signed = if signed.is_empty() {
            vec![broadcaster]
        } else {
            signed
        };
        Ok(Done {
            verdict: accepted(&prepared, child),
            notes,
            signed,
        })
    }

    /// The step in the engine's terms, with names resolved.
    pub(super) fn action(
        &mut self,
        word: Word,
        step: &Step,
        by: &[String],
    ) -> Result<Action, StepError> {
        let coin = match step.replace {
            true => self.confirmed(&first(step)?.text)?.coin.outpoint(),
            false => self.coin(first(step)?)?,
        };
        let path = text(step.path.as_ref());
        let stage = self.engine.coin(coin)?.coin.derived().stage().clone();
        Ok(match word {
            Word::Trigger => {
                self.has_files(step, coin, by)?;
                Action::Trigger { coin, path }
            }
            Word::Cancel => {
                self.has_files(step, coin, by)?;
                Action::Cancel { coin }
            }
            Word::Settle => {
                let lockup = Stage::Lockup(stage.path().unwrap_or_default().to_owned());
                if step.pay.is_empty() || self.engine.compiled().stage(&lockup).is_some() {
                    self.has_files(step, coin, by)?;
                    Action::Settle { coin }
                } else {
                    let payees = self.payments(&step.pay);
                    Action::SettleTo { coin, payees }
                }
            }
            Word::Release => {
                let to = self.destination(&step.pay);
                Action::Release { coin, to }
            }
            Word::Clawback => Action::Clawback { coin },
            Word::Override => Action::Override { coin },
            Word::Refresh => {
                let coins = self.coins(&step.coins)?;
                Action::Refresh { coins }
            }
            Word::Spend => {
                let coins = self.coins(&step.coins)?;
                let payees = self.payments(&step.pay);
                Action::Spend { coins, payees }
            }
            Word::Recover => {
                let to = self.destination(&step.pay);
                if matches!(stage, Stage::Escrow(_)) {
                    Action::Backstop { coin, to }
                } else {
                    Action::Recover { coin, path, to }
                }
            }
        })
    }

    /// The script of somebody outside the policy, whose money is counted from now on.
    pub(super) fn payee(&mut self, name: &str) -> ScriptBuf {
        self.payees.insert(name.to_owned());
        self.cast.payee(name)
    }

    fn destination(&mut self, pay: &[Pay]) -> ScriptBuf {
        pay.first()
            .map_or_else(ScriptBuf::new, |pay| self.payee(&pay.to.text))
    }

    fn payments(&mut self, pay: &[Pay]) -> Vec<Payment> {
        pay.iter()
            .map(|pay| Payment {
                script_pubkey: self.payee(&pay.to.text),
                amount: pay.amount.unwrap_or_default(),
            })
            .collect()
    }

    /// Where a named coin is now: followed from its deposit through every spend that made another
    /// coin of the policy.
    pub(super) fn coin(&self, name: &Name) -> Result<OutPoint, StepError> {
        Ok(self.follow(&name.text)?.coin.outpoint())
    }

    fn coins(&self, names: &[Name]) -> Result<Vec<OutPoint>, StepError> {
        names.iter().map(|name| self.coin(name)).collect()
    }

    /// The last coin of the policy in the line of a named deposit.
    pub(super) fn follow(&self, name: &str) -> Result<KnownCoin, StepError> {
        self.follow_while(name, |_| true)
    }

    /// The last one that a block has.
    fn confirmed(&self, name: &str) -> Result<KnownCoin, StepError> {
        self.follow_while(name, |by| !self.engine.chain().in_mempool(by))
    }

    fn follow_while(
        &self,
        name: &str,
        goes_on: impl Fn(Txid) -> bool,
    ) -> Result<KnownCoin, StepError> {
        let start = self
            .deposits
            .get(name)
            .copied()
            .unwrap_or_else(OutPoint::null);
        let coins = self.engine.coins()?;
        let find = |outpoint| coins.iter().find(|known| known.coin.outpoint() == outpoint);
        let mut known = find(start).ok_or(StepError::UnknownCoin(start))?;
        while let Some(by) = known.spent_by().filter(|by| goes_on(*by)) {
            match coins.iter().find(|next| next.coin.outpoint().txid == by) {
                Some(next) => known = next,
                None => break,
            }
        }
        Ok(known.clone())
    }

    pub(super) fn root(&self) -> Vec<String> {
        roll(self.engine.compiled().policy().root().quorum())
    }

    /// The path that a step names, or else the one whose escrow or lock-up its coin is in.
    pub(super) fn path_of(&self, step: &Step) -> Option<String> {
        if let Some(path) = &step.path {
            return Some(path.text.clone());
        }
        let known = self.follow(&step.coins.first()?.text).ok()?;
        Some(known.coin.derived().stage().path()?.to_owned())
    }

    fn path_quorum(&self, step: &Step) -> Vec<String> {
        let policy = self.engine.compiled().policy();
        let path = self.path_of(step);
        let path = path.and_then(|path| policy.path(&path));
        path.map(|path| roll(path.quorum())).unwrap_or_default()
    }

    /// Who takes the coin of a step: out of an escrow or a lock-up it can be others than those who
    /// trigger.
    fn takers(&self, step: &Step) -> Vec<String> {
        let policy = self.engine.compiled().policy();
        let coin = step.coins.first().map(|name| self.follow(&name.text));
        let path = coin.and_then(Result::ok);
        let path = path.and_then(|known| policy.path(known.coin.derived().stage().path()?));
        let lockup = path.and_then(|path| path.staged()).and_then(Staged::lockup);
        match lockup.and_then(Lockup::quorum) {
            Some(own) => roll(own),
            None => self.path_quorum(step),
        }
    }

    pub(super) fn veto_quorum(&self, step: &Step) -> Vec<String> {
        let policy = self.engine.compiled().policy();
        let path = self.path_of(step);
        let staged = path
            .and_then(|path| policy.path(&path))
            .and_then(|path| path.staged());
        staged.map(|staged| roll(staged.veto())).unwrap_or_default()
    }

    /// Those named in the step, or else everybody in the quorum who still can sign.
    pub(super) fn signers_of(&self, step: &Step, quorum: &[String]) -> Vec<String> {
        match &step.by {
            Some(by) => strings(by.iter().map(|name| name.text.as_str())),
            None => {
                let able = |party: &&String| self.cast.can_sign(party);
                quorum.iter().filter(able).cloned().collect()
            }
        }
    }

    pub(super) fn signers(&self, word: Word, step: &Step) -> Vec<String> {
        let quorum = match word {
            Word::Cancel => self.veto_quorum(step),
            Word::Clawback | Word::Override | Word::Refresh | Word::Spend => self.root(),
            Word::Trigger | Word::Settle => self.path_quorum(step),
            Word::Release | Word::Recover => self.takers(step),
        };
        self.signers_of(step, &quorum)
    }

    pub(super) fn actors(&self, by: &[String]) -> String {
        if self.cast.is_thief(by) {
            format!("thief (with the keys of {})", list(by))
        } else {
            list(by)
        }
    }

    pub(super) fn words(&self, word: &str, step: &Step) -> String {
        let coins = strings(step.coins.iter().map(|coin| coin.text.as_str()));
        let mut words = format!("{word} {}", list(&coins));
        if let Some(path) = &step.path {
            words.push_str(&format!(" on {path}"));
        }
        let paid = step.pay.iter().map(|pay| match pay.amount {
            Some(amount) => format!("{} to {}", btc(amount), pay.to),
            None => format!("to {}", pay.to),
        });
        let paid: Vec<String> = paid.collect();
        if !paid.is_empty() {
            words.push_str(&format!(", {}", list(&paid)));
        }
        if step.replace {
            words.push_str(", in place of what waits");
        }
        if step.bare {
            words.push_str(", without a fee child");
        }
        words
    }
}

fn first(step: &Step) -> Result<&Name, StepError> {
    let none = StepError::UnknownCoin(OutPoint::null());
    step.coins.first().ok_or(none)
}

fn text(name: Option<&Name>) -> String {
    name.map(|name| name.text.clone()).unwrap_or_default()
}

fn unsent(notes: Vec<String>, received: &[Received]) -> Done {
    Done {
        verdict: Verdict::None,
        notes,
        signed: signers(received),
    }
}

/// What our own software refuses before there is anything to send.
pub(super) fn unsent_verdict(class: &str, reason: String) -> Done {
    let class = class.to_owned();
    Done {
        verdict: Verdict::RefusedBySoftware { class, reason },
        notes: Vec::new(),
        signed: Vec::new(),
    }
}

/// Those whose signatures were taken, each once.
fn signers(received: &[Received]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in received.iter().flat_map(|received| &received.accepted) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

pub(super) fn faucet_error(error: FaucetError) -> StepError {
    match error {
        FaucetError::Refused(refusal) => StepError::Refused(refusal),
        dry @ FaucetError::Dry(_) => StepError::Backend(BackendError::new(dry)),
    }
}

/// The names of a quorum's parties.
fn roll(quorum: &Quorum) -> Vec<String> {
    quorum.roll().into_iter().map(str::to_owned).collect()
}
