//! Cancels that veto holders have completed in advance and left here.

use std::collections::BTreeSet;
use std::path::Path;

use bitcoin::Psbt;
use bitcoin::secp256k1::{All, Secp256k1};

use super::Watch;
use crate::arming::ArmedCoin;
use crate::cli::failure::WatchFailure;
use crate::cli::render::Screen;
use crate::cli::signing::Hand;
use crate::cli::vault::Held;
use crate::cli::{Failure, input};
use crate::compile::{Compiled, Role};
use crate::engine::Signers;
use crate::policy::ItemKind;
use crate::wallet::Entry;
use crate::watch::{Kind, Notice, Outcome, Tried};

/// Who signs the fee children of cancels, if anybody is named: nothing else is signed here.
#[derive(Default)]
pub(super) struct Purse(Option<(String, Hand, Secp256k1<All>)>);

impl Purse {
    /// The fee wallet of the party that pays, where its seed or a program that signs is named.
    pub(super) fn open(args: &Watch, compiled: &Compiled) -> Result<Self, Failure> {
        let Some(party) = &args.broadcaster else {
            return Ok(Self::default());
        };
        let known = compiled.policy().party(party);
        let Some(wallet) = known.and_then(|party| party.fees()) else {
            let party = party.clone();
            return Err(WatchFailure::NoFeeWallet { party }.into());
        };
        if !args.signing.is_named() {
            return Ok(Self::default());
        }
        let secp = Secp256k1::new();
        let asked = [wallet.account().fingerprint()];
        let network = compiled.policy().network();
        let hand = args.signing.open(network, &asked, &secp)?;
        Ok(Self(Some((party.clone(), hand, secp))))
    }
}

impl Signers for Purse {
    fn sign(&self, party: &str, psbt: Psbt) -> Option<Psbt> {
        let (_, hand, secp) = self.0.as_ref().filter(|(own, ..)| own == party)?;
        // Where it fails, the cancel goes as it is, and is raised by the next look.
        hand.sign(psbt, secp).ok()
    }
}

/// Takes over a cancel, if it is one of an armed coin and its new signatures hold.
pub(super) fn take(held: &mut Held, path: &Path) -> Result<(), Failure> {
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
    Ok(())
}

/// Says on which paths whoever controls this machine can veto, and no analysis knows of it.
pub(super) fn warn(held: &Held, screen: &Screen) -> Result<(), Failure> {
    let armed = held.vault.armed().map_err(|error| held.failed(error))?;
    let complete = armed.iter().filter(|coin| {
        let mut cancels = coin.courses().iter().flat_map(|course| &course.cancels);
        cancels.any(|cancel| cancel.is_met(Role::Veto))
    });
    let paths: BTreeSet<&str> = complete.map(ArmedCoin::path).collect();
    for name in paths {
        let items = held.vault.compiled().policy().items();
        let mut towers = items.filter(|item| item.kind() == ItemKind::Watchtower);
        if !towers.any(|item| item.paths().iter().any(|path| **path == *name)) {
            screen.note(&format!(
                "whoever controls this machine can veto on `{name}` from now on, and the policy lists no watchtower of this path: analyses do not know of it"
            ));
        }
    }
    Ok(())
}

/// That no cancel could be tried, and why.
pub(super) fn not_tried(why: &str) -> Notice {
    let kind = Kind::VetoRefused;
    Notice {
        kind,
        severity: kind.severity(),
        coin: None,
        txid: None,
        path: None,
        text: format!("no cancel could be tried: {why}"),
        at: None,
        due: None,
        first_look: false,
        missed: false,
        key: format!("{kind}:{why}"),
    }
}

/// A notice about a cancel that was tried.
pub(super) fn notice(tried: Tried) -> Notice {
    let name = tried.txid.map_or_else(String::new, |txid| txid.to_string());
    let (kind, text, key) = match tried.outcome {
        Outcome::Sent { child, wants } => {
            let paid =
                child.map_or_else(String::new, |child| format!(", with the fee child {child}"));
            let wants = wants.map_or_else(String::new, |party| {
                format!("; a fee child waits for the signature of `{party}`: `longstop sos resume --fee-psbt-out` writes it")
            });
            let text = format!(
                "the cancel {name} of {} was sent{paid}{wants}",
                tried.escrow
            );
            let child = child.map_or_else(String::new, |child| format!(":{child}"));
            (Kind::VetoSent, text, format!("{name}{child}"))
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
