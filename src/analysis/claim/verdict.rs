//! What came of a claim.

use std::fmt;

use serde::Serialize;

use super::super::fate::DomainName;
use super::super::play::Armed;
use super::super::result::Step;
use crate::logic::AtomSet;

/// Whether a claim holds, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The claim as it was written.
    pub claim: String,
    /// Whether it holds.
    pub proved: bool,
    /// What it rests on if it holds.
    pub rests_on: Vec<Rests>,
    /// A smallest coalition or loss against it, if it does not hold.
    pub counterexample: Option<Counterexample>,
    /// The same in the worst case that attestations leave, for a claim about domains that was
    /// judged with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<WorstCase>,
}

impl Verdict {
    /// Whether it holds in every reading in which it was judged.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.proved && self.worst.as_ref().is_none_or(|worst| worst.proved)
    }

    /// The counterexample as stated, or else the one of the worst case.
    #[must_use]
    pub fn first_counterexample(&self) -> Option<&Counterexample> {
        let worst = self.worst.as_ref();
        let worst = worst.and_then(|worst| worst.counterexample.as_ref());
        self.counterexample.as_ref().or(worst)
    }
}

/// Whether a claim holds when only what is attested counts as independence.
#[derive(Clone, Debug, Serialize)]
pub struct WorstCase {
    /// Whether it holds.
    pub proved: bool,
    /// What it rests on if it holds.
    pub rests_on: Vec<Rests>,
    /// Domains against it, with as few in them as can be.
    pub counterexample: Option<Counterexample>,
}

/// What a proof rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rests {
    /// Locks and signatures, which the chain judges.
    Consensus,
    /// Files signed in advance being where they should be.
    Files,
    /// Everybody else watching the chain, with fees, and acting in time.
    Watching,
    /// The custody facts of the policy, which nobody has attested.
    Custody,
    /// What parties have attested of their custody, and nothing else.
    Attested,
}

impl Rests {
    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Consensus => "consensus",
            Self::Files => "files being where they should be",
            Self::Watching => "everybody else watching, with fees",
            Self::Custody => "custody as the policy states it",
            Self::Attested => "custody as it is attested",
        }
    }
}

/// What happens in a counterexample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Happening {
    /// They take a coin.
    Steal,
    /// They keep every coin from everybody else.
    Freeze,
    /// They keep the others from rescuing coins once root is gone.
    BlockRescue,
    /// They undo a trigger.
    Veto,
    /// With them lost, no coin moves in time.
    NoPath,
    /// A path can be completed too soon after its trigger.
    ShortWindow,
    /// With them lost, a path can be triggered and nobody can veto.
    NoVeto,
    /// No path is staged, so there is nothing to veto.
    NothingToVeto,
}

/// What happens against a claim.
#[derive(Clone, Debug, Serialize)]
pub struct Counterexample {
    /// What happens.
    pub what: Happening,
    /// Who does it, or who is lost: no fewer do.
    pub who: Vec<String>,
    /// The domains that put them into one hand, where the claim is about domains.
    pub domains: Vec<DomainName>,
    /// Those of them who are not said to be in these domains, and of whom nobody attests that they
    /// are elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supposed: Vec<String>,
    /// Whether with an armed coin, where that matters.
    pub armed: Option<Armed>,
    /// Against whatever everybody else does.
    pub defended: bool,
    /// The path it is about.
    pub path: Option<String>,
    /// How long all waits are together, in seconds, ten minutes to a block; for a loss, how long
    /// no path opens, nothing if none ever does.
    pub seconds: Option<u64>,
    /// The last date or height before it, as seconds since 1970.
    pub unlock_seconds: Option<u64>,
    /// The transactions.
    pub steps: Vec<Step>,
    #[serde(skip)]
    pub(in crate::analysis) set: AtomSet,
    /// The time of the claim in seconds: before which, or within which.
    #[serde(skip)]
    pub(in crate::analysis) time: Option<u64>,
}

impl Counterexample {
    pub(super) fn of(what: Happening, set: AtomSet) -> Self {
        Self {
            what,
            who: Vec::new(),
            domains: Vec::new(),
            supposed: Vec::new(),
            armed: None,
            defended: false,
            path: None,
            seconds: None,
            unlock_seconds: None,
            steps: Vec::new(),
            set,
            time: None,
        }
    }

    /// Who it is, in words.
    fn whom(&self) -> String {
        let domains = self.domains.iter();
        let domains: Vec<String> = domains.map(ToString::to_string).collect();
        let who = match self.who.is_empty() {
            true => "nobody".to_owned(),
            false => list(&self.who),
        };
        let supposed = match self.supposed.as_slice() {
            [] => String::new(),
            all if all.len() == self.who.len() => {
                "; nobody attests that any of them is elsewhere".to_owned()
            }
            [one] => format!("; nobody attests that {one} is elsewhere"),
            some => format!("; nobody attests that {} are elsewhere", list(some)),
        };
        match domains.is_empty() {
            true => who,
            false => format!("whoever has {} ({who}{supposed})", list(&domains)),
        }
    }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = self.whom();
        let coin = match self.armed {
            Some(Armed::Armed) => "an armed coin",
            Some(Armed::Unarmed) => "a coin without files",
            None => "a coin",
        };
        let path = self.path.as_deref().unwrap_or_default();
        let after = |seconds: Option<u64>| match seconds {
            Some(seconds) => span(seconds),
            None => "for ever".to_owned(),
        };
        match self.what {
            Happening::Steal => {
                let when = match self.seconds.unwrap_or_default() {
                    seconds if seconds < 7_200 => "at once".to_owned(),
                    seconds => format!("after {}", span(seconds)),
                };
                let against = if self.defended {
                    "whatever the others do"
                } else {
                    "when nobody defends it"
                };
                write!(f, "{who} can take {coin} {when}, {against}")
            }
            Happening::Freeze => {
                write!(f, "{who} can keep {coin} from everybody else for ever")
            }
            Happening::BlockRescue => {
                write!(
                    f,
                    "once root is gone, {who} can keep the others from every rescue"
                )
            }
            Happening::Veto => write!(f, "{who} can undo a trigger of {path}"),
            Happening::NoPath => match self.seconds {
                Some(seconds) => write!(
                    f,
                    "without {who}, {coin} cannot move for {}",
                    after(Some(seconds))
                ),
                None => write!(f, "without {who}, {coin} never moves again"),
            },
            Happening::ShortWindow => write!(
                f,
                "a trigger of {path} can be completed after {}, and is beyond a veto then",
                after(self.seconds)
            ),
            Happening::NoVeto => write!(
                f,
                "without {who}, {path} can be triggered and nobody can veto"
            ),
            Happening::NothingToVeto => f.write_str("no path is staged, so nobody can ever veto"),
        }
    }
}

/// So many seconds in the longest unit that tells them well.
fn span(seconds: u64) -> String {
    match seconds {
        0..=7_199 => format!("{} minutes", seconds / 60),
        7_200..=172_799 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Names as a list: `a`, `a and b`, `a, b and c`.
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
