//! An analysis in words: sections with a table and notes, which every form of it shares.
//!
//! Texts are as they come from the policy; whoever shows them makes them harmless.

use serde::Serialize;

pub use super::shared::fate;

use crate::analysis::{
    Analysis, Armed, Coalitions, Control, ControlKind, Loss, LossKind, Opening, PowerLine, Rescue,
    StageLine, Step, Theft,
};
use crate::policy::Diagnostic;
use crate::units::{UnixTime, format_date};

const SECONDS_PER_DAY: u64 = 86_400;

/// A part of an analysis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// What it is about.
    pub title: String,
    /// The answers; none where there is nothing to put in a table.
    pub table: Option<Table>,
    /// What is said below the table.
    pub notes: Vec<Note>,
}

/// Answers in rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// The headings of the columns.
    pub header: Vec<&'static str>,
    /// The rows, each with as many cells as there are columns; a cell can have several lines.
    pub rows: Vec<Vec<String>>,
}

/// A remark on a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it is about, up to the colon; empty if it is about the table.
    pub label: String,
    /// The remark.
    pub text: String,
}

impl Note {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self {
            label: String::new(),
            text: text.into(),
        }
    }
}

/// What the check of the policy has a code for, as far as it is about who can do what; none if there
/// is nothing.
#[must_use]
pub fn lints(found: &[Diagnostic]) -> Option<Section> {
    let notes: Vec<Note> = found
        .iter()
        .filter(|problem| problem.code().is_of_analysis())
        .map(|problem| {
            let advice = problem
                .advice()
                .map_or_else(String::new, |advice| format!("; {advice}"));
            Note {
                label: format!("{}: ", problem.code()),
                text: format!("{}{advice}.", problem.message()),
            }
        })
        .collect();
    (!notes.is_empty()).then(|| Section {
        title: "what the check says of it".to_owned(),
        table: None,
        notes,
    })
}

/// Everything an analysis says, in the order in which it is told: first the stages, one section
/// for each.
#[must_use]
pub fn sections(analysis: &Analysis) -> Vec<Section> {
    let mut sections: Vec<Section> = analysis.stages.iter().map(stage).collect();
    sections.push(thefts(&analysis.thefts));
    if !analysis.controls.is_empty() {
        sections.push(controls(&analysis.controls));
    }
    sections.push(losses(&analysis.losses));
    sections.push(rescue(&analysis.rescue));
    sections
}

/// Who, and how many coalitions that are.
#[must_use]
pub fn who(coalitions: &Coalitions) -> String {
    match coalitions.count() {
        0 | 1 => coalitions.to_string(),
        u128::MAX => format!("{coalitions} (more coalitions than can be counted)"),
        count => format!("{coalitions} ({count} coalitions)"),
    }
}

/// What a power does, and by which path.
#[must_use]
pub fn what(power: &PowerLine) -> String {
    let (_, words) = power.power.words();
    match &power.path {
        Some(path) => format!("{words} ({path})"),
        None => words.to_owned(),
    }
}

/// The transactions of a way, with what each waits for.
#[must_use]
pub fn steps(steps: &[Step]) -> String {
    let word = |step: &Step| match (&step.path, step.after.seconds()) {
        (Some(path), 0) => format!("{} ({path})", step.power.words().0),
        (None, _) => step.power.words().0.to_owned(),
        (Some(path), _) => {
            let word = step.power.words().0;
            format!("{word} ({path}) after {}", step.after)
        }
    };
    steps.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// A wait in words: the longest unit that tells it well, and the date where there is one.
#[must_use]
pub fn wait(seconds: u64, unlock: Option<u64>) -> String {
    let span = match seconds {
        0 => "at once".to_owned(),
        1..=7_199 => format!("{} minutes", seconds / 60),
        7_200..=172_799 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / SECONDS_PER_DAY),
    };
    match unlock.map(u32::try_from) {
        None => span,
        Some(Ok(date)) => format!("{span}, after {}", format_date(UnixTime(date))),
        Some(Err(_)) => format!("{span}, after a date beyond 2106"),
    }
}

/// What a power over others is.
#[must_use]
pub fn control(control: &Control) -> String {
    let path = control.path.as_deref().unwrap_or_default();
    match control.kind {
        ControlKind::Freeze => format!("keep coins from everybody{}", coins(control.armed)),
        ControlKind::Stall => format!("undo every trigger of {path}"),
        ControlKind::StallForEver => "start relative delays anew".to_owned(),
        ControlKind::BlockRescue => "block every rescue once root is gone".to_owned(),
    }
}

/// What a loss takes.
#[must_use]
pub fn loss(loss: &Loss) -> String {
    let path = loss.path.as_deref().unwrap_or_default();
    match loss.kind {
        LossKind::Unspendable => format!("every coin, for ever{}", coins(loss.armed)),
        LossKind::ImmediatePath => "root's way".to_owned(),
        LossKind::OnlyRecoveries => "every way but recoveries".to_owned(),
        LossKind::Vetoes => "every veto".to_owned(),
        LossKind::Path => format!("path {path}"),
    }
}

fn stage(line: &StageLine) -> Section {
    let mut rows = Vec::new();
    for moment in &line.moments {
        let opened = moment.powers.iter().filter(|power| power.opens);
        for (number, power) in opened.enumerate() {
            let at = if number == 0 {
                opening(&moment.at)
            } else {
                String::new()
            };
            rows.push(vec![at, what(power), whom(power)]);
        }
    }
    Section {
        title: line.stage.to_string(),
        table: Some(Table {
            header: vec!["from", "what opens", "who"],
            rows,
        }),
        notes: Vec::new(),
    }
}

