//! `longstop vault doctor`: every part of a vault, looked after.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Held, VaultArgs};
use crate::cli::render::{self, Screen};
use crate::cli::{Exit, Failure};
use crate::lifecycle::Standing;
use crate::wallet::{Vault, exposed};

/// Look after every part of a vault: files, digests, journal, ledger, policy, and what is known
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
        self.files(&mut examined);
        match self.vault.open(screen) {
            Err(failure) => {
                examined.add("opens", Outcome::Wrong, failure.to_string());
            }
            Ok(held) => {
                self.opened(&held, &mut examined);
                self.look_at_ledger(screen, &held.vault, &mut examined);
                held.close()?;
            }
        }
        screen.show(&examined, |width| render::examined(&examined, width))?;
        Ok(examined.exit())
    }

    fn files(&self, examined: &mut Examined) {
        match exposed(self.vault.path()) {
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

    fn opened(&self, held: &Held, examined: &mut Examined) {
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
                format!("every digest is right; {entries} entries"),
            ),
            Err(error) => examined.add("journal", Outcome::Wrong, error.to_string()),
        }
        chain(vault, examined);
        match (vault.since_backup(), vault.entries().count()) {
            (Some(0), _) => examined.add("backup", Outcome::Well, "holds everything"),
            (Some(missing), _) => examined.add(
                "backup",
                Outcome::Warn,
                format!("{missing} entries of the journal are in no backup"),
            ),
            (None, entries) => examined.add(
                "backup",
                Outcome::Warn,
                format!("there is none, and {entries} entries would be lost with this directory"),
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

    fn look_at_ledger(&self, screen: &Screen, vault: &Vault, examined: &mut Examined) {
        let args = self.vault.ledger(self.ledger.as_ref());
        match super::address::same_policy(&args, screen, vault.compiled()) {
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
fn chain(vault: &Vault, examined: &mut Examined) {
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
        "{next} indexes are used up, coins were found up to index {}; {} outputs, {} unspent",
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
