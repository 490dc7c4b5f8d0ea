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
    if !teller.policy.version().has_anchor() {
        rungs(teller, &mut section);
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

/// Who pays where nobody can add anything.
fn rungs(teller: &Teller<'_>, section: &mut Section) {
    let rungs = teller.policy.rungs();
    let rates: Vec<String> = rungs
        .iter()
        .map(|rung| rung.to_sat_per_vb_ceil().to_string())
        .collect();
    let highest = teller.policy.highest_rung().to_sat_per_vb_ceil();
    let count = rungs.len();
    section.say(sentence!(
        Fact,
        "Transactions have version 2, for signers that refuse version 3. None has an output that others could take hold of, so nobody can hold it up, and nobody can add to its fee."
    ));
    section.say(sentence!(
        Fact,
        "So everything that is signed in advance is signed at each of these feerates, the rungs: {rates}. For each coin that makes {triggers}, and {cancels} with as many settles, where they are signed in advance.",
        rates = Said::new(
            format!("{} sat/vB (satoshis per virtual byte)", rates.join(", ")),
            Fact::BaseFee
        ),
        triggers = Said::new(
            match count {
                1 => "one trigger".to_owned(),
                count => format!("{count} triggers"),
            },
            Fact::BaseFee
        ),
        cancels = Said::new(
            match count * count {
                1 => "one cancel".to_owned(),
                all => format!("{all} cancels"),
            },
            Fact::BaseFee
        ),
    ));
    section.say(sentence!(
        Software,
        "Whoever publishes one chooses the rung; a higher one takes the place of a lower one that no block has taken yet. A trigger at a higher rung makes another escrow coin, for which those who veto have other files."
    ));
    section.say(sentence!(
        Consensus,
        "Above {highest} nobody can pay for a trigger, a cancel or a settle, whatever it is worth to him: it waits until fees fall, while the clock of the veto window runs.",
        highest = Said::new(format!("{highest} sat/vB"), Fact::BaseFee),
    ));
    section.say(sentence!(
        Fact,
        "All other transactions pay their fee from the coin they move, and are signed anew at a higher fee where that is too little."
    ));
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
