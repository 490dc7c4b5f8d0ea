//! What an incident expects, compared with what came.

use std::collections::BTreeSet;

use bitcoin::Amount;

use super::run::Rehearsed;
use super::scenario::{Event, EventKind, Expectations, Name, Whereabouts};
use super::words::list;
use crate::engine::StepError;
use crate::report::{Expectation, Verdict, btc};

/// What was expected of an event; nothing where nothing was said and nothing went wrong.
pub(super) fn of_event(event: &Event, verdict: &Verdict) -> Option<Expectation> {
    let actual = match verdict {
        Verdict::None | Verdict::Accepted { .. } | Verdict::Recorded { .. } => {
            "accepted".to_owned()
        }
        Verdict::RefusedByChain { class, .. } => format!("refused by the chain: {class}"),
        Verdict::RefusedBySoftware { class, .. } => format!("refused by our software: {class}"),
    };
    let line = Some(event.line);
    let attempt = matches!(event.kind, EventKind::Attempt(_));
    match (&event.refused, verdict.class()) {
        (None, None) if !attempt => None,
        (None, _) if attempt => {
            let met = matches!(
                verdict,
                Verdict::RefusedByChain {
                    consensus: true,
                    ..
                }
            );
            let expected = "refused by the chain, and accepted without the defect".to_owned();
            Some(Expectation {
                expected,
                actual,
                met,
                line,
            })
        }
        (None, _) => Some(Expectation {
            expected: "accepted".to_owned(),
            actual,
            met: false,
            line,
        }),
        (Some(wanted), class) => {
            let by_chain = matches!(verdict, Verdict::RefusedByChain { .. });
            let met = class == Some(wanted) && (by_chain || !attempt);
            Some(Expectation {
                expected: format!("refused: {wanted}"),
                actual,
                met,
                line,
            })
        }
    }
}

/// What was expected of this moment: of the end, or in some line before it.
pub(super) fn of_moment(
    run: &Rehearsed<'_>,
    expected: &Expectations,
    line: Option<usize>,
) -> Result<Vec<Expectation>, StepError> {
    let mut expectations = Vec::new();
    for (name, wanted) in &expected.coins {
        let actual = match run.follow(&name.text) {
            Ok(known) => match known.spent_by() {
                None => Some(Whereabouts::In(known.coin.derived().stage().clone())),
                Some(_) => Some(Whereabouts::Gone),
            },
            Err(StepError::UnknownCoin(_)) => None,
            Err(error) => return Err(error),
        };
        expectations.push(Expectation {
            expected: format!("{name} is in: {wanted}"),
            met: actual.as_ref() == Some(wanted),
            actual: actual.map_or_else(
                || "nowhere: the deposit is not on the chain".to_owned(),
                |actual| actual.to_string(),
            ),
            line,
        });
    }
    let money = run.money()?;
    for (name, wanted) in &expected.holds {
        let sats = money.payees.get(&name.text).copied().unwrap_or_default();
        let held = Amount::from_sat(sats);
        expectations.push(Expectation {
            expected: format!("{name} holds {wanted}"),
            actual: btc(held),
            met: wanted.is_met_by(held),
            line,
        });
    }
    expectations.extend(of_cases(run, expected, line));
    Ok(expectations)
}

/// What was expected of cases, and of those who speak about them.
fn of_cases(run: &Rehearsed<'_>, expected: &Expectations, line: Option<usize>) -> Vec<Expectation> {
    let Some(voices) = &run.voices else {
        return Vec::new();
    };
    let mut expectations = Vec::new();
    for (name, wanted) in &expected.cases {
        let actual = voices.state(&name.text);
        expectations.push(Expectation {
            expected: format!("the case {name} is {wanted}"),
            met: actual
                .as_ref()
                .is_some_and(|actual| wanted.is_met_by(actual)),
            actual: actual.map_or_else(|| "not proposed".to_owned(), |actual| actual.to_string()),
            line,
        });
    }
    for (name, wanted) in &expected.missing {
        let wanted = names(wanted);
        let actual = voices.missing(&name.text);
        expectations.push(Expectation {
            expected: format!(
                "for the case {name} the word is missing of {}",
                told(&wanted)
            ),
            met: actual == wanted,
            actual: told(&actual),
            line,
        });
    }
    if let Some(wanted) = &expected.forks {
        let wanted = names(wanted);
        let actual = voices.forks();
        expectations.push(Expectation {
            expected: format!("two stories are told by {}", told(&wanted)),
            met: actual == wanted,
            actual: told(&actual),
            line,
        });
    }
    expectations
}

fn names(names: &[Name]) -> BTreeSet<String> {
    names.iter().map(|name| name.text.clone()).collect()
}

fn told(names: &BTreeSet<String>) -> String {
    let names: Vec<String> = names.iter().cloned().collect();
    list(&names)
}
