//! One look at the chain and at the ledger.

use std::collections::BTreeSet;

use super::outlet::About;
use super::{Watch, tower};
use crate::chain::backend::Address;
use crate::chain::{BackendError, Stale};
use crate::cli::Failure;
use crate::cli::backend::Reached;
use crate::cli::failure::VaultFailure;
use crate::cli::render::Screen;
use crate::cli::say::cases;
use crate::cli::vault::Held;
use crate::compile::Compiled;
use crate::governance::{KeyJudge, KeysShown};
use crate::keys::Judge;
use crate::recovery::points::Undisturbed;
use crate::recovery::{Recovery, Terms};
use crate::units::ChainTime;
use crate::wallet::VaultError;
use crate::watch::{
    Facts, LedgerFacts, Memory, Notice, OverdueKeys, Trouble, TroubleKind, chain_facts,
    ledger_facts, reserves, step, veto,
};

/// Under which the vault keeps what was told.
const MEMORY: &str = "watch";

/// Somebody who looks again and again.
pub(super) struct Watcher<'a> {
    args: &'a Watch,
    screen: &'a Screen,
    chain: Option<(Address, Reached)>,
    memory: Option<Memory>,
    /// Whether the memory says more than the vault keeps.
    is_ahead: bool,
    /// What was said of cancels that were tried, and of what went wrong here.
    said: BTreeSet<String>,
    has_taken_vetoes: bool,
    /// Who signs fee children.
    purse: tower::Purse,
}

/// What a look has brought.
pub(super) struct Seen {
    pub about: About,
    pub facts: Facts,
    pub notices: Vec<Notice>,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(args: &'a Watch, screen: &'a Screen) -> Self {
        Self {
            args,
            screen,
            chain: None,
            memory: None,
            is_ahead: false,
            said: BTreeSet::new(),
            has_taken_vetoes: false,
            purse: tower::Purse::default(),
        }
    }

    /// Looks; nothing if another process has the vault just now.
    pub(super) fn look(&mut self) -> Result<Option<Seen>, Failure> {
        let Some(mut held) = self.open()? else {
            return Ok(None);
        };
        self.keep(&mut held)?;
        if !self.has_taken_vetoes {
            for path in &self.args.delegate_veto {
                tower::take(&mut held, path)?;
            }
            if self.args.rule().is_some() {
                tower::warn(&held, self.screen)?;
            }
            self.purse = tower::Purse::open(self.args, held.vault.compiled())?;
            self.has_taken_vetoes = true;
        }
        let compiled = std::sync::Arc::clone(held.vault.compiled());
        let mut facts = Facts::default();
        self.look_at_chain(&mut held, &mut facts)?;
        let now = match (&facts.chain, held.vault.tip()) {
            (Some(chain), _) => Some(chain.tip.time),
            (None, tip) => tip.map(|tip| tip.time),
        };
        facts.ledger = now.and_then(|now| self.ledger(&compiled, now));
        facts.overdue = self.overdue(&compiled)?;
        let memory = match self.memory.take() {
            Some(memory) => memory,
            None => {
                let kept = held.vault.working_state(MEMORY);
                let kept = kept.map_err(|error| held.failed(error))?;
                kept.map_or_else(Memory::new, |bytes| Memory::from_bytes(&bytes))
            }
        };
        let before = memory.clone();
        let (memory, mut notices) = step(memory, &facts);
        self.is_ahead = memory != before;
        self.memory = Some(memory);
        notices.extend(self.cancel(&mut held, &facts)?);
        let about = About {
            vault: held.directory.clone(),
            policy_id: compiled.id().to_string(),
            network: compiled.policy().network(),
        };
        // What is new is kept once it was told, and not before.
        if notices.is_empty() {
            self.keep(&mut held)?;
        }
        held.close()?;
        Ok(Some(Seen {
            about,
            facts,
            notices,
        }))
    }

    /// Remembers that everything was told.  If the vault is not to be had, the next look does it.
    pub(super) fn told(&mut self) -> Result<(), Failure> {
        if !self.is_ahead {
            return Ok(());
        }
        let Some(mut held) = self.open()? else {
            return Ok(());
        };
        self.keep(&mut held)?;
        held.close()
    }

