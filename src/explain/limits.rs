//! What is only promised, and what the policy does not protect from.

use std::collections::BTreeSet;

use crate::policy::{Quorum, SpendingPath, Staged};

use super::judge::Groups;
use super::staged::{attempts, counts_time, spends};
use super::vault::is_key_path;
use super::words::{self, Said, Told, about, names, paths, sentence};
use super::{Fact, Section, Sentence, Teller, Wait};

/// Held by consensus, and promised by software.
pub(super) fn promises(teller: &Teller<'_>) -> Section {
    let mut section = Section::new("What is held by consensus, and what is promised by software");
    section.say(sentence!(
        Consensus,
        "The chain enforces who must sign each step, and that no step comes before its time."
    ));
    section.say(sentence!(
        Software,
        "Why somebody signs, and whom he pays, is a matter of honest people and honest software. So is everything that has to be done in time."
    ));
    if teller.staged().next().is_some() {
        section.say(sentence!(
            Software,
            "Somebody has to watch the chain: a trigger that nobody notices is not vetoed. And a veto is only a signature until its cancel is published, paid for and confirmed."
        ));
        section.say(sentence!(
            Software,
            "Escrows and lock-ups are never shown as addresses to pay to. A payment that goes there by mistake is not protected as a deposit is."
        ));
    }
    section
}

/// What the policy does not protect from.
pub(super) fn section(teller: &Teller<'_>) -> Section {
    let mut section = Section::new("What this does not protect from");
    let root = teller.root_name();
    let is_staged = teller.staged().next().is_some();
    let hurdles = if is_staged {
        "No window, no veto and no lock-up stands"
    } else {
        "No delay stands"
    };
    section.say(sentence!(
        Consensus,
        "Whoever has enough keys of {root} can take every coin in the vault at once, a thief like anybody else. {hurdles} in the way.",
        root = root,
        hurdles = Said::plain(hurdles),
    ));
    for (path, staged) in teller.staged().filter(|(_, staged)| spends(staged)) {
        section.say(guarded(teller, path, staged));
    }
    section.say(arming_keys(teller));
    for (path, staged) in teller.staged() {
        section.say(collusion(teller, path, staged));
        section.say(stall(teller, path, staged));
        section.say(
            teller.judged(&[teller.root().quorum(), path.quorum()], |groups| {
                both_sides(teller, groups, path)
            }),
        );
    }
    if is_staged {
        section.say(extra_signature(teller));
        section.say(one_account(teller));
    }
    if is_staged && !teller.policy.version().has_anchor() {
        let highest = teller.policy.highest_rung().to_sat_per_vb_ceil();
        section.say(sentence!(
            Fact,
            "When blocks cost more than {highest} sat/vB, nobody can trigger, cancel or settle in time. Whoever triggers then may find that the cancel cannot follow before the window is over, and the other way round.",
            highest = Said::new(highest.to_string(), super::Fact::BaseFee),
        ));
    } else if is_staged {
        section.say(sentence!(
            Fact,
            "When fees are high, whoever has nothing in his fee wallet may be unable to trigger, to cancel or to settle in time."
        ));
    }
    let by_clock: Vec<&SpendingPath> = teller
        .policy
        .paths()
        .iter()
        .filter(|path| counts_time(path))
        .collect();
    if !by_clock.is_empty() {
        section.say(sentence!(
            Fact,
            "Miners set the clock of the chain. If they forward-date several blocks in a row, waits on {by_clock} can end up to two hours early.",
            by_clock = Said::plain(paths(by_clock)),
        ));
    }
    section.say(sentence!(
        Fact,
        "The chain counts keys, not people. Keys of several members in one hand, in one building or under one cloud account are one key to whoever gets there. What the policy says of where keys are kept is its author's word."
    ));
    section
}

