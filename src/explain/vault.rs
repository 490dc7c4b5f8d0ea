//! The vault, and the direct paths out of it.

use crate::compile::{Leaf, LeafKind};
use crate::policy::{Direct, ScriptType, SpendingPath};

use super::judge::Groups;
use super::words::{self, Said, Told, about, sentence};
use super::{Fact, Section, Sentence, Teller, Wait};

/// What can happen to a coin at rest, leaf by leaf.
pub(super) fn section(teller: &Teller<'_>) -> Section {
    let vault = teller.compiled.vault();
    let mut section = Section::new("The vault: coins at rest");
    section.say(sentence!(
        Fact,
        "Deposits go to the vault. Each is a coin of its own, with clocks of its own."
    ));
    if vault.leaf(&LeafKind::Spend).is_some() {
        section.say(teller.judged(&[teller.root().quorum()], |groups| {
            Some(spend(teller, groups))
        }));
    }
    section.say(refresh_promise(teller));
    for path in teller.policy.paths() {
        let name = || path.name().to_owned();
        if let (Some(leaf), Some(direct)) = (vault.leaf(&LeafKind::Direct(name())), path.direct()) {
            section.say(direct_leaf(path, direct, leaf));
        }
        if let Some(leaf) = vault.leaf(&LeafKind::Trigger(name())) {
            section.say(trigger_leaf(teller, path, leaf));
        }
    }
    section
}

/// What holds of a direct path beside its leaf.
pub(super) fn direct_path(teller: &Teller<'_>, path: &SpendingPath) -> Section {
    let name = path.name();
    let mut section = Section::new(format!("The path \"{name}\": direct"));
    let (root, actors) = (teller.root_name(), Teller::actors(path));
    let direct = path.direct();
    if let Some(delay) = direct.and_then(Direct::delay) {
        let delay = Told::new(path, Wait::Delay, delay);
        let moves = if teller.staged().next().is_some() {
            "a refresh, the change of a payment, and also a trigger that is cancelled"
        } else {
            "a refresh, and also the change of a payment"
        };
        section.say(sentence!(
            Consensus,
            "The delay of {delay} is counted from the confirmation of each coin. Whatever makes a new coin starts it anew: {moves}.",
            delay = delay.short,
            moves = Said::plain(moves),
        ));
        section.say(sentence!(
            Consensus,
            "Nobody can veto this path. Only by moving a coin before its delay is over can {root} keep it shut for that coin.",
            root = root,
        ));
        section.say(margin(teller, path));
    } else if direct.and_then(Direct::unlock).is_some() {
        section.say(sentence!(
            Consensus,
            "Nothing puts this path off, no move and no cancel, and nobody can veto it. Only by moving all coins to another policy in time can {root} keep it shut.",
            root = root,
        ));
    }
    section.say(sentence!(
        Software,
        "The chain knows no lock-up on this path. If {actors} are to wait before paying out, or to pay certain people only, then nothing but their word holds them to it.",
        actors = actors,
    ));
    section
}

/// Whether root's way out is the taproot key path, which cannot hold a lock.
pub(super) fn is_key_path(teller: &Teller<'_>, groups: &Groups) -> bool {
    let single = groups.single_party(teller.root().quorum().name()).is_some();
    single && teller.policy.script() == ScriptType::Tr
}

fn spend(teller: &Teller<'_>, groups: &Groups) -> Sentence {
    let root = teller.root_name();
    if is_key_path(teller, groups) {
        sentence!(
            Consensus,
            "{root} can spend every coin to anywhere, at any time, even before the deposit is confirmed. Root is a single key here, and nobody else is needed.",
            root = root,
        )
    } else {
        sentence!(
            Consensus,
            "{root} can spend every coin to anywhere, at once and without asking, from its first confirmation on.",
            root = root,
        )
    }
}

fn refresh_promise(teller: &Teller<'_>) -> Option<Sentence> {
    let refresh = teller.root().refresh()?;
    Some(sentence!(
        Software,
        "{root} promised to move every coin, if only back into the vault (a refresh), at least every {refresh}.",
        root = teller.root_name(),
        refresh = Said::new(words::full(refresh), Fact::Refresh),
    ))
}

fn direct_leaf(path: &SpendingPath, direct: &Direct, leaf: &Leaf) -> Sentence {
    let name = Said::plain(path.name());
    let actors = Teller::actors(path);
    let delay = direct
        .delay()
        .map(|delay| Told::new(path, Wait::Delay, delay).full);
    let unlock = leaf.absolute().map(|lock| {
        Said::new(
            words::unlock(lock),
            Fact::Unlock {
                path: path.name().to_owned(),
            },
        )
    });
    match (delay, unlock) {
        (Some(delay), None) => sentence!(
            Consensus,
            "Path \"{name}\": {actors} can spend a coin to anywhere, alone and without any file, once it has rested for {delay}.",
            name = name,
            actors = actors,
            delay = delay,
        ),
        (None, Some(unlock)) => sentence!(
            Consensus,
            "Path \"{name}\": {actors} can spend every coin to anywhere, alone and without any file, after {unlock}.",
            name = name,
            actors = actors,
            unlock = unlock,
        ),
        (Some(delay), Some(unlock)) => sentence!(
            Consensus,
            "Path \"{name}\": {actors} can spend a coin to anywhere, alone and without any file, once it has rested for {delay}, but not before {unlock}.",
            name = name,
            actors = actors,
            delay = delay,
            unlock = unlock,
        ),
        (None, None) => sentence!(
            Consensus,
            "Path \"{name}\": {actors} can spend every coin to anywhere, from its first confirmation on. That makes them a second root.",
            name = name,
            actors = actors,
        ),
    }
}

fn trigger_leaf(teller: &Teller<'_>, path: &SpendingPath, leaf: &Leaf) -> Option<Sentence> {
    leaf.is_presigned().then(|| {
        sentence!(
            Consensus,
            "Path \"{name}\": {actors} can move a coin into an escrow (the trigger), but only with a file that {root} signed for this coin in advance. The file alone does nothing, and without it this path is closed to {actors}.",
            name = Said::plain(path.name()),
            actors = Teller::actors(path),
            root = teller.root_name(),
        )
    })
}

/// How much later than promised a refresh can be before the path opens.
fn margin(teller: &Teller<'_>, path: &SpendingPath) -> Option<Sentence> {
    let refresh = teller.root().refresh()?;
    let delay = path.direct()?.delay()?;
    let allowed = refresh.lock().expected_seconds();
    let told = Told::new(path, Wait::Delay, delay).short;
    let promise = Said::new(words::short(refresh), Fact::Refresh);
    let spare = delay
        .lock()
        .expected_seconds()
        .checked_sub(allowed)
        .filter(|spare| *spare > 0);
    Some(match spare {
        Some(spare) => sentence!(
            Software,
            "As long as every coin is moved within {refresh}, as {root} promised, the path stays shut: with its delay of {delay}, a refresh can be {spare} late before it opens.",
            root = teller.root_name(),
            refresh = promise,
            delay = told,
            spare = Said::plain(about(spare)),
        ),
        None => sentence!(
            Fact,
            "Beware: the delay of {delay} is not longer than the {refresh} within which {root} promised to move every coin. The path opens for coins that are still in use.",
            root = teller.root_name(),
            refresh = promise,
            delay = told,
        ),
    })
}
