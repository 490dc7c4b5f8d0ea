//! What differs between two policies, in words.

use super::analysis::{steps, wait};
use super::compiled::{drawn, heading, table};
use super::words::list;
use super::{BOLD, DIM, GREEN, RED, YELLOW, hanging, paint, shown};
use crate::analysis::{
    Ability, Action, Armed, ArmingWork, Change, Difference, Leads, Leaver, PowerChange, Presigned,
    StageFate, Wait, WaitChange, When,
};
use crate::cli::diff::Shown;

/// The longest text of a term that is shown whole.
const LONGEST: usize = 60;

pub(in crate::cli) fn difference(result: &Shown<'_>, width: usize) -> String {
    let difference = result.difference;
    let mut text = format!(
        "old: {} {}\nnew: {} {}\n",
        paint(BOLD, &shown(&difference.old.policy)),
        difference.old.id,
        paint(BOLD, &shown(&difference.new.policy)),
        difference.new.id,
    );
    text.push_str(&hanging("", BOLD, verdict(difference), width));
    if difference.same_id {
        return text;
    }
    if !difference.changes.is_empty() {
        text.push_str(&heading("what changed"));
        text.push_str(&changes(&difference.changes, width));
    }
    if !difference.gains.is_empty() {
        text.push_str(&heading("gained"));
        text.push_str(&powers(&difference.gains, true, width));
    }
    if !difference.losses.is_empty() {
        text.push_str(&heading("lost"));
        text.push_str(&powers(&difference.losses, false, width));
    }
    if !difference.waits.is_empty() {
        text.push_str(&heading("how long it takes"));
        text.push_str(&waits(&difference.waits, width));
    }
    text.push_str(&heading("what has to be done"));
    text.push_str(&work(result, width));
    text
}

const fn verdict(difference: &Difference) -> &'static str {
    match (
        difference.same_id,
        difference.same_descriptors,
        difference.same_powers,
    ) {
        (true, ..) => {
            "The same policy: the id is the same, however the texts differ. Nothing has to be done."
        }
        (false, true, true) => {
            "Equivalent: another policy id, with the same descriptors, and everybody can do what he could."
        }
        (false, false, true) => "Everybody can do what he could, by other descriptors.",
        (false, true, false) => "The same descriptors, and other powers by what is signed or kept.",
        (false, false, false) => "Another policy: other descriptors, and other powers.",
    }
}

fn changes(changes: &[Change], width: usize) -> String {
    let mut table = table(width, &["what", "before", "now"]);
    for change in changes {
        let part = change.part.as_str();
        let name = change.name.as_deref().map(shown);
        let mut what = name.map_or_else(|| part.to_owned(), |name| format!("{part} {name}"));
        if let Some(term) = &change.term {
            what = format!("{what}: {}", shown(term));
        }
        let value = |value: &Option<String>| {
            value
                .as_deref()
                .map_or_else(|| "(none)".to_owned(), shortened)
        };
        table.add_row(vec![what, value(&change.before), value(&change.now)]);
    }
    drawn(&mut table)
}

/// A text with its middle left out if it is long, as keys are.
fn shortened(text: &str) -> String {
    let text = shown(text);
    let letters: Vec<char> = text.chars().collect();
    let is_key = !text.contains(' ');
    if letters.len() <= LONGEST || !is_key {
        return text;
    }
    let half = LONGEST / 2 - 1;
    let first: String = letters.iter().take(half).collect();
    let last: String = letters.iter().skip(letters.len() - half).collect();
    format!("{first}…{last}")
}

fn powers(changes: &[PowerChange], is_gain: bool, width: usize) -> String {
    let mut text = String::new();
    for change in changes {
        let twin = other_coins(&change.ability);
        let twin = changes.iter().find(|other| {
            Some(&other.ability) == twin.as_ref()
                && other.all_before.to_string() == change.all_before.to_string()
                && other.all_now.to_string() == change.all_now.to_string()
        });
        // What is true of armed coins and of others alike is told once.
        let is_second = |change: &PowerChange| armed(&change.ability) == Some(Armed::Unarmed);
        if twin.is_some() && is_second(change) {
            continue;
        }
        text.push_str(&power(change, is_gain, twin.is_some(), width));
    }
    text
}

/// Of which coins it is, for what depends on it.
const fn armed(ability: &Ability) -> Option<Armed> {
    match ability {
        Ability::Freeze { armed } | Ability::Unspendable { armed } => Some(*armed),
        Ability::Move { .. } | Ability::Take { .. } | Ability::BlockRescue => None,
    }
}

