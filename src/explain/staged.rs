//! A staged path, step by step: arming, trigger and escrow, settle, lock-up, release.

use crate::compile::{LeafKind, Stage};
use crate::policy::{Activation, Lockup, Outcome, Period, Purpose, SpendingPath, Staged};

use super::vault::is_key_path;
use super::words::{self, Said, Told, about, sentence};
use super::{Fact, Section, Sentence, Teller, Wait};

pub(super) fn section(teller: &Teller<'_>, path: &SpendingPath, staged: &Staged) -> Section {
    let name = path.name();
    let what = if spends(staged) {
        "to spend"
    } else {
        "to recover"
    };
    let mut section = Section::new(format!("The path \"{name}\": staged, {what}"));
    arming(&mut section, teller, path, staged);
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

fn arming(section: &mut Section, teller: &Teller<'_>, path: &SpendingPath, staged: &Staged) {
    let root = teller.root_name();
    let files = match staged.outcome() {
        Outcome::Lockup(_) => "a cancel, a settle and a trigger",
        Outcome::Payees(_) => "a cancel and a trigger",
    };
    section.say(sentence!(
        Consensus,
        "The path is open only to coins that are armed. To arm a coin, {root} signs transactions for it in advance ({files}) and hands them over as files. It signs them by the same rule as its payments, with separate keys of the same members: the arming keys.",
        root = root,
        files = Said::plain(files),
    ));
    section.say(sentence!(
        Consensus,
        "The files of a coin allow {attempts}. After the last cancel the coin is back in the vault and unarmed, until {root} arms it again.",
        attempts = attempts(path, staged),
        root = root,
    ));
    section.say(sentence!(
        Software,
        "The trigger is signed last, once {vetoers} and {actors} hold complete copies of the other files. So there is never a trigger without its cancel.",
        vetoers = Teller::vetoers(path, staged),
        actors = Teller::actors(path),
    ));
    section.say(sentence!(
        Software,
        "A coin is armed once. A signed file cannot be called back: it loses its force only when the coin is moved, and that move is several blocks deep. So whenever anything changes, or an attempt is given up, {root} refreshes the coin.",
        root = root,
    ));
}

/// What should make the path's quorum sign a trigger.
fn activation(path: &SpendingPath, staged: &Staged) -> Sentence {
    let actors = Teller::actors(path);
    match staged.activation() {
        None => sentence!(
            Software,
            "The policy names no conditions for a trigger: {actors} decide by themselves when to sign one.",
            actors = actors,
        ),
        Some(activation) => sentence!(
            Software,
            "{actors} are to sign a trigger only when {conditions}. This is promised, not enforced: the chain cannot see it. Nor does any software evaluate it yet: the conditions are recorded only, and until then {actors} decide by themselves.",
            actors = actors,
            conditions = Said::new(
                conditions(activation, false),
                Fact::Activation {
                    path: path.name().to_owned()
                },
            ),
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
        Activation::Manual(quorum) => format!("the {} ask for it", quorum.name()),
        Activation::Alarm(quorum) => format!("the {} have raised an alarm", quorum.name()),
        Activation::Silence {
            quorum,
            period,
            fewer_than,
        } => format!(
            "fewer than {fewer_than} in the {} have given a sign of life for {}",
            quorum.name(),
            words::short(period),
        ),
        Activation::Vote {
            quorum,
            turnout,
            approve,
            open,
        } => format!(
            "the {} have voted for it (turnout at least {turnout}%, approval at least {approve}%, open for {})",
            quorum.name(),
            words::short(open),
        ),
    }
}

fn escrow(section: &mut Section, teller: &Teller<'_>, path: &SpendingPath, staged: &Staged) {
    let root = teller.root_name();
    let vetoers = Teller::vetoers(path, staged);
    let window = Told::new(path, Wait::Window, staged.window());
    section.say(sentence!(
        Consensus,
        "The escrow begins with the trigger. From its confirmation the veto window runs for {window}, in which the coin can leave the escrow in two ways only: by a cancel, or by an override.",
        window = window.full,
    ));
    section.say(sentence!(
        Consensus,
        "Cancel: {vetoers} can send the coin back to the vault. They need the file that {root} signed in advance, but not {root} itself.",
        vetoers = vetoers,
        root = root,
    ));
    section.say(sentence!(
        Consensus,
        "A cancel is certain only if it is confirmed, and several blocks deep, before the {window} are over. Later it is a race against whoever takes the next step.",
        window = window.short,
    ));
    section.say(teller.judged(&[teller.root().quorum()], |groups| {
        let from = if is_key_path(teller, groups) {
            "at any time"
        } else {
            "from the first confirmation of the trigger on"
        };
        Some(sentence!(
            Consensus,
            "Override: {root} can take the coin out of the escrow to anywhere, {from}.",
            root = root,
            from = Said::plain(from),
        ))
    }));
    section.say(sentence!(
        Consensus,
        "If a reorganisation of the chain takes the trigger out of its block, the veto window starts anew when it is confirmed again."
    ));
}

fn locked_up(
    section: &mut Section,
    teller: &Teller<'_>,
    path: &SpendingPath,
    staged: &Staged,
    lockup: &Lockup,
) {
    let (root, actors) = (teller.root_name(), Teller::actors(path));
    let window = Told::new(path, Wait::Window, staged.window()).short;
    let backstop = Told::new(path, Wait::Backstop, lockup.backstop());
    let period = Told::new(path, Wait::Lockup, lockup.period());
    section.say(sentence!(
        Consensus,
        "Settle: after the window the coin can go on to the lock-up. {root} signed this in advance too, so whoever has the file can do it, and nobody needs to sign anything."
        , root = root,
    ));
    section.say(sentence!(
        Consensus,
        "Backstop: should the settle file be lost, {actors} can take the coin out of the escrow to anywhere, without any file, {after} after the window. Counted from the trigger that is {window} and {more}, {sum}.",
        actors = actors,
        after = backstop.full,
        window = window,
        more = backstop.short,
        sum = Said::plain(about(lockup.backstop_lock().expected_seconds())),
    ));
    section.say(sentence!(
        Consensus,
        "Lock-up: from the confirmation of the settle the coin waits for {wait}. After that {actors} can send it to anywhere (the release). A reorganisation that takes the settle out of its block starts the wait anew.",
        wait = period.full,
        actors = actors,
    ));
    section.say(clawback(teller, path, lockup));
    let sum = staged.window().lock().expected_seconds() + lockup.period().lock().expected_seconds();
    section.say(sentence!(
        Consensus,
        "So from the trigger to the release it takes at least {window} and {period}, {sum}.",
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
            "{can}, at any time until the release is confirmed.",
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
            actors = Teller::actors(path),
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
