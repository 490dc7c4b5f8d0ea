//! Vaults: addresses, coins, and what they are worth.

use bitcoin::Amount;

use super::ledger::when;
use super::{BOLD, DIM, GREEN, RED, YELLOW, counted, hanging, paint, shown};
use crate::arming::ArmingState;
use crate::cli::vault::{
    BackedUp, Check, Created, Examined, Given, ListedBalance, ListedCoins, Opened, Outcome, Read,
    Restored, VaultStanding,
};
use crate::ledger::Ratified;
use crate::lifecycle::{ArmingStanding, Confidence, StaleReason, Standing};
use crate::units::format_date;
use crate::wallet::{Alert, CoinStatus, Consolidation, Due, FeeWallet, Opening};

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

/// What coins are worth.
pub(in crate::cli) fn balance(listed: &ListedBalance, width: usize) -> String {
    let balance = &listed.balance;
    let mut text = String::new();
    for (stage, each) in &balance.stages {
        let mut parts = vec![format!(
            "{} in {}",
            sats(each.confirmed),
            counted(each.coins, "coin")
        )];
        for (amount, word) in [
            (each.armed, "armed"),
            (each.unarmed, "unarmed"),
            (each.maturing, "maturing"),
            (each.unconfirmed, "unconfirmed"),
            (each.leaving, "leaving"),
        ] {
            if amount > Amount::ZERO {
                parts.push(format!("{} {word}", sats(amount)));
            }
        }
        text += &hanging(&format!("{stage}: "), BOLD, &parts.join(", "), width);
    }
    let total = format!(
        "{} confirmed, {} unconfirmed",
        sats(balance.confirmed),
        sats(balance.unconfirmed)
    );
    text += &row("together", &total, width);
    text += &row("as of", &when(balance.at), width);
    text
}

/// A list of coins.
pub(in crate::cli) fn coins(listed: &ListedCoins, width: usize) -> String {
    let mut text = String::new();
    for coin in &listed.coins {
        text += &coin_text(coin, width);
    }
    if !listed.stale.is_empty() {
        let named = listed.stale.iter().take(STALE_SHOWN);
        let named: Vec<String> = named
            .map(|stale| format!("{} on {}", stale.coin, stale.path))
            .collect();
        let more = match listed.stale.len().saturating_sub(STALE_SHOWN) {
            0 => String::new(),
            more => format!(", and {more} more, which --json lists"),
        };
        let says = format!(
            "{} worth nothing any more, since their coins are gone: {}{more}",
            counted(listed.stale.len() as u64, "arming"),
            named.join(", ")
        );
        text += &hanging("stale: ", DIM, &shown(&says), width);
    }
    let count = counted(listed.coins.len() as u64, "coin");
    text += &format!("{}: {count}, as of {}\n", listed.vault, when(listed.at));
    text
}

/// So many armings of coins that are gone are named.
const STALE_SHOWN: usize = 5;

fn coin_text(coin: &CoinStatus, width: usize) -> String {
    let output = &coin.output;
    let mut text = format!(
        "{} {} in the {}, {} {}\n",
        paint(BOLD, &output.outpoint.to_string()),
        sats(output.amount),
        output.stage,
        output.keychain,
        output.index
    );
    text += &row("stands", &standing(coin), width);
    for opening in &coin.openings {
        text += &row(&opening.step.leaf.to_string(), &opens(opening), width);
    }
    for armed in &coin.armed {
        let how = match armed.standing {
            ArmingStanding::Current { state } => arming_says(state).to_owned(),
            ArmingStanding::Stale { reason } => match reason {
                StaleReason::CoinMoved => "stale: the coin has moved".to_owned(),
                StaleReason::PolicyChanged => "stale: the policy has changed".to_owned(),
            },
        };
        text += &row("arming", &format!("{}: {how}", armed.path), width);
    }
    let bare = coin.unarmed.iter();
    for unarmed in bare.filter(|on| on.state == ArmingState::Unarmed) {
        let says = match unarmed.is_buried {
            true => format!("{}: a deposit that nobody could trigger yet", unarmed.path),
            false => format!("{}: it is armed once it is buried", unarmed.path),
        };
        text += &hanging(&format!("{:14}", "unarmed"), YELLOW, &says, width);
    }
    if let Some(from) = coin.mature_from {
        text += &row(
            "mined",
            &format!("a miner's reward, spendable from block {from}"),
            width,
        );
    }
    if !coin.reused_with.is_empty() {
        let others = counted(coin.reused_with.len() as u64, "other coin");
        let says = format!("the address was paid to before: {others} at it");
        text += &hanging(&format!("{:14}", "reused"), YELLOW, &says, width);
    }
    if coin.is_incident {
        let says = "paid straight to this stage, which nobody is given addresses of: root overrides or claws back";
        text += &hanging(&format!("{:14}", "incident"), RED, says, width);
    }
    if let Some((style, says)) = alert(coin) {
        text += &hanging(&format!("{:14}", "alert"), style, says, width);
    }
    text
}

