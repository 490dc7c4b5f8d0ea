//! What is due with a vault.

use bitcoin::Amount;

use super::super::ledger::when;
use super::super::{BOLD, GREEN, RED, YELLOW, counted, hanging, paint, shown};
use super::coins::alert_says;
use super::{entries, row, sats};
use crate::cli::vault::{ListedFees, VaultStanding};
use crate::units::format_date;
use crate::wallet::{Alert, Consolidation, Due, FeeWallet};

/// The wallets that pay for fee children.
pub(in crate::cli) fn fee_wallets(listed: &ListedFees, width: usize) -> String {
    let mut text = String::new();
    for wallet in &listed.wallets {
        text += &row(&shown(&wallet.party), &wallet.address, width);
        let count = counted(wallet.coins.len() as u64, "coin");
        text += &row("", &format!("has {count}, {}", sats(wallet.sats)), width);
    }
    if listed.wallets.is_empty() {
        text += "no fee wallet: the policy names none with `fees`\n";
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