    fn open(&mut self) -> Result<Option<Held>, Failure> {
        match self.args.vault.open(self.screen) {
            Ok(held) => Ok(Some(held)),
            Err(failure) => {
                if let Failure::Vault(of) = &failure
                    && let VaultFailure::Vault { source, .. } = &**of
                    && let VaultError::Locked { holder } = source
                {
                    let text = format!("the vault is in use by {holder}; it is looked at later");
                    self.once(&text);
                    return Ok(None);
                }
                Err(failure)
            }
        }
    }

    /// Says something once.
    fn once(&mut self, text: &str) {
        if self.said.insert(text.to_owned()) {
            self.screen.note(text);
        }
    }

    fn keep(&mut self, held: &mut Held) -> Result<(), Failure> {
        if let (true, Some(memory)) = (self.is_ahead, &self.memory) {
            let kept = held.vault.keep_working_state(MEMORY, &memory.to_bytes());
            kept.map_err(|error| held.failed(error))?;
            self.is_ahead = false;
        }
        Ok(())
    }

    /// Reads the chain.  What cannot be believed is trouble, and what can never be is an error.
    fn look_at_chain(&mut self, held: &mut Held, facts: &mut Facts) -> Result<(), Failure> {
        if self.chain.is_none() {
            let at = self.args.vault.address(&self.args.backend)?;
            let at = at.ok_or(Failure::NoBackend)?;
            match held.reach(&self.args.backend, &at) {
                Ok(reached) => self.chain = Some((at, reached)),
                Err(failure) => return backend_trouble(failure, facts),
            }
        }
        let Some((at, reached)) = &self.chain else {
            return Ok(());
        };
        let looked = read(self.args, held, at, reached, facts);
        match looked {
            Ok(()) => Ok(()),
            Err(failure) => {
                // It is reached anew with the next look.
                self.chain = None;
                backend_trouble(failure, facts)
            }
        }
    }

    /// What the ledger says.  A vault can be watched without one.
    fn ledger(&mut self, compiled: &Compiled, now: ChainTime) -> Option<LedgerFacts> {
        let read = || {
            let args = self.args.vault.ledger(self.args.ledger.as_ref())?;
            let replica = args.read(self.screen)?;
            let found = replica.ledger.genesis().policy_id.to_string();
            let expected = compiled.id().to_string();
            if found != expected {
                let ledger = args.name();
                return Err(Failure::from(VaultFailure::OtherLedger {
                    ledger,
                    found,
                    expected,
                }));
            }
            let cases = cases(&replica.ledger, now);
            let cases = cases.map_err(|error| replica.failed(error))?;
            Ok(ledger_facts(&cases, compiled.policy()))
        };
        match read() {
            Ok(facts) => Some(facts),
            Err(failure) => {
                self.once(&format!("the ledger is not watched: {failure}"));
                None
            }
        }
    }

    /// The parties whose keys were not all shown in time, and those who never showed any.
    fn overdue(&self, compiled: &Compiled) -> Result<Vec<OverdueKeys>, Failure> {
        let custody = &self.args.custody;
        if !custody.are_given() {
            return Ok(Vec::new());
        }
        let (attestations, problems) = custody.attestations(compiled)?;
        self.screen.attestations(&problems);
        let now = custody.moment();
        let age = self.args.keys_every.get().saturating_mul(86_400);
        let secp = bitcoin::secp256k1::Secp256k1::new();
        let judge = Judge::new(compiled, &secp);
        let overdue = compiled.policy().parties().filter_map(|party| {
            let name = party.name();
            let all = judge.keys(name);
            let mut shown = attestations.keys().iter();
            let shown: Option<&KeysShown> = shown.find(|shown| shown.party == name);
            let is_fresh = shown.is_some_and(|shown| {
                shown.is_complete() && shown.on.is_some_and(|on| on.after_seconds(age) >= now)
            });
            (all > 0 && !is_fresh).then(|| OverdueKeys {
                party: name.to_owned(),
                on: shown.and_then(|shown| shown.on),
                shown: (shown.map_or(0, |shown| shown.shown), all),
            })
        });
        Ok(overdue.collect())
    }

