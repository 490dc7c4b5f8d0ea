//! `longstop vault doctor`: every part of a vault, looked after.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Held, VaultArgs};
use crate::cli::backend::BackendArgs;
use crate::cli::render::{self, Screen};
use crate::cli::{Exit, Failure};
use crate::lifecycle::Standing;
use crate::wallet::{Rates, Shelf, Vault, exposed};

/// The feerate for which fee wallets are looked at: 100 sat/vB.
const STRESS: bitcoin::FeeRate = bitcoin::FeeRate::from_sat_per_kwu(100 * 250);

/// Look after every part of a vault: files, digests, journal, ledger, policy, and chain
///
/// Each check is a line. Nothing is changed.
///
/// Exit code 0: all is well; 1: something is wrong; 6: something should be done.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: vault and checks [check, outcome (`well`, `warn` or `wrong`), says]."
)]
pub(super) struct Doctor {
    #[command(flatten)]
    vault: VaultArgs,
    /// Look after this ledger instead of the one in the directory
    #[arg(long, value_name = "DIR")]
    ledger: Option<PathBuf>,
    #[command(flatten)]
    backend: BackendArgs,
}

/// What was found.
#[derive(Serialize)]
pub(in crate::cli) struct Examined {
    pub vault: String,
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Serialize)]
pub(in crate::cli) struct Check {
    pub check: &'static str,
    pub outcome: Outcome,
    pub says: String,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli) enum Outcome {
    Well,
    Warn,
    Wrong,
}

impl Examined {
    fn add(&mut self, check: &'static str, outcome: Outcome, says: impl Into<String>) {
        self.checks.push(Check {
            check,
            outcome,
            says: says.into(),
        });
    }

    fn exit(&self) -> Exit {
        let has = |outcome| self.checks.iter().any(|check| check.outcome == outcome);
        match (has(Outcome::Wrong), has(Outcome::Warn)) {
            (true, _) => Exit::Unmet,
            (false, true) => Exit::Pending,
            (false, false) => Exit::Ok,
        }
    }
}

