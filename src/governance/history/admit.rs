//! Taking an event into a history, or saying why not.

use thiserror::Error;

use super::super::event::{Body, Digest, EventId, Identity, Kind, Rotation, SignedEvent};
use super::rotation::{RotationRow, identity_of, merged_past};
use super::{Charter, ForkRow, History, Known, Line, Place};
use crate::policy::{Network, quote};
use crate::units::ChainTime;

/// Why an event is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is about another policy.
    #[error("it is about another policy, {policy_id}")]
    OtherPolicy {
        /// Its id.
        policy_id: String,
    },
    /// It is for another network.
    #[error("it is for {network}, and the policy for {expected}")]
    OtherNetwork {
        /// Its network.
        network: Network,
        /// The policy's.
        expected: Network,
    },
    /// Nobody of that name is in the policy.
    #[error("its author {} is no party of the policy", quote(author))]
    UnknownAuthor {
        /// The name.
        author: String,
    },
    /// The author has no identity by then.
    #[error("party {} has no identity that could sign it", quote(author))]
    NoIdentity {
        /// The author.
        author: String,
    },
    /// Another key has signed it.
    #[error(
        "it is signed by {signer}, and {} signs with {expected} as far as it had seen",
        quote(author)
    )]
    OtherKey {
        /// The author.
        author: String,
        /// The key that signed.
        signer: Digest,
        /// The key that should have.
        expected: Digest,
    },
    /// Events it had seen are not here.
    #[error("{} it had seen {} not here: {}", count(missing.len(), "event"), if missing.len() == 1 { "is" } else { "are" }, list(missing))]
    Missing {
        /// Which.
        missing: Vec<EventId>,
    },
    /// What it gives as its author's event before is somebody else's.
    #[error("the event before it, {previous}, is not its author's")]
    NotHisOwn {
        /// The event.
        previous: EventId,
    },
    /// It is dated before something it had seen.
    #[error(
        "it is dated {} at height {}, before {} at height {} of what it had seen",
        at.median_time_past, at.height, seen.median_time_past, seen.height
    )]
    TimeRunsBack {
        /// When it is dated.
        at: ChainTime,
        /// The latest of what it had seen, by each clock.
        seen: ChainTime,
    },
    /// A path it names does not exist, or is none that can have a case.
    #[error("{} is no staged path of the policy", quote(path))]
    UnknownPath {
        /// The path.
        path: String,
    },
    /// The case or alarm it is about is not among what it had seen.
    #[error("{id} is not {} that it had seen", wanted(*kind))]
    NotSeen {
        /// The event it is about.
        id: EventId,
        /// What that should be.
        kind: Kind,
    },
    /// An alarm of somebody else is withdrawn.
    #[error("the alarm {alarm} is not its author's to withdraw")]
    NotHisAlarm {
        /// The alarm.
        alarm: EventId,
    },
    /// A change of identity that cannot be.
    #[error("the identity of {} cannot change so: {reason}", quote(party))]
    Rotation {
        /// The party.
        party: String,
        /// Why.
        reason: &'static str,
    },
}

/// Why an event was not admitted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AdmitError<E> {
    /// The event does not belong here.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What is here cannot be read.
    #[error(transparent)]
    Store(E),
}

