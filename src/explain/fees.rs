//! Who pays for what.

use std::collections::BTreeSet;

use crate::policy::Quorum;

use super::judge::Groups;
use super::words::{Said, names, sentence};
use super::{Fact, Section, Sentence, Teller};

pub(super) fn section(teller: &Teller<'_>) -> Section {
    let mut section = Section::new("Fees");
    if teller.staged().next().is_none() {
        section.say(sentence!(
            Fact,
            "Every transaction pays its fee from the coin it moves."
        ));
        return section;
    }
    let fee = teller.policy.base_fee().to_sat_per_vb_ceil();
    section.say(sentence!(
        Fact,
        "The transactions signed in advance pay {fee} by themselves. Often that is too little. Whoever publishes one then adds a second transaction, the fee child, that pays for both; it takes hold at an output of 240 satoshis (the anchor) made for that purpose.",
        fee = Said::new(format!("{fee} sat/vB (satoshis per virtual byte)"), Fact::BaseFee),
    ));
    section.say(sentence!(
        Fact,
        "A fee child is paid from a fee wallet of the publisher's own, outside the vault. It takes a confirmed coin there for each transaction that is on its way."
    ));
    let quorums = teller
        .staged()
        .flat_map(|(path, staged)| [path.quorum(), staged.veto()]);
    let quorums: Vec<&Quorum> = quorums.map(AsRef::as_ref).collect();
    section.say(teller.judged(&quorums, |groups| Some(wallets(groups, &quorums))));
    section.say(sentence!(
        Fact,
        "All other transactions pay their fee from the coin they move."
    ));
    section
}

fn wallets(groups: &Groups, quorums: &[&Quorum]) -> Sentence {
    let parties = quorums
        .iter()
        .flat_map(|quorum| groups.parties_of(quorum.name()));
    let without: BTreeSet<&str> = parties
        .filter(|party| !groups.has_fee_wallet(party))
        .collect();
    if without.is_empty() {
        return sentence!(
            Fact,
            "Everyone who acts or vetoes on a staged path has named a fee wallet in the policy. Whether it is funded has to be watched."
        );
    }
    sentence!(
        Fact,
        "Of those who act or veto on a staged path, these have named no fee wallet in the policy: {without}. They depend on others, or on the fee that is paid already.",
        without = Said::plain(names(&without)),
    )
}
