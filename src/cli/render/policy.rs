//! A policy in a few lines.

use super::{BOLD, DIM, GREEN, RED, YELLOW, hanging, paint, shown, words};
use crate::cli::check::{Judgement, Summary};
use crate::compile::Compiled;
use crate::policy::{Outcome, PathKind, SpendingPath};

/// The summary of a check.
pub(in crate::cli) fn summary(summary: &Summary<'_>, width: usize) -> String {
    let Summary {
        errors,
        warnings,
        notes,
        ..
    } = summary;
    let mut text = String::new();
    // The lints of one code have one reason.
    for group in summary.silenced.chunk_by(|a, b| a.code == b.code) {
        for silenced in group {
            let label = format!("silenced[{}]: ", silenced.code);
            text.push_str(&hanging(&label, DIM, &shown(silenced.message), width));
        }
        let reason = group.first().map_or("", |silenced| silenced.reason);
        text.push_str(&hanging("  reason: ", DIM, &shown(reason), width));
    }
    match (
        summary.policy,
        &summary.policy_id,
        &summary.network,
        &summary.script,
    ) {
        (Some(name), Some(id), Some(network), Some(script)) => {
            let verdict = paint(GREEN, "sound");
            text.push_str(&format!(
                "{} is {verdict} ({network}, {script})\n",
                shown(name)
            ));
            text.push_str(&format!("policy id {id}\n"));
        }
        _ => text.push_str(&format!("{} is {}\n", summary.file, paint(RED, "refused"))),
    }
    let counts = format!(
        "{}, {}, {}, {} silenced",
        counted(*errors, "error"),
        counted(*warnings, "warning"),
        counted(*notes, "note"),
        summary.silenced.len()
    );
    let style = match (errors, warnings) {
        (0, 0) => GREEN,
        (0, _) => YELLOW,
        _ => RED,
    };
    text.push_str(&format!("{}\n", paint(style, &counts)));
    text
}

/// The summaries of several policies, each under the name of its file.
pub(in crate::cli) fn summaries(judgements: &[Judgement], width: usize) -> String {
    let mut text = String::new();
    let mut sound = 0;
    for judgement in judgements {
        match judgement {
            Judgement::Judged(judged) => {
                let one = judged.summary();
                sound += usize::from(one.errors == 0);
                text.push_str(&format!("{}\n", paint(BOLD, one.file)));
                text.push_str(&summary(&one, width));
            }
            Judgement::Failed { file, .. } => {
                let verdict = paint(RED, "not checked");
                text.push_str(&format!("{}\n{verdict}\n", paint(BOLD, file)));
            }
        }
        text.push('\n');
    }
    let line = format!("{sound} of {} policies are sound", judgements.len());
    let style = if sound == judgements.len() {
        GREEN
    } else {
        RED
    };
    text.push_str(&format!("{}\n", paint(style, &line)));
    text
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

/// Who can do what, in a line or two for root and each path.
pub(super) fn outline(compiled: &Compiled, width: usize) -> String {
    let policy = compiled.policy();
    let root = policy.root().quorum();
    let root_says = format!("root: {} can spend at once", words::quorum(root));
    let mut lines = vec![(shown(root.name()), root_says)];
    for path in policy.paths() {
        lines.push((shown(path.name()), path_says(path, root.name())));
    }
    let longest = lines.iter().map(|(name, _)| name.chars().count()).max();
    let longest = longest.unwrap_or_default();
    let mut text = String::new();
    for (name, says) in lines {
        text.push_str(&hanging(
            &format!("  {name:longest$}  "),
            BOLD,
            &says,
            width,
        ));
    }
    text
}

fn path_says(path: &SpendingPath, root: &str) -> String {
    let name = shown(path.quorum().name());
    let actors = format!("{name} ({})", words::quorum(path.quorum()));
    let root = shown(root);
    let staged = match path.kind() {
        PathKind::Direct(direct) => {
            let delay = direct.delay();
            let delay = delay.map(|delay| format!("once a coin has rested {}", delay.text()));
            let unlock = direct.unlock().map(|lock| format!("after {lock}"));
            let when: Vec<String> = delay.into_iter().chain(unlock).collect();
            let when = if when.is_empty() {
                "at once".to_owned()
            } else {
                when.join(" and ")
            };
            return format!("direct: {actors} alone, {when}");
        }
        PathKind::Staged(staged) => staged,
    };
    let window = format!(
        "staged: {actors} trigger with files signed in advance by {root}; {} in escrow, where {} ({}) can cancel",
        staged.window().text(),
        shown(staged.veto().name()),
        words::quorum(staged.veto()),
    );
    match staged.outcome() {
        Outcome::Payees(_) => format!("{window}; then {name} pay out"),
        Outcome::Lockup(lockup) => {
            let clawback = if lockup.clawback() {
                format!(", where {root} can claw back")
            } else {
                String::new()
            };
            let period = lockup.period().text();
            let release = match lockup.quorum() {
                Some(own) => format!("{} ({}) release", shown(own.name()), words::quorum(own)),
                None => format!("{name} release"),
            };
            format!("{window}; {period} in lock-up{clawback}; then {release}")
        }
    }
}
