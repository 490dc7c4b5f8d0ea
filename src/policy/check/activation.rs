//! Conditions of an activation.

use std::sync::Arc;

use super::super::document::{ActivationEntry, Condition, Spanned};
use super::super::shown::quote;
use super::super::{Activation, Clock, Code, Diagnostic, Quorum};
use super::directory::Directory;
use super::paths::period;

/// Makes an activation; none if anything about it has been reported.
pub(super) fn resolve(
    entry: &ActivationEntry,
    clock: Clock,
    directory: &Directory,
    problems: &mut Vec<Diagnostic>,
) -> Option<Activation> {
    match &entry.condition {
        Condition::Any(children) => {
            activations(children, clock, directory, problems).map(Activation::Any)
        }
        Condition::All(children) => {
            activations(children, clock, directory, problems).map(Activation::All)
        }
        Condition::Manual(name) => directory
            .find(name, "`manual`", problems)
            .map(Activation::Manual),
        Condition::Alarm(name) => directory
            .find(name, "`alarm`", problems)
            .map(Activation::Alarm),
        Condition::Silence {
            quorum: name,
            period: typed,
            fewer_than,
        } => {
            let quorum = directory.find(name, "`silence`", problems);
            let period = period(typed, clock, "`for`", problems);
            let quorum = quorum?;
            let fewer_than = parties(fewer_than, &quorum, problems);
            Some(Activation::Silence {
                quorum,
                period: period?,
                fewer_than: fewer_than?,
            })
        }
        Condition::Vote {
            quorum,
            turnout,
            approve,
            open,
        } => {
            let quorum = directory.find(quorum, "`vote`", problems);
            let open = period(open, clock, "`open`", problems);
            Some(Activation::Vote {
                quorum: quorum?,
                turnout: turnout.value,
                approve: approve.value,
                open: open?,
            })
        }
    }
}

fn activations(
    children: &[ActivationEntry],
    clock: Clock,
    directory: &Directory,
    problems: &mut Vec<Diagnostic>,
) -> Option<Vec<Activation>> {
    let all: Vec<Option<Activation>> = children
        .iter()
        .map(|child| resolve(child, clock, directory, problems))
        .collect();
    all.into_iter().collect()
}

/// A number of parties that the quorum has.
///
/// A party in several seats is heard of once: with more than there are parties it would always be
/// silence.
fn parties(
    typed: &Spanned<u64>,
    quorum: &Arc<Quorum>,
    problems: &mut Vec<Diagnostic>,
) -> Option<usize> {
    let parties = quorum.party_names().len();
    let number = usize::try_from(typed.value)
        .ok()
        .filter(|number| (1..=parties).contains(number));
    if number.is_none() {
        problems.push(
            Diagnostic::new(
                Code::OutOfRange,
                format!(
                    "`fewer_than` is {}, but {} has {parties} parties",
                    typed.value,
                    quote(quorum.name())
                ),
            )
            .at(typed.span, "out of range")
            .help(format!("choose a number from 1 to {parties}")),
        );
    }
    number
}
