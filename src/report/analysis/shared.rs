//! Shared fate in words: which domains can do what, and what would end it.

use super::told::{Note, Section, Table, wait};
use crate::analysis::Armed;
use crate::analysis::fate::{
    Consequence, Fate, Finding, KindFacts, Question, Quickest, Reading, Shared, View,
};
use crate::governance::KeysShown;
use crate::units::format_date;

/// The most culprits that are told, unless all are asked for.
const TOLD: usize = 12;

/// The most names of what is in a domain that nobody asked about, or is supposed to be in one.
const FEW: usize = 6;

/// What parties and items lose together: how the facts stand, and both readings of them.
#[must_use]
pub fn fate(fate: &Fate, all: bool) -> Vec<Section> {
    let section = |title: &str, notes| Section {
        title: title.to_owned(),
        table: None,
        notes,
    };
    let mut notes = vec![Note::plain(facts(fate))];
    notes.extend(keys(fate).map(Note::plain));
    if !fate.already.is_empty() {
        let already = consequences(fate, &fate.already).join("; ");
        notes.push(Note::plain(format!("Whatever anybody holds: {already}.")));
    }
    let nothing = "Nothing is attested, so in the worst case everything is in one domain of each kind, and whoever has that can do whatever can be done at all. Attestations tell more (--attestations).";
    if fate.facts.iter().all(|facts| facts.domains == 0) {
        notes.push(Note::plain(nothing));
        return vec![section("shared fate", notes)];
    }
    notes.push(Note::plain("Whoever has a domain has the keys and items in it; when it is gone they are. A pair is told where neither of the two is enough, and no two parties or items in it are. Who moves apart goes to a domain of his own."));
    let mut sections = vec![section("shared fate", notes)];
    sections.extend(view(fate, &fate.stated, Reading::Stated, all));
    let in_worst = Reading::Worst.title();
    if fate.facts.iter().all(|facts| facts.attested == 0) {
        sections.push(section(in_worst, vec![Note::plain(nothing)]));
    } else if is_same(&fate.stated, &fate.worst) {
        sections.push(section(in_worst, vec![Note::plain("The same as stated.")]));
    } else {
        sections.extend(view(fate, &fate.worst, Reading::Worst, all));
    }
    sections
}

/// How many facts there are, and how they stand.
fn facts(fate: &Fate) -> String {
    let sum = |of: fn(&KindFacts) -> usize| fate.facts.iter().map(of).sum::<usize>();
    let [attested, claimed, stale, unknown] = [
        sum(|facts| facts.attested),
        sum(|facts| facts.claimed),
        sum(|facts| facts.stale),
        sum(|facts| facts.unknown),
    ];
    let items = match fate.items.len() {
        0 => String::new(),
        1 => " and 1 item".to_owned(),
        items => format!(" and {items} items"),
    };
    format!(
        "Of where {} parties{items} are kept, {attested} facts are attested, {claimed} claimed, {stale} stale and {unknown} unknown.",
        fate.parties
    )
}

/// Who has shown his keys and when, and who attests without them; nothing if nobody does either.
fn keys(fate: &Fate) -> Option<String> {
    if fate.keys.is_empty() {
        return None;
    }
    let (shown, missing): (Vec<&KeysShown>, Vec<&KeysShown>) =
        fate.keys.iter().partition(|keys| keys.is_complete());
    let mut told = Vec::new();
    for keys in shown {
        let KeysShown {
            party, keys, on, ..
        } = keys;
        told.push(match on {
            Some(on) => format!("{party} has shown its keys on {}", format_date(*on)),
            None if *keys == 0 => format!("{party} has none to show"),
            None => continue,
        });
    }
    for keys in missing {
        let KeysShown {
            party, keys, shown, ..
        } = keys;
        told.push(match shown {
            0 => format!("{party} has not shown its keys"),
            shown => format!("{party} has shown {shown} of its {keys} keys"),
        });
    }
    Some(format!("Keys: {}.", told.join(", ")))
}

/// Whether both readings come to the same.
fn is_same(stated: &View, worst: &View) -> bool {
    let key = |view: &View| -> Vec<_> {
        let findings = view.findings.iter();
        findings
            .map(|finding| (finding.culprit.clone(), finding.consequences.clone()))
            .collect()
    };
    key(stated) == key(worst)
}

impl Reading {
    const fn title(self) -> &'static str {
        match self {
            Self::Stated => "shared fate as stated",
            Self::Worst => "shared fate in the worst case",
        }
    }
}

/// One reading: single domains, and then pairs.
fn view(fate: &Fate, view: &View, reading: Reading, all: bool) -> Vec<Section> {
    let (single, pairs): (Vec<&Finding>, Vec<&Finding>) = view
        .findings
        .iter()
        .partition(|finding| finding.culprit.domains.len() == 1);
    let mut sections = vec![singles(fate, &single, reading, all)];
    let mut pairs = self::pairs(fate, &pairs, &single, reading, all);
    let plain = match view.plain_pairs {
        0 => None,
        1 => Some(
            "Another pair of domains does what two of those in it do without the others."
                .to_owned(),
        ),
        pairs => Some(format!(
            "{pairs} other pairs of domains do what two of those in them do without the others."
        )),
    };
    if let Some(section) = pairs.as_mut().or(sections.last_mut()) {
        section.notes.extend(plain.map(Note::plain));
    }
    sections.extend(pairs);
    sections
}

