//! Chains: where they stand, and what was mined.

use super::ledger::row;
use super::{DIM, GREEN, YELLOW, counted, hanging, paint, shown};
use crate::cli::chain::{MinedBlocks, Paid, Tip};
use crate::units::format_date_time;

/// Where a chain stands.
pub(in crate::cli) fn tip(tip: &Tip, width: usize) -> String {
    let verdict = match &tip.stale {
        None => paint(GREEN, "fresh"),
        Some(_) => paint(YELLOW, "stale"),
    };
    let mut text = format!(
        "{}: {} {}, {verdict}\n",
        shown(&tip.backend),
        tip.network,
        tip.height
    );
    text += &row("block", &tip.hash.to_string(), width);
    let time = |time| format!("{} UTC", format_date_time(time));
    text += &row("timestamp", &time(tip.stamped), width);
    text += &row("median time", &time(tip.median_time), width);
    if let Some(stale) = &tip.stale {
        text += &hanging("stale: ", YELLOW, &shown(stale), width);
    }
    text
}

/// What happened to a chain.
pub(in crate::cli) fn mined(mined: &MinedBlocks, width: usize) -> String {
    let mut text = String::new();
    if !mined.abandoned.is_empty() {
        let count = counted(mined.abandoned.len() as u64, "block");
        text += &format!("{count} abandoned\n");
    }
    for Paid {
        address,
        sats,
        outpoint,
    } in &mined.paid
    {
        let line = format!("{sats} sat to {address}, output {outpoint}");
        text += &hanging("paid: ", DIM, &line, width);
    }
    let blocks = counted(mined.mined.len() as u64, "block");
    text += &format!(
        "{} {}: {blocks} mined, now at block {}, {} UTC\n",
        paint(GREEN, "chain"),
        shown(&mined.chain),
        mined.height,
        format_date_time(mined.median_time)
    );
    text
}
