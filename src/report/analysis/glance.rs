//! The few answers that somebody wants first.

use serde::Serialize;

use super::shared::consequences;
use super::told::{wait, who};
use crate::analysis::fate::Fate;
use crate::analysis::{Analysis, Armed, ControlKind, LossKind};

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Card {
    /// What is asked.
    pub question: &'static str,
    /// The answer in a few words.
    pub answer: String,
    /// What belongs to it.
    pub more: String,
}

pub(super) fn cards(analysis: &Analysis, fate: &Fate) -> Vec<Card> {
    let mut cards = Vec::new();
    if let Some(first) = analysis.thefts.first() {
        cards.push(Card {
            question: "The fewest who can take coins at once",
            answer: number(first.undefended.smallest()),
            more: who(&first.undefended),
        });
    }
    let later = analysis.thefts.iter().skip(1);
    let later = later.filter_map(|theft| Some((theft.undefended.smallest()?, theft)));
    if let Some((size, theft)) = later.min_by_key(|(size, _)| *size) {
        cards.push(Card {
            question: "The fewest who can if nobody watches",
            answer: number(Some(size)),
            more: format!(
                "{}, after {}",
                who(&theft.undefended),
                wait(theft.seconds, theft.unlock_seconds)
            ),
        });
    }
    let rescue = &analysis.rescue;
    let told = |seconds: Option<u64>, unlock| {
        seconds.map_or_else(|| "never".to_owned(), |seconds| wait(seconds, unlock))
    };
    cards.push(Card {
        question: "If all of root vanishes, coins are rescued within",
        answer: told(rescue.armed_seconds, rescue.armed_unlock),
        more: format!(
            "for armed coins; without files: {}",
            told(rescue.unarmed_seconds, rescue.unarmed_unlock)
        ),
    });
    let unspendable = analysis
        .losses
        .iter()
        .find(|loss| loss.kind == LossKind::Unspendable && loss.armed != Some(Armed::Armed));
    if let Some(loss) = unspendable {
        cards.push(Card {
            question: "The smallest loss that loses every coin",
            answer: number(loss.who.smallest()),
            more: who(&loss.who),
        });
    }
    let freeze = analysis.controls.iter();
    let freeze = freeze.filter(|control| control.kind == ControlKind::Freeze);
    let freeze = freeze.filter_map(|control| Some((control.who.smallest()?, control)));
    if let Some((size, control)) = freeze.min_by_key(|(size, _)| *size) {
        cards.push(Card {
            question: "The fewest who can keep coins from everybody",
            answer: number(Some(size)),
            more: who(&control.who),
        });
    }
    // The gravest stands first, and single domains before pairs.
    if let Some(finding) = fate.stated.findings.first()
        && let [domain] = finding.culprit.domains.as_slice()
        && let Some(name) = domain.names.first()
    {
        cards.push(Card {
            question: "The one domain whose owner can do most",
            answer: name.to_string(),
            more: consequences(fate, &finding.consequences).join("; "),
        });
    }
    cards
}

fn number(size: Option<usize>) -> String {
    match size {
        None => "nobody".to_owned(),
        Some(0) => "nobody is needed".to_owned(),
        Some(1) => "1 party".to_owned(),
        Some(size) => format!("{size} parties"),
    }
}
