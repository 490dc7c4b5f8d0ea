//! Milestones of what people say, and of what they should have.

use super::facts::{LedgerFacts, OverdueKeys, Reserve, Trouble, TroubleKind};
use super::memory::Source;
use super::milestone::{Milestone, has_come};
use super::notice::Kind;
use crate::governance::Action;
use crate::policy::list;
use crate::units::{ChainTime, format_date};

/// What the ledger has that should be known.
pub(super) fn said(facts: &LedgerFacts, now: ChainTime) -> Vec<Milestone> {
    let mut found = Vec::new();
    for case in &facts.cases {
        let phase = case.phase;
        let text = format!(
            "the case {} about `{}` ({}) is {phase}",
            short(&case.id),
            case.path,
            case.why
        );
        let key = format!("{}:{phase}", case.id);
        let mut milestone = Milestone::new(Kind::Case, Source::Ledger, key, text);
        milestone.path = Some(case.path.clone());
        found.push(milestone);
    }
    for (action, until) in &facts.due {
        let Some((path, text)) = asked(action) else {
            continue;
        };
        let key = serde_json::to_string(action).unwrap_or_default();
        let mut milestone = Milestone::new(Kind::Asked, Source::Ledger, key, text);
        milestone.path = path;
        milestone.due = *until;
        found.push(milestone);
    }
    for silence in &facts.silences {
        silences(silence, now, &mut found);
    }
    found
}

fn silences(silence: &super::facts::SilenceFact, now: ChainTime, found: &mut Vec<Milestone>) {
    let (path, quorum, period) = (&silence.path, &silence.quorum, &silence.period);
    let mut say = |kind, key: String, text, at, due| {
        let mut milestone = Milestone::new(kind, Source::Ledger, format!("{path}:{key}"), text);
        milestone.path = Some(path.clone());
        milestone.at = at;
        milestone.due = due;
        found.push(milestone);
    };
    for party in &silence.silent {
        let text = format!(
            "`{party}` was not heard of for {period}, the silence term of `{path}`; a heartbeat ends that"
        );
        say(Kind::SilentParty, party.clone(), text, None, None);
    }
    for member in &silence.members {
        let (party, until) = (&member.party, member.until);
        if has_come(member.due, now) {
            let text = format!(
                "`{party}` was not heard of for three quarters of {period}, and counts as silent on `{path}` from {until} on"
            );
            let key = format!("{party}:{until}");
            say(Kind::HeartbeatDue, key, text, Some(member.due), Some(until));
        }
    }
    let from = silence.from;
    if has_come(from, now) {
        let text = format!(
            "fewer than {} of `{quorum}` were heard of for {period}: the silence term of `{path}` holds",
            silence.fewer_than
        );
        say(
            Kind::Silence,
            format!("{quorum}:{from}"),
            text,
            Some(from),
            None,
        );
    }
}

/// The first digits of an id.
fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// An action of honest software, as a sentence, with its path.
fn asked(action: &Action) -> Option<(Option<String>, String)> {
    let names = |parties: &[String]| list(parties, "and");
    let (path, text) = match action {
        Action::AskActivation { path, asked, .. } => (
            path,
            format!(
                "whether `{path}` is to be activated is asked of {}",
                names(asked)
            ),
        ),
        Action::AskBallot { path, asked, .. } => (
            path,
            format!("a ballot about `{path}` is asked of {}", names(asked)),
        ),
        Action::AskVeto { path, asked, .. } => (
            path,
            format!(
                "`{path}` may be acted on: whether they object is asked of {}",
                names(asked)
            ),
        ),
        Action::SignTrigger { path, .. } => (
            path,
            format!("`{path}` is activated: members of its quorum sign the trigger"),
        ),
        Action::StopSigning { path, .. } => {
            (path, format!("nobody signs a trigger of `{path}` any more"))
        }
        Action::Cancel { path, .. } => (
            path,
            format!("the case about `{path}` is vetoed: whatever was triggered is to be cancelled"),
        ),
        Action::AskRefresh { path, .. } => (
            path,
            format!(
                "the case about `{path}` came to nothing: root refreshes the coins whose trigger may be signed"
            ),
        ),
        Action::ProposeAnew { path, .. } => (
            path,
            format!(
                "the case about `{path}` can come to nothing any more, and may be proposed anew"
            ),
        ),
        Action::Distrust { party } => {
            return Some((
                None,
                format!("`{party}` has told two stories, and is believed no more"),
            ));
        }
        // It comes by itself.
        Action::HoldBack { .. } => return None,
    };
    Some((Some(path.clone()), text))
}

/// Fee wallets that have too little.
pub(super) fn reserves(reserves: &[Reserve]) -> impl Iterator<Item = Milestone> {
    let low = reserves
        .iter()
        .filter(|reserve| reserve.coins < reserve.wanted);
    low.map(|reserve| {
        let text = format!(
            "the fee wallet of `{}` has {} confirmed coins of {} sat or more, and {} could be wanted at once",
            reserve.party,
            reserve.coins,
            reserve.each.to_sat(),
            reserve.wanted
        );
        Milestone::new(Kind::LowReserve, Source::Chain, reserve.party.clone(), text)
    })
}

/// Keys that were not shown in time.
pub(super) fn overdue(keys: &[OverdueKeys]) -> impl Iterator<Item = Milestone> {
    keys.iter().map(|keys| {
        let (shown, all) = keys.shown;
        let (text, key) = match keys.on {
            Some(on) => (
                format!(
                    "`{}` has shown {shown} of {all} keys on {}, and has to show them again",
                    keys.party,
                    format_date(on)
                ),
                format!("{}:{}", keys.party, on.0),
            ),
            None => (
                format!("`{}` has never shown its {all} keys", keys.party),
                keys.party.clone(),
            ),
        };
        Milestone::new(Kind::KeysOverdue, Source::Keys, key, text)
    })
}

/// That other commands are shown an older reading of the chain.
pub(super) fn unwritten(why: Option<&String>) -> Option<Milestone> {
    let text = format!(
        "what was read of the chain could not be written down: {}; whoever looks at the vault beside this program is shown an older reading",
        why?
    );
    // One at a time, whatever keeps it from being written.
    let key = "view".to_owned();
    Some(Milestone::new(Kind::Unwritten, Source::Vault, key, text))
}

/// What is wrong with the chain.
pub(super) fn trouble(troubles: &[Trouble]) -> impl Iterator<Item = Milestone> {
    troubles.iter().map(|trouble| {
        let kind = match trouble.what {
            TroubleKind::Silent => Kind::ChainSilent,
            TroubleKind::Stale => Kind::ChainStale,
            TroubleKind::Disagrees => Kind::ChainDisagrees,
        };
        let text = trouble.text.clone();
        Milestone::new(kind, Source::Trouble, "chain".to_owned(), text)
    })
}
