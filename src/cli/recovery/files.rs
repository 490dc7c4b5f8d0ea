//! Files out and back, and whoever signs at this machine.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bitcoin::Psbt;
use bitcoin::bip32::Fingerprint;
use bitcoin::secp256k1::{All, Secp256k1};
use clap::Args;

use super::run::{Run, RunFailure, other};
use super::shown::{ShownProgress, shown_progress, shown_run};
use crate::ceremony::stamp;
use crate::cli::render::Screen;
use crate::cli::signing::{Hand, SigningArgs};
use crate::cli::{Exit, Failure, input, output, psbt};
use crate::compile::Compiled;
use crate::engine::Signers;
use crate::recovery::{Plan, Progress, RecoveryError};

/// Files out and back.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signatures")]
pub(in crate::cli) struct FileArgs {
    /// Write what is to be signed to this file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    psbt_out: Option<PathBuf>,
    /// Write the fee child that is to be signed to this file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    fee_psbt_out: Option<PathBuf>,
    /// Take signatures out of a file that came back
    #[arg(long = "psbt", value_name = "FILE", num_args = 1..)]
    psbts: Vec<PathBuf>,
    #[command(flatten)]
    signing: SigningArgs,
}

/// Whoever signs here, if somebody does; for everybody else files go out and come back.
pub(super) struct ByHand {
    hand: Option<Hand>,
    /// Whose keys these are.
    pub parties: Vec<String>,
    secp: Secp256k1<All>,
    /// Why a signature was not made.
    failed: RefCell<Option<Failure>>,
}

impl ByHand {
    fn nobody() -> Self {
        Self {
            hand: None,
            parties: Vec::new(),
            secp: Secp256k1::new(),
            failed: RefCell::new(None),
        }
    }

    /// What kept the hand from signing, if anything did.
    pub fn check(&self) -> Result<(), RunFailure> {
        match self.failed.take() {
            Some(failure) => Err(other(failure)),
            None => Ok(()),
        }
    }
}

impl Signers for ByHand {
    fn sign(&self, party: &str, psbt: Psbt) -> Option<Psbt> {
        let hand = self.hand.as_ref()?;
        if !self.parties.iter().any(|own| own == party) {
            return None;
        }
        match hand.sign(psbt, &self.secp) {
            Ok(signed) => Some(signed),
            Err(failure) => {
                self.failed.replace(Some(failure));
                None
            }
        }
    }
}

impl FileArgs {
    pub(super) const fn none() -> Self {
        Self {
            psbt_out: None,
            fee_psbt_out: None,
            psbts: Vec::new(),
            signing: SigningArgs::none(),
        }
    }

    /// Whoever signs here a step that nothing speaks against.
    pub(super) fn hand(&self, plan: &Plan, compiled: &Compiled) -> Result<ByHand, RunFailure> {
        if !plan.problems.is_empty() {
            return Ok(ByHand::nobody());
        }
        let by = self.hand_of_anybody(compiled)?;
        let Some(hand) = &by.hand else {
            return Ok(by);
        };
        let missing = plan.draft.missing();
        let seats = missing.iter().flat_map(|role| plan.draft.seats(*role));
        let mut unsigned = seats.filter(|(_, signed)| !signed).map(|(party, _)| party);
        if missing.is_empty() || unsigned.any(|party| by.parties.contains(&party)) {
            return Ok(by);
        }
        // Before anything is in the journal.
        Err(other(Failure::NoSeat {
            fingerprint: hand.fingerprint(),
            file: format!("{} {}", plan.draft.word(), plan.draft.txid()),
        }))
    }