const fn arming_says(state: ArmingState) -> &'static str {
    match state {
        ArmingState::Unarmed => "unarmed",
        ArmingState::Protected => {
            "protected: cancel and settle are signed, and those who will need them have yet to say that they hold them"
        }
        ArmingState::Acknowledged => {
            "acknowledged: those who will need cancel and settle hold them, and root signs the trigger next"
        }
        ArmingState::Armed => "armed",
    }
}

fn standing(coin: &CoinStatus) -> String {
    let age = match (coin.depth, coin.age_seconds) {
        (Some(depth), Some(seconds)) => format!(
            ", {depth} deep, {} of median time",
            counted(u64::from(seconds / 86_400), "day")
        ),
        _ => String::new(),
    };
    match coin.output.standing {
        Standing::Unspent { confidence } => match confidence {
            Confidence::Unconfirmed => "in no block yet, so no lock of it runs".to_owned(),
            Confidence::Confirmed => format!("confirmed{age}"),
            Confidence::Buried => format!("buried{age}"),
        },
        Standing::Spent { by, confidence } => match confidence {
            Confidence::Unconfirmed => format!("leaving by {by}, which no block holds yet"),
            _ => format!("spent by {by}, which a reorg could still undo"),
        },
    }
}

fn opens(opening: &Opening) -> String {
    let file = match opening.step.needs_file {
        true => ", with what root signs in advance",
        false => "",
    };
    let when = match (opening.step.open, opening.step.remaining, opening.about) {
        (true, ..) => "open".to_owned(),
        (false, Some(remaining), Some(about)) => {
            format!("in {remaining}, about {}", format_date(about))
        }
        _ => "once the coin is confirmed".to_owned(),
    };
    format!("{when}{file}")
}

fn alert(coin: &CoinStatus) -> Option<(clap::builder::styling::Style, &'static str)> {
    let style = match coin.alert {
        Alert::None => return None,
        Alert::ThreeQuarters => YELLOW,
        Alert::NineTenths | Alert::Over => RED,
    };
    Some((style, alert_says(coin.alert)))
}

const fn alert_says(alert: Alert) -> &'static str {
    match alert {
        Alert::None => "less than three quarters of the delay have passed",
        Alert::ThreeQuarters => "three quarters of the delay have passed: plan the refresh",
        Alert::NineTenths => "nine tenths of the delay have passed: refresh the coin now",
        Alert::Over => "the delay is over: the path's quorum can take the coin alone",
    }
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

/// What is due with a vault.
pub(in crate::cli) fn vault_status(standing: &VaultStanding, width: usize) -> String {
    let status = &standing.status;
    let mut text = String::new();
    for due in &status.due {
        let (style, says) = due_says(due);
        text += &hanging("due: ", style, &says, width);
    }
    for keys in standing.keys_overdue.iter().flatten() {
        let on = keys.on.map_or_else(|| "never".to_owned(), format_date);
        let says = format!(
            "{} should show its keys: {} of {} shown, last {on}",
            keys.party, keys.shown, keys.keys
        );
        text += &hanging("due: ", YELLOW, &shown(&says), width);
    }
    if status.due.is_empty() && standing.keys_overdue.as_ref().is_none_or(Vec::is_empty) {
        text += &format!("{}\n", paint(GREEN, "nothing is due"));
    }
    for day in &status.days {
        let about = day
            .about
            .map_or_else(|| "not before it is confirmed".to_owned(), format_date);
        let says = format!("{} by {} from about {about}", day.outpoint, day.leaf);
        text += &row("taken alone", &says, width);
    }
    let fees = &status.fees;
    for fee in fees.rows.iter().filter(|fee| fee.fee_coins > 0) {
        let says = format!(
            "{} {}: {} of {} each, {} together",
            fee.what,
            shown(&fee.path),
            counted(fee.fee_coins, "fee coin"),
            sats(fee.each),
            sats(fee.together)
        );
        text += &row("fee reserve", &says, width);
    }
    if let Some(highest) = fees.rungs_sat_per_vb.last() {
        let rungs: Vec<String> = fees.rungs_sat_per_vb.iter().map(u64::to_string).collect();
        let beyond = match fees.stress_sat_per_vb > *highest {
            true => format!(
                "; at {} sat/vB all of it waits until fees fall",
                fees.stress_sat_per_vb
            ),
            false => String::new(),
        };
        let says = format!(
            "none: everything is signed in advance at {} sat/vB, and nobody can add to that{beyond}",
            rungs.join(", ")
        );
        text += &row("fee reserve", &says, width);
    }
    if !fees.rows.is_empty() {
        let says = format!(
            "to reach {} sat/vB, where {} sat/vB are paid already",
            fees.stress_sat_per_vb, fees.base_sat_per_vb
        );
        text += &row("", &says, width);
    }
    for wallet in fees.wallets.iter().filter(|wallet| wallet.fee_coins > 0) {
        text += &row("fee wallet", &fee_wallet(wallet), width);
    }
    if let Some(consolidation) = &status.consolidation {
        let says = consolidates(consolidation);
        text += &hanging("consolidate: ", BOLD, &says, width);
    }
    text += &row("together", &sats(status.balance.confirmed), width);
    text += &row("as of", &when(status.at), width);
    text
}