/// How many are told, and what is said of the others.
fn told(of: usize, all: bool) -> (usize, Option<Note>) {
    let limit = if all { of } else { TOLD };
    let rest = of.saturating_sub(limit);
    let note = (rest > 0).then(|| Note::plain(format!("{rest} more are told with --all.")));
    (limit, note)
}

fn singles(fate: &Fate, findings: &[&Finding], reading: Reading, all: bool) -> Section {
    let title = reading.title().to_owned();
    if findings.is_empty() {
        return Section {
            title,
            table: None,
            notes: vec![Note::plain("No domain does any of it alone.")],
        };
    }
    let (limit, rest) = told(findings.len(), all);
    let told = || findings.iter().take(limit);
    let rows = told().flat_map(|finding| {
        let row = |shared: &Shared| {
            let follows = consequences(fate, &finding.consequences);
            vec![shared.to_string(), within(fate, shared), follows.join("\n")]
        };
        finding.culprit.domains.iter().map(row).collect::<Vec<_>>()
    });
    Section {
        title,
        table: Some(Table {
            header: vec!["domain", "in it", "what follows"],
            rows: rows.collect(),
        }),
        notes: rest
            .into_iter()
            .chain(told().filter_map(|finding| against(finding, reading)))
            .collect(),
    }
}

/// Pairs with the same larger domain and the same consequences are told together.
fn pairs(
    fate: &Fate,
    findings: &[&Finding],
    single: &[&Finding],
    reading: Reading,
    all: bool,
) -> Option<Section> {
    // What is in those that stand above has been told.
    let brief = |shared: &Shared| {
        let mut above = single.iter().flat_map(|finding| &finding.culprit.domains);
        brief(fate, shared, above.any(|known| known == shared))
    };
    let mut groups: Vec<(&Shared, Vec<String>, Vec<String>)> = Vec::new();
    for finding in findings {
        let [one, other] = finding.culprit.domains.as_slice() else {
            continue;
        };
        // Smaller ones stand first.
        let follows = consequences(fate, &finding.consequences);
        let same = groups
            .iter_mut()
            .find(|(larger, known, _)| *larger == other && *known == follows);
        match same {
            Some((_, _, partners)) => partners.push(brief(one)),
            None => groups.push((other, follows, vec![brief(one)])),
        }
    }
    if groups.is_empty() {
        return None;
    }
    let (limit, rest) = told(groups.len(), all);
    let rows = groups
        .iter()
        .take(limit)
        .map(|(larger, follows, partners)| {
            let with = match partners.as_slice() {
                [one] => one.clone(),
                several => format!("one of {}", several.join(", ")),
            };
            vec![format!("{} with {with}", brief(larger)), follows.join("\n")]
        });
    let remedies = findings.iter().filter(|_| all);
    Some(Section {
        title: format!("{}, in pairs", reading.title()),
        table: Some(Table {
            header: vec!["pair of domains", "what follows"],
            rows: rows.collect(),
        }),
        notes: rest
            .into_iter()
            .chain(remedies.filter_map(|finding| against(finding, reading)))
            .collect(),
    })
}

/// A domain by its first name, with what is in it where that has not been told and is not much.
fn brief(fate: &Fate, shared: &Shared, is_known: bool) -> String {
    let name = shared.names.first().map(ToString::to_string);
    let name = name.unwrap_or_default();
    match shared.atoms().len() {
        1 => name,
        _ if is_known => name,
        count if count <= FEW => format!("{name} ({})", held(fate, shared).join("; ")),
        count => format!("{name} ({count} parties and items)"),
    }
}

/// What would end it.
fn against(finding: &Finding, reading: Reading) -> Option<Note> {
    let whom = finding.remedy.as_ref()?;
    let domains = finding.culprit.domains.iter();
    let names: Vec<String> = domains
        .filter_map(|shared| shared.names.first())
        .map(ToString::to_string)
        .collect();
    let what = match reading {
        Reading::Stated => "to end it, move apart",
        Reading::Worst => "to end it, have attested that they are elsewhere",
    };
    Some(Note {
        label: format!("{}: ", names.join(" with ")),
        text: format!("{what}: {whom}."),
    })
}

/// What is in a domain, and what it takes besides.
fn within(fate: &Fate, shared: &Shared) -> String {
    let mut parts = held(fate, shared);
    match shared.fee_wallets.len() {
        0 => {}
        1 => parts.push("one fee wallet".to_owned()),
        wallets => parts.push(format!("{wallets} fee wallets")),
    }
    parts.join("; ")
}

