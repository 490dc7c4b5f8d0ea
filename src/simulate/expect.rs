//! What an incident expects, compared with what came.

use bitcoin::Amount;

use super::run::Rehearsed;
use super::scenario::{Event, EventKind, Expectations, Whereabouts};
use crate::engine::StepError;
use crate::report::{Expectation, Verdict, btc};

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
    Ok(expectations)
}
