//! An analysis in words and tables, with its time lines drawn.

use super::compiled::{drawn, heading, table};
use super::{BOLD, DIM, hanging, paint, shown};
use crate::analysis::{Coalitions, Step};
use crate::cli::analyze::Shown;
use crate::report::analysis::told::{self, Section};
use crate::report::analysis::{Timeline, Track};

pub(in crate::cli) fn analysis(result: &Shown, width: usize) -> String {
    let analysis = &result.analysis;
    let mut text = format!(
        "{} ({} parties)\npolicy id {}\n",
        paint(BOLD, &shown(&analysis.policy)),
        analysis.parties,
        result.id
    );
    let timeline = Timeline::of(analysis);
    let mut sections = told::sections(analysis);
    sections.extend(told::fate(&result.fate, result.all));
    sections.extend(told::lints(&result.lints));
    for (number, part) in sections.iter().enumerate() {
        text.push_str(&heading(&part.title));
        if let Some(track) = timeline.tracks.get(number) {
            text.push_str(&bars(&timeline, track, width));
        }
        text.push_str(&section(part, width));
    }
    text.push_str(&sets(result));
    text
}

/// What opens when, drawn, with an empty line below.
fn bars(timeline: &Timeline, track: &Track, width: usize) -> String {
    let mut text = String::new();
    for (number, line) in timeline.text(track, width).iter().enumerate() {
        // The scale stands above the bars.
        let line = shown(line);
        text.push_str(&if number == 0 { paint(DIM, &line) } else { line });
        text.push('\n');
    }
    text.push('\n');
    text
}

fn section(section: &Section, width: usize) -> String {
    let mut text = String::new();
    if let Some(told) = &section.table {
        let mut table = table(width, &told.header);
        for row in &told.rows {
            table.add_row(row.iter().map(|cell| lines(cell)));
        }
        text.push_str(&drawn(&mut table));
    }
    for note in &section.notes {
        text.push_str(&hanging(
            &shown(&note.label),
            BOLD,
            &shown(&note.text),
            width,
        ));
    }
    text
}

/// The transactions of a way.
pub(super) fn steps(steps: &[Step]) -> String {
    shown(&told::steps(steps))
}

/// A wait in words.
pub(super) fn wait(seconds: u64, unlock: Option<u64>) -> String {
    told::wait(seconds, unlock)
}

/// A cell, whose lines are ours and whose words may not be.
fn lines(cell: &str) -> String {
    let lines: Vec<String> = cell.split('\n').map(shown).collect();
    lines.join("\n")
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
                    &format!("{}: {}", stage.stage, told::what(power)),
                    &power.who,
                );
            }
        }
    }
    for theft in &analysis.thefts {
        list(
            &format!("taking a coin: {}", told::steps(&theft.steps)),
            &theft.defended,
        );
    }
    for loss in &analysis.losses {
        list(&format!("loss of {}", told::loss(loss)), &loss.who);
    }
    text
}