/// The parties and items in a domain, and those that are supposed to be.
fn held(fate: &Fate, shared: &Shared) -> Vec<String> {
    let named = |name: &String| {
        let item = fate.items.iter().find(|item| item.name == *name);
        item.map_or_else(|| name.clone(), |item| format!("{name} ({})", item.kind))
    };
    let names: Vec<String> = shared.members.iter().map(named).collect();
    let mut parts = Vec::new();
    if !names.is_empty() {
        parts.push(names.join(", "));
    }
    if !shared.supposed.is_empty() {
        let told: Vec<String> = shared.supposed.iter().take(FEW).map(named).collect();
        let rest = match shared.supposed.len().saturating_sub(FEW) {
            0 => String::new(),
            rest => format!(" and {rest} more"),
        };
        parts.push(format!("perhaps {}{rest}", told.join(", ")));
    }
    parts
}

/// What follows, in words, without what the graver of it says as well.
pub(super) fn consequences(fate: &Fate, all: &[Consequence]) -> Vec<String> {
    let of = |question| all.iter().find(|known| known.question == question);
    let both = |question: fn(Armed) -> Question| {
        [Armed::Armed, Armed::Unarmed].map(|armed| of(question(armed)))
    };
    let mut lines = Vec::new();
    let defended = both(Question::StealDefended);
    let undefended = both(Question::Steal);
    // A theft that nobody stops is worth telling as one that somebody could stop if it is quicker.
    let quicker = {
        let [armed, unarmed] = undefended;
        let [stopped, stopped_unarmed] = defended;
        let is_news = |one: Option<&Consequence>, other: Option<&Consequence>| match (one, other) {
            (Some(one), Some(other)) => one.quickest != other.quickest,
            (one, _) => one.is_some(),
        };
        [
            armed.filter(|_| is_news(armed, stopped)),
            unarmed.filter(|_| is_news(unarmed, stopped_unarmed)),
        ]
    };
    if let Some(when) = theft(fate, defended) {
        lines.push(format!("takes coins {when}, whatever others do"));
    }
    if let Some(when) = theft(fate, quicker) {
        lines.push(format!("takes coins {when}, if nobody defends them"));
    }
    let lost = both(Question::Lose);
    let [lost_armed, lost_unarmed] = lost.map(|one| one.is_some());
    if let Some(coins) = coins(fate, lost) {
        lines.push(format!("if gone, {coins} for ever"));
    }
    let [frozen, frozen_unarmed] = both(Question::Freeze);
    let [taken, taken_unarmed] = defended.map(|one| one.is_some());
    let frozen = [
        frozen.filter(|_| !lost_armed && !taken),
        frozen_unarmed.filter(|_| !lost_unarmed && !taken_unarmed),
    ];
    if let Some(coins) = coins(fate, frozen) {
        lines.push(format!("withheld, {coins} for ever"));
    }
    let all_lost = lost_unarmed && (lost_armed || !fate.has_files);
    match both(Question::LoseRescue).map(|one| one.is_some()) {
        _ if all_lost => {}
        [true, _] => lines.push("if gone, no recovery is left".to_owned()),
        [false, unarmed] => {
            if of(Question::BlockRescue).is_some() {
                lines.push("can block every recovery".to_owned());
            }
            if unarmed {
                let whose = if fate.has_files {
                    " of coins without files"
                } else {
                    ""
                };
                lines.push(format!("if gone, no recovery{whose} is left"));
            }
        }
    }
    if of(Question::CloseRoot).is_some() && !all_lost {
        lines.push("if gone, root cannot act".to_owned());
    }
    if of(Question::EndVetoes).is_some() {
        lines.push("if gone, nobody can veto".to_owned());
    }
    lines
}

/// When a coin is taken.
fn theft(fate: &Fate, [armed, unarmed]: [Option<&Consequence>; 2]) -> Option<String> {
    let when = |one: &Consequence| {
        let quickest = one.quickest.as_ref();
        quickest.map_or_else(
            || "in the end".to_owned(),
            |Quickest {
                 seconds,
                 unlock_seconds,
                 ..
             }| {
                match wait(*seconds, *unlock_seconds) {
                    at_once if at_once == "at once" => at_once,
                    span => format!("after {span}"),
                }
            },
        )
    };
    match (armed.map(when), unarmed.map(when)) {
        (None, None) => None,
        (Some(armed), None) => Some(format!("{armed} if they are armed")),
        (None, Some(unarmed)) if fate.has_files => Some(format!("{unarmed} if they are not armed")),
        (None, Some(unarmed)) => Some(unarmed),
        (Some(armed), Some(unarmed)) if armed == unarmed => Some(armed),
        (Some(armed), Some(unarmed)) => Some(format!("{armed} ({unarmed} if they are not armed)")),
    }
}

/// Which coins do not move any more.
fn coins(fate: &Fate, [armed, unarmed]: [Option<&Consequence>; 2]) -> Option<&'static str> {
    match (armed.is_some(), unarmed.is_some()) {
        (false, false) => None,
        (true, true) => Some("no coin moves"),
        (true, false) => Some("no armed coin moves"),
        (false, true) if fate.has_files => Some("no coin without files moves"),
        (false, true) => Some("no coin moves"),
    }
}
