//! Coins, and what they are worth.

use bitcoin::Amount;

use super::super::ledger::when;
use super::super::{BOLD, DIM, RED, YELLOW, counted, hanging, paint, shown};
use super::{row, sats};
use crate::arming::ArmingState;
use crate::cli::vault::{ListedBalance, ListedCoins};
use crate::lifecycle::{ArmingStanding, Confidence, StaleReason, Standing};
use crate::units::format_date;
use crate::wallet::{Alert, CoinStatus, Opening};

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

pub(super) const fn alert_says(alert: Alert) -> &'static str {
    match alert {
        Alert::None => "less than three quarters of the delay have passed",
        Alert::ThreeQuarters => "three quarters of the delay have passed: plan the refresh",
        Alert::NineTenths => "nine tenths of the delay have passed: refresh the coin now",
        Alert::Over => "the delay is over: the path's quorum can take the coin alone",
    }
}
