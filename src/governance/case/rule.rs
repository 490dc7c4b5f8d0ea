//! Rules about cases: what they are told, and whether they said what was written down.

use thiserror::Error;

use super::super::event::{Activation, Digest, Event, Judgement};
use super::term::leaves;
use super::{Case, Docket, Term};
use crate::policy::{
    Activation as Terms, ActivationFacts, Alarm, Ballots, Facts, Heartbeat, Period, Policy, Rule,
    Silence, Vault, Verdict, quote,
};
use crate::units::ChainTime;

/// What a rule is told about a case, from everything told so far.
///
/// Where blocks count, the close of a vote is given as the median time that is expected then.
#[must_use]
pub fn facts_of(
    docket: &Docket,
    case: &Case,
    now: ChainTime,
    vault: Vault,
    policy: &Policy,
) -> ActivationFacts {
    let staged = policy.path(&case.path).and_then(|path| path.staged());
    let terms = staged.and_then(|staged| staged.activation());
    let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let seconds =
        |period: &Period| u32::try_from(period.lock().expected_seconds()).unwrap_or(u32::MAX);
    let mut silences = Vec::new();
    let mut ballots = Vec::new();
    for leaf in leaves(terms) {
        match (leaf, docket.term(case, leaf, now, None)) {
            (Terms::Silence { period, .. }, Term::Silence(term)) => silences.push(Silence {
                members: small(term.heard.len() + term.silent.len()),
                heard: small(term.heard.len()),
                fewer_than: small(term.fewer_than),
                seconds: seconds(period),
                quorum: term.quorum,
            }),
            (Terms::Vote { open, .. }, Term::Vote(term)) => ballots.push(Ballots {
                members: small(term.members),
                approve: small(term.approve.len()),
                reject: small(term.reject.len() + term.forked.len()),
                open_until: case.opened.median_time_past.after_seconds(seconds(open)).0,
                quorum: term.quorum,
            }),
            _ => {}
        }
    }
    ActivationFacts {
        policy_id: case.policy_id.to_string(),
        network: case.network,
        path: case.path.clone(),
        height: now.height.0,
        median_time_past: now.median_time_past.0,
        vault,
        heartbeats: docket
            .parties
            .iter()
            .map(|(party, presence)| Heartbeat {
                party: party.clone(),
                median_time_past: presence.last.median_time_past.0,
            })
            .collect(),
        silences,
        alarms: docket
            .standing_alarms(&case.path, now)
            .map(|(_, alarm)| Alarm {
                party: alarm.party.clone(),
                median_time_past: alarm.at.median_time_past.0,
            })
            .collect(),
        ballots,
    }
}

/// Asks a rule about a case, with all it takes to ask it again.
#[must_use]
pub fn ask_rule(text: &str, facts: ActivationFacts) -> Judgement {
    let asked = Facts::Activate(facts.clone());
    let verdict = Rule::new(text).judge(&asked);
    Judgement {
        rule: text.to_owned(),
        facts,
        allow: verdict.allow,
        why: verdict.why,
        rule_sha256: Digest::sha256(text.as_bytes()),
        facts_sha256: facts_digest(&asked),
        interpreter: verdict.interpreter,
    }
}

/// Why a recorded verdict is not what its rule says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotReexecuted {
    /// Another interpreter wrote it, and may have had other reasons.
    #[error("the verdict is by {}, and this is {ours}", quote(recorded))]
    OtherInterpreter {
        /// Which.
        recorded: String,
        /// The one that would be asked now.
        ours: String,
    },
    /// The text or the facts are not those that the digests name.
    #[error("{0} of the verdict have another digest than it says")]
    OtherDigest(&'static str),
    /// The rule says something else.
    #[error(
        "the rule {} with the reason {}, and the verdict says that it {} with the reason {}",
        word(*allows), quote(why), word(*recorded), quote(recorded_why)
    )]
    OtherVerdict {
        /// Whether it allows it.
        allows: bool,
        /// Why.
        why: String,
        /// What was recorded.
        recorded: bool,
        /// And why.
        recorded_why: String,
    },
}

fn word(allows: bool) -> &'static str {
    match allows {
        true => "allows it",
        false => "denies it",
    }
}

/// Asks the rule of an activation again: the verdict if there is a rule and it says the same.
///
/// # Errors
///
/// What is not as it was recorded.
pub fn reexecute(activation: &Activation) -> Result<Option<Verdict>, NotReexecuted> {
    let Some(judgement) = &activation.judgement else {
        return Ok(None);
    };
    check_digests(judgement).map_err(NotReexecuted::OtherDigest)?;
    let verdict = Rule::new(&judgement.rule).judge(&Facts::Activate(judgement.facts.clone()));
    if verdict.interpreter != judgement.interpreter {
        return Err(NotReexecuted::OtherInterpreter {
            recorded: judgement.interpreter.clone(),
            ours: verdict.interpreter,
        });
    }
    if verdict.allow != judgement.allow || verdict.why != judgement.why {
        return Err(NotReexecuted::OtherVerdict {
            allows: verdict.allow,
            why: verdict.why,
            recorded: judgement.allow,
            recorded_why: judgement.why.clone(),
        });
    }
    Ok(Some(verdict))
}

/// Whether a verdict carries the activation it stands in; if not, why.
///
/// The rule is not asked again here: that takes an interpreter, and whoever verifies a ledger does
/// it with [`reexecute`].
pub(super) fn carries(judgement: &Judgement, event: &Event, path: &str) -> Result<(), String> {
    check_digests(judgement)
        .map_err(|what| format!("{what} of its verdict have another digest than it says"))?;
    let facts = &judgement.facts;
    let is_about_this = facts.policy_id == event.policy_id.to_string()
        && facts.network == event.network
        && facts.path == path
        && facts.height == event.at.height.0
        && facts.median_time_past == event.at.median_time_past.0;
    if !is_about_this {
        return Err("its verdict is about another policy, path or time".to_owned());
    }
    match judgement.allow {
        true => Ok(()),
        false => Err(format!(
            "its author's rule denies it: {}",
            quote(&judgement.why)
        )),
    }
}

fn check_digests(judgement: &Judgement) -> Result<(), &'static str> {
    if Digest::sha256(judgement.rule.as_bytes()) != judgement.rule_sha256 {
        return Err("the words of the rule");
    }
    if facts_digest(&Facts::Activate(judgement.facts.clone())) != judgement.facts_sha256 {
        return Err("the facts");
    }
    Ok(())
}

fn facts_digest(facts: &Facts) -> Digest {
    Digest::of_text(&facts.sha256()).expect("SHA-256 is written as 64 hexadecimal digits")
}
