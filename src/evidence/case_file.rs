//! How the case stands, as JSON and as text, and what belongs to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::FORMAT;
use crate::governance::{
    Body, Cases, Digest, EventId, Identity, SignedEvent, Status, Word, replay,
};
use crate::ledger::{Head, Ledger, LedgerError, Store, origin, verifier_key};
use crate::policy::{Network, quote};
use crate::units::{ChainTime, format_date_time};

/// What evidence is about: which case, at what time of the chain, and whose ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct About {
    pub case: EventId,
    pub now: ChainTime,
    /// Who signs how much his ledger holds.
    pub party: String,
}

/// The JSON file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile<S> {
    longstop_evidence: u32,
    policy_id: Digest,
    network: Network,
    case: EventId,
    now: ChainTime,
    checkpoint: Signer,
    events: Vec<Row>,
    status: S,
}

/// Who signed the checkpoint, and what it says.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signer {
    party: String,
    origin: String,
    verifier_key: String,
    size: u64,
    root: String,
}

/// An event of the case.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    event: EventId,
    position: u64,
    author: String,
    kind: String,
    height: u32,
    median_time_past: u32,
}

/// What a ledger tells of a case.
pub(super) struct Told {
    pub json: String,
    pub text: String,
    /// The events of the case and where they are.
    pub events: Vec<(EventId, u64)>,
    /// The rules whose verdicts are in it, by their digests.
    pub rules: BTreeMap<Digest, String>,
    /// How many activations of the ledger have the verdict of a rule.
    pub judged: u64,
}

/// Why nothing is told of a case.
pub(super) enum NotTold {
    Ledger(LedgerError),
    /// There is none at that time.
    NoCase,
    /// The party has no identity.
    NoIdentity,
}

impl From<LedgerError> for NotTold {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl About {
    /// What a JSON file is about.
    pub(super) fn read(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            longstop_evidence: u32,
        }
        let wrong = |error: serde_json::Error| quote(&error.to_string());
        let version: Version = serde_json::from_slice(json).map_err(wrong)?;
        if version.longstop_evidence != FORMAT {
            return Err(format!(
                "the evidence has form {}, and this program knows form {FORMAT}: use the program that wrote it",
                version.longstop_evidence
            ));
        }
        let file: CaseFile<serde_json::Value> = serde_json::from_slice(json).map_err(wrong)?;
        Ok(Self {
            case: file.case,
            now: file.now,
            party: file.checkpoint.party,
        })
    }

    /// What a ledger tells of it, whose lines come to this.
    pub(super) fn tell<S: Store>(&self, ledger: &Ledger<S>, head: Head) -> Result<Told, NotTold> {
        let charter = ledger.charter();
        let identity = ledger.history().identity(charter, &self.party);
        let identity = identity.ok_or(NotTold::NoIdentity)?;
        let memory = ledger.in_memory()?;
        let words = memory.told().into_iter().map(Word::from);
        let cases = replay(words, self.now, charter.policy());
        let status = self
            .status(&cases, charter.policy())
            .ok_or(NotTold::NoCase)?;
        let mut events = Vec::new();
        let mut rules = BTreeMap::new();
        let mut rows = Vec::new();
        let mut judged = 0;
        for (position, record) in (0..).zip(ledger.store().records(0)) {
            // All of them were verified when they were read into memory.
            let id = EventId(Digest(record.map_err(LedgerError::from)?.id));
            let Some(signed) = memory.event(id) else {
                continue;
            };
            let judgement = match &signed.event().body {
                Body::Activation(activation) => activation.judgement.as_ref(),
                _ => None,
            };
            judged += u64::from(judgement.is_some());
            if !self.is_about(signed) {
                continue;
            }
            if let Some(judgement) = judgement {
                let digest = Digest::sha256(judgement.rule.as_bytes());
                rules.insert(digest, judgement.rule.clone());
            }
            events.push((id, position));
            rows.push(row(position, signed));
        }
        let text = self.text(&status, &rows, charter.policy().name(), charter.id());
        let file = CaseFile {
            longstop_evidence: FORMAT,
            policy_id: charter.id(),
            network: charter.policy().network(),
            case: self.case,
            now: self.now,
            checkpoint: self.signer(charter.id(), identity, head),
            events: rows,
            status,
        };
        let json = serde_json::to_string_pretty(&file);
        let json = json.expect("numbers and texts can always be written as JSON") + "\n";
        Ok(Told {
            json,
            text,
            events,
            rules,
            judged,
        })
    }

    fn status(&self, cases: &Cases, policy: &crate::policy::Policy) -> Option<Status> {
        let (docket, case) = cases.case(self.case)?;
        docket.status(case.id, policy)
    }

    fn is_about(&self, signed: &SignedEvent) -> bool {
        signed.id() == self.case || signed.event().body.case() == Some(self.case)
    }

    fn signer(&self, policy: Digest, identity: Identity, head: Head) -> Signer {
        Signer {
            party: self.party.clone(),
            origin: origin(policy, &self.party),
            verifier_key: verifier_key(&self.party, identity.key()),
            size: head.size,
            root: head.root.to_string(),
        }
    }

    fn text(&self, status: &Status, rows: &[Row], name: &str, policy: Digest) -> String {
        let mut text = format!(
            "Case {}\nof the policy {}, {policy},\nas it stands at block {} and the median time {} UTC,\nfrom the ledger of {}\n\n",
            self.case,
            quote(name),
            self.now.height,
            format_date_time(self.now.median_time_past),
            self.party,
        );
        text += "What stands behind each sentence: the rules of the chain (consensus), honest\nsoftware (software), or nothing needs to (fact).\n\n";
        for statement in &status.statements {
            let indent = "  ".repeat(statement.depth);
            let guarantee = statement.guarantee.to_string();
            let _ = writeln!(text, "{guarantee:9}  {indent}{}", statement.text);
        }
        text += "\nIts events, with their positions in the ledger:\n\n";
        for row in rows {
            let at = crate::units::UnixTime(row.median_time_past);
            let _ = writeln!(
                text,
                "{:>9}  {}  {} UTC, block {}, {} of {}",
                row.position,
                row.event,
                format_date_time(at),
                row.height,
                row.kind,
                row.author
            );
        }
        text
    }
}

fn row(position: u64, signed: &SignedEvent) -> Row {
    let event = signed.event();
    Row {
        event: signed.id(),
        position,
        author: event.author.clone(),
        kind: event.body.kind().name().to_owned(),
        height: event.at.height.0,
        median_time_past: event.at.median_time_past.0,
    }
}
