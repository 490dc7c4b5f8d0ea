//! One thing changed in a policy.

use proptest::prelude::*;
use proptest::sample::select;
use toml::{Table, Value};

use crate::dice::Dice;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    ThresholdUp,
    ThresholdDown,
    Window,
    Delay,
    Member,
    PathRemoved,
    PathAdded,
    ClawbackOff,
    Veto,
}

impl Mutation {
    pub fn any() -> impl Strategy<Value = Self> {
        select(vec![
            Self::ThresholdUp,
            Self::ThresholdDown,
            Self::Window,
            Self::Delay,
            Self::Member,
            Self::PathRemoved,
            Self::PathAdded,
            Self::ClawbackOff,
            Self::Veto,
        ])
    }

    /// The policy with this changed somewhere, if it has such a thing.
    pub fn of(self, text: &str, dice: &mut Dice) -> Option<String> {
        let mut document: Table = text.parse().expect("the policy is TOML");
        let policy = document["policy"].as_table_mut().expect("settings");
        // What a path survives may change as well.
        let reason = Value::from("a test has nothing to lose");
        policy.insert("accept_total_loss".to_owned(), reason);
        match self {
            Self::ThresholdUp => threshold(&mut document, 1, dice)?,
            Self::ThresholdDown => threshold(&mut document, -1, dice)?,
            Self::Member => member(&mut document, dice)?,
            Self::Window => staged(&mut document, |path| {
                path["escrow"].as_table_mut().is_some_and(|escrow| {
                    escrow.insert("window".to_owned(), "10 days".into());
                    escrow.contains_key("veto")
                })
            })?,
            Self::Delay => change(&mut document, |path| {
                let path = path.as_table_mut().expect("a path");
                path.contains_key("delay")
                    && path.insert("delay".to_owned(), "300 days".into()).is_some()
            })?,
            Self::PathRemoved => {
                let paths = document.get_mut("path")?.as_array_mut()?;
                if paths.is_empty() {
                    return None;
                }
                paths.remove(dice.below(paths.len()));
            }
            Self::PathAdded => {
                let quorum = pick(&names(&document, "quorums"), dice);
                let mut path = Table::new();
                path.insert("name".to_owned(), "one-more".into());
                path.insert("quorum".to_owned(), quorum.into());
                path.insert("delay".to_owned(), "440 days".into());
                let paths = document.get_mut("path")?.as_array_mut()?;
                paths.insert(dice.below(paths.len() + 1), path.into());
            }
            Self::ClawbackOff => staged(&mut document, |path| {
                let lockup = path.get_mut("lockup").and_then(Value::as_table_mut);
                lockup.is_some_and(|lockup| {
                    lockup.insert("clawback".to_owned(), false.into());
                    true
                })
            })?,
            Self::Veto => {
                let quorum = pick(&names(&document, "quorums"), dice);
                staged(&mut document, |path| {
                    path["escrow"]["veto"] = quorum.clone().into();
                    true
                })?;
            }
        }
        Some(document.to_string())
    }
}

fn names(document: &Table, of: &str) -> Vec<String> {
    let table = document[of].as_table().expect("a table");
    table.keys().cloned().collect()
}

fn pick(names: &[String], dice: &mut Dice) -> String {
    names[dice.below(names.len())].clone()
}

/// Changes the first path that can be changed so.
fn change(document: &mut Table, change: impl Fn(&mut Value) -> bool) -> Option<()> {
    let paths = document.get_mut("path")?.as_array_mut()?;
    paths.iter_mut().any(change).then_some(())
}

fn staged(document: &mut Table, by: impl Fn(&mut Value) -> bool) -> Option<()> {
    change(document, |path| path.get("escrow").is_some() && by(path))
}

fn threshold(document: &mut Table, by: i64, dice: &mut Dice) -> Option<()> {
    let name = pick(&names(document, "quorums"), dice);
    let quorum = document["quorums"]
        .as_table_mut()?
        .get_mut(&name)?
        .as_table_mut()?;
    let threshold = quorum.get("threshold")?.as_integer()?;
    quorum.insert("threshold".to_owned(), (threshold + by).into());
    quorum.remove("roster");
    Some(())
}

/// Another party in the place of a member.
fn member(document: &mut Table, dice: &mut Dice) -> Option<()> {
    let party = pick(&names(document, "parties"), dice);
    let name = pick(&names(document, "quorums"), dice);
    let quorum = document["quorums"]
        .as_table_mut()?
        .get_mut(&name)?
        .as_table_mut()?;
    quorum.remove("roster");
    let members = quorum.get_mut("of")?.as_array_mut()?;
    if members.iter().any(|member| member.as_str() == Some(&party)) {
        return None;
    }
    let at = dice.below(members.len());
    members[at] = party.into();
    Some(())
}
