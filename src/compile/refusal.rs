//! What a policy author can mend of what the compiler refuses.

use super::{CompileError, LeafKind, Stage};
use crate::policy::{Code, MAX_RUNG, Part, Refusal};

impl CompileError {
    /// What is wrong with the policy, or nothing if the fault is the compiler's.
    ///
    /// [`Checked::refuse`](crate::policy::Checked::refuse) gives it a place in the policy's text.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let message = self.to_string();
        Some(match self {
            Self::Limit { stage, excess } => {
                let part = excess.part.clone().unwrap_or_else(|| part_of(stage));
                let mut parts = vec![(part, format!("too much for the {stage}"))];
                if excess.of_script {
                    parts.push((Part::Script, "allows no more".to_owned()));
                }
                Refusal {
                    code: Code::BeyondLimit,
                    message: format!(
                        "the {stage} of this policy cannot be spent: {}",
                        excess.reason
                    ),
                    help: excess.remedy.clone(),
                    parts,
                }
            }
            Self::Undecided { stage, .. } => Refusal {
                code: Code::BeyondLimit,
                message,
                help: "use fewer paths, or smaller quorums".to_owned(),
                parts: vec![(part_of(stage), format!("too much for the {stage}"))],
            },
            Self::Given { reason, path } => {
                let place = (Part::Descriptor, "made elsewhere".to_owned());
                let path = path.clone().map(Part::Path);
                let path = path.map(|path| (path, "not in the descriptor".to_owned()));
                Refusal {
                    code: Code::DescriptorUnfit,
                    message: format!("`descriptor` is not what the policy says: {reason}"),
                    help: "copy the descriptor again, or say in the policy what it means: `longstop import` writes that; without `descriptor` the vault is written anew".to_owned(),
                    parts: std::iter::once(place).chain(path).collect(),
                }
            }
            Self::Rungs {
                leaf,
                lower,
                higher,
                needed,
                fitting,
            } => Refusal {
                code: Code::RungsTooClose,
                message: format!("the rungs of {lower} and {higher} sat/vB are too close"),
                help: rungs_apart(leaf, *needed, *fitting),
                parts: vec![
                    (
                        Part::Rung(*higher),
                        "might not replace the lower one".to_owned(),
                    ),
                    (
                        Part::Rung(*lower),
                        "might weigh less than it pays for".to_owned(),
                    ),
                ],
            },
            Self::Refused { .. } | Self::Meaning { .. } | Self::RepeatedKey { .. } => return None,
        })
    }
}

/// What a stage as a whole is of.
fn part_of(stage: &Stage) -> Part {
    match stage {
        Stage::Vault => Part::Root,
        Stage::Escrow(path) | Stage::Lockup(path) => Part::Path(path.clone()),
    }
}

/// How two rungs come to be far enough apart.
pub(super) fn rungs_apart(leaf: &LeafKind, needed: u64, fitting: u64) -> String {
    let mend = if needed <= MAX_RUNG {
        format!("make the higher one at least {needed}")
    } else {
        format!("make the lower one at most {fitting}")
    };
    format!(
        "a transaction through `{leaf}` at the higher one has to replace that at the lower one, whoever signed it; {mend}"
    )
}
