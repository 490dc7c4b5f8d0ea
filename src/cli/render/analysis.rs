//! An analysis in words and tables.

use super::compiled::{drawn, heading, table};
use super::{BOLD, DIM, hanging, paint, shown};
use crate::analysis::{
    Armed, Coalitions, Control, ControlKind, Loss, LossKind, Opening, PowerLine, Rescue, StageLine,
    Step, Theft,
};
use crate::cli::analyze::Shown;
use crate::units::{UnixTime, format_date};

pub(in crate::cli) fn analysis(result: &Shown, width: usize) -> String {
    let analysis = &result.analysis;
    let mut text = format!(
        "{} ({} parties)\npolicy id {}\n",
        paint(BOLD, &shown(&analysis.policy)),
        analysis.parties,
        result.id
    );
    for stage in &analysis.stages {
        text.push_str(&heading(&stage.stage.to_string()));
        text.push_str(&moments(stage, width));
    }
    text.push_str(&heading("taking a coin"));
    text.push_str(&thefts(&analysis.thefts, width));
    text.push_str(&remark(
        "With others against it: everybody else watches the chain, has fees, and does all that can be done; whoever moves at the same moment as the thief comes too late. Waits are counted at ten minutes to a block. A theft is final once it is buried.",
        width,
    ));
    if !analysis.controls.is_empty() {
        text.push_str(&heading("power over the others"));
        text.push_str(&controls(&analysis.controls, width));
    }
    text.push_str(&heading("losses"));
    text.push_str(&losses(&analysis.losses, width));
    text.push_str(&heading("if all of root vanishes today"));
    text.push_str(&rescue(&analysis.rescue, width));
    text.push_str(&remark(
        "Locks and signatures are held by consensus. That files are where they should be is promised by software.",
        width,
    ));
    text.push_str(&sets(result));
    text
}

fn remark(text: &str, width: usize) -> String {
    hanging("", DIM, text, width)
}

/// Who, and how many coalitions that are.
fn who(coalitions: &Coalitions) -> String {
    let text = shown(&coalitions.to_string());
    match coalitions.count() {
        0 | 1 => text,
        u128::MAX => format!("{text} (more coalitions than can be counted)"),
        count => format!("{text} ({count} coalitions)"),
    }
}

fn moments(stage: &StageLine, width: usize) -> String {
    let mut table = table(width, &["from", "what opens", "who"]);
    for moment in &stage.moments {
        let opened = moment.powers.iter().filter(|power| power.opens);
        for (number, power) in opened.enumerate() {
            let at = if number == 0 {
                opening(&moment.at)
            } else {
                String::new()
            };
            table.add_row(vec![at, what(power), whom(power)]);
        }
    }
    drawn(&mut table)
}

fn what(power: &PowerLine) -> String {
    let (_, words) = power.power.words();
    match &power.path {
        Some(path) => format!("{words} ({})", shown(path)),
        None => words.to_owned(),
    }
}

fn whom(power: &PowerLine) -> String {
    match &power.unarmed {
        None => who(&power.who),
        Some(unarmed) => format!("{}\nwithout files: {}", who(&power.who), who(unarmed)),
    }
}

fn opening(at: &Opening) -> String {
    match at.age {
        Some(age) if at.seconds() >= 2 * 86_400 => {
            format!("{at}\n(about {} days)", age.expected_seconds() / 86_400)
        }
        _ => at.to_string(),
    }
}

fn thefts(thefts: &[Theft], width: usize) -> String {
    let mut table = table(
        width,
        &[
            "after",
            "by",
            "when nobody defends",
            "with others against it",
        ],
    );
    for theft in thefts {
        let defended = if theft.defended.is_nobody() {
            "nobody".to_owned()
        } else {
            who(&theft.defended)
        };
        table.add_row(vec![
            wait(theft.seconds, theft.unlock_seconds),
            steps(&theft.steps),
            who(&theft.undefended),
            defended,
        ]);
    }
    let mut text = drawn(&mut table);
    for theft in thefts.iter().filter(|theft| !theft.defences.is_empty()) {
        let stops = theft.defences.iter().map(|defence| {
            let (_, words) = defence.power.words();
            let (stage, who) = (defence.stage.to_string(), defence.who.to_string());
            let before = &defence.before;
            shown(&format!("{who} can {words} ({stage}, within {before})"))
        });
        let stops: Vec<String> = stops.collect();
        let label = format!("against {}: ", last(&theft.steps));
        text.push_str(&hanging(
            &label,
            BOLD,
            &format!("{}.", stops.join("; ")),
            width,
        ));
    }
    text
}

/// The transaction that takes the coin, with its path.
fn last(steps: &[Step]) -> String {
    let last = steps.last();
    let path = last.and_then(|step| step.path.as_deref()).map(shown);
    let word = last.map_or("nothing", |step| step.power.words().0);
    path.map_or_else(|| word.to_owned(), |path| format!("{word} ({path})"))
}

