//! Lints: what is allowed, and often a mistake; and notes, which are in nobody's way.

mod collapse;
mod condition;
mod custody;
mod identity;
mod membership;
mod network;
mod shadow;
mod silence;
mod timing;
mod veto;

use super::check::{CheckedParty, Directory};
use super::document::{Document, PathEntry};
use super::{Diagnostic, Root, SpendingPath, Staged};

pub(in crate::policy) use self::silence::silence;

/// What lints look at: the document for the places, and whatever could be made of it.
pub(in crate::policy) struct Facts<'a> {
    pub document: &'a Document,
    pub parties: &'a [CheckedParty],
    pub directory: &'a Directory,
    pub root: Option<&'a Root>,
    pub paths: &'a [Option<SpendingPath>],
}

impl<'a> Facts<'a> {
    /// The paths that could be made, each with its place.
    fn paths(&self) -> impl Iterator<Item = (&'a PathEntry, &'a SpendingPath)> {
        let entries = self.document.paths.iter().zip(self.paths);
        entries.filter_map(|(entry, path)| path.as_ref().map(|path| (entry, path)))
    }

    fn staged(&self) -> impl Iterator<Item = (&'a PathEntry, &'a SpendingPath, &'a Staged)> {
        self.paths()
            .filter_map(|(entry, path)| path.staged().map(|staged| (entry, path, staged)))
    }
}

/// Reports everything that is worth a look.
pub(in crate::policy) fn check(facts: &Facts<'_>, problems: &mut Vec<Diagnostic>) {
    timing::check(facts, problems);
    membership::check(facts, problems);
    shadow::check(facts, problems);
    veto::check(facts, problems);
    collapse::check(facts, problems);
    custody::check(facts, problems);
    network::check(facts, problems);
    identity::check(facts, problems);
}
