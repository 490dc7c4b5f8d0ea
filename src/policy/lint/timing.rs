//! Lints about how long things take.

use crate::units::{AbsoluteLock, BLOCKS_PER_DAY, BlockHeight, Blocks, RelativeLock, UnixTime};

use super::super::shown::quote;
use super::super::{Code, Diagnostic, Lockup, Network};
use super::Facts;

/// Shortest veto window that is not warned about: a day.
const SHORT_WINDOW: Blocks = Blocks(BLOCKS_PER_DAY);

/// A moment that has passed wherever a policy is for real coins: 2025-06-06, the day of the block
/// of the main network that is named beside it.
///
/// A policy is checked without a clock, so that it comes out the same on every day.  But a date
/// with two digits swapped is mostly one long ago.
const LONG_PAST: (UnixTime, BlockHeight) = (UnixTime(1_749_168_000), BlockHeight(900_000));

/// A moment before the first block of every network, from the first blocks in Bitcoin Core,
/// `src/kernel/chainparams.cpp`: regtest's says 2011-02-02, the main network's is older, and the
/// others' are younger.
const BEFORE_ALL: UnixTime = UnixTime(1_296_688_602);

/// The last height for which no coin ever waits: the reward of block 1 can be spent in block 101 at
/// the earliest (`COINBASE_MATURITY`), and a lock is open in every block above its height.
const BEFORE_SPENDING: BlockHeight = BlockHeight(100);

pub(super) fn check(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    short_windows(facts, problems);
    direct_before_staged(facts, problems);
    mixed_locks(facts, problems);
    open_paths(facts, problems);
}

fn short_windows(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    for (entry, path, staged) in facts.staged() {
        if staged.window().lock().expected_seconds() >= SHORT_WINDOW.expected_seconds() {
            continue;
        }
        let escrow = entry.escrow.as_ref();
        let span = escrow
            .and_then(|escrow| escrow.window.as_ref())
            .map(|typed| typed.span);
        problems.push(
            Diagnostic::new(
                Code::ShortWindow,
                format!(
                    "the veto window of path {} is {}, less than {SHORT_WINDOW}",
                    quote(path.name()),
                    staged.window()
                ),
            )
            .at(span.unwrap_or(entry.place()), "short")
            .help("in this time veto holders must notice the trigger, gather, and get a cancel buried"),
        );
    }
}

fn direct_before_staged(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    for (direct_entry, direct_path) in facts.paths() {
        let Some(delay) = direct_path.direct().and_then(|direct| direct.delay()) else {
            continue;
        };
        for (entry, path, staged) in facts.staged() {
            let period = staged.lockup().map(Lockup::period);
            let longest = staged.window().lock().expected_seconds()
                + period.map_or(0, |period| period.lock().expected_seconds());
            if delay.lock().expected_seconds() >= longest {
                continue;
            }
            let takes = match period {
                Some(period) => format!("window {} and lock-up {period}", staged.window()),
                None => format!("window {}", staged.window()),
            };
            let span = direct_entry
                .delay
                .as_ref()
                .map_or(direct_entry.place(), |typed| typed.span);
            problems.push(
                Diagnostic::new(
                    Code::DirectBeforeStaged,
                    format!(
                        "path {} opens after {delay}, before path {} can finish ({takes})",
                        quote(direct_path.name()),
                        quote(path.name())
                    ),
                )
                .at(span, "shorter")
                .beside(entry.place(), takes)
                .help("lengthen the delay: who waits for it meets neither veto nor lock-up"),
            );
        }
    }
}

fn mixed_locks(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    for (entry, path) in facts.paths() {
        let Some(direct) = path.direct() else {
            continue;
        };
        let (Some(delay), Some(unlock)) = (direct.delay(), direct.unlock()) else {
            continue;
        };
        let (first, second, help) = match (delay.lock(), unlock) {
            (RelativeLock::Blocks(_), AbsoluteLock::Time(_)) => (
                "blocks",
                "a date",
                "use `unlock_height`, or `clock = \"time\"`",
            ),
            (RelativeLock::Units512(_), AbsoluteLock::Height(_)) => (
                "time",
                "a height",
                "use `unlock_at`, or `clock = \"blocks\"`",
            ),
            _ => continue,
        };
        let span = entry
            .delay
            .as_ref()
            .map_or(entry.place(), |typed| typed.span);
        let unlock = entry.unlock_at.as_ref().or(entry.unlock_height.as_ref());
        problems.push(
            Diagnostic::new(
                Code::MixedLocks,
                format!("path {} mixes heights and dates", quote(path.name())),
            )
            .at(span, format!("counts {first}"))
            .beside(unlock.map_or(entry.place(), |typed| typed.span), second)
            .help(format!("this is allowed; to have both by one clock {help}")),
        );
    }
}

fn open_paths(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    let network = facts.document.settings.network.as_ref();
    let network = network.map(|network| network.value);
    for (entry, path) in facts.paths() {
        let Some(direct) = path.direct() else {
            continue;
        };
        if direct.delay().is_some() {
            continue;
        }
        match direct.unlock() {
            None => problems.push(
                Diagnostic::new(
                    Code::OpenPath,
                    format!("path {} has no lock", quote(path.name())),
                )
                .at(entry.place(), "its quorum can spend every coin at once")
                .help("add `delay`, `unlock_at` or `unlock_height`, or an `escrow`"),
            ),
            Some(lock) if is_long_past(lock, network) => {
                let typed = entry.unlock_at.as_ref().or(entry.unlock_height.as_ref());
                problems.push(
                    Diagnostic::new(
                        Code::OpenPath,
                        format!(
                            "the lock of path {} is until {lock}, which is past",
                            quote(path.name())
                        ),
                    )
                    .at(
                        typed.map_or(entry.place(), |typed| typed.span),
                        "its quorum can spend every coin at once",
                    )
                    .help("correct the date or the height, or add a `delay`"),
                );
            }
            Some(_) => {}
        }
    }
}

/// Whether an absolute lock was open already when this program was written.
///
/// On regtest every chain has a time of its own, and heights of the test networks mean little: there
/// it is past what no chain can be before.
fn is_long_past(lock: AbsoluteLock, network: Option<Network>) -> bool {
    let (date, height) = LONG_PAST;
    match (lock, network) {
        (AbsoluteLock::Time(time), None | Some(Network::Regtest)) => time < BEFORE_ALL,
        (AbsoluteLock::Time(time), Some(_)) => time < date,
        (AbsoluteLock::Height(at), Some(Network::Bitcoin)) => at < height,
        (AbsoluteLock::Height(at), _) => at <= BEFORE_SPENDING,
    }
}
