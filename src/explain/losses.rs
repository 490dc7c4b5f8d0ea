//! What happens when people or files are lost.

use crate::policy::{Lockup, Quorum, SpendingPath, Staged};

use super::judge::{Groups, Left};
use super::words::{Said, names, paths, sentence};
use super::{Fact, Section, Sentence, Teller};

pub(super) fn section(teller: &Teller<'_>) -> Section {
    let mut section = Section::new("If people or files are lost");
    let root = teller.root_name();
    let is_staged = teller.staged().next().is_some();
    let powers = if is_staged {
        "spend at once, arm a coin, override or claw back"
    } else {
        "spend at once"
    };
    section.say(sentence!(
        Consensus,
        "If too few in {root} are left to act, nobody can {powers}. What follows supposes the worst: everybody in {root} is gone for good.",
        root = root,
        powers = Said::plain(powers),
    ));
    for path in teller.direct() {
        section.say(judged(teller, path.quorum(), |groups| {
            direct(teller, groups, path)
        }));
    }
    for (path, staged) in teller.staged() {
        section.say(judged(teller, path.quorum(), |groups| {
            trigger(teller, groups, path)
        }));
        section.say(judged(teller, staged.veto(), |groups| {
            veto(teller, groups, path, staged)
        }));
        if let Some((lockup, quorum)) = staged
            .lockup()
            .and_then(|lockup| lockup.quorum().map(|quorum| (lockup, quorum)))
        {
            section.say(judged(teller, quorum, |groups| {
                release(teller, groups, path, lockup, quorum)
            }));
        }
    }
    if is_staged {
        let staged = paths(teller.staged().map(|(path, _)| path));
        section.say(sentence!(
            Consensus,
            "If all files are lost, {staged} cannot start until the coins have been moved and armed anew by {root}. What {root} can spend at once is not affected.",
            staged = Said::plain(staged),
            root = root,
        ));
    }
    if teller.direct().next().is_some() {
        let direct = paths(teller.direct());
        let text = Said::plain(direct);
        section.say(sentence!(
            Consensus,
            "No loss of files affects {direct}: no file is needed there.",
            direct = text,
        ));
    }
    section.say(sentence!(
        Consensus,
        "If those who act on a path are gone, that path is gone with them. As long as {root} can act, no coin in the vault is lost by it.",
        root = root,
    ));
    if let Some(reason) = teller.policy.accept_total_loss() {
        section.say(sentence!(
            Fact,
            "The policy accepts the total loss of {root} and of all files, for this reason: \"{reason}\"",
            root = root,
            reason = Said::new(reason, Fact::AcceptTotalLoss),
        ));
    }
    section
}

fn judged(
    teller: &Teller<'_>,
    quorum: &Quorum,
    judge: impl Fn(&Groups) -> Sentence,
) -> Option<Sentence> {
    teller.judged(&[teller.root().quorum(), quorum], |groups| {
        Some(judge(groups))
    })
}

fn direct(teller: &Teller<'_>, groups: &Groups, path: &SpendingPath) -> Sentence {
    let left = teller.left(groups, path.quorum());
    let rest = rest(teller, groups, &left, path.quorum(), &Teller::actors(path));
    let name = Said::plain(path.name());
    if left.suffices {
        sentence!(
            Consensus,
            "Path \"{name}\" still works: {rest}.",
            name = name,
            rest = rest
        )
    } else {
        sentence!(
            Consensus,
            "Path \"{name}\" is lost as well: {rest}.",
            name = name,
            rest = rest
        )
    }
}

fn trigger(teller: &Teller<'_>, groups: &Groups, path: &SpendingPath) -> Sentence {
    let left = teller.left(groups, path.quorum());
    let rest = rest(teller, groups, &left, path.quorum(), &Teller::actors(path));
    let name = Said::plain(path.name());
    if left.suffices {
        sentence!(
            Consensus,
            "Path \"{name}\" still works for coins that are armed by then: {rest}.",
            name = name,
            rest = rest,
        )
    } else {
        sentence!(
            Consensus,
            "Path \"{name}\" is lost as well: {rest}.",
            name = name,
            rest = rest
        )
    }
}

fn veto(teller: &Teller<'_>, groups: &Groups, path: &SpendingPath, staged: &Staged) -> Sentence {
    let left = teller.left(groups, staged.veto());
    let rest = rest(
        teller,
        groups,
        &left,
        staged.veto(),
        &Teller::vetoers(path, staged),
    );
    let name = Said::plain(path.name());
    if left.suffices {
        sentence!(
            Consensus,
            "Path \"{name}\" can still be vetoed: {rest}.",
            name = name,
            rest = rest,
        )
    } else {
        sentence!(
            Consensus,
            "Nobody can veto path \"{name}\" any more: {rest}.",
            name = name,
            rest = rest,
        )
    }
}

fn release(
    teller: &Teller<'_>,
    groups: &Groups,
    path: &SpendingPath,
    lockup: &Lockup,
    quorum: &Quorum,
) -> Sentence {
    let title = Teller::releasers(path, lockup);
    let name = Said::plain(path.name());
    let (possible, rest) = match quorum.single_party() {
        Some(party) if party.name() == quorum.name() => {
            let root = teller.root_name();
            let gone = groups
                .parties_of(teller.root().quorum().name())
                .contains(party.name());
            let is = if gone { "is" } else { "is not" };
            let reason = Said::plain(format!("{title} {is} in {root}"));
            (!gone, reason.and(&title).and(&root))
        }
        _ => {
            let left = teller.left(groups, quorum);
            let rest = rest(teller, groups, &left, quorum, &title);
            (left.suffices, rest)
        }
    };
    if possible {
        sentence!(
            Consensus,
            "The lock-up of \"{name}\" can still be released: {rest}.",
            name = name,
            rest = rest,
        )
    } else {
        sentence!(
            Consensus,
            "Nobody can release the lock-up of \"{name}\" any more: {rest}.",
            name = name,
            rest = rest,
        )
    }
}

/// Who of a quorum is left without root, as a reason.
fn rest(
    teller: &Teller<'_>,
    groups: &Groups,
    left: &Left<'_>,
    quorum: &Quorum,
    title: &Said,
) -> Said {
    let root = teller.root_name();
    let text = if left.everyone {
        format!("nobody in {title} is in {root}")
    } else if left.names.is_empty() && quorum.name() == teller.root().quorum().name() {
        format!("its quorum is {root}, which is gone")
    } else if left.names.is_empty() {
        format!("everyone in {title} is in {root} too")
    } else {
        let only = if left.suffices { "" } else { "only " };
        let needed = groups.needed(quorum.name());
        format!(
            "of {title}, {only}{} would be left ({needed})",
            names(&left.names)
        )
    };
    Said::plain(text).and(title).and(&root)
}
