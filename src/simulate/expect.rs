//! What an incident expects, compared with what came.

use std::str::FromStr;

use bitcoin::Amount;

use super::run::Rehearsed;
use super::scenario::{Event, EventKind};
use crate::engine::StepError;
use crate::report::{Expectation, Money, Verdict};

/// What was expected of an event; nothing where nothing was said and nothing went wrong.
pub(super) fn of_event(event: &Event, verdict: &Verdict) -> Option<Expectation> {
    let actual = match verdict {
        Verdict::None | Verdict::Accepted { .. } => "accepted".to_owned(),
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

/// What was expected of the end.
pub(super) fn of_end(run: &Rehearsed<'_>, money: &Money) -> Result<Vec<Expectation>, StepError> {
    let mut expectations = Vec::new();
    for (name, wanted) in &run.scenario.expect.coins {
        let actual = match run.follow(name) {
            Ok(known) => match known.spent_by() {
                None => known.coin.derived().stage().to_string(),
                Some(_) => "gone".to_owned(),
            },
            Err(StepError::UnknownCoin(_)) => "never deposited".to_owned(),
            Err(error) => return Err(error),
        };
        let met = actual == *wanted;
        let expected = format!("{name} is in: {wanted}");
        expectations.push(Expectation {
            expected,
            actual,
            met,
            line: None,
        });
    }
    for (name, wanted) in &run.scenario.expect.holds {
        let sats = money.payees.get(name).copied().unwrap_or_default();
        let held = Amount::from_sat(sats);
        let met = match wanted.strip_prefix("at least ") {
            Some(least) => Amount::from_str(least).is_ok_and(|least| held >= least),
            None => wanted == "nothing" && sats == 0,
        };
        let expected = format!("{name} holds {wanted}");
        expectations.push(Expectation {
            expected,
            actual: held.to_string(),
            met,
            line: None,
        });
    }
    Ok(expectations)
}
