//! Exact answers about quorums against going through all subsets of their parties: how many
//! minimal coalitions there are of each size, which parties are interchangeable, and what happens
//! where quorums overlap at random.
//!
//! `cargo bench --bench analysis`; with a word after `--`, only the conditions whose names hold it.

#![allow(
    clippy::print_stdout,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench prints its table, and stops where its own conditions are wrong"
)]

#[path = "analysis/anchor.rs"]
mod anchor;
#[path = "analysis/families.rs"]
mod families;
#[path = "analysis/whole.rs"]
mod whole;

use std::hint::black_box;
use std::time::{Duration, Instant};

use longstop::analysis::fate::Facts;
use longstop::analysis::{Analyst, analyze};
use longstop::logic::Logic;

use self::families::Case;

/// The most time that counting may take.
const MOST_TIME: Duration = Duration::from_micros(500);

/// The most time that the whole analysis of a large policy may take.
const MOST_TIME_WHOLE: Duration = Duration::from_millis(200);

/// How much faster than going through all subsets it has to be at 25 parties.
const LEAST_FASTER: f64 = 100_000.0;

fn main() {
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|word| name.contains(word));
    println!(
        "{:<38} {:>7} {:>14} {:>8} {:>10} {:>10} {:>10} {:>14} {:>10}",
        "condition",
        "parties",
        "minimal sets",
        "sizes",
        "counted",
        "classes",
        "orbits",
        "all subsets",
        "faster"
    );
    let mut failed = false;
    for case in families::cases() {
        if is_wanted(&case.name) {
            failed |= !report(&case);
        }
    }
    println!();
    println!(
        "{:<38} {:>7} {:>14} {:>8} {:>10} {:>10}",
        "quorums that overlap at random", "parties", "minimal sets", "sizes", "nodes", "counted"
    );
    for case in families::overlapping() {
        if is_wanted(&case.name) {
            report_overlapping(&case);
        }
    }
    if is_wanted("whole") {
        failed |= !report_whole();
    }
    if failed {
        println!("a goal is not met");
        std::process::exit(1);
    }
}

/// The whole analysis of a large policy, of half of whose parties something is attested; whether it
/// is quick enough.
fn report_whole() -> bool {
    let policy = whole::policy();
    let facts = Facts::of(&policy, &whole::attestations(&policy));
    let (analysis, analysed) = timed(|| analyze(&policy).expect("there is room"));
    let (fate, found) = timed(|| Analyst::of(&policy).fate(&facts));
    let domains: usize = fate.facts.iter().map(|facts| facts.domains).sum();
    println!(
        "\nthe whole analysis of {} parties, {} paths and {domains} domains of {} kinds: {:.1} ms, of which shared fate {:.1} ms ({} and {} findings)",
        analysis.parties,
        policy.paths().len(),
        fate.facts.len(),
        (analysed + found).as_secs_f64() * 1e3,
        found.as_secs_f64() * 1e3,
        fate.stated.findings.len(),
        fate.worst.findings.len(),
    );
    analysed + found <= MOST_TIME_WHOLE
}

/// One row; whether the goals of the case are met.
fn report(case: &Case) -> bool {
    let (sets, counted) = timed(|| Logic::new().minimal(&case.formula).expect("there is room"));
    let (_, classes) = timed(|| Logic::new().classes(&case.formula).expect("there is room"));
    let (_, orbits) = timed(|| {
        Logic::new()
            .orbits(&case.formula, 100)
            .expect("there is room")
    });
    let parties = case.formula.atoms().len();
    let all = anchor::count(&case.formula);
    if let Some(by_size) = &all.by_size {
        assert_eq!(by_size, sets.by_size(), "{}", case.name);
    }
    let faster = all.seconds / counted.as_secs_f64();
    let is_met = counted <= MOST_TIME && (parties != 25 || faster >= LEAST_FASTER);
    println!(
        "{:<38} {:>7} {:>14} {:>8} {:>10} {:>10} {:>10} {:>14} {:>10}{}",
        case.name,
        parties,
        number(sets.count()),
        sizes(&sets),
        microseconds(counted),
        microseconds(classes),
        microseconds(orbits),
        format!(
            "{}{}",
            if all.by_size.is_some() { "" } else { "about " },
            seconds(all.seconds)
        ),
        format!("{faster:.0e}x"),
        if is_met { "" } else { "  above its goal" },
    );
    is_met
}

/// One row about where it becomes exponential.
fn report_overlapping(case: &Case) {
    let begun = Instant::now();
    let mut logic = Logic::new();
    let answer = logic.minimal(&case.formula);
    let time = begun.elapsed();
    let parties = case.formula.atoms().len();
    let (count, sizes, nodes) = match &answer {
        Ok(sets) => (number(sets.count()), sizes(sets), logic.nodes().to_string()),
        Err(_) => ("-".to_owned(), "-".to_owned(), "too many".to_owned()),
    };
    println!(
        "{:<38} {:>7} {:>14} {:>8} {:>10} {:>10}",
        case.name,
        parties,
        count,
        sizes,
        nodes,
        microseconds(time)
    );
}

fn sizes(sets: &longstop::logic::MinimalSets) -> String {
    match (sets.smallest_size(), sets.largest_size()) {
        (Some(least), Some(most)) if least != most => format!("{least}-{most}"),
        (Some(size), _) => size.to_string(),
        _ => "none".to_owned(),
    }
}

fn number(number: u128) -> String {
    if number < 10_000_000_000 {
        number.to_string()
    } else {
        format!("{:.3e}", number as f64)
    }
}

fn microseconds(time: Duration) -> String {
    let microseconds = time.as_secs_f64() * 1e6;
    if microseconds < 10_000.0 {
        format!("{microseconds:.1} us")
    } else {
        format!("{:.1} ms", microseconds / 1e3)
    }
}

fn seconds(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1e3)
    } else if seconds < 1e5 {
        format!("{seconds:.1} s")
    } else {
        format!("{seconds:.0e} s")
    }
}

/// The result, and the least time of some runs: what other work on the machine takes is not ours.
fn timed<T>(run: impl Fn() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let mut least = Duration::MAX;
    for number in 1.. {
        let start = Instant::now();
        let result = black_box(run());
        least = least.min(start.elapsed());
        if number >= 200 || begun.elapsed() > Duration::from_millis(500) {
            return (result, least);
        }
    }
    unreachable!("the loop ends by returning")
}
