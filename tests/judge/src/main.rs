//! Judges block files: one line for each, a closing count, and a non-zero exit on any disagreement.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use longstop_judge::judge;

fn main() -> ExitCode {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let passed = match files.as_slice() {
        [] => {
            eprintln!("usage: longstop-judge FILE...");
            return ExitCode::from(2);
        }
        [file] => {
            let (line, passed) = judge_here(file);
            println!("{line}");
            usize::from(passed)
        }
        files => match judge_apart(files) {
            Ok(passed) => passed,
            Err(error) => {
                eprintln!("cannot start another judge: {error}");
                return ExitCode::from(2);
            }
        },
    };
    let failed = files.len() - passed;
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Judges one file in this process: the line to print, and whether the file passed.
fn judge_here(file: &Path) -> (String, bool) {
    let name = file.display();
    let start = Instant::now();
    match judge(file) {
        Ok(tally) => {
            let (accepted, refused, relay) = (tally.accepted, tally.refused, tally.relay_only);
            let blocks = format!("{accepted} accepted, {refused} refused, {relay} relay-only");
            let seconds = start.elapsed().as_secs_f64();
            (format!("ok     {name}: {blocks}, {seconds:.2} s"), true)
        }
        Err(error) => (format!("FAILED {name}: {error}"), false),
    }
}

/// Judges each file in a process of its own, one per core at a time, and prints the lines in the
/// order of the files.
///
/// Core has one lock for the whole process, so threads would wait for each other; and an assertion
/// that fails inside Core ends its process, which must cost one file and not all of them.
fn judge_apart(files: &[PathBuf]) -> io::Result<usize> {
    let program = std::env::current_exe()?;
    let next = AtomicUsize::new(0);
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..cores.min(files.len()) {
            let sender = sender.clone();
            scope.spawn(|| {
                let sender = sender;
                while let Some((index, file)) = take_next(&next, files) {
                    let line = judge_in_child(&program, file);
                    if sender.send((index, line)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        Ok(print_in_order(&receiver))
    })
}

fn take_next<'a>(next: &AtomicUsize, files: &'a [PathBuf]) -> Option<(usize, &'a PathBuf)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    files.get(index).map(|file| (index, file))
}

fn judge_in_child(program: &Path, file: &Path) -> (String, bool) {
    let name = file.display();
    match Command::new(program).arg(file).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let passed = output.status.success();
            let line = text.lines().next().map(str::to_owned);
            let ended = || format!("FAILED {name}: the judge ended with {}", output.status);
            (line.unwrap_or_else(ended), passed)
        }
        Err(error) => (format!("FAILED {name}: no judge: {error}"), false),
    }
}

/// Prints each line as soon as all before it are printed, and counts the files that passed.
fn print_in_order(receiver: &mpsc::Receiver<(usize, (String, bool))>) -> usize {
    let mut waiting = BTreeMap::new();
    let mut printed = 0;
    let mut passed = 0;
    for (index, line) in receiver {
        waiting.insert(index, line);
        while let Some((line, ok)) = waiting.remove(&printed) {
            println!("{line}");
            printed += 1;
            passed += usize::from(ok);
        }
    }
    passed
}
