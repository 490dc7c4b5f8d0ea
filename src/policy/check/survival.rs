//! What becomes of the coins when root is gone, and of the paths while it is there.

use std::collections::BTreeSet;

use crate::units::{Blocks, SECONDS_PER_BLOCK};

use super::super::document::Document;
use super::super::shown::quote;
use super::super::{Code, Diagnostic, Root, SpendingPath};
use super::directory::Directory;

/// By how much a delay must exceed root's refresh interval: two weeks.
///
/// A refresh that falls due is not yet buried.  Its signers have to be gathered, a fee spike may
/// have to be waited out, blocks come faster than expected (the delay counts blocks, people count
/// days), and until it is buried the path would open for a coin that root still uses.  In 2020
/// the emergency keys of a federation became able to spend 870 BTC of live coins because the two
/// intervals were set in different places.
pub(in crate::policy) const REFRESH_MARGIN: Blocks = Blocks(2016);

pub(super) fn check(
    document: &Document,
    directory: &Directory,
    root: Option<&Root>,
    paths: &[Option<SpendingPath>],
    problems: &mut Vec<Diagnostic>,
) {
    if let Some(root) = root {
        check_refresh(document, root, paths, problems);
        // What could not be read might be the path that survives.
        let all_known = !document.paths_broken
            && paths.iter().all(Option::is_some)
            && directory.quorums.values().all(Option::is_some);
        check_total_loss(document, root, paths, all_known, problems);
    }
}

/// Whether a path still works when everyone in root, and every file, is gone for good.
fn survives(path: &SpendingPath, gone: &BTreeSet<&str>) -> bool {
    path.direct().is_some()
        && path
            .quorum()
            .is_met_by(&|party| !gone.contains(party.name()))
}

fn check_total_loss(
    document: &Document,
    root: &Root,
    paths: &[Option<SpendingPath>],
    all_known: bool,
    problems: &mut Vec<Diagnostic>,
) {
    let gone = root.quorum().party_names();
    let survivor = paths.iter().flatten().find(|path| survives(path, &gone));
    let accepted = document.settings.accept_total_loss.as_ref();
    match (survivor, accepted) {
        (Some(path), Some(reason)) => problems.push(
            Diagnostic::new(
                Code::NeedlessAcceptance,
                format!(
                    "total loss is accepted, but path {} survives it",
                    quote(path.name())
                ),
            )
            .at(reason.span, "misleading")
            .help("remove `accept_total_loss`"),
        ),
        (None, None) if all_known => {
            let place = document.root.quorum.as_ref();
            let span = place.map_or(document.root.span, |name| name.span);
            let mut problem = Diagnostic::new(
                Code::NoSurvivor,
                format!(
                    "nothing survives the total loss of {}",
                    quote(root.quorum().name())
                ),
            )
            .at(
                span,
                "if these parties and their files are gone, so are the coins",
            );
            for (entry, path) in document.paths.iter().zip(paths) {
                let Some(path) = path else { continue };
                let why = if path.direct().is_some() {
                    "needs members of root"
                } else {
                    "staged: needs files that root has signed"
                };
                problem = problem.beside(entry.place(), why);
            }
            let help = "add a direct path with a delay for a quorum outside root, or say";
            problems.push(
                problem
                    .help(format!(
                        "{help} `accept_total_loss = \"why\"` under `[policy]`"
                    ))
                    .help_in_script(format!(
                        "{help} `policy(#{{ …, accept_total_loss: \"why\" }})`"
                    )),
            );
        }
        _ => {}
    }
}

fn check_refresh(
    document: &Document,
    root: &Root,
    paths: &[Option<SpendingPath>],
    problems: &mut Vec<Diagnostic>,
) {
    for (entry, path) in document.paths.iter().zip(paths) {
        let Some(typed) = &entry.delay else { continue };
        let Some(path) = path.as_ref() else { continue };
        let Some(delay) = path.direct().and_then(|direct| direct.delay()) else {
            continue;
        };
        let Some(refresh) = root.refresh() else {
            problems.push(
                Diagnostic::new(
                    Code::RefreshMissing,
                    format!("path {} has a delay, but root promises no refresh", quote(path.name())),
                )
                .at(typed.span, "opens for every coin that has rested so long")
                .beside(document.root.span, "`refresh` is needed here")
                .help("add `refresh = \"90 days\"` or the like under `[root]`: how often root moves or refreshes every coin")
                .help_in_script("write `root(\"…\", #{ refresh: days(90) })` or the like: how often root moves or refreshes every coin"),
            );
            continue;
        };
        let margin = REFRESH_MARGIN.0;
        let needed = refresh.lock().expected_seconds() + REFRESH_MARGIN.expected_seconds();
        if delay.lock().expected_seconds() > needed {
            continue;
        }
        let refresh_span = document.root.refresh.as_ref();
        let refresh_span = refresh_span.map_or(document.root.span, |typed| typed.span);
        let blocks = needed / u64::from(SECONDS_PER_BLOCK) + 1;
        problems.push(
            Diagnostic::new(
                Code::DelayWithinRefresh,
                format!(
                    "path {} opens after {delay}, which is not longer than the refresh interval of {refresh} and a margin of {margin} blocks",
                    quote(path.name())
                ),
            )
            .at(typed.span, "opens for coins that root still uses")
            .beside(refresh_span, "root moves its coins this often")
            .help(format!("make the delay at least {blocks} blocks, or shorten `refresh`")),
        );
    }
}
