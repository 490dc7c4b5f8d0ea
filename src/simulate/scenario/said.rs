//! What parties of an incident say, and how a case is expected to stand.

use std::fmt;

use super::Name;
use crate::governance::CaseOutcome;
use crate::units::Blocks;

/// Parties say something, each in an event of his own.
#[derive(Clone, Debug)]
pub struct Said {
    /// What.
    pub saying: Saying,
    /// Who.
    pub by: Vec<Name>,
    /// The case it is about, or that is proposed.
    pub case: Option<Name>,
    /// The path that a case or an alarm is about.
    pub path: Option<Name>,
    /// Why.
    pub why: Option<String>,
    /// For a vote, whether it is for the activation.
    pub approve: Option<bool>,
    /// For a decision, how the case ended.
    pub outcome: Option<CaseOutcome>,
    /// After how long it counts no more.
    pub expires: Option<Blocks>,
    /// What is wrong with it, if anything is.
    pub wrong: Option<Wrong>,
    /// The line it stands in, counted from one.
    pub line: usize,
}

impl Said {
    /// The word of the incident file.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self.wrong {
            Some(Wrong::Forged(_)) => "forge",
            Some(Wrong::Forked) => "fork",
            None => self.saying.as_str(),
        }
    }
}

/// What somebody says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saying {
    /// He is there.
    Heartbeat,
    /// His keys are where the policy says they are.
    Attest,
    /// Something is wrong.
    Alarm,
    /// His last alarm stands no more.
    Withdraw,
    /// There should be a case.
    Propose,
    /// His ballot about a case.
    Vote,
    /// The path of a case is to be activated.
    Activate,
    /// He objects to a case.
    Veto,
    /// A case is over.
    Decide,
}

impl Saying {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Heartbeat,
        Self::Attest,
        Self::Alarm,
        Self::Withdraw,
        Self::Propose,
        Self::Vote,
        Self::Activate,
        Self::Veto,
        Self::Decide,
    ];

    /// The word as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::Attest => "attest",
            Self::Alarm => "alarm",
            Self::Withdraw => "withdraw",
            Self::Propose => "propose",
            Self::Vote => "vote",
            Self::Activate => "activate",
            Self::Veto => "veto",
            Self::Decide => "decide",
        }
    }

    /// Whether it is about a case that was proposed before.
    #[must_use]
    pub const fn is_about_a_case(self) -> bool {
        matches!(
            self,
            Self::Vote | Self::Activate | Self::Veto | Self::Decide
        )
    }
}

/// What is wrong with something that is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is said in the name of this party, and signed with the key of another.
    Forged(Name),
    /// It follows the same event as the last thing its author said.
    Forked,
}

/// How a case stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseState {
    /// It waits for the terms of its path.
    Proposed,
    /// It is activated, perhaps by the word of a certain party.
    Activated(Option<String>),
    /// It is frozen, perhaps by a certain party.
    Frozen(Option<String>),
    /// It is vetoed.
    Vetoed,
    /// It is over.
    Over(CaseOutcome),
}

impl CaseState {
    /// Whether this is expected and another, with all its names, is so.
    #[must_use]
    pub fn is_met_by(&self, actual: &Self) -> bool {
        match (self, actual) {
            (Self::Activated(None), Self::Activated(_)) | (Self::Frozen(None), Self::Frozen(_)) => {
                true
            }
            _ => self == actual,
        }
    }

    /// Reads it as it is written.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        let by = |prefix: &str| text.strip_prefix(prefix).map(str::to_owned);
        Some(match text {
            "proposed" => Self::Proposed,
            "activated" => Self::Activated(None),
            "frozen" => Self::Frozen(None),
            "vetoed" => Self::Vetoed,
            "completed" => Self::Over(CaseOutcome::Completed),
            "abandoned" => Self::Over(CaseOutcome::Abandoned),
            _ => match (by("activated by "), by("frozen by ")) {
                (Some(party), _) => Self::Activated(Some(party)),
                (_, Some(party)) => Self::Frozen(Some(party)),
                _ => return None,
            },
        })
    }

    /// The party it names, if it names one.
    pub(in crate::simulate) fn party(&self) -> Option<&str> {
        match self {
            Self::Activated(by) | Self::Frozen(by) => by.as_deref(),
            Self::Proposed | Self::Vetoed | Self::Over(_) => None,
        }
    }
}

impl fmt::Display for CaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proposed => f.write_str("proposed"),
            Self::Activated(None) => f.write_str("activated"),
            Self::Activated(Some(by)) => write!(f, "activated by {by}"),
            Self::Frozen(None) => f.write_str("frozen"),
            Self::Frozen(Some(by)) => write!(f, "frozen by {by}"),
            Self::Vetoed => f.write_str("vetoed"),
            Self::Over(CaseOutcome::Completed) => f.write_str("completed"),
            Self::Over(CaseOutcome::Abandoned) => f.write_str("abandoned"),
        }
    }
}
