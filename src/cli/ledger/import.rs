//! `longstop ledger import`: events from other machines.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::init;
use crate::cli::failure::LedgerFailure;
use crate::cli::render::{self, Screen};
use crate::cli::replica::{LedgerArgs, Replica};
use crate::cli::{Exit, Failure, founding, input};
use crate::ledger::{
    BundleError, Directory, Head, Import as Taken, RefusedLine, WaitingLine, read_genesis,
};

/// What the names of bundles in a folder end in.
const BUNDLE: &str = "jsonl";

/// Take events from bundles and exports
///
/// Order does not matter, and nothing happens twice: ledgers that were given the same bundles
/// answer all questions alike. An event that knows of others which are neither here nor in a bundle
/// is not taken, and has to be imported again with these.
///
/// Exit code 0: all were taken or were there already; 1: a line was refused; 6: an event waits for
/// others.
#[derive(Debug, Args)]
#[command(
    after_help = "With --json: ledger, size, root, new and sources [file, new, known, refused [line, why], waiting\n[line, event, missing]]."
)]
pub(super) struct Import {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Bundles: files, folders with files that end in .jsonl, or - for the standard input
    #[arg(required = true, value_name = "FILE")]
    bundles: Vec<PathBuf>,
    /// Make a new ledger, founded on what the first bundle is founded on
    #[arg(long)]
    new: bool,
    /// With --new: begin anew where a ledger is known to have been
    #[arg(long, requires = "new")]
    forget: bool,
}

/// What was taken.
#[derive(Serialize)]
pub(in crate::cli) struct Imported {
    pub ledger: String,
    #[serde(flatten)]
    pub head: Head,
    /// How many events are here that were not before.
    pub new: u64,
    pub sources: Vec<Source>,
}

/// What was taken from one bundle.
#[derive(Serialize)]
pub(in crate::cli) struct Source {
    pub file: String,
    pub new: u64,
    pub known: u64,
    pub refused: Vec<RefusedLine>,
    pub waiting: Vec<WaitingLine>,
    #[serde(skip)]
    path: PathBuf,
}

impl Import {
    pub(super) fn run(&self, screen: &Screen) -> Result<Exit, Failure> {
        let paths = self.paths()?;
        if self.new {
            self.begin(paths.first())?;
        }
        let mut replica = self.ledger.write(screen)?;
        let before = replica.head()?.size;
        let mut sources = Vec::new();
        for path in paths {
            let taken = take(&mut replica, &path)?;
            sources.push(Source::of(path, taken));
        }
        again(&mut replica, &mut sources)?;
        let ledger = replica.directory.clone();
        let head = replica.close()?;
        let imported = Imported {
            ledger,
            new: head.size - before,
            head,
            sources,
        };
        screen.show(&imported, |width| render::imported(&imported, width))?;
        Ok(imported.exit())
    }

    /// The bundles, those of folders in the order of their names, and the standard input last.
    fn paths(&self) -> Result<Vec<PathBuf>, Failure> {
        let mut paths = Vec::new();
        for given in &self.bundles {
            if !given.is_dir() {
                paths.push(given.clone());
                continue;
            }
            let unreadable = |source| Failure::Read {
                file: input::file_name(given),
                source,
            };
            let entries = fs::read_dir(given).map_err(unreadable)?;
            let mut inside = Vec::new();
            for entry in entries {
                let path = entry.map_err(unreadable)?.path();
                let is_bundle = path.extension().is_some_and(|end| end == BUNDLE);
                inside.extend((is_bundle && path.is_file()).then_some(path));
            }
            inside.sort();
            paths.extend(inside);
        }
        // It can be read only once, so whatever it may wait for comes first.
        paths.sort_by_key(|path| path == Path::new("-"));
        Ok(paths)
    }

    /// Makes the ledger that a bundle is about.
    fn begin(&self, bundle: Option<&PathBuf>) -> Result<(), Failure> {
        let Some(path) = bundle.filter(|path| *path != Path::new("-")) else {
            return Err(LedgerFailure::NewFromFile.into());
        };
        let file = input::file_name(path);
        let mut reader = open(path)?;
        let genesis = read_genesis(&mut reader);
        let genesis = genesis.map_err(|source| bundle_failure(file.clone(), source))?;
        founding::compiled(&file, &genesis)?;
        init::create(&self.ledger, &genesis, self.forget)
    }
}

impl Imported {
    fn exit(&self) -> Exit {
        let some = |is: fn(&Source) -> bool| self.sources.iter().any(is);
        match (
            some(|source| !source.refused.is_empty()),
            some(|source| !source.waiting.is_empty()),
        ) {
            (true, _) => Exit::Unmet,
            (false, true) => Exit::Pending,
            (false, false) => Exit::Ok,
        }
    }
}

impl Source {
    fn of(path: PathBuf, taken: Taken) -> Self {
        Self {
            file: input::file_name(&path),
            new: taken.new,
            known: taken.known,
            refused: taken.refused,
            waiting: taken.waiting,
            path,
        }
    }
}

/// Takes what waited in one bundle for what another brought, until nothing more comes of it.
fn again(replica: &mut Replica<Directory>, sources: &mut [Source]) -> Result<(), Failure> {
    loop {
        let mut more = 0;
        let waiting = sources
            .iter_mut()
            .filter(|source| !source.waiting.is_empty() && source.path != Path::new("-"));
        for source in waiting {
            let taken = take(replica, &source.path)?;
            more += taken.new;
            source.new += taken.new;
            source.waiting = taken.waiting;
        }
        if more == 0 {
            return Ok(());
        }
    }
}

fn take(replica: &mut Replica<Directory>, path: &Path) -> Result<Taken, Failure> {
    let mut reader = open(path)?;
    let taken = replica.ledger.import(&mut reader);
    taken.map_err(|source| bundle_failure(input::file_name(path), source))
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).map_err(|source| Failure::Read {
        file: input::file_name(path),
        source,
    })?;
    Ok(Box::new(BufReader::new(file)))
}

fn bundle_failure(file: String, source: BundleError) -> Failure {
    LedgerFailure::Bundle { file, source }.into()
}
