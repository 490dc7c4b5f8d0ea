//! A staged path, step by step: arming, trigger and escrow, settle, lock-up, release.

use crate::compile::{LeafKind, Stage};
use crate::policy::{Activation, Lockup, Outcome, Period, Purpose, SpendingPath, Staged};

use super::judge::Groups;
use super::vault::is_key_path;
use super::words::{self, Said, Told, about, sentence};
use super::{Fact, Section, Sentence, Teller, Wait};

/// What all staged paths have in common, if there are any.
pub(super) fn common(teller: &Teller<'_>) -> Option<Section> {
    teller.staged().next()?;
    let mut section = Section::new("Staged paths: what they have in common");
    let root = teller.root_name();
    let lockups = teller.staged().any(|(_, staged)| staged.lockup().is_some());
    let files = if lockups {
        "a cancel, a trigger, and a settle where a lock-up follows"
    } else {
        "a cancel and a trigger"
    };
    section.say(sentence!(
        Consensus,
        "A staged path is open only to coins that are armed for it. To arm a coin, {root} must sign transactions for it in advance ({files}) and hand them over as files. That takes the same members as a payment, and as many of them, but separate keys: the arming keys.",
        root = root,
        files = Said::plain(files),
    ));
    section.say(sentence!(
        Software,
        "The trigger is signed last, once those who can veto, those who act on the path, and those who release where a lock-up has people of its own hold complete copies of the other files. So there is never a trigger without its cancel."
    ));
    section.say(sentence!(
        Software,
        "A coin is armed once for each path. A signed file cannot be called back: it loses its force only when the coin is moved, and that move is several blocks deep. So whenever anything changes, or an attempt is given up, {root} must refresh the coin.",
        root = root,
    ));
    section.say(sentence!(
        Consensus,
        "A trigger puts a coin into an escrow, where the veto window runs. Until the window is over it can leave the escrow in two ways only: by a cancel, for which arming keys and those who can veto sign together, or by an override."
    ));
    section.say(sentence!(
        Consensus,
        "A cancel is certain only if it is confirmed, and several blocks deep, before the window is over. Later it is a race against whoever takes the next step."
    ));
    section.say(teller.judged(&[teller.root().quorum()], |groups| {
        Some(override_leaf(teller, groups))
    }));
    section.say(sentence!(
        Consensus,
        "If a reorganisation of the chain takes a transaction out of its block, whatever is counted from it starts anew when it is confirmed again."
    ));
    Some(section)
}

/// What one staged path has of its own.
pub(super) fn section(teller: &Teller<'_>, path: &SpendingPath, staged: &Staged) -> Section {
    let name = path.name();
    let what = if spends(staged) {
        "to spend"
    } else {
        "to recover"
    };
    let mut section = Section::new(format!("The path \"{name}\": staged, {what}"));
    section.say(activation(path, staged));
    escrow(&mut section, teller, path, staged);
    match staged.outcome() {
        Outcome::Lockup(lockup) => locked_up(&mut section, teller, path, staged, lockup),
        Outcome::Payees(purpose) => paid_out(&mut section, path, staged, *purpose),
    }
    section
}

/// Whether the path is for day-to-day payments.
pub(super) const fn spends(staged: &Staged) -> bool {
    matches!(staged.outcome(), Outcome::Payees(Purpose::Spend))
}

/// How many attempts the files of a coin allow: `one attempt`.
pub(super) fn attempts(path: &SpendingPath, staged: &Staged) -> Said {
    let text = match staged.depth() {
        1 => "one attempt".to_owned(),
        depth => format!("{depth} attempts in a row"),
    };
    Said::new(
        text,
        Fact::Depth {
            path: path.name().to_owned(),
        },
    )
}

fn override_leaf(teller: &Teller<'_>, groups: &Groups) -> Sentence {
    let from = if is_key_path(teller, groups) {
        "at any time"
    } else {
        "from the first confirmation of the trigger on"
    };
    sentence!(
        Consensus,
        "Override: {root} can take a coin out of an escrow to anywhere, {from}.",
        root = teller.root_name(),
        from = Said::plain(from),
    )
}

/// What should make the path's quorum sign a trigger.
fn activation(path: &SpendingPath, staged: &Staged) -> Sentence {
    let actors = Teller::actors(path);
    let fact = Fact::Activation {
        path: path.name().to_owned(),
    };
    match staged.activation() {
        None => sentence!(
            Software,
            "{none}: when to sign one is left to {actors}.",
            none = Said::new("The policy names no conditions for a trigger", fact),
            actors = actors,
        ),
        Some(activation) => sentence!(
            Software,
            "{actors} are to sign a trigger only after {conditions}. Their software tells from signed events whether that is so. This is promised and not enforced: the chain cannot see it.",
            actors = actors,
            conditions = Said::new(conditions(activation, false), fact),
        ),
    }
}

fn conditions(activation: &Activation, inner: bool) -> String {
    let joined = |children: &[Activation], word: &str| {
        let children: Vec<String> = children
            .iter()
            .map(|child| conditions(child, true))
            .collect();
        let text = children.join(&format!(", {word} "));
        if inner && children.len() > 1 {
            format!("({text})")
        } else {
            text
        }
    };
    match activation {
        Activation::Any(children) => joined(children, "or"),
        Activation::All(children) => joined(children, "and"),
        Activation::Manual(quorum) => format!("a decision of the {}", quorum.name()),
        Activation::Alarm(quorum) => format!("an alarm raised by the {}", quorum.name()),
        Activation::Silence {
            quorum,
            period,
            fewer_than,
        } => {
            let few = match fewer_than {
                1 => "nobody".to_owned(),
                number => format!("fewer than {number}"),
            };
            let period = words::short(period);
            format!(
                "{period} in which {few} of the {} gave a sign of life",
                quorum.name()
            )
        }
        Activation::Vote {
            quorum,
            turnout,
            approve,
            open,
        } => format!(
            "a vote of the {} (turnout of at least {turnout}%, approval of at least {approve}%, open for {})",
            quorum.name(),
            words::short(open),
        ),
    }
}