/// The same ability over the other kind of coins.
fn other_coins(ability: &Ability) -> Option<Ability> {
    let other = |armed| match armed {
        Armed::Armed => Armed::Unarmed,
        Armed::Unarmed => Armed::Armed,
    };
    match ability {
        Ability::Freeze { armed } => Some(Ability::Freeze {
            armed: other(*armed),
        }),
        Ability::Unspendable { armed } => Some(Ability::Unspendable {
            armed: other(*armed),
        }),
        Ability::Move { .. } | Ability::Take { .. } | Ability::BlockRescue => None,
    }
}

fn power(change: &PowerChange, is_gain: bool, of_all_coins: bool, width: usize) -> String {
    let (sign, style) = if is_gain { ("+ ", GREEN) } else { ("- ", RED) };
    let mut title = title(change);
    if !of_all_coins {
        title.push_str(armed(&change.ability).map_or("", coins));
    }
    let mut text = hanging(sign, style, &shown(&title), width);
    let all = format!(
        "Before: {}. Now: {}.",
        shown(&change.all_before.to_string()),
        shown(&change.all_now.to_string())
    );
    text.push_str(&hanging("  ", DIM, &sentence(change), width));
    text.push_str(&hanging("  ", DIM, &all, width));
    text
}

/// What it is, and in which stage.
fn title(change: &PowerChange) -> String {
    match &change.ability {
        Ability::Move { stage, leads } => {
            let power = change.by.first().map_or("", |step| step.power.words().1);
            match leads {
                Leads::Anywhere => format!("{stage}: {power}"),
                Leads::To(to) => format!("{stage}: {power}, to the {to}"),
            }
        }
        Ability::Take { defended } => {
            let by = steps(&change.by);
            let against = if *defended {
                "with others against it"
            } else {
                "when nobody defends"
            };
            format!("take a coin {against}: {by}")
        }
        Ability::Freeze { .. } => "keep coins from everybody for ever".to_owned(),
        Ability::Unspendable { .. } => "take every coin along for ever by being lost".to_owned(),
        Ability::BlockRescue => "block every rescue once root is gone".to_owned(),
    }
}

const fn coins(armed: Armed) -> &'static str {
    match armed {
        Armed::Armed => " (armed coins)",
        Armed::Unarmed => " (coins without files)",
    }
}

/// The coalition, and from when on it can and could.
fn sentence(change: &PowerChange) -> String {
    let who = if change.who.is_empty() {
        "nobody in particular (it needs no one)".to_owned()
    } else {
        shown(&list(&change.who))
    };
    // What has no moment is so or not.
    let has_moments = matches!(change.ability, Ability::Move { .. } | Ability::Take { .. });
    let from = |when: &When| {
        if has_moments {
            format!(" {}", from(when))
        } else {
            String::new()
        }
    };
    match (&change.before, &change.now) {
        (None, Some(now)) => format!(
            "{who}, for instance, can now{}, and never could.",
            from(now)
        ),
        (Some(before), Some(now)) => format!(
            "{who}, for instance, can now{}; before,{}.",
            from(now),
            from(before)
        ),
        (Some(before), None) => format!(
            "{who}, for instance, could{}, and cannot any more.",
            from(before)
        ),
        (None, None) => format!("{who}, for instance."),
    }
}

fn from(when: &When) -> String {
    match span(when) {
        span if span == "at once" => span,
        span => format!("after {span}"),
    }
}

fn span(when: &When) -> String {
    wait(
        when.seconds,
        Some(when.unlock_seconds).filter(|seconds| *seconds > 0),
    )
}

fn waits(waits: &[WaitChange], width: usize) -> String {
    let mut table = table(width, &["what", "before", "now"]);
    for change in waits {
        let what = match &change.wait {
            Wait::Rescue { armed } => {
                format!("rescue once all of root is gone{}", coins(*armed))
            }
            Wait::Stall { path } => format!("vetoes can hold up path {}", shown(path)),
        };
        let value = |when: &Option<When>| when.as_ref().map_or_else(|| "never".to_owned(), span);
        table.add_row(vec![what, value(&change.before), value(&change.now)]);
    }
    drawn(&mut table)
}

