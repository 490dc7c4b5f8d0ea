//! The laws of the compiler over as many generated policies as there is patience for.
//!
//! ```text
//! cargo run --release --example laws -- --triples 1000000
//! ```
//!
//! Each triple is a policy's stage with a set of signers and a moment.  A reference that knows
//! nothing of the compiler, miniscript's planner, and Bitcoin Core's interpreter must agree on
//! whether a coin of the stage can be spent.  Each policy's descriptors are also lifted and compared
//! with the reference, and its predicted weights with real witnesses.  The ordinary tests do the
//! same with fewer policies; `--seed` makes other ones.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example prints its result"
)]

#[path = "../tests/common/dice.rs"]
mod dice;
#[path = "../tests/common/full.rs"]
mod full;
#[path = "../tests/common/generate.rs"]
mod generate;
#[path = "../tests/common/heaviest.rs"]
mod heaviest;
#[path = "../tests/common/lifted.rs"]
mod lifted;
#[path = "../tests/common/reference.rs"]
mod reference;
#[path = "../tests/common/sample.rs"]
mod sample;
#[path = "../tests/common/spend.rs"]
mod spend;
#[path = "../tests/common/subject.rs"]
mod subject;
#[path = "../tests/common/triples.rs"]
mod triples;

use std::error::Error;
use std::time::Instant;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::dice::Dice;
use crate::full::policies;
use crate::reference::Reference;
use crate::triples::{Tally, compiled, judge};

/// Triples of one stage, so that there are many policies among a million.
const OF_A_STAGE: usize = 250;

fn main() -> Result<(), Box<dyn Error>> {
    let (most, seed) = arguments()?;
    let mut bytes = [0; 32];
    for (byte, from) in bytes.iter_mut().zip(seed.to_le_bytes()) {
        *byte = from;
    }
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let strategy = policies();
    let start = Instant::now();
    let mut tally = Tally::default();
    let (mut count, mut stages, mut rows, mut weighed) = (0u64, 0, 0, 0);
    while tally.triples < most {
        let tree = strategy.new_tree(&mut runner);
        let text = tree.map_err(|reason| reason.to_string())?.current();
        let blame = |problem: String| format!("{problem}\n\n{text}");
        tally.add(&judge(&text, OF_A_STAGE, &mut Dice(seed ^ count)).map_err(blame)?);
        let (compiled, reference) = (compiled(&text), Reference::read(&text));
        for stage in compiled.stages() {
            rows += lifted::compare(&reference, &text, &compiled, stage).map_err(blame)?;
            stages += 1;
        }
        weighed += heaviest::weigh_all(&reference, &text, &compiled).map_err(blame)?;
        count += 1;
        if count.is_multiple_of(50) {
            eprintln!(
                "{count} policies, {} triples, {:.0?}",
                tally.triples,
                start.elapsed()
            );
        }
    }
    let Tally {
        triples,
        spendable,
        witnesses,
        too_early,
    } = tally;
    println!("policies                     {count}");
    println!("stages                       {stages}");
    println!("triples                      {triples}, all of them agreed on");
    println!(
        "  of them spendable          {spendable} ({:.1} %)",
        100.0 * spendable as f64 / triples as f64
    );
    println!("witnesses given to Core      {witnesses}");
    println!("transactions before time     {too_early}");
    println!("rows of truth tables         {rows}");
    println!("witnesses weighed            {weighed}");
    println!(
        "seconds                      {:.0}",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// How many triples, and the seed.
fn arguments() -> Result<(u64, u64), Box<dyn Error>> {
    let (mut triples, mut seed) = (20_000, 0);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or("a number is missing")?.parse()?;
        match name.as_str() {
            "--triples" => triples = value,
            "--seed" => seed = value,
            other => return Err(format!("{other} is neither --triples nor --seed").into()),
        }
    }
    Ok((triples, seed))
}
