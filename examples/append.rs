//! Appends records to a new ledger in batches and says what is acknowledged: what
//! `tests/durability/check` watches from outside.
//!
//! `cargo run --example append -- DIRECTORY BATCHES RECORDS-OF-A-BATCH`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::path::Path;

use longstop::ledger::{Directory, Record, Store};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, batches, size] = arguments.as_slice() else {
        return Err("say a directory, how many batches, and of how many records".into());
    };
    let (batches, size): (u64, u64) = (batches.parse()?, size.parse()?);
    let mut store = Directory::init(Path::new(path), b"an example", "an example")?;
    println!("made");
    for batch in 0..batches {
        let records: Vec<Record> = (0..size)
            .map(|number| record(batch * size + number))
            .collect();
        store.append(&records)?;
        println!("acknowledged {}", store.size());
    }
    let head = store.close()?;
    println!("closed {} {}", head.size, head.root);
    Ok(())
}

/// A record that says its number, under an id that does as well.
fn record(number: u64) -> Record {
    let bytes = format!("record {number} of an example\n").into_bytes();
    let mut id = [0; 32];
    for (to, from) in id.iter_mut().zip(number.to_be_bytes()) {
        *to = from;
    }
    Record { id, bytes }
}
