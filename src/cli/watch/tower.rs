//! Cancels that veto holders have completed in advance and left here.

use std::cell::RefCell;
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
pub(super) struct Purse {
    hand: Option<(String, Hand, Secp256k1<All>)>,
    /// Why children were not signed.
    failures: RefCell<Vec<String>>,
}

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
        Ok(Self {
            hand: Some((party.clone(), hand, secp)),
            failures: RefCell::default(),
        })
    }

    /// Why children were not signed since this was last asked.
    pub(super) fn failures(&self) -> Vec<String> {
        self.failures.take()
    }
}

impl Signers for Purse {
    fn sign(&self, party: &str, psbt: Psbt) -> Option<Psbt> {
        let (_, hand, secp) = self.hand.as_ref().filter(|(own, ..)| own == party)?;
        match hand.sign(psbt, secp) {
            Ok(signed) => Some(signed),
            // The cancel goes as it is, and is raised by the next look.
            Err(failure) => {
                self.failures.borrow_mut().push(failure.to_string());
                None
            }
        }
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

/// That a fee child was not signed, and why.
pub(super) fn not_signed(why: &str) -> Notice {
    let text =
        format!("the fee child of a cancel was not signed: {why}; the cancel goes without it");
    Notice {
        text,
        ..not_tried(why)
    }
}

/// A notice about a cancel that was tried.
pub(super) fn notice(tried: Tried) -> Notice {
    let name = tried.txid.map_or_else(String::new, |txid| txid.to_string());
    let short = tried.short;
    // What is aimed at moves with every block: it is told once that this is not enough.
    let is_short = if short.is_some() { ":short" } else { "" };
    let short = short.map_or_else(String::new, |short| format!("; but {short}"));
    let (kind, text, key) = match tried.outcome {
        Outcome::Sent { child, wants } => {
            let paid =
                child.map_or_else(String::new, |child| format!(", with the fee child {child}"));
            let wants = wants.map_or_else(String::new, |party| {
                format!("; a fee child waits for the signature of `{party}`: `longstop sos resume --fee-psbt-out` writes it")
            });
            let text = format!(
                "the cancel {name} of {} was sent{paid}{wants}{short}",
                tried.escrow
            );
            let child = child.map_or_else(String::new, |child| format!(":{child}"));
            (Kind::VetoSent, text, format!("{name}{child}{is_short}"))
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