impl History {
    /// Takes an event and says where it stands, to be [looked up](Known) from then on.
    ///
    /// An event that was admitted before must not be admitted again: ask for its place first.
    ///
    /// # Errors
    ///
    /// Why it is not taken; the history is as it was.
    pub fn admit<K: Known>(
        &mut self,
        charter: &Charter,
        known: &K,
        signed: &SignedEvent,
    ) -> Result<Place, AdmitError<K::Error>> {
        let event = signed.event();
        let author = event.author.as_str();
        let policy = charter.policy();
        if event.policy_id != charter.id() {
            let policy_id = event.policy_id.to_string();
            return Err(Refusal::OtherPolicy { policy_id }.into());
        }
        if event.network != policy.network() {
            return Err(Refusal::OtherNetwork {
                network: event.network,
                expected: policy.network(),
            }
            .into());
        }
        if policy.party(author).is_none() {
            let author = author.to_owned();
            return Err(Refusal::UnknownAuthor { author }.into());
        }
        let find = |id| known.place(id).map_err(AdmitError::Store);
        let mut parents = Vec::new();
        let mut missing = Vec::new();
        for id in event.parents() {
            match find(id)? {
                Some(place) => parents.push(place),
                None => missing.push(id),
            }
        }
        if !missing.is_empty() {
            return Err(Refusal::Missing { missing }.into());
        }
        let seen = parents
            .iter()
            .fold(ChainTime::default(), |seen, parent| later(seen, parent.at));
        if later(seen, event.at) != event.at {
            return Err(Refusal::TimeRunsBack { at: event.at, seen }.into());
        }
        let mut past = merged_past(&parents);
        let Some(expected) = identity_of(charter, &self.rotations, &past, author) else {
            let author = author.to_owned();
            return Err(Refusal::NoIdentity { author }.into());
        };
        let signer = Identity::from(*signed.signer());
        if signer != expected {
            return Err(Refusal::OtherKey {
                author: author.to_owned(),
                signer: signer.digits(),
                expected: expected.digits(),
            }
            .into());
        }
        self.check_subject(charter, known, signed, &past)?;

        // The author's own chain.
        let before = match (event.previous, parents.first()) {
            (Some(previous), Some(place)) => {
                let line = self.lines.get(place.line);
                if line.is_none_or(|line| line.author != author) {
                    return Err(Refusal::NotHisOwn { previous }.into());
                }
                Some((place.line, place.nth))
            }
            _ => None,
        };
        let sibling = self.sibling(known, author, before)?;

        // Nothing can fail from here on.
        let (line, nth) = self.extend(author, before, signed.id(), sibling.is_some());
        if let Some(sibling) = sibling {
            self.note_fork(author, event.previous, before, [sibling, signed.id()]);
        }
        if past.len() <= line {
            past.resize(line + 1, 0);
        }
        if let Some(own) = past.get_mut(line) {
            *own = nth;
        }
        for parent in event.parents() {
            self.heads.remove(&parent);
        }
        self.heads.insert(signed.id());
        self.count += 1;
        self.latest = later(self.latest, event.at);
        if let Body::Rotation(Rotation {
            party,
            replaces,
            identity,
            ..
        }) = &event.body
        {
            self.rotations.push(RotationRow {
                id: signed.id(),
                author: author.to_owned(),
                line,
                nth,
                party: party.clone(),
                replaces: *replaces,
                identity: *identity,
            });
        }
        let depth = parents.iter().map(|parent| parent.depth).max();
        Ok(Place {
            line,
            nth,
            depth: depth.unwrap_or_default().saturating_add(1),
            at: event.at,
            kind: event.body.kind(),
            previous: event.previous,
            past,
        })
    }

    /// Whether what the event is about is there and known to it.
    fn check_subject<K: Known>(
        &self,
        charter: &Charter,
        known: &K,
        signed: &SignedEvent,
        past: &[u32],
    ) -> Result<(), AdmitError<K::Error>> {
        let event = signed.event();
        let policy = charter.policy();
        let staged = |path: &String| {
            let is_staged = policy
                .path(path)
                .is_some_and(|path| path.staged().is_some());
            let unknown = || Refusal::UnknownPath { path: path.clone() };
            is_staged.then_some(()).ok_or_else(unknown)
        };
        let subject = |id: EventId, kind: Kind| {
            let place = known.place(id).map_err(AdmitError::Store)?;
            let place = place.filter(|place| {
                let seen = past.get(place.line).copied().unwrap_or_default();
                place.kind == kind && seen >= place.nth
            });
            place.ok_or(AdmitError::Refused(Refusal::NotSeen { id, kind }))
        };
        if let Some(case) = event.body.case() {
            subject(case, Kind::Proposal)?;
        }
        match &event.body {
            Body::Proposal(proposal) => staged(&proposal.path)?,
            Body::Acknowledgement(body) => staged(&body.path)?,
            Body::Arming(body) => staged(&body.path)?,
            Body::Alarm(alarm) => alarm.path.as_ref().map_or(Ok(()), staged)?,
            Body::Withdrawal(withdrawal) => {
                let place = subject(withdrawal.alarm, Kind::Alarm)?;
                let line = self.lines.get(place.line);
                if line.is_none_or(|line| line.author != event.author) {
                    let alarm = withdrawal.alarm;
                    return Err(Refusal::NotHisAlarm { alarm }.into());
                }
            }
            Body::Rotation(rotation) => self.check_rotation(charter, rotation, past)?,
            Body::Heartbeat(_)
            | Body::Attestation(_)
            | Body::Ratification(_)
            | Body::Ballot(_)
            | Body::Activation(_)
            | Body::Veto(_)
            | Body::SpendIntent(_)
            | Body::Decision(_) => {}
        }
        Ok(())
    }