/// A thief with an operating quorum, against one with root.
fn guarded(teller: &Teller<'_>, path: &SpendingPath, staged: &Staged) -> Sentence {
    sentence!(
        Consensus,
        "Whoever has enough keys of {actors} can only trigger armed coins on \"{name}\", and can be stopped by {vetoers} or {root} for {window}. That helps only if it is harder to get the keys of {root}: of more people, and kept cold.",
        actors = Teller::actors(path),
        name = Said::plain(path.name()),
        vetoers = Teller::vetoers(path, staged),
        root = teller.root_name(),
        window = Told::new(path, Wait::Window, staged.window()).short,
    )
}

fn arming_keys(teller: &Teller<'_>) -> Option<Sentence> {
    teller.staged().next()?;
    let root = teller.root_name();
    let alone: Vec<&SpendingPath> = teller
        .staged()
        .filter(|(_, staged)| staged.lockup().is_some())
        .map(|(path, _)| path)
        .collect();
    if alone.is_empty() {
        return Some(sentence!(
            Consensus,
            "The arming keys of {root} are worth as much as its other keys: together with those who act or veto on a staged path, enough of them can send a coin elsewhere than the files say.",
            root = root,
        ));
    }
    Some(sentence!(
        Consensus,
        "The arming keys of {root} are worth as much as its other keys: together with those who act or veto on a staged path, enough of them can send a coin elsewhere than the files say. From the escrow of {alone} they can do so alone once the window is over.",
        root = root,
        alone = Said::plain(paths(alone)),
    ))
}

fn collusion(teller: &Teller<'_>, path: &SpendingPath, staged: &Staged) -> Sentence {
    let can_claw_back = staged.lockup().is_some_and(crate::policy::Lockup::clawback);
    let clawback = || Fact::Clawback {
        path: path.name().to_owned(),
    };
    let stops = match staged.lockup() {
        None => Said::plain("a cancel or an override stops"),
        Some(_) if can_claw_back => {
            Said::new("a cancel, an override or a clawback stops", clawback())
        }
        Some(_) => Said::new("a cancel or an override stops", clawback()),
    };
    sentence!(
        Consensus,
        "If enough of {actors} are dishonest, bribed or robbed, armed coins can be triggered on \"{name}\" at any moment, whatever was agreed. Then only {stops} them, and only if it comes in time from {vetoers} or {root}.",
        actors = Teller::actors(path),
        name = Said::plain(path.name()),
        stops = stops,
        vetoers = Teller::vetoers(path, staged),
        root = teller.root_name(),
    )
}

/// For how long veto holders without good reasons can stall, and what ends it.
fn stall(teller: &Teller<'_>, path: &SpendingPath, staged: &Staged) -> Sentence {
    let vetoers = Teller::vetoers(path, staged);
    let attempts = attempts(path, staged);
    let window = Told::new(path, Wait::Window, staged.window()).short;
    let ends: Vec<Said> = teller
        .direct()
        .filter_map(|direct| end(direct, path, staged))
        .collect();
    let name = Said::plain(path.name());
    let root = teller.root_name();
    if ends.is_empty() {
        return sentence!(
            Consensus,
            "{vetoers} can stall \"{name}\" for no good reason, by cancelling each of its triggers. The files of a coin allow {attempts}, and the window is {window}. After that only {root} can help: no direct path bounds the stalling.",
            vetoers = vetoers,
            name = name,
            attempts = attempts,
            window = window,
            root = root,
        );
    }
    sentence!(
        Consensus,
        "{vetoers} can stall \"{name}\" for no good reason, by cancelling each of its triggers. The files of a coin allow {attempts}, and the window is {window}. Besides {root}, this is what bounds the stalling: {ends}.",
        vetoers = vetoers,
        name = name,
        attempts = attempts,
        window = window,
        root = root,
        ends = Said::list(&ends, "; ", "; and "),
    )
}

