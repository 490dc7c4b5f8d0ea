//! Ledgers: what they hold, what became of events, and what was verified.

use super::{BOLD, DIM, GREEN, RED, YELLOW, counted, hanging, paint, shown};
use crate::cli::ledger::{
    Appended, Became, Begun, Compared, Exported, Finding, Imported, Line, Listed, Proof, Repaired,
    ShownEvent, Signed, Source, Verification, WholeEvent,
};
use crate::governance::{Body, CaseOutcome, EventId, Fork};
use crate::ledger::Head;
use crate::units::{ChainTime, format_date_time};

/// So many digits of an id are enough to tell events of one ledger apart.
const SHORT: usize = 12;

/// The beginning of an id.
pub(super) fn short(id: EventId) -> String {
    id.to_string().chars().take(SHORT).collect()
}

/// A time of the chain.
pub(in crate::cli) fn when(at: ChainTime) -> String {
    let date = format_date_time(at.median_time_past);
    format!("{date} UTC, block {}", at.height)
}

fn head_says(head: Head) -> String {
    format!("{}, root {}", counted(head.size, "event"), head.root)
}

/// A row of a label and a value.
pub(super) fn row(label: &str, value: &str, width: usize) -> String {
    hanging(&format!("{label:14}"), DIM, &shown(value), width)
}

/// A ledger that was begun.
pub(in crate::cli) fn begun_ledger(begun: &Begun<'_>, width: usize) -> String {
    let founded = &begun.founded;
    let begins = format!(
        "{} {}, about {} ({})\n",
        paint(GREEN, "begun:"),
        begun.ledger,
        shown(begun.policy),
        founded.network
    );
    let mut text = begins;
    text += &row("policy id", &founded.policy_id, width);
    text += &row("genesis", &founded.genesis, width);
    text += &row("first address", founded.first_address, width);
    text += &row("descriptors", &checksums(founded.descriptors), width);
    text += &hanging(
        "next: ",
        BOLD,
        "every party compares these with the others, and signs them with `longstop policy ratify`; nobody pays to the vault before all have",
        width,
    );
    text
}

/// Descriptors by their checksums, of which there is one in each.
pub(super) fn checksums(descriptors: &[String]) -> String {
    let sums = descriptors.iter().filter_map(|text| text.rsplit_once('#'));
    let sums: Vec<String> = sums.map(|(_, sum)| format!("#{sum}")).collect();
    format!("{}: {}", descriptors.len(), sums.join(" "))
}

/// What became of lines.
pub(in crate::cli) fn appended(appended: &Appended, width: usize) -> String {
    let mut text = String::new();
    for line in &appended.lines {
        text += &became(line, width);
    }
    let head = head_says(appended.head);
    text += &format!("{}: {head}\n", appended.ledger);
    text
}

fn became(line: &Line, width: usize) -> String {
    let (word, style) = match line.became {
        Became::New => ("new", GREEN),
        Became::Known => ("known", DIM),
        Became::Waiting => ("waiting", YELLOW),
        Became::Refused => ("refused", RED),
    };
    let mut says = Vec::new();
    says.extend(line.event.map(short));
    says.extend(line.position.map(|position| format!("at {position}")));
    says.extend(line.why.as_deref().map(shown));
    let label = format!("line {}: {word}  ", line.line);
    hanging(&label, style, &says.join(", "), width)
}

/// What was taken from bundles.
pub(in crate::cli) fn imported(imported: &Imported, width: usize) -> String {
    let mut text = String::new();
    for source in &imported.sources {
        text += &taken(source, width);
    }
    let head = head_says(imported.head);
    text += &format!("{}: {} new; {head}\n", imported.ledger, imported.new);
    text
}

fn taken(source: &Source, width: usize) -> String {
    let mut text = format!(
        "{}: {} new, {} known, {} refused, {} waiting\n",
        source.file,
        source.new,
        source.known,
        source.refused.len(),
        source.waiting.len()
    );
    for refused in &source.refused {
        let label = format!("  line {}: refused  ", refused.line);
        text += &hanging(&label, RED, &shown(&refused.why), width);
    }
    for waiting in &source.waiting {
        let label = format!("  line {}: waiting  ", waiting.line);
        let missing: Vec<String> = waiting.missing.iter().map(|id| short(*id)).collect();
        let says = format!(
            "{} knows of {}; import it again with {}",
            short(waiting.event),
            missing.join(", "),
            if missing.len() == 1 { "that" } else { "those" }
        );
        text += &hanging(&label, YELLOW, &says, width);
    }
    text
}