fn escrow(section: &mut Section, teller: &Teller<'_>, path: &SpendingPath, staged: &Staged) {
    let root = teller.root_name();
    let window = Told::new(path, Wait::Window, staged.window());
    section.say(sentence!(
        Consensus,
        "The veto window runs for {window} from the confirmation of the trigger.",
        window = window.full,
    ));
    section.say(sentence!(
        Consensus,
        "Cancel: {vetoers} can send the coin back to the vault. They need the file that {root} signed in advance, but no help from {root} now.",
        vetoers = Teller::vetoers(path, staged),
        root = root,
    ));
    section.say(sentence!(
        Consensus,
        "The files of a coin allow {attempts}. After the last cancel the coin lies in the vault unarmed, until it is armed again by {root}.",
        attempts = attempts(path, staged),
        root = root,
    ));
}

fn locked_up(
    section: &mut Section,
    teller: &Teller<'_>,
    path: &SpendingPath,
    staged: &Staged,
    lockup: &Lockup,
) {
    let (root, actors) = (teller.root_name(), Teller::releasers(path, lockup));
    let window = Told::new(path, Wait::Window, staged.window()).short;
    let backstop = Told::new(path, Wait::Backstop, lockup.backstop());
    let period = Told::new(path, Wait::Lockup, lockup.period());
    section.say(sentence!(
        Consensus,
        "Settle: after the window the coin can go on to the lock-up. Since {root} signed this in advance too, whoever has the file can do it, and nobody needs to sign anything."
        , root = root,
    ));
    section.say(sentence!(
        Consensus,
        "Backstop: should the settle file be lost, {actors} can take the coin out of the escrow to anywhere, without any file, {after} after the window. Counted from the trigger that is {window} and {more} together, {sum}.",
        actors = actors,
        after = backstop.full,
        window = window,
        more = backstop.short,
        sum = Said::plain(about(lockup.backstop_lock().expected_seconds())),
    ));
    section.say(sentence!(
        Consensus,
        "Lock-up: from the confirmation of the settle the coin waits for {wait}. After that {actors} can send it to anywhere (the release).",
        wait = period.full,
        actors = actors,
    ));
    section.say(clawback(teller, path, lockup));
    let sum = staged.window().lock().expected_seconds() + lockup.period().lock().expected_seconds();
    section.say(sentence!(
        Consensus,
        "So from the trigger to the release it takes at least {window} and {period}, together {sum}.",
        window = window,
        period = period.short,
        sum = Said::plain(about(sum)),
    ));
}

fn clawback(teller: &Teller<'_>, path: &SpendingPath, lockup: &Lockup) -> Sentence {
    let root = teller.root_name();
    let fact = || Fact::Clawback {
        path: path.name().to_owned(),
    };
    let stage = teller
        .compiled
        .stage(&Stage::Lockup(path.name().to_owned()));
    let has_leaf = stage.is_some_and(|stage| stage.leaf(&LeafKind::Clawback).is_some());
    debug_assert_eq!(
        has_leaf,
        lockup.clawback(),
        "the leaf is there if the policy says so"
    );
    if has_leaf {
        sentence!(
            Consensus,
            "{can} to anywhere, at any time until the release is confirmed.",
            can = Said::new(
                format!("Clawback: {root} can take the coin out of the lock-up"),
                fact()
            )
            .and(&root),
        )
    } else {
        sentence!(
            Consensus,
            "{cannot}, not even {root}. If {actors} were gone by then, the coin would be lost for good.",
            cannot = Said::new(
                "There is no clawback: nobody can take the coin out of the lock-up before",
                fact()
            ),
            root = root,
            actors = Teller::releasers(path, lockup),
        )
    }
}

fn paid_out(section: &mut Section, path: &SpendingPath, staged: &Staged, purpose: Purpose) {
    let actors = Teller::actors(path);
    let window = Told::new(path, Wait::Window, staged.window()).short;
    section.say(sentence!(
        Consensus,
        "Settle: after the window {actors} can pay out from the escrow. They sign this at the time, and need no file for it. So from the trigger to the payment it takes at least {window}.",
        actors = actors,
        window = window,
    ));
    section.say(match purpose {
        Purpose::Spend => sentence!(
            Software,
            "The chain does not check whom {actors} pay. That it is the payees announced with the trigger, and that the change goes back to the vault, is promised only.",
            actors = actors,
        ),
        Purpose::Recover => sentence!(
            Software,
            "There is no lock-up on this path. If {actors} are to wait before paying out, or to pay certain people only, then nothing but their word holds them to it.",
            actors = actors,
        ),
    });
}

/// The periods of a path that count by the clock of the chain and not by blocks.
pub(super) fn counts_time(path: &SpendingPath) -> bool {
    let periods: [Option<&Period>; 3] = [
        path.direct().and_then(crate::policy::Direct::delay),
        path.staged().map(Staged::window),
        path.staged().and_then(Staged::lockup).map(Lockup::period),
    ];
    let mut locks = periods.into_iter().flatten().map(Period::lock);
    locks.any(|lock| matches!(lock, crate::units::RelativeLock::Units512(_)))
}