/// How a direct path ends a stalling.
fn end(direct: &SpendingPath, path: &SpendingPath, staged: &Staged) -> Option<Said> {
    let terms = direct.direct()?;
    let name = direct.name();
    let unlock = terms.unlock().map(|lock| {
        Said::new(
            words::unlock(lock),
            Fact::Unlock {
                path: name.to_owned(),
            },
        )
    });
    let delay = terms.delay().map(|delay| {
        let told = Told::new(direct, Wait::Delay, delay).short;
        let cycles = u64::from(staged.depth()) * staged.window().lock().expected_seconds();
        let sum = about(cycles + delay.lock().expected_seconds());
        let window = Told::new(path, Wait::Window, staged.window()).short;
        let text = format!(
            "path \"{name}\", {told} after the last cancel ({sum} after the first trigger, if all attempts follow one another and are cancelled at the end of the window)"
        );
        Said::plain(text).and(&told).and(&window).and(&attempts(path, staged))
    });
    Some(match (delay, unlock) {
        (None, None) => Said::plain(format!("path \"{name}\", at any time")),
        (None, Some(unlock)) => Said::plain(format!(
            "path \"{name}\", after {unlock}, which no cancel puts off"
        ))
        .and(&unlock),
        (Some(delay), None) => delay,
        (Some(delay), Some(unlock)) => Said::plain(format!("{delay}, but not before {unlock}"))
            .and(&delay)
            .and(&unlock),
    })
}

fn both_sides(teller: &Teller<'_>, groups: &Groups, path: &SpendingPath) -> Option<Sentence> {
    let root = groups.parties_of(teller.root().quorum().name());
    let actors = groups.parties_of(path.quorum().name());
    let both: BTreeSet<&str> = root.intersection(&actors).copied().collect();
    (!both.is_empty()).then(|| {
        sentence!(
            Fact,
            "A trigger on \"{name}\" is meant to need two groups, but in both {root} and {actors}: {both}.",
            name = Said::plain(path.name()),
            root = teller.root_name(),
            actors = Teller::actors(path),
            both = Said::plain(names(&both)),
        )
    })
}

/// A device that signs with every key it owns, against root's own way out.
fn extra_signature(teller: &Teller<'_>) -> Option<Sentence> {
    let root = teller.root_name();
    teller.judged(&[teller.root().quorum()], |groups| {
        Some(if is_key_path(teller, groups) {
            sentence!(
                Software,
                "A careless signing device may add its ordinary signature to a file. Since {root} can act with a single key, that signature would make a trigger or a cancel valid without anybody else. Only software that strips it prevents this.",
                root = root,
            )
        } else {
            sentence!(
                Consensus,
                "A careless signing device may add its ordinary signatures to a file. They are worth nothing there: {root} can spend only with a wait of one block, which triggers and cancels do not have.",
                root = root,
            )
        })
    })
}

/// Parties whose device could complete a cancel while it arms.
fn one_account(teller: &Teller<'_>) -> Option<Sentence> {
    let vetoes: Vec<&Quorum> = teller
        .staged()
        .map(|(_, staged)| staged.veto().as_ref())
        .collect();
    let root = teller.root().quorum();
    let over: Vec<&Quorum> = vetoes.iter().copied().chain([root.as_ref()]).collect();
    teller.judged(&over, |groups| {
        let arming = groups.parties_of(root.name());
        let vetoing = vetoes.iter().flat_map(|quorum| groups.parties_of(quorum.name()));
        let one: BTreeSet<&str> = vetoing
            .filter(|party| arming.contains(party) && !groups.has_veto_key(party))
            .collect();
        (!one.is_empty()).then(|| {
            sentence!(
                Software,
                "In {root} as well as among the veto holders, with one account for both: {one}. A careless signing device that is asked to arm may veto at the same time. Only software that strips the extra signature prevents this; an account of its own for the veto would too.",
                root = teller.root_name(),
                one = Said::plain(names(&one)),
            )
        })
    })
}