fn whom(power: &PowerLine) -> String {
    match &power.unarmed {
        None => who(&power.who),
        Some(unarmed) => format!("{}\nwithout files: {}", who(&power.who), who(unarmed)),
    }
}

pub(super) fn opening(at: &Opening) -> String {
    match at.age {
        Some(age) if at.seconds() >= 2 * SECONDS_PER_DAY => {
            let days = age.expected_seconds() / SECONDS_PER_DAY;
            format!("{at}\n(about {days} days)")
        }
        _ => at.to_string(),
    }
}

fn thefts(thefts: &[Theft]) -> Section {
    let row = |theft: &Theft| {
        vec![
            wait(theft.seconds, theft.unlock_seconds),
            steps(&theft.steps),
            who(&theft.undefended),
            match &theft.surely {
                None => who(&theft.defended),
                Some(surely) => format!("{}\nin any order: {}", who(&theft.defended), who(surely)),
            },
        ]
    };
    let against = |theft: &Theft| {
        let stops = theft.defences.iter().map(|defence| {
            let (_, words) = defence.power.words();
            let (who, before) = (&defence.who, &defence.before);
            format!("{who} can {words} ({}, within {before})", defence.stage)
        });
        let stops: Vec<String> = stops.collect();
        Note {
            label: format!("against {}: ", last(&theft.steps)),
            text: format!("{}.", stops.join("; ")),
        }
    };
    let defended = thefts.iter().filter(|theft| !theft.defences.is_empty());
    let mut notes: Vec<Note> = defended.map(against).collect();
    notes.push(Note::plain(
        "With others against it: everybody else watches the chain, has fees, and does all that can be done; whoever moves at the same moment as the thief comes too late. Waits are counted at ten minutes to a block. A theft is final once it is buried.",
    ));
    if thefts.iter().any(|theft| theft.surely.is_some()) {
        notes.push(Note::plain(
            "Waits in blocks and waits in time can be over in either order, and a date can have passed when a coin comes in. Told is who succeeds if the order suits them, and as \"in any order\" who succeeds whichever it is.",
        ));
    }
    Section {
        title: "taking a coin".to_owned(),
        table: Some(Table {
            header: vec![
                "after",
                "by",
                "when nobody defends",
                "with others against it",
            ],
            rows: thefts.iter().map(row).collect(),
        }),
        notes,
    }
}

/// The transaction that takes the coin, with its path.
fn last(steps: &[Step]) -> String {
    let Some(step) = steps.last() else {
        return "nothing".to_owned();
    };
    let word = step.power.words().0;
    match &step.path {
        Some(path) => format!("{word} ({path})"),
        None => word.to_owned(),
    }
}

fn controls(controls: &[Control]) -> Section {
    let row = |power: &Control| {
        let ends = match (power.seconds, &power.until) {
            (None, None) => "for ever".to_owned(),
            (Some(seconds), None) => format!("up to {}", wait(seconds, None)),
            (None, Some(until)) => format!("until {until}"),
            (Some(seconds), Some(until)) => {
                format!("up to {}, and not beyond {until}", wait(seconds, None))
            }
        };
        vec![control(power), ends, who(&power.who)]
    };
    Section {
        title: "power over the others".to_owned(),
        table: Some(Table {
            header: vec!["what", "for how long", "who"],
            rows: controls.iter().map(row).collect(),
        }),
        notes: Vec::new(),
    }
}

const fn coins(armed: Option<Armed>) -> &'static str {
    match armed {
        None => "",
        Some(Armed::Armed) => " (armed coins)",
        Some(Armed::Unarmed) => " (coins without files)",
    }
}

fn losses(losses: &[Loss]) -> Section {
    let rows = losses.iter().map(|gone| vec![loss(gone), who(&gone.who)]);
    Section {
        title: "losses".to_owned(),
        table: Some(Table {
            header: vec!["what is gone", "if these are"],
            rows: rows.collect(),
        }),
        notes: Vec::new(),
    }
}

fn rescue(rescue: &Rescue) -> Section {
    let title = "if all of root vanishes today".to_owned();
    let held = Note::plain(
        "Locks and signatures are held by consensus. That files are where they should be is promised by software.",
    );
    if rescue.ways.is_empty() {
        return Section {
            title,
            table: None,
            notes: vec![Note::plain("Nothing is left: every coin is lost."), held],
        };
    }
    let rows = rescue.ways.iter().map(|way| {
        let veto = if way.vetoed_by.is_nobody() {
            "nobody".to_owned()
        } else {
            let span = wait(way.veto_seconds, None);
            format!("{}, for up to {span}", who(&way.vetoed_by))
        };
        vec![
            wait(way.seconds, way.unlock_seconds),
            steps(&way.steps),
            who(&way.who),
            veto,
        ]
    });
    let told = |seconds: Option<u64>, unlock| {
        seconds.map_or_else(|| "never".to_owned(), |seconds| wait(seconds, unlock))
    };
    let sentence = format!(
        "A coin that was moved today can be rescued within {} if it is armed, within {} if it is not. A coin that has rested is nearer to its direct paths by as long.",
        told(rescue.armed_seconds, rescue.armed_unlock),
        told(rescue.unarmed_seconds, rescue.unarmed_unlock),
    );
    Section {
        title,
        table: Some(Table {
            header: vec!["after", "by", "who", "who can veto"],
            rows: rows.collect(),
        }),
        notes: vec![Note::plain(sentence), held],
    }
}