    fn check_rotation(
        &self,
        charter: &Charter,
        rotation: &Rotation,
        past: &[u32],
    ) -> Result<(), Refusal> {
        let refuse = |reason| Refusal::Rotation {
            party: rotation.party.clone(),
            reason,
        };
        let policy = charter.policy();
        if policy.party(&rotation.party).is_none() {
            return Err(refuse("there is no such party"));
        }
        let current = identity_of(charter, &self.rotations, past, &rotation.party);
        if current != Some(rotation.replaces) {
            return Err(refuse("the key it replaces is not the one that counts"));
        }
        let Some(identity) = rotation.identity else {
            return Ok(());
        };
        let in_policy = policy
            .parties()
            .filter_map(|party| party.identity())
            .any(|key| Identity::from(*key) == identity);
        // Only what it had seen: two who choose one key at the same time are both taken, or it
        // would turn on which of them arrives first.
        let elsewhere = self.rotations.iter().any(|row| {
            row.party != rotation.party && row.identity == Some(identity) && row.is_known_to(past)
        });
        if in_policy || elsewhere {
            return Err(refuse("the new key is or was in use"));
        }
        Ok(())
    }

    /// Another event of the author that follows the same one, if there is one.
    fn sibling<K: Known>(
        &self,
        known: &K,
        author: &str,
        before: Option<(usize, u32)>,
    ) -> Result<Option<EventId>, AdmitError<K::Error>> {
        let own = || {
            self.lines
                .iter()
                .enumerate()
                .filter(|(_, line)| line.author == author)
        };
        let rival = match before {
            // The line goes on already, or another has left it here.
            Some((line, nth)) => own().find(|(at, other)| {
                (*at == line && other.length > nth) || other.left == Some((line, nth))
            }),
            None => own().find(|(_, other)| other.left.is_none()),
        };
        let Some((at, rival)) = rival else {
            return Ok(None);
        };
        let first = match before {
            Some((line, nth)) if line == at => nth + 1,
            _ => 1,
        };
        // Back along the line to the event that follows.  Forks are rare, so nothing is kept to
        // make this quick.
        let mut id = rival.last;
        loop {
            let place = known.place(id).map_err(AdmitError::Store)?;
            match place {
                Some(place) if place.nth > first || place.line != at => match place.previous {
                    Some(previous) => id = previous,
                    None => return Ok(Some(id)),
                },
                _ => return Ok(Some(id)),
            }
        }
    }

    fn extend(
        &mut self,
        author: &str,
        before: Option<(usize, u32)>,
        id: EventId,
        is_fork: bool,
    ) -> (usize, u32) {
        if let (Some((at, _)), false) = (before, is_fork)
            && let Some(line) = self.lines.get_mut(at)
        {
            line.length += 1;
            line.last = id;
            return (at, line.length);
        }
        self.lines.push(Line {
            author: author.to_owned(),
            left: before,
            length: 1,
            last: id,
        });
        (self.lines.len() - 1, 1)
    }

    fn note_fork(
        &mut self,
        author: &str,
        after: Option<EventId>,
        from: Option<(usize, u32)>,
        children: [EventId; 2],
    ) {
        let mut forks = self.forks.iter_mut();
        match forks.find(|fork| fork.author == author && fork.after == after) {
            Some(fork) => fork.children.extend(children),
            None => self.forks.push(ForkRow {
                author: author.to_owned(),
                after,
                from,
                children: children.into_iter().collect(),
            }),
        }
    }
}

/// The later of two times by each clock for itself.
fn later(one: ChainTime, other: ChainTime) -> ChainTime {
    ChainTime {
        height: one.height.max(other.height),
        median_time_past: one.median_time_past.max(other.median_time_past),
    }
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Proposal => "the proposal of a case",
        Kind::Alarm => "an alarm",
        _ => "an event",
    }
}

fn count(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

fn list(ids: &[EventId]) -> String {
    let ids: Vec<String> = ids.iter().take(4).map(ToString::to_string).collect();
    ids.join(", ")
}
