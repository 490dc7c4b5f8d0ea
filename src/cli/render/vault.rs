//! Vaults: addresses, coins, and what they are worth.

mod coins;
mod status;

use bitcoin::Amount;

pub(in crate::cli) use self::coins::{balance, coins};
pub(in crate::cli) use self::status::{fee_wallets, vault_status};
use super::ledger::when;
use super::{BOLD, DIM, GREEN, RED, YELLOW, counted, hanging, paint, shown};
use crate::cli::vault::{
    BackedUp, Check, Created, Examined, Given, Opened, Outcome, Read, Restored,
};
use crate::ledger::Ratified;

/// A vault that was made.
pub(in crate::cli) fn created_vault(created: &Created<'_>, width: usize) -> String {
    let mut text = format!(
        "{} {}, about {} ({})\n",
        paint(GREEN, "made:"),
        created.vault,
        shown(created.policy),
        created.network
    );
    text += &row("policy id", &created.policy_id, width);
    text += &row("ledger", &created.ledger, width);
    let descriptors: Vec<String> = created
        .descriptors
        .iter()
        .map(|stage| stage.descriptor.clone())
        .collect();
    text += &row(
        "descriptors",
        &super::ledger::checksums(&descriptors),
        width,
    );
    text += &hanging(
        "next: ",
        BOLD,
        "every party ratifies the policy with `longstop policy ratify`, in the ledger; then `longstop vault address` gives out addresses, and `longstop vault backup` keeps what no chain gives back",
        width,
    );
    text
}

/// What a vault is about.
pub(in crate::cli) fn opened_vault(opened: &Opened, width: usize) -> String {
    let mut text = format!(
        "{} {}, about {} ({})\n",
        paint(GREEN, "verified:"),
        opened.vault,
        shown(&opened.policy),
        opened.network
    );
    text += &row("policy id", &opened.policy_id, width);
    for stage in &opened.stages {
        text += &row(
            "descriptor",
            &format!("#{} {}", stage.checksum, stage.stage),
            width,
        );
    }
    let next = format!(
        "receive {}, change {}",
        opened.next_receive, opened.next_change
    );
    text += &row("next index", &next, width);
    text += &row("entries", &opened.entries.to_string(), width);
    let synced = opened.synced_to.map_or_else(|| "never".to_owned(), when);
    text += &row("synced to", &synced, width);
    if let Some(backend) = &opened.backend {
        text += &row("backend", backend, width);
    }
    text += &row("ledger", &opened.ledger, width);
    text
}

/// Who keeps a policy from being ratified by everybody.
pub(in crate::cli) fn missing_ratifications(ratified: &Ratified) -> String {
    let otherwise = ratified.otherwise.keys().cloned().collect();
    let groups = [
        (&ratified.missing, "not yet ratified by"),
        (&otherwise, "ratified otherwise by"),
        (&ratified.without_identity, "without an identity"),
        (&ratified.forked, "told two stories"),
    ];
    let parts = groups.into_iter().filter(|(names, _)| !names.is_empty());
    let parts = parts.map(|(names, what)| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        format!("{what}: {}", names.join(", "))
    });
    parts.collect::<Vec<String>>().join("; ")
}

/// An address for a deposit.
pub(in crate::cli) fn given_address(given: &Given, width: usize) -> String {
    let mut text = format!("{}\n", paint(BOLD, &given.address));
    let place = format!("{} {}", given.keychain, given.index);
    let place = match given.revealed {
        true => format!("{place}, used up: nobody is given it again"),
        false => format!("{place}, looked at and not used up"),
    };
    text += &row("index", &place, width);
    for key in &given.keys {
        let path = format!("{} [{}/{}]", key.party, key.fingerprint, key.path);
        text += &row("key", &path, width);
    }
    let by: Vec<&str> = given.confirmed_by.iter().map(String::as_str).collect();
    let by = by.join(", ");
    let more = given.confirmations_missing;
    let says = match (given.is_confirmed, by.is_empty()) {
        (true, _) => format!("{by}: a quorum of root has seen it on devices of its own"),
        (false, true) => format!("nobody yet; a quorum of root takes {more} of its parties"),
        (false, false) => format!("{by}; a quorum of root takes {more} more of its parties"),
    };
    text += &row("confirmed by", &says, width);
    text
}