/// What was written.
pub(in crate::cli) fn ledger_exported(exported: &Exported) -> String {
    let file = exported.file.as_deref().unwrap_or("-");
    format!(
        "{} of {} written to {file}\n",
        counted(exported.count, "event"),
        exported.head.size
    )
}

/// A list of events.
pub(in crate::cli) fn events(listed: &Listed<'_>, width: usize) -> String {
    let mut text = String::new();
    for event in &listed.events {
        text += &listed_event(event, width);
    }
    text += &forks(&listed.forks, width);
    text += &format!("{}: {}\n", listed.ledger, head_says(listed.head));
    text
}

fn listed_event(event: &ShownEvent<'_>, width: usize) -> String {
    let label = format!("{:>4}  {}  ", event.position, short(event.event));
    let mark = match (event.fork, event.after_fork) {
        (true, _) => format!(" {}", paint(RED, "[fork]")),
        (false, true) => format!(" {}", paint(YELLOW, "[after a fork]")),
        (false, false) => String::new(),
    };
    let mut text = format!(
        "{}{} {}{mark}\n",
        paint(DIM, &label),
        when(event.at),
        paint(BOLD, &shown(event.author)),
    );
    let indent = " ".repeat(6);
    text += &hanging(&indent, DIM, &shown(&says(event.body)), width);
    text
}

/// Who has told two stories.
pub(super) fn forks(forks: &[Fork], width: usize) -> String {
    let mut text = String::new();
    for fork in forks {
        let after = match fork.after {
            Some(id) => format!("after {}", short(id)),
            None => "from the beginning".to_owned(),
        };
        let children: Vec<String> = fork.children.iter().map(|id| short(*id)).collect();
        let says = format!(
            "{} has told two stories {after}: {}",
            fork.author,
            children.join(" and ")
        );
        text += &hanging("fork: ", RED, &shown(&says), width);
    }
    text
}

/// One event whole.
pub(in crate::cli) fn event(whole: &WholeEvent<'_>, width: usize) -> String {
    let event = &whole.shown;
    let mut text = format!(
        "{} {}\n",
        paint(BOLD, &shown(event.author)),
        shown(&says(event.body))
    );
    let ids = |ids: &[EventId]| match ids {
        [] => "nothing else".to_owned(),
        ids => ids
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" "),
    };
    let previous = whole.previous.as_ref().map(std::slice::from_ref);
    text += &row("event", &event.event.to_string(), width);
    text += &row("kind", event.kind, width);
    text += &row("position", &event.position.to_string(), width);
    text += &row("when", &when(event.at), width);
    text += &row("policy id", &whole.policy_id, width);
    text += &row("network", &whole.network.to_string(), width);
    text += &row("signed by", &whole.signer.to_string(), width);
    text += &row(
        "its own before",
        &previous.map_or("none: it is the first".to_owned(), ids),
        width,
    );
    text += &row("had seen", &ids(whole.seen), width);
    if let Some(expires) = whole.expires {
        text += &row(
            "expires",
            &format!("{} UTC", format_date_time(expires)),
            width,
        );
    }
    let mark = match (event.fork, event.after_fork) {
        (true, _) => Some("its author has told two stories, and this is one of them"),
        (false, true) => Some("its author had told two stories before"),
        (false, false) => None,
    };
    if let Some(mark) = mark {
        text += &hanging(&format!("{:14}", "fork"), RED, mark, width);
    }
    text += &format!("\n{}\n{}", paint(DIM, "body"), super::pretty(event.body));
    text += &format!("\n{}\n{}\n", paint(DIM, "envelope"), whole.envelope);
    text
}