    /// Sends the cancels that were left here, as the rule says.
    fn cancel(&mut self, held: &mut Held, facts: &Facts) -> Result<Vec<Notice>, Failure> {
        let (Some(rule), Some(chain)) = (self.args.rule(), &facts.chain) else {
            return Ok(Vec::new());
        };
        // The signatures of all armed coins are verified for this.
        let is_due = chain.coins.iter().any(|coin| {
            let is_gone = coin
                .spend
                .as_ref()
                .is_some_and(|spend| spend.height.is_some());
            matches!(coin.stage, crate::compile::Stage::Escrow(_)) && !is_gone
        });
        let Some((_, reached)) = self.chain.as_mut().filter(|_| is_due) else {
            return Ok(Vec::new());
        };
        let cases = facts.ledger.iter().flat_map(|ledger| &ledger.cases);
        let activated = cases
            .filter(|case| case.phase == "activated")
            .map(|case| case.path.clone());
        let activated: BTreeSet<String> = activated.collect();
        let terms = Terms {
            words: None,
            broadcaster: self.args.broadcaster.as_deref(),
            fees: self.args.fees_of_cancels.fees(),
            // Better late than never.
            base_fee_is_enough: true,
            hook: &Undisturbed,
        };
        let run = Recovery::open(&mut held.vault, &mut reached.chain, terms);
        let notices: Vec<Notice> = match run {
            Ok(mut run) => {
                let tried = veto(&mut run, chain, rule, &activated, &self.purse);
                let unsigned = self.purse.failures().into_iter();
                let unsigned = unsigned.map(|why| tower::not_signed(&why));
                let tried = tried.into_iter().map(tower::notice);
                tried.chain(unsigned).collect()
            }
            // A chain that fails just now is asked again with the next look.
            Err(error) => vec![tower::not_tried(&error.to_string())],
        };
        let notices = notices.into_iter();
        Ok(notices
            .filter(|notice| self.said.insert(notice.key.clone()))
            .collect())
    }
}

/// Has the vault read the chain, and puts the facts together.
fn read(
    args: &Watch,
    held: &mut Held,
    at: &Address,
    reached: &Reached,
    facts: &mut Facts,
) -> Result<(), Failure> {
    let (_, verdict) = reached.freshness()?;
    if let Err(stale) = verdict {
        facts.trouble.push(Trouble {
            what: TroubleKind::Stale,
            text: stale.to_string(),
        });
        // It catches up before anything is said.
        if matches!(stale, Stale::Syncing { .. }) {
            return Ok(());
        }
    }
    let synced = held.vault.sync(&reached.chain);
    synced.map_err(|error| held.failed(error))?;
    let chain = chain_facts(&held.vault, &reached.chain).map_err(|error| held.failed(error))?;
    let compiled = held.vault.compiled();
    let parties = args.fees.iter().map(String::as_str);
    let found = reserves(compiled, &chain, &reached.chain, parties, args.stress());
    facts.reserves = found.map_err(|source| reached.failed(source))?;
    facts.chain = Some(chain);
    facts.unwritten = held.vault.unwritten().map(ToString::to_string);
    held.keep_memory(at, reached)
}

/// What a backend that failed is taken for.
fn backend_trouble(failure: Failure, facts: &mut Facts) -> Result<(), Failure> {
    let of_backend = |error: &BackendError| match error {
        BackendError::Silent(_) => Some(TroubleKind::Silent),
        BackendError::Disagreement(_) => Some(TroubleKind::Disagrees),
        // To wait for something else is no use.
        BackendError::Unsupported { .. }
        | BackendError::WrongNetwork { .. }
        | BackendError::Pruned { .. } => None,
    };
    let what = match &failure {
        Failure::Backend { source, .. } => of_backend(source),
        Failure::Vault(of) => match &**of {
            VaultFailure::Vault { source, .. } => match source {
                VaultError::Backend(error) => of_backend(error),
                VaultError::Contradiction(_) => Some(TroubleKind::Disagrees),
                VaultError::Moving { .. } => Some(TroubleKind::Silent),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    let Some(what) = what else {
        return Err(failure);
    };
    facts.trouble.push(Trouble {
        what,
        text: failure.to_string(),
    });
    Ok(())
}
