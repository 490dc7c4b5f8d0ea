//! Claims about a policy: from the command line, or from a file with one in each line.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::failure::BadClaim;
use super::render::{self, Screen};
use super::{Exit, Failure, input};
use crate::analysis::{Analyst, Claim, Verdict};
use crate::compile::{Compiled, PolicyId};
use crate::policy::Policy;

/// Claims that a policy is held to.
#[derive(Debug, Args)]
pub(super) struct ClaimArgs {
    /// Judge a claim, such as 'never 2 of agents before 30 days'; may be given several times
    #[arg(long, value_name = "CLAIM")]
    require: Vec<String>,
    /// Judge the claims of a file, one in each line; `#` begins a remark
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
}

/// What came of all claims.
#[derive(Debug, Serialize)]
pub(super) struct Judged {
    pub policy: String,
    pub id: PolicyId,
    pub passed: bool,
    pub claims: Vec<Verdict>,
}

impl ClaimArgs {
    /// Whether there is anything to judge.
    pub(super) const fn are_given(&self) -> bool {
        !self.require.is_empty() || self.claims.is_some()
    }

    /// Judges all claims, also those after one that does not hold.
    pub(super) fn judge(
        &self,
        file: &str,
        compiled: &Compiled,
        screen: &Screen,
    ) -> Result<Exit, Failure> {
        let policy = compiled.policy();
        let mut lines: Vec<Line> = (1..)
            .zip(&self.require)
            .map(|(number, text)| Line {
                place: format!("--require {number}"),
                text: text.clone(),
            })
            .collect();
        if let Some(path) = &self.claims {
            lines.extend(read(path)?);
        }
        let claims = parsed(&lines, policy)?;
        let judged = Judged {
            policy: policy.name().to_owned(),
            id: compiled.id(),
            claims: verdicts(file, policy, &claims)?,
            passed: true,
        };
        let judged = Judged {
            passed: judged.claims.iter().all(|verdict| verdict.proved),
            ..judged
        };
        screen.show(&judged, |width| render::claims(&judged, width))?;
        Ok(if judged.passed { Exit::Ok } else { Exit::Unmet })
    }
}

/// A claim as it was written, and where.
pub(super) struct Line {
    place: String,
    text: String,
}

/// The claims of a file.
pub(super) fn read(path: &Path) -> Result<Vec<Line>, Failure> {
    let text = input::policy_text(path)?;
    let lines = (1..).zip(text.text.lines()).map(|(number, line)| Line {
        place: format!("`{}`, line {number}", text.file),
        text: line.split('#').next().unwrap_or_default().trim().to_owned(),
    });
    let lines: Vec<Line> = lines.filter(|line| !line.text.is_empty()).collect();
    if lines.is_empty() {
        return Err(Failure::NoClaims { file: text.file });
    }
    Ok(lines)
}

/// The claims, or all that is wrong with them.
pub(super) fn parsed(lines: &[Line], policy: &Policy) -> Result<Vec<Claim>, Failure> {
    let mut claims = Vec::new();
    let mut bad = Vec::new();
    for line in lines {
        match Claim::parse(&line.text, policy) {
            Ok(claim) => claims.push(claim),
            Err(error) => bad.push(BadClaim {
                place: line.place.clone(),
                text: line.text.clone(),
                error,
            }),
        }
    }
    if bad.is_empty() {
        Ok(claims)
    } else {
        Err(Failure::Claims(bad))
    }
}

/// A verdict for each claim.
pub(super) fn verdicts(
    file: &str,
    policy: &Policy,
    claims: &[Claim],
) -> Result<Vec<Verdict>, Failure> {
    let mut analyst = Analyst::of(policy);
    let verdicts = claims.iter().map(|claim| analyst.judge(claim));
    verdicts
        .collect::<Result<_, _>>()
        .map_err(|source| Failure::Analysis {
            file: file.to_owned(),
            source,
        })
}
