//! Who can do what by when: coalitions in the words of the policy, against moments.

use serde::Serialize;

use super::told;
use crate::analysis::{
    Analysis, Analyst, Armed, Coalitions, Control, ControlKind, Group, Power, Taken,
};
use crate::logic::{Formula, Logic, TooLarge};

/// The most coalitions that a map shows; how many are left out is said.
const MOST_ROWS: usize = 24;

/// Coalitions against moments.
#[derive(Clone, Debug, Serialize)]
pub struct Map {
    /// The moments at which a coin of the vault can be taken, in words, the earliest first.
    pub moments: Vec<String>,
    /// What can be done beside taking coins.
    pub deeds: Vec<String>,
    /// The coalitions, the smallest first.
    pub rows: Vec<Row>,
    /// How many kinds of coalitions there would be beside these.
    pub left_out: usize,
}

/// What all coalitions of a kind can do.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The coalition in the words of the policy, such as `any 2 of agents`.
    pub who: String,
    /// How many such coalitions there are.
    pub number: u128,
    /// How many members each has.
    pub size: usize,
    /// Whether they can have taken a coin, by each moment.
    pub takes: Vec<Ability>,
    /// Whether they can do each of the other things.
    pub does: Vec<bool>,
}

/// Whether somebody can take a coin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ability {
    /// No, even if nobody defends.
    No,
    /// If nobody defends.
    Undefended,
    /// Whatever everybody else does.
    Defended,
}

impl Map {
    /// The map of an analysis.
    ///
    /// A cell says what every coalition of its row can do, not what one of them can.
    pub(super) fn of(analyst: &Analyst<'_>, analysis: &Analysis) -> Result<Self, TooLarge> {
        let deeds = deeds(analysis);
        let mut groups: Vec<(String, Group)> = Vec::new();
        let undefended = analysis.thefts.iter().map(|theft| &theft.undefended);
        let defended = analysis.thefts.iter().map(|theft| &theft.defended);
        let does = deeds.iter().map(|(_, who)| *who);
        for coalitions in undefended.chain(does).chain(defended) {
            for group in coalitions.groups() {
                let title = if group.taken.is_empty() {
                    "nobody is needed".to_owned()
                } else {
                    group.to_string()
                };
                if !groups.iter().any(|(known, _)| *known == title) {
                    groups.push((title, group.clone()));
                }
            }
        }
        let left_out = groups.len().saturating_sub(MOST_ROWS);
        groups.truncate(MOST_ROWS);
        groups.sort_by_key(|(_, group)| group.size);
        let moments = moments(analysis);
        let mut logic = Logic::new();
        let rows = groups.into_iter().map(|(who, group)| {
            let kind = formula(analyst, &group);
            let mut can = |what: &Formula| logic.implies(&kind, what);
            let mut takes = Vec::new();
            for moment in &moments {
                takes.push(if can(&moment.defended)? {
                    Ability::Defended
                } else if can(&moment.undefended)? {
                    Ability::Undefended
                } else {
                    Ability::No
                });
            }
            let does = deeds.iter().map(|(_, who)| can(who.formula()));
            Ok(Row {
                who,
                number: group.number,
                size: group.size,
                takes,
                does: does.collect::<Result<_, _>>()?,
            })
        });
        Ok(Self {
            rows: rows.collect::<Result<_, _>>()?,
            moments: moments.into_iter().map(|moment| moment.words).collect(),
            deeds: deeds.into_iter().map(|(title, _)| title).collect(),
            left_out,
        })
    }
}

/// A moment with who can have taken a coin by then.
struct By {
    words: String,
    undefended: Formula,
    defended: Formula,
}

fn moments(analysis: &Analysis) -> Vec<By> {
    let mut moments: Vec<By> = Vec::new();
    let (mut undefended, mut defended) = (Vec::new(), Vec::new());
    for theft in &analysis.thefts {
        undefended.push(theft.undefended.formula().clone());
        defended.push(theft.defended.formula().clone());
        let words = told::wait(theft.seconds, theft.unlock_seconds);
        let by = By {
            undefended: Formula::any(undefended.clone()),
            defended: Formula::any(defended.clone()),
            words,
        };
        match moments.last_mut() {
            Some(last) if last.words == by.words => *last = by,
            _ => moments.push(by),
        }
    }
    moments
}

/// Triggers, and what is done to others.
fn deeds(analysis: &Analysis) -> Vec<(String, &Coalitions)> {
    let powers = analysis.stages.iter().flat_map(|stage| &stage.moments);
    let powers = powers.flat_map(|moment| &moment.powers);
    let triggers = powers.filter(|power| power.power == Power::Trigger && power.opens);
    let triggers = triggers.map(|power| {
        let path = power.path.as_deref().unwrap_or_default();
        (format!("trigger {path}"), &power.who)
    });
    let controls = analysis.controls.iter();
    let controls = controls.map(|control| (deed(control), &control.who));
    triggers.chain(controls).collect()
}

/// A power over others in a few words.
fn deed(control: &Control) -> String {
    let path = control.path.as_deref().unwrap_or_default();
    match (control.kind, control.armed) {
        (ControlKind::Freeze, Some(Armed::Armed)) => "freeze armed coins".to_owned(),
        (ControlKind::Freeze, _) => "freeze coins without files".to_owned(),
        (ControlKind::Stall, _) => format!("undo triggers of {path}"),
        (ControlKind::StallForEver, _) => "start relative delays anew".to_owned(),
        (ControlKind::BlockRescue, _) => "block every rescue".to_owned(),
    }
}

/// The condition that a coalition of this kind is there.
fn formula(analyst: &Analyst<'_>, group: &Group) -> Formula {
    let actors = analyst.actors();
    let taken = |taken: &Taken| {
        let classes = taken.of.iter().map(|class| {
            let atoms = class.names.iter().filter_map(|name| actors.party(name));
            Formula::at_least(taken.members, atoms.map(Formula::Atom).collect())
        });
        Formula::at_least(taken.classes, classes.collect())
    };
    Formula::all(group.taken.iter().map(taken).collect())
}
