//! The compiler against miniscript's own, which is fed the same policies with the same odds in the
//! same run: what spending costs in expectation, and how long compiling takes.
//!
//! `cargo bench --bench compile`; with a word after `--`, only the policies whose names hold it.

#![allow(
    clippy::print_stdout,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench prints its table, and stops where its own policies are wrong"
)]

#[path = "compile/anchor.rs"]
mod anchor;
#[path = "compile/bound.rs"]
mod bound;
#[path = "compile/families.rs"]
mod families;
#[path = "compile/scenario.rs"]
mod scenario;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitcoin::secp256k1::Secp256k1;
use longstop::compile::{Compiled, Keychain, compile};
use longstop::policy::{Policy, check};

use self::families::Case;

/// The most time a policy may take.
const MOST_TIME: Duration = Duration::from_millis(20);

/// How long the anchor is waited for.
const ANCHOR_TIME: Duration = Duration::from_secs(60);

fn main() {
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    println!(
        "{:<34} {:>9} {:>9} {:>9} {:>6} {:>7} {:>9} {:>9} {:>7}",
        "policy", "device", "cheapest", "anchor", "ratio", "scripts", "ours", "anchor", "faster"
    );
    let mut failed = false;
    for case in families::cases() {
        if wanted
            .as_ref()
            .is_some_and(|word| !case.name.contains(word.as_str()))
        {
            continue;
        }
        failed |= !report(&case);
    }
    if failed {
        println!("a goal is not met");
        std::process::exit(1);
    }
}

fn policy(text: &str) -> Arc<Policy> {
    let checked = check(text);
    let problems = checked.diagnostics;
    Arc::new(
        checked
            .policy
            .unwrap_or_else(|| panic!("{problems:#?}\n{text}")),
    )
}

/// One row; whether every goal of the case is met.
fn report(case: &Case) -> bool {
    let device = policy(&case.text("device"));
    let cheapest = policy(&case.text("cheapest"));
    let (ours, time) = timed(|| compile(Arc::clone(&cheapest)).expect("the policy compiles"));
    let plain = compile(device).expect("the policy compiles");
    let theirs = anchor::compile(&ours, case.anchor, ANCHOR_TIME);
    let weight = weight(&ours);
    let scripts: usize = ours
        .stages()
        .flat_map(|stage| {
            stage
                .leaves()
                .iter()
                .map(|leaf| stage.scripts(leaf.kind()).len())
        })
        .sum();
    let milliseconds = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
    let (their_weight, ratio, their_time, faster) = match &theirs {
        Ok(theirs) => {
            let their_weight = scenario::expected(&ours, &theirs.stages, &theirs.named);
            (
                format!("{their_weight:.1}"),
                weight / their_weight,
                milliseconds(theirs.time),
                format!("{:.0}x", theirs.time.as_secs_f64() / time.as_secs_f64()),
            )
        }
        Err(error) => (error.clone(), f64::NAN, "-".to_owned(), "-".to_owned()),
    };
    println!(
        "{:<34} {:>9.1} {:>9.1} {:>9} {:>6.3} {:>7} {:>9} {:>9} {:>7}{}",
        case.name,
        self::weight(&plain),
        weight,
        their_weight,
        ratio,
        scripts,
        milliseconds(time),
        their_time,
        faster,
        remark(case, weight, ratio, time),
    );
    // Where the anchor fails there is nothing to be above of, nor slower than.
    let is_light = ratio.is_nan() || ratio <= case.most_ratio;
    let is_fast = match &theirs {
        Ok(theirs) => theirs.time.as_secs_f64() >= case.least_faster * time.as_secs_f64(),
        Err(_) => true,
    };
    is_light && is_fast && time <= MOST_TIME && case.bound.is_none_or(|bound| is_met(bound, weight))
}

/// Whether a weight is as low as a bound, but for a thousandth.
fn is_met(bound: f64, weight: f64) -> bool {
    weight <= bound * 1.001
}

/// How far a row is from its bound, and which goals it misses.
fn remark(case: &Case, weight: f64, ratio: f64, time: Duration) -> String {
    let mut remark = String::new();
    if let Some(bound) = case.bound {
        remark += &format!("  {:.4} of the bound {bound:.1}", weight / bound);
        if !is_met(bound, weight) {
            remark += ", not reached";
        }
    }
    if ratio > case.most_ratio {
        remark += "  above its goal";
    }
    if time > MOST_TIME {
        remark += "  above 20 ms";
    }
    remark
}

/// What witnesses of our own descriptors weigh in expectation, stage by stage added up.
fn weight(compiled: &Compiled) -> f64 {
    let secp = Secp256k1::new();
    let stages: Vec<_> = compiled
        .stages()
        .map(|stage| {
            let derived = stage.derive(Keychain::Receive, 0, &secp).expect("an index");
            derived.concrete().clone()
        })
        .collect();
    scenario::expected(compiled, &stages, &BTreeMap::new())
}

/// The result, and the least time of some runs: what other work on the machine takes is not ours.
fn timed<T>(run: impl Fn() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let mut least = Duration::MAX;
    for number in 1.. {
        let start = Instant::now();
        let result = run();
        least = least.min(start.elapsed());
        if number >= 25 || begun.elapsed() > Duration::from_secs(1) {
            return (result, least);
        }
    }
    unreachable!("the loop ends by returning")
}
