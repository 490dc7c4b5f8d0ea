//! What parties keep beside their keys, and where.

use crate::policy::{Item, ItemKind};

use super::words::{Said, names, sentence};
use super::{Fact, Section, Sentence, Teller};

/// Every item; nothing where the policy says nothing of any.
pub(super) fn section(teller: &Teller<'_>) -> Option<Section> {
    teller.policy.items().next()?;
    let mut section = Section::new("What is kept beside the keys");
    for item in teller.policy.items() {
        section.say(told(item));
    }
    section.say(sentence!(
        Software,
        "Where nothing is said here, everybody's copy of the files signed in advance, acknowledgement records and fee wallet are supposed to be where the keys are. All of this is the author's word."
    ));
    Some(section)
}

fn told(item: &Item) -> Sentence {
    let fact = || Fact::Item {
        item: item.name().to_owned(),
    };
    let (name, of) = (item.name(), item.of().name());
    let paths = match item.names_paths() {
        true => names(item.paths().iter().map(|path| format!("\"{path}\""))),
        false => "every staged path".to_owned(),
    };
    let what = match item.kind() {
        ItemKind::Files => {
            format!("item \"{name}\" is {of}'s copy of the files signed in advance for {paths}.")
        }
        ItemKind::Acknowledgements => {
            format!("item \"{name}\" is what {of} keeps of the records of acknowledgements.")
        }
        ItemKind::Watchtower => format!(
            "item \"{name}\" is a watchtower of {of}, with a cancel for {paths} completed in advance: whoever controls it vetoes."
        ),
        ItemKind::Fees => format!("item \"{name}\" is {of}'s fee wallet."),
        ItemKind::Backup => {
            format!("item \"{name}\" is a copy of {of}'s keys: whoever has it has the keys.")
        }
    };
    sentence!(
        Software,
        "{what} {place}",
        what = Said::new(what, fact()),
        place = Said::new(place(item), fact()),
    )
}

fn place(item: &Item) -> String {
    let of = item.of().name();
    let facts: Vec<String> = item
        .stated()
        .iter()
        .map(|(domain, fact)| match fact.name() {
            Some(name) => format!("{domain} {name}"),
            None => format!("no {domain}"),
        })
        .collect();
    if facts.is_empty() {
        return format!("It is kept where {of}'s keys are.");
    }
    let facts = facts.join(", ");
    format!("Of where it is kept, the policy says: {facts}; the rest is as with {of}'s keys.")
}