/// What somebody who broadcasts has, against what it would take if he alone did.
fn fee_wallet(wallet: &FeeWallet) -> String {
    let broadcasts: Vec<&str> = wallet.broadcasts.iter().copied().collect();
    let wanted = format!(
        "{} of {} each",
        counted(wallet.fee_coins, "fee coin"),
        sats(wallet.each)
    );
    let has = match (wallet.is_known, wallet.there, wallet.holds) {
        (false, ..) => "the policy knows no fee wallet of this party".to_owned(),
        (true, Some(there), Some(holds)) => {
            format!("has {there} such, and {} in all", sats(holds))
        }
        (true, ..) => "not looked at, since nobody says where the chain is".to_owned(),
    };
    let party = shown(&wallet.party);
    format!("{party} alone ({}): {wanted}; {has}", broadcasts.join(", "))
}

fn consolidates(consolidation: &Consolidation) -> String {
    let small = match consolidation.too_small.len() {
        0 => String::new(),
        count => format!(", {count} of them too small to be armed alone"),
    };
    let wallets = match consolidation.reserve_saved {
        Amount::ZERO => String::new(),
        saved => format!(", and fee wallets need {} less", sats(saved)),
    };
    let mut says = format!(
        "{} could become one{small}: a refresh of all costs about {} at {} sat/vB{wallets}; it shows that they belong together",
        counted(consolidation.coins.len() as u64, "coin"),
        sats(consolidation.cost),
        consolidation.feerate_sat_per_vb
    );
    let armed = match consolidation.unarms.len() as u64 {
        0 => String::new(),
        1 => "; what was signed in advance for one of them is worth nothing then".to_owned(),
        count => {
            format!("; what was signed in advance for {count} of them is worth nothing then")
        }
    };
    says += &armed;
    says += "; the new coin is unarmed until it is buried and armed";
    for restart in &consolidation.restarts {
        let date = |about: Option<crate::units::UnixTime>| {
            about.map_or_else(|| "never".to_owned(), format_date)
        };
        says += &format!(
            "; {} opens about {} instead of {}",
            restart.leaf,
            date(restart.after),
            date(restart.before)
        );
    }
    says
}

fn due_says(due: &Due) -> (clap::builder::styling::Style, String) {
    match due {
        Due::Incident { coin } => (
            RED,
            format!(
                "{coin} was paid straight to an escrow or a lock-up: root overrides or claws back"
            ),
        ),
        Due::Escrowed { coin } => (
            RED,
            format!("{coin} is in an escrow: cancel it before the window ends, or let it go on"),
        ),
        Due::Refresh { coin, alert } => {
            let style = if *alert == Alert::ThreeQuarters {
                YELLOW
            } else {
                RED
            };
            (style, format!("{coin} grows old: {}", alert_says(*alert)))
        }
        Due::Arm { coin, path } => (YELLOW, format!("{coin} is not armed on {}", shown(path))),
        Due::FeeCoins {
            path,
            what,
            wanted,
            there,
        } => (
            YELLOW,
            format!(
                "those who would broadcast a {what} of {} have {there} of {} that all coins at once would take",
                shown(path),
                counted(*wanted, "fee coin")
            ),
        ),
        Due::Backup { entries: count } => (
            YELLOW,
            format!(
                "{} of the journal in no backup yet: `longstop vault backup`",
                entries(*count)
            ),
        ),
        Due::Drill => (
            YELLOW,
            "no backup was ever restored to see whether it brings everything back".to_owned(),
        ),
    }
}
