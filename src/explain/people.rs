//! How to read the text, and who the people in it are.

use crate::policy::Quorum;

use super::judge::is_group;
use super::words::{Said, names, plural, sentence};
use super::{Fact, Section, Teller};

/// What the marks and the days mean.
pub(super) fn legend() -> Section {
    let mut section = Section::new("How to read this");
    section.say(sentence!(
        Fact,
        "What is marked \"consensus\" is enforced by every node of the network. It holds whatever anybody's software does."
    ));
    section.say(sentence!(
        Fact,
        "What is marked \"software\" holds as long as the people concerned run honest software and keep their word."
    ));
    section.say(sentence!(
        Fact,
        "What is not marked is a definition, or simply how things are."
    ));
    section.say(sentence!(
        Fact,
        "The chain counts time in blocks, on average one in ten minutes: 144 blocks are about a day, sometimes less and sometimes more."
    ));
    section
}

/// Root, and every quorum with its members.
pub(super) fn section(teller: &Teller<'_>) -> Section {
    let mut section = Section::new("The people");
    section.say(sentence!(
        Fact,
        "Root, the regular holders of the coins: {root}.",
        root = teller.root_name(),
    ));
    for quorum in teller.policy.quorums() {
        section.say(sentence!(Fact, "{rule}", rule = rule(quorum)));
    }
    section
}

/// Who must agree for a quorum to act.
fn rule(quorum: &Quorum) -> Said {
    let members = names(quorum.members().iter().map(crate::policy::Member::name));
    let count = quorum.members().len();
    let (all, one) = (quorum.threshold() == count, quorum.threshold() == 1);
    let seats = plural(u64::try_from(count).unwrap_or(u64::MAX), "member");
    let who = match count {
        1 => format!("its only member, {members}"),
        2 if all => format!("both members together: {members}"),
        _ if all => format!("all {seats} together: {members}"),
        _ if one => format!("any one of {seats}: {members}"),
        _ => format!("any {} of {seats}: {members}", quorum.threshold()),
    };
    let name = quorum.name();
    let mut text = format!("the {name} can act by {who}.");
    let inner = quorum.members().iter().filter(|member| is_group(member));
    let inner: Vec<&str> = inner.map(crate::policy::Member::name).collect();
    if !inner.is_empty() {
        let list = names(&inner);
        let rest = if inner.len() == 1 {
            "is a group itself, which counts as one member once it can act"
        } else {
            "are groups themselves, each of which counts as one member once it can act"
        };
        text.push_str(&format!(" Of these, {list} {rest}."));
    }
    let name = || quorum.name().to_owned();
    Said::new(text, Fact::Threshold { quorum: name() })
        .and(&Said::new("", Fact::Members { quorum: name() }))
}
