//! The store of a ledger against what it is built from, in the same run and on the same disk: a
//! bare file with the same syncs, and sled with the same records.
//!
//! `cargo bench --bench ledger`; with a word after `--`, only the rows whose names hold it.
//! Everything is written below `target`, so that it is on a real disk.

#![allow(
    clippy::print_stdout,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench prints its table, and stops where its own records are wrong"
)]

#[path = "ledger/append.rs"]
mod append;
#[path = "ledger/common.rs"]
mod common;
#[path = "ledger/open.rs"]
mod open;

use self::common::{Goal, Row};

fn main() {
    // Some rows are about whole processes, and this program is those as well.
    if open::is_child() {
        return;
    }
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|word| name.contains(word));
    println!(
        "{:<58} {:>14} {:>14} {:>8} {:>10}",
        "what", "ours", "beside it", "ratio", "goal"
    );
    let mut failed = false;
    let mut report = |row: Row| failed |= !print(&row);
    append::rows(&is_wanted, &mut report);
    open::rows(&is_wanted, &mut report);
    if failed {
        println!("a goal is not met");
        std::process::exit(1);
    }
}

/// Prints a row; whether its goal is met.
fn print(row: &Row) -> bool {
    let (goal, is_met) = match row.goal {
        Goal::None => (String::new(), true),
        Goal::RatioAtMost(most) => (format!("<= {most}"), row.ratio() <= most),
        Goal::RatioAtLeast(least) => (format!(">= {least}"), row.ratio() >= least),
        Goal::AtMost(most) => (format!("<= {most} {}", row.unit), row.ours <= most),
    };
    let figure = |value: f64| format!("{value:.1} {}", row.unit);
    println!(
        "{:<58} {:>14} {:>14} {:>8} {:>10}{}",
        row.name,
        figure(row.ours),
        row.beside.map_or(String::new(), figure),
        row.beside
            .map_or(String::new(), |_| format!("{:.2}", row.ratio())),
        goal,
        if is_met { "" } else { "  missed" },
    );
    is_met
}
