//! Cancels that veto holders have completed in advance and left here.

use std::path::Path;

use bitcoin::Psbt;
use bitcoin::secp256k1::Secp256k1;

use crate::cli::failure::WatchFailure;
use crate::cli::render::Screen;
use crate::cli::vault::Held;
use crate::cli::{Failure, input};
use crate::compile::Role;
use crate::engine::Signers;
use crate::policy::ItemKind;
use crate::wallet::Entry;
use crate::watch::{Kind, Notice, Outcome, Tried};

/// Nobody signs here: what is sent was signed before.
pub(super) struct Nobody;

impl Signers for Nobody {
    fn sign(&self, _: &str, _: Psbt) -> Option<Psbt> {
        None
    }
}

/// Takes over a cancel, if it is one of an armed coin and its new signatures hold.
pub(super) fn take(held: &mut Held, path: &Path, screen: &Screen) -> Result<(), Failure> {
    let psbt = input::psbt(path)?;
    let file = input::file_name(path);
    let txid = psbt.unsigned_tx.compute_txid();
    let secp = Secp256k1::new();
    let armed = held.vault.armed().map_err(|error| held.failed(error))?;
    let found = armed.into_iter().find_map(|coin| {
        let mut cancels = coin.courses().iter().flat_map(|course| &course.cancels);
        let cancel = cancels.find(|cancel| cancel.txid() == txid)?;
        let escrow = cancel.spends().next()?.0.outpoint();
        Some((cancel.is_met(Role::Veto), escrow, coin))
    });
    let Some((is_met, escrow, mut coin)) = found else {
        return Err(WatchFailure::NoSuchCancel { file, txid }.into());
    };
    let name = coin.path().to_owned();
    if !is_met {
        let received = coin.receive_veto(escrow, &psbt, &secp);
        received.map_err(|source| WatchFailure::BadVeto {
            file: file.clone(),
            source,
        })?;
        let course = coin.course_of_escrow(escrow);
        let mut cancels = course.into_iter().flat_map(|course| &course.cancels);
        let cancel = cancels.find(|cancel| cancel.txid() == txid);
        let is_met = cancel.is_some_and(|cancel| cancel.is_met(Role::Veto));
        if !is_met {
            return Err(WatchFailure::NotComplete { file, path: name }.into());
        }
        let entry = Entry::Veto {
            escrow,
            psbt: psbt.to_string(),
        };
        held.vault
            .remember(entry)
            .map_err(|error| held.failed(error))?;
    }
    let policy = held.vault.compiled().policy();
    let mut towers = policy
        .items()
        .filter(|item| item.kind() == ItemKind::Watchtower);
    if !towers.any(|item| item.paths().iter().any(|path| **path == *name)) {
        screen.note(&format!(
            "whoever controls this machine can veto on `{name}` from now on, and the policy lists no watchtower of this path: analyses do not know of it"
        ));
    }
    Ok(())
}

/// A notice about a cancel that was tried.
pub(super) fn notice(tried: Tried) -> Notice {
    let name = tried.txid.map_or_else(String::new, |txid| txid.to_string());
    let (kind, text, key) = match tried.outcome {
        Outcome::Sent { child } => {
            let child =
                child.map_or_else(String::new, |child| format!(", with the fee child {child}"));
            let text = format!("the cancel {name} of {} was sent{child}", tried.escrow);
            (Kind::VetoSent, text, name)
        }
        Outcome::Failed(why) => {
            let text = format!(
                "the cancel {name} of {} could not be sent: {why}",
                tried.escrow
            );
            (Kind::VetoRefused, text, format!("{name}:{why}"))
        }
    };
    Notice {
        kind,
        severity: kind.severity(),
        coin: Some(tried.escrow),
        txid: tried.txid,
        path: Some(tried.path),
        text,
        at: None,
        due: None,
        first_look: false,
        missed: false,
        key: format!("{kind}:{key}"),
    }
}
