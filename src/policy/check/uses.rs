//! How many keys the descriptors of a policy would hold, counted before they are made.

use super::super::code::Code;
use super::super::diagnostic::Diagnostic;
use super::super::document::Document;
use super::super::{Lockup, Outcome, PathKind, Root, SpendingPath};

/// The most keys that all descriptors of a policy hold together.
///
/// Every staged path takes root four or five times over, so a large root and many staged paths
/// multiply.  The largest federations known have some hundreds; time and memory of the compiler
/// grow with this number.
const MAX_KEY_USES: usize = 5_000;

/// Reports the first path with which the keys become too many.
pub(super) fn check(
    document: &Document,
    root: Option<&Root>,
    paths: &[Option<SpendingPath>],
    problems: &mut Vec<Diagnostic>,
) {
    let Some(root) = root.map(|root| root.quorum().seats().len()) else {
        return;
    };
    let mut uses = root;
    for (path, entry) in paths.iter().zip(&document.paths) {
        let Some(path) = path else { continue };
        let before = uses;
        uses += path_uses(path, root);
        if uses > MAX_KEY_USES {
            let own = uses - before;
            problems.push(
                Diagnostic::new(
                    Code::TooLarge,
                    format!(
                        "with {} the descriptors hold {uses} keys, and can hold {MAX_KEY_USES}",
                        entry.title()
                    ),
                )
                .at(entry.place(), format!("this path takes {own} keys"))
                .help(if path.staged().is_some() {
                    "every staged path takes the seats of root four or five times: use fewer staged paths, or smaller quorums"
                } else {
                    "use fewer paths, or smaller quorums"
                }),
            );
            return;
        }
    }
}

/// Keys in the leaves that a path adds to the vault, and in its escrow and its lock-up.
fn path_uses(path: &SpendingPath, root: usize) -> usize {
    let own = path.quorum().seats().len();
    let PathKind::Staged(staged) = path.kind() else {
        return own;
    };
    let veto = staged.veto().seats().len();
    // Trigger, override and cancel.
    let every = (root + own) + root + (root + veto);
    let outcome = match staged.outcome() {
        // Settle, backstop, release, and the clawback if there is one.
        Outcome::Lockup(lockup) => {
            let takers = lockup.quorum().map_or(own, |quorum| quorum.seats().len());
            let clawback = if Lockup::clawback(lockup) { root } else { 0 };
            root + 2 * takers + clawback
        }
        Outcome::Payees(_) => own,
    };
    every + outcome
}