    /// Whoever signs here, whatever it is.
    pub(super) fn hand_of_anybody(&self, compiled: &Compiled) -> Result<ByHand, RunFailure> {
        let mut by = ByHand::nobody();
        if !self.signing.is_named() {
            return Ok(by);
        }
        let policy = compiled.policy();
        let keys = policy.parties().flat_map(|party| {
            let keys = std::iter::once(party.key()).chain(party.veto());
            keys.map(|key| (key.fingerprint(), party.name()))
        });
        let keys: Vec<(Fingerprint, &str)> = keys.collect();
        let asked: Vec<Fingerprint> = keys.iter().map(|(fingerprint, _)| *fingerprint).collect();
        let hand = self.signing.open(policy.network(), &asked, &by.secp);
        let hand = hand.map_err(other)?;
        let own = keys.iter().filter(|(of, _)| *of == hand.fingerprint());
        by.parties = own.map(|(_, party)| (*party).to_owned()).collect();
        by.parties.dedup();
        by.hand = Some(hand);
        Ok(by)
    }

    /// Refuses to write over a file, before anything is done for nothing.
    pub(super) fn refuse_taken(&self) -> Result<(), Failure> {
        for path in self.psbt_out.iter().chain(&self.fee_psbt_out) {
            psbt::refuse_taken(path)?;
        }
        Ok(())
    }

    /// Takes the signatures out of the files that came back.
    pub(super) fn receive(&self, run: &mut Run<'_>, screen: &Screen) -> Result<(), RunFailure> {
        for path in &self.psbts {
            let file = input::file_name(path);
            let returned = input::psbt(path).map_err(other)?;
            let received = run.receive(&returned)?;
            if received.accepted.is_empty() {
                screen.note(&format!("`{file}` brings no signature that is missing"));
            } else {
                let accepted = received.accepted.join(", ");
                screen.note(&format!("`{file}`: signed by {accepted}"));
            }
            for stripped in &received.stripped {
                screen.note(&format!("`{file}`: not taken: {stripped}"));
            }
        }
        Ok(())
    }

    /// Writes what is to be signed, and shows how far it all has come.
    pub(super) fn finish(
        &self,
        screen: &Screen,
        run: &mut Run<'_>,
        vault: &str,
        progress: Vec<Progress>,
    ) -> Result<Exit, RunFailure> {
        let mut written = BTreeMap::new();
        let mut wanting = progress.iter().filter(|one| !one.wanted.is_empty());
        if let (Some(path), Some(one)) = (&self.psbt_out, wanting.next()) {
            let psbt = run.request(one.txid)?;
            written.insert(one.txid, vec![write(path, psbt, run.engine().compiled())?]);
        }
        let mut wanting = progress
            .iter()
            .filter_map(|one| Some((one.txid, one.wanted_child.as_ref()?)));
        if let (Some(path), Some((txid, (_, psbt)))) = (&self.fee_psbt_out, wanting.next()) {
            let file = write(path, psbt.clone(), run.engine().compiled())?;
            written.entry(txid).or_default().push(file);
        }
        let shown = progress.iter().map(|one| {
            let operation = run.operation(one.txid)?;
            Ok(ShownProgress {
                files: written.remove(&one.txid).unwrap_or_default(),
                ..shown_progress(operation, one)
            })
        });
        let operations = shown.collect::<Result<Vec<_>, RecoveryError>>()?;
        shown_run(screen, run, vault, operations)
    }

    /// Shows how far all has come.
    pub(super) fn show(
        &self,
        screen: &Screen,
        run: &Run<'_>,
        vault: &str,
        mut operations: Vec<ShownProgress>,
    ) -> Result<Exit, RunFailure> {
        for operation in run.operations() {
            let progress = Progress {
                txid: operation.txid,
                phase: run.phase(operation)?,
                waits_for: Vec::new(),
                wanted: Vec::new(),
                wanted_child: None,
                choice: None,
            };
            operations.push(shown_progress(operation, &progress));
        }
        shown_run(screen, run, vault, operations)
    }
}

fn write(path: &Path, mut psbt: Psbt, compiled: &Compiled) -> Result<String, RunFailure> {
    stamp(&mut psbt, compiled);
    let written = output::create_bytes(path, &psbt.serialize());
    written.map_err(|source| other(output::failure(path, source)))?;
    Ok(input::file_name(path))
}