impl Doctor {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let mut examined = Examined {
            vault: self.vault.name(),
            checks: Vec::new(),
        };
        // Before anything of it is opened.
        let open = exposed(self.vault.path());
        let looked = self.vault.look(screen);
        let holder = looked
            .as_ref()
            .ok()
            .and_then(|held| held.vault.store().holder());
        self.files(open, holder.is_some(), &mut examined);
        match looked {
            Err(failure) => {
                examined.add("opens", Outcome::Wrong, failure.to_string());
            }
            Ok(held) => {
                self.opened(&held, &mut examined);
                self.look_at_backend(&held, &mut examined);
                self.look_at_ledger(screen, &held.vault, &mut examined);
                held.close()?;
            }
        }
        screen.show(&examined, |width| render::examined(&examined, width))?;
        Ok(examined.exit())
    }

    fn files(
        &self,
        open: std::io::Result<Vec<(PathBuf, u32)>>,
        is_beside: bool,
        examined: &mut Examined,
    ) {
        let found = open.map(|mut open| {
            // What a process that works with the index is just writing is closed when it is done,
            // and lies in a folder that is.
            let index = self.vault.path().join("journal").join("index");
            open.retain(|(path, _)| !(is_beside && path.starts_with(&index) && *path != index));
            open
        });
        match found {
            Err(error) => examined.add("modes", Outcome::Wrong, error.to_string()),
            Ok(open) if open.is_empty() => {
                examined.add("modes", Outcome::Well, "open to their owner alone");
            }
            Ok(open) => {
                for (path, mode) in open {
                    let says = format!(
                        "others may use `{}`: its mode is {mode:03o}",
                        crate::cli::input::file_name(&path)
                    );
                    examined.add("modes", Outcome::Wrong, says);
                }
            }
        }
    }

    fn opened(&self, held: &Held<Shelf>, examined: &mut Examined) {
        let vault = &held.vault;
        let document = vault.document();
        examined.add(
            "policy",
            Outcome::Well,
            format!(
                "compiled again, it comes to the {} descriptors that are stored and to policy id {}",
                document.descriptors.len(),
                document.policy_id
            ),
        );
        match vault.verify() {
            Ok(entries) => examined.add(
                "journal",
                Outcome::Well,
                format!("every digest is right; entries: {entries}"),
            ),
            Err(error) => examined.add("journal", Outcome::Wrong, error.to_string()),
        }
        chain(vault, examined);
        match (vault.since_backup(), vault.entries().count()) {
            (Some(0), _) => examined.add("backup", Outcome::Well, "holds everything"),
            (Some(missing), _) => examined.add(
                "backup",
                Outcome::Warn,
                format!("entries of the journal in no backup: {missing}"),
            ),
            (None, entries) => examined.add(
                "backup",
                Outcome::Warn,
                format!("there is none; entries that would be lost with this directory: {entries}"),
            ),
        }
        match vault.is_drilled() {
            true => examined.add(
                "drill",
                Outcome::Well,
                "a backup was restored, and was whole",
            ),
            false => examined.add("drill", Outcome::Warn, "no backup was ever restored to see"),
        }
    }

    /// Whether the chain is there, is the right one, has a new tip, and agrees with what was read.
    fn look_at_backend(&self, held: &Held<Shelf>, examined: &mut Examined) {
        let at = match self.vault.address(&self.backend) {
            Ok(Some(at)) => at,
            Ok(None) => {
                let says = "nobody says where the chain is: --backend, or `backend.toml`";
                examined.add("backend", Outcome::Warn, says);
                return;
            }
            Err(failure) => {
                examined.add("backend", Outcome::Wrong, failure.to_string());
                return;
            }
        };
        let reached = match held.reach(&self.backend, &at) {
            Ok(reached) => reached,
            Err(failure) => {
                let why = std::error::Error::source(&failure);
                let why = why.map_or_else(String::new, |why| format!(": {why}"));
                examined.add("backend", Outcome::Wrong, format!("{failure}{why}"));
                return;
            }
        };
        let network = held.vault.compiled().policy().network();
        let says = format!("{} answers, and is on {network}", reached.address);
        examined.add("backend", Outcome::Well, says);
        match reached.freshness() {
            Err(failure) => examined.add("tip", Outcome::Wrong, failure.to_string()),
            Ok((_, Err(stale))) => examined.add("tip", Outcome::Wrong, stale.to_string()),
            Ok((freshness, Ok(()))) => {
                let says = format!("is at {}", render::when(freshness.tip.time));
                examined.add("tip", Outcome::Well, says);
            }
        }
        if let Some(tip) = held.vault.tip() {
            let hash = reached.chain.block_hash(tip.time.height);
            match hash {
                Ok(Some(hash)) if hash == tip.hash => {
                    let says = "the block that was read last is still on it";
                    examined.add("branch", Outcome::Well, says);
                }
                Ok(_) => {
                    let says =
                        "another branch has won since it was last read: `longstop vault sync`";
                    examined.add("branch", Outcome::Warn, says);
                }
                Err(error) => examined.add("branch", Outcome::Wrong, error.to_string()),
            }
        }
        let rates = Rates {
            stress: STRESS,
            refresh: None,
        };
        let status = held.vault.status(rates, Some(&*reached.chain));
        for fee in status.iter().flat_map(|status| &status.fees.rows) {
            let there = fee.there.unwrap_or(0);
            let outcome = match there >= fee.fee_coins {
                true => Outcome::Well,
                false => Outcome::Warn,
            };
            let says = format!(
                "{} {}: {there} of {} fee coins of {} sat at 100 sat/vB",
                fee.what,
                fee.path,
                fee.fee_coins,
                fee.each.to_sat()
            );
            examined.add("fees", outcome, says);
        }
    }

    fn look_at_ledger(&self, screen: &Screen, vault: &Vault<Shelf>, examined: &mut Examined) {
        let ratified = self
            .vault
            .ledger(self.ledger.as_ref())
            .and_then(|args| super::address::same_policy(&args, screen, vault.compiled()));
        match ratified {
            Err(failure) => examined.add("ledger", Outcome::Wrong, failure.to_string()),
            Ok(ratified) if ratified.is_complete() => {
                let says = "every event is signed and in its place; all parties have ratified";
                examined.add("ledger", Outcome::Well, says);
            }
            Ok(ratified) => examined.add(
                "ledger",
                Outcome::Warn,
                render::missing_ratifications(&ratified),
            ),
        }
    }
}

/// What is known of the chain, and whether it fits what was given out.
fn chain(vault: &Vault<Shelf>, examined: &mut Examined) {
    let Some(tip) = vault.tip() else {
        let says = "it was never read, or what was read is lost: `longstop vault sync`";
        examined.add("chain", Outcome::Warn, says);
        return;
    };
    let says = format!("last read at {}", render::when(tip.time));
    examined.add("chain", Outcome::Well, says);
    let outputs = vault.outputs().unwrap_or_default();
    let used = outputs.iter().map(|output| output.index + 1).max();
    let next = vault.next().into_iter().max().unwrap_or(0);
    let there = outputs.iter();
    let there = there.filter(|output| matches!(output.standing, Standing::Unspent { .. }));
    let says = format!(
        "used up: {next}; coins found up to index {}; outputs: {}, of these unspent: {}",
        used.map_or_else(|| "none".to_owned(), |used| (used - 1).to_string()),
        outputs.len(),
        there.count()
    );
    let outcome = match used.unwrap_or(0) <= next {
        true => Outcome::Well,
        false => Outcome::Wrong,
    };
    examined.add("indexes", outcome, says);
}