pub(super) fn steps(steps: &[Step]) -> String {
    let word = |step: &Step| match (&step.path, step.after.seconds()) {
        (Some(path), 0) => format!("{} ({})", step.power.words().0, shown(path)),
        (None, _) => step.power.words().0.to_owned(),
        (Some(path), _) => format!(
            "{} ({}) after {}",
            step.power.words().0,
            shown(path),
            step.after
        ),
    };
    steps.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// A wait in words: the longest unit that tells it well, and the date where there is one.
pub(super) fn wait(seconds: u64, unlock: Option<u64>) -> String {
    let span = match seconds {
        0 => "at once".to_owned(),
        1..=7_199 => format!("{} minutes", seconds / 60),
        7_200..=172_799 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    };
    match unlock.map(u32::try_from) {
        None => span,
        Some(Ok(date)) => format!("{span}, after {}", format_date(UnixTime(date))),
        Some(Err(_)) => format!("{span}, after a date beyond 2106"),
    }
}

fn controls(controls: &[Control], width: usize) -> String {
    let mut table = table(width, &["what", "for how long", "who"]);
    for control in controls {
        let path = control.path.as_deref().map(shown).unwrap_or_default();
        let what = match control.kind {
            ControlKind::Freeze => format!("keep coins from everybody{}", coins(control.armed)),
            ControlKind::Stall => format!("undo every trigger of {path}"),
            ControlKind::StallForEver => "start relative delays anew".to_owned(),
            ControlKind::BlockRescue => "block every rescue once root is gone".to_owned(),
        };
        let ends = match (control.seconds, &control.until) {
            (None, None) => "for ever".to_owned(),
            (Some(seconds), None) => format!("up to {}", wait(seconds, None)),
            (None, Some(until)) => format!("until {until}"),
            (Some(seconds), Some(until)) => {
                format!("up to {}, and not beyond {until}", wait(seconds, None))
            }
        };
        table.add_row(vec![what, ends, who(&control.who)]);
    }
    drawn(&mut table)
}

const fn coins(armed: Option<Armed>) -> &'static str {
    match armed {
        None => "",
        Some(Armed::Armed) => " (armed coins)",
        Some(Armed::Unarmed) => " (coins without files)",
    }
}

fn losses(losses: &[Loss], width: usize) -> String {
    let mut table = table(width, &["what is gone", "if these are"]);
    for loss in losses {
        table.add_row(vec![lost(loss), who(&loss.who)]);
    }
    drawn(&mut table)
}

fn lost(loss: &Loss) -> String {
    let path = loss.path.as_deref().map(shown).unwrap_or_default();
    match loss.kind {
        LossKind::Unspendable => format!("every coin, for ever{}", coins(loss.armed)),
        LossKind::ImmediatePath => "root's way".to_owned(),
        LossKind::OnlyRecoveries => "every way but recoveries".to_owned(),
        LossKind::Vetoes => "every veto".to_owned(),
        LossKind::Path => format!("path {path}"),
    }
}

fn rescue(rescue: &Rescue, width: usize) -> String {
    let mut text = String::new();
    if rescue.ways.is_empty() {
        return remark("Nothing is left: every coin is lost.", width);
    }
    let mut table = table(width, &["after", "by", "who", "who can veto"]);
    for way in &rescue.ways {
        let veto = if way.vetoed_by.is_nobody() {
            "nobody".to_owned()
        } else {
            let span = wait(way.veto_seconds, None);
            format!("{}, for up to {span}", who(&way.vetoed_by))
        };
        table.add_row(vec![
            wait(way.seconds, way.unlock_seconds),
            steps(&way.steps),
            who(&way.who),
            veto,
        ]);
    }
    text.push_str(&drawn(&mut table));
    let told = |seconds: Option<u64>, unlock| {
        seconds.map_or_else(|| "never".to_owned(), |seconds| wait(seconds, unlock))
    };
    let sentence = format!(
        "A coin that was moved today can be rescued within {} if it is armed, within {} if it is not. A coin that has rested is nearer to its direct paths by as long.",
        told(rescue.armed_seconds, rescue.armed_unlock),
        told(rescue.unarmed_seconds, rescue.unarmed_unlock),
    );
    text.push_str(&hanging("", BOLD, &sentence, width));
    text
}

/// Coalitions one by one, where they were asked for.
fn sets(result: &Shown) -> String {
    let analysis = &result.analysis;
    let mut text = String::new();
    let mut list = |title: &str, coalitions: &Coalitions| {
        if coalitions.listed().is_empty() {
            return;
        }
        text.push_str(&heading(title));
        for set in coalitions.listed() {
            text.push_str(&shown(&set.join(", ")));
            text.push('\n');
        }
        let told = coalitions.listed().len() as u128;
        if told < coalitions.count() {
            text.push_str(&format!("and {} more\n", coalitions.count() - told));
        }
    };
    for stage in &analysis.stages {
        for power in stage.moments.iter().flat_map(|moment| &moment.powers) {
            if power.opens {
                list(
                    &format!("{}: {}", shown(&stage.stage.to_string()), what(power)),
                    &power.who,
                );
            }
        }
    }
    for theft in &analysis.thefts {
        list(
            &format!("taking a coin: {}", steps(&theft.steps)),
            &theft.defended,
        );
    }
    for loss in &analysis.losses {
        list(&format!("loss of {}", lost(loss)), &loss.who);
    }
    text
}