fn work(result: &Shown<'_>, width: usize) -> String {
    let work = &result.difference.work;
    let mut text = String::new();
    for sentence in what_to_do(work.action) {
        text.push_str(&hanging("* ", YELLOW, sentence, width));
    }
    let changed = work
        .stages
        .iter()
        .filter(|change| work.action != Action::Apart && change.descriptor != StageFate::Same);
    let changed: Vec<String> = changed
        .map(|change| {
            let fate = match change.descriptor {
                StageFate::Same => "the same",
                StageFate::Changed => "another",
                StageFate::Added => "new",
                StageFate::Removed => "no more",
            };
            format!("{} ({fate})", shown(&change.stage.to_string()))
        })
        .collect();
    if !changed.is_empty() {
        let sentence = format!("Descriptors that differ: {}.", changed.join(", "));
        text.push_str(&hanging("", DIM, &sentence, width));
    }
    if let Some(cost) = &work.moving {
        let fee = |fee: Option<u64>| fee.map_or_else(|| "?".to_owned(), |fee| fee.to_string());
        let sentence = format!(
            "Moving one coin: root of the old policy signs {} vB, {} sat at {} sat/vB; each further coin in the same transaction adds {} vB and {} sat.",
            cost.vbytes,
            fee(cost.fee_sats),
            result.feerate_sat_per_vb,
            cost.further_weight.div_ceil(4),
            fee(cost.further_fee_sats),
        );
        text.push_str(&hanging("", DIM, &sentence, width));
    }
    if !work.arming.is_empty() {
        text.push_str(&arming(result, width));
    }
    for leaver in &work.leavers {
        let label = format!("{}: ", shown(&leaver.party));
        text.push_str(&hanging(&label, YELLOW, &left_with(leaver), width));
    }
    text
}

const fn what_to_do(action: Action) -> &'static [&'static str] {
    match action {
        Action::Nothing => &["Nothing."],
        Action::Ratify => &[
            "Every party ratifies the new policy id. Coins stay where they are, and what root signed in advance stays good.",
        ],
        Action::Rearm => &[
            "Every party ratifies the new policy id.",
            "Every coin that is armed is refreshed, and the refresh buried, before it is armed anew: until then its old trigger, cancel and settle stay good, and the old policy is watched. Coins that were never armed stay where they are.",
            "Coins that are in an escrow or a lock-up now go on under the old policy.",
        ],
        Action::Move => &[
            "Every party ratifies the new policy id.",
            "Every coin is moved to the new vault. Until that is buried the old policy holds for it, with every file that was signed under it; a coin that somebody still pays to an old address is under the old policy as well. So the old policy is watched for good.",
            "Coins that are in an escrow or a lock-up now go on under the old policy.",
        ],
        Action::Apart => &[
            "The policies are for different networks: coins of one stay there, and nothing can be moved.",
        ],
    }
}

fn arming(result: &Shown<'_>, width: usize) -> String {
    let mut table = table(
        width,
        &[
            "signed anew for each armed coin",
            "triggers",
            "cancels",
            "settles",
            "smallest coin",
        ],
    );
    for path in &result.difference.work.arming {
        let ArmingWork {
            path: name,
            triggers,
            cancels,
            settles,
        } = path;
        let smallest = result.smallest_armable_sats.get(name.as_str());
        table.add_row(vec![
            shown(name),
            presigned(triggers.as_ref()),
            presigned(cancels.as_ref()),
            presigned(settles.as_ref()),
            smallest.map_or_else(|| "?".to_owned(), |sats| format!("{sats} sat")),
        ]);
    }
    drawn(&mut table)
}

fn presigned(presigned: Option<&Presigned>) -> String {
    presigned.map_or_else(
        || "none".to_owned(),
        |presigned| {
            let fee = presigned
                .fee_sats
                .map_or_else(|| "?".to_owned(), |fee| fee.to_string());
            let fee = match presigned.highest_fee_sats {
                Some(highest) => format!("{fee} to {highest}"),
                None => fee,
            };
            format!(
                "{}, each {} vB and {fee} sat",
                presigned.number, presigned.vbytes
            )
        },
    )
}

/// What somebody can do until every coin has moved.
fn left_with(leaver: &Leaver) -> String {
    let mut powers = Vec::new();
    if leaver.in_root {
        powers.push("a seat in root".to_owned());
    }
    let mut on = |what: &str, paths: &[String]| {
        if !paths.is_empty() {
            powers.push(format!("{what} {}", shown(&list(paths))));
        }
    };
    on("a seat in the quorum of", &leaver.acts_on);
    on("a veto on", &leaver.vetoes);
    on("files of", &leaver.files_of);
    let until = "until each old coin has moved or been refreshed";
    if leaver.has_new_key {
        format!(
            "the old key keeps {} {until}; with its new key the party counts as another here.",
            list(&powers)
        )
    } else {
        format!("keeps {} {until}.", list(&powers))
    }
}
