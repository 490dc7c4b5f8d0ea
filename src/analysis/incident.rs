//! A counterexample as an incident: a file that a rehearsal plays with real transactions.

mod lines;
mod story;

use std::collections::BTreeSet;

use self::story::Story;
use super::claim::{Counterexample, Happening, Verdict};
use super::fate::{DomainName, Facts, Reading, choices};
use super::opening::Opening;
use super::play::{Armed, Play};
use super::{Analyst, Power};
use crate::governance::Attestations;
use crate::logic::{AtomSet, Formula};
use crate::policy::{Domain, Policy};

/// Who is on which side in an incident.
struct Sides<'a> {
    policy: &'a Policy,
    /// The questions in the terms in which the counterexample was found.
    play: &'a Play,
    /// The coalition, or those who are lost.
    set: AtomSet,
    /// The domains that are seized, if that alone puts all of it into their hands.
    domains: Vec<DomainName>,
    /// Whose keys the coalition has.
    mine: BTreeSet<String>,
    /// Whose keys are left to everybody else.
    theirs: BTreeSet<String>,
}

impl Sides<'_> {
    fn holds(&self, formula: &Formula) -> bool {
        formula.holds(&self.set)
    }

    /// Whether everybody else can do it.
    fn others_can(&self, formula: &Formula) -> bool {
        !formula.dual().holds(&self.set)
    }
}

impl Analyst<'_> {
    /// The incident that shows a counterexample, to be played with the policy that stands in this
    /// file, relative to the incident's; nothing where the claim holds, or where no incident of
    /// ten years can show it.  Where it holds as stated it is that of the worst case.
    #[must_use]
    pub fn incident(&self, verdict: &Verdict, policy_file: &str) -> Option<String> {
        let found = verdict.first_counterexample()?;
        let of_domains = !found.domains.is_empty();
        let key = |party: &str| match of_domains {
            true => self.actors().key(party),
            false => self.actors().of_parties(&self.actors().key(party)),
        };
        let names = || self.policy.parties().map(|party| party.name().to_owned());
        let facts = Facts::of(self.policy, &Attestations::default());
        // A domain that is seized holds what the policy says, and no more.
        let kinds: Vec<Domain> = found.domains.iter().map(|domain| domain.kind).collect();
        let is_seized = choices(self, &facts, Reading::Stated, &kinds)
            .iter()
            .any(|choice| choice.names() == found.domains && choice.members() == found.set);
        let sides = Sides {
            policy: self.policy,
            play: if of_domains {
                self.play()
            } else {
                self.by_party()
            },
            set: found.set.clone(),
            domains: match is_seized {
                true => found.domains.clone(),
                false => Vec::new(),
            },
            mine: names().filter(|name| key(name).holds(&found.set)).collect(),
            theirs: names()
                .filter(|name| !key(name).dual().holds(&found.set))
                .collect(),
        };
        let mut story = Story::new(&sides);
        let is_told = match found.what {
            Happening::Steal if found.defended => story.defended_theft(found),
            Happening::Steal => story.theft(found),
            Happening::Freeze => story.freeze(found.armed == Some(Armed::Armed)),
            Happening::BlockRescue => story.blocked_rescue(),
            Happening::Veto => story.veto(found),
            Happening::NoPath => story.no_path(found),
            Happening::ShortWindow => story.short_window(found),
            Happening::NoVeto => story.no_veto(found),
            Happening::NothingToVeto => false,
        };
        is_told.then(|| story.text(&verdict.claim, &found.to_string(), policy_file))
    }
}

/// The power and path of a step with what it waits for.
type Told = (Power, Option<String>, Opening);

fn told(found: &Counterexample) -> Vec<Told> {
    let steps = found.steps.iter();
    steps
        .map(|step| (step.power, step.path.clone(), step.after.clone()))
        .collect()
}