/// What an event says.
pub(super) fn says(body: &Body) -> String {
    match body {
        Body::Heartbeat(_) => "gives a sign of life".to_owned(),
        Body::Attestation(_) => "attests where its keys are kept".to_owned(),
        Body::Ratification(body) => format!(
            "ratifies the policy: {}, first address {}",
            counted(body.descriptors.len() as u64, "descriptor"),
            body.first_address
        ),
        Body::Alarm(body) => match &body.path {
            Some(path) => format!("raises the alarm for the path `{path}`: {}", body.why),
            None => format!("raises the alarm: {}", body.why),
        },
        Body::Withdrawal(body) => format!("withdraws the alarm {}", short(body.alarm)),
        Body::Proposal(body) => {
            format!(
                "proposes to activate the path `{}`: {}",
                body.path, body.why
            )
        }
        Body::Ballot(body) => format!(
            "votes {} on the case {}",
            if body.approve { "yes" } else { "no" },
            short(body.case)
        ),
        Body::Activation(body) => {
            let rule = match &body.judgement {
                Some(judgement) if judgement.allow => {
                    format!("; a rule allows it: {}", judgement.why)
                }
                Some(judgement) => format!("; a rule denies it: {}", judgement.why),
                None => String::new(),
            };
            format!("is for activating the case {}{rule}", short(body.case))
        }
        Body::Veto(body) => format!("vetoes the case {}: {}", short(body.case), body.why),
        Body::Acknowledgement(body) => format!(
            "holds the file {} for the coin {} on the path `{}`",
            body.file, body.coin, body.path
        ),
        Body::Arming(body) => format!(
            "has armed the coin {} on the path `{}` with the file {}",
            body.coin, body.path, body.file
        ),
        Body::SpendIntent(body) => format!(
            "says whom the case {} is to pay: {}, {}",
            short(body.case),
            counted(body.payees.len() as u64, "payee"),
            body.purpose
        ),
        Body::Decision(body) => format!(
            "says that the case {} is over, as {}: {}",
            short(body.case),
            match body.outcome {
                CaseOutcome::Completed => "completed",
                CaseOutcome::Abandoned => "abandoned",
            },
            body.why
        ),
        Body::Rotation(body) => match body.identity {
            Some(identity) => format!(
                "changes the identity of {} to {identity}: {}",
                body.party, body.why
            ),
            None => format!("ends the identity of {}: {}", body.party, body.why),
        },
    }
}

/// What was verified.
pub(in crate::cli) fn ledger_verification(verified: &Verification, width: usize) -> String {
    let mut text = String::new();
    for finding in &verified.checked {
        text += &found(finding, width);
    }
    text += &forks(&verified.forks, width);
    let (verdict, style) = match verified.passed {
        true => ("all is as it was written", GREEN),
        false => ("something is not as it should be", RED),
    };
    text += &format!(
        "{}: {}; {}\n",
        verified.ledger,
        paint(style, verdict),
        head_says(verified.head)
    );
    text
}

fn found(finding: &Finding, width: usize) -> String {
    let (mark, style) = match finding.passed {
        true => ("✓", GREEN),
        false => ("✗", RED),
    };
    let what = match finding.what {
        Compared::Store => "store",
        Compared::Policy => "policy",
        Compared::Events => "events",
        Compared::Rules => "rules",
        Compared::Checkpoint => "checkpoint",
    };
    let says = match &finding.file {
        Some(file) => format!("{file}: {}", shown(&finding.says)),
        None => shown(&finding.says),
    };
    hanging(&format!("{mark} {what:11}"), style, &says, width)
}

/// A proof.
pub(in crate::cli) fn proof(proof: &Proof, width: usize) -> String {
    let (mut text, hashes) = match proof {
        // Other programs read it as it is.
        Proof::Inclusion {
            file: Some(file), ..
        } => return file.clone(),
        Proof::Inclusion {
            event,
            position,
            size,
            root,
            hashes,
            ..
        } => {
            let mut text = row("event", &event.to_string(), width);
            text += &row("position", &position.to_string(), width);
            text += &row("size", &size.to_string(), width);
            text += &row("root", &root.to_string(), width);
            (text, hashes)
        }
        Proof::Consistency {
            old,
            old_root,
            new,
            new_root,
            hashes,
        } => {
            let mut text = row("size before", &old.to_string(), width);
            text += &row("root before", &old_root.to_string(), width);
            text += &row("size", &new.to_string(), width);
            text += &row("root", &new_root.to_string(), width);
            (text, hashes)
        }
    };
    for hash in hashes {
        text += &row("hash", &hash.to_string(), width);
    }
    text
}

/// A checkpoint, as other programs read it.
pub(in crate::cli) fn checkpoint(signed: &Signed) -> String {
    match &signed.file {
        None => signed.note.clone(),
        Some(file) => format!(
            "{} of {} signed by {}, written to {file}\n{} {}\n",
            paint(GREEN, "checkpoint"),
            counted(signed.head.size, "event"),
            signed.party,
            paint(DIM, "verifier key"),
            signed.verifier_key
        ),
    }
}

/// A ledger that was repaired.
pub(in crate::cli) fn repaired(repaired: &Repaired, width: usize) -> String {
    let mut text = String::new();
    for remark in &repaired.remarks {
        text += &hanging("- ", DIM, &shown(&remark.to_string()), width);
    }
    text += &format!(
        "{}: {}; {} bytes in {} were read\n",
        repaired.ledger,
        head_says(repaired.head),
        repaired.bytes,
        counted(repaired.segments as u64, "segment")
    );
    text
}