/// What somebody is told before he is shown an address that no quorum has confirmed.
pub(in crate::cli) const CONFIRM_FIRST: &str = "nobody should pay before a quorum of root has compared the address with what devices of its own show: this machine could show another one; `longstop vault address --confirmed-by PARTY` remembers who has";

/// A row of a label and a value, however long the label.
fn row(label: &str, value: &str, width: usize) -> String {
    hanging(&format!("{label:13} "), DIM, &shown(value), width)
}

/// A number of entries of the journal.
fn entries(count: u64) -> String {
    match count {
        1 => "1 entry".to_owned(),
        count => format!("{count} entries"),
    }
}

fn sats(amount: Amount) -> String {
    format!("{} sat", amount.to_sat())
}

/// What reading the chain has brought.
pub(in crate::cli) fn synced(synced: &Read, width: usize) -> String {
    let mut text = String::new();
    if synced.rolled_back.is_some() {
        let says =
            "the chain is on another branch than before: what was read of the old one is forgotten";
        text += &hanging("reorg: ", RED, says, width);
    }
    for coin in &synced.found {
        text += &row("found", &coin.to_string(), width);
    }
    for coin in &synced.lost {
        text += &row("gone", &coin.to_string(), width);
    }
    for (keychain, index) in &synced.revealed {
        let says = format!("{keychain} {index} was in use, though nobody gave it out here");
        text += &row("used up", &says, width);
    }
    let count = counted(synced.coins, "coin");
    text += &format!("{}: {count}, as of {}\n", synced.vault, when(synced.at));
    text
}

/// A backup that was written.
pub(in crate::cli) fn backed_up(written: &BackedUp, width: usize) -> String {
    let mut text = format!("{} {}\n", paint(GREEN, "wrote:"), written.file);
    text += &row("digest", &written.digest, width);
    let events = written
        .events
        .map_or_else(|| "no ledger".to_owned(), |events| counted(events, "event"));
    let holds = format!(
        "the policy, {} entries of the journal, {events}",
        written.entries
    );
    text += &row("holds", &holds, width);
    let by: Vec<&str> = written.opened_by.iter().map(String::as_str).collect();
    text += &row("opened by", &by.join(", "), width);
    text += &hanging(
        "next: ",
        BOLD,
        "keep copies where nothing takes them with the vault, and restore one on another machine as a drill",
        width,
    );
    text
}

/// A vault that was brought back.
pub(in crate::cli) fn restored(restored: &Restored, width: usize) -> String {
    let mut text = format!(
        "{} {} ({})\n",
        paint(GREEN, "restored:"),
        restored.vault,
        restored.network
    );
    text += &row("policy id", &restored.policy_id, width);
    text += &row("entries", &restored.entries.to_string(), width);
    if let Some(events) = restored.events {
        text += &row("ledger", &counted(events, "event"), width);
    }
    let next = format!(
        "receive {}, change {}",
        restored.next_receive, restored.next_change
    );
    text += &row("next index", &next, width);
    match (restored.coins, restored.drilled) {
        (Some(coins), true) => {
            let says = format!(
                "{} found, as in the vault of which it was made",
                counted(coins, "output")
            );
            text += &row("drill", &says, width);
        }
        (Some(coins), false) => text += &row("coins", &coins.to_string(), width),
        (None, _) => {
            text += &hanging(
                "next: ",
                BOLD,
                "`longstop vault sync` finds its coins",
                width,
            );
        }
    }
    text += &hanging(
        "beware: ",
        YELLOW,
        "two directories that give out addresses give the same ones out twice: from here on only one may",
        width,
    );
    text
}

/// What was looked after.
pub(in crate::cli) fn examined(examined: &Examined, width: usize) -> String {
    let mut text = String::new();
    for Check {
        check,
        outcome,
        says,
    } in &examined.checks
    {
        let (word, style) = match outcome {
            Outcome::Well => ("well", GREEN),
            Outcome::Warn => ("warn", YELLOW),
            Outcome::Wrong => ("WRONG", RED),
        };
        text += &hanging(&format!("{word:5} {check:9}"), style, &shown(says), width);
    }
    text
}
