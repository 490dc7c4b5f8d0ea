//! What a descriptor means, compared with what the policy says.

use std::sync::Arc;

use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use miniscript::policy::{Liftable, Semantic};
use miniscript::{AbsLockTime, RelLockTime, Threshold};

use super::expression::Expression;
use super::leaf::Leaf;

type Meaning = Semantic<DescriptorPublicKey>;

/// Whether the descriptor, read back and lifted by miniscript, is just the alternatives of these
/// leaves, besides an internal key nobody can sign with.
pub(super) fn means(
    descriptor: &Descriptor<DescriptorPublicKey>,
    internal_key: Option<&DescriptorPublicKey>,
    leaves: &[Leaf],
) -> bool {
    let mut alternatives: Vec<Option<Meaning>> = leaves.iter().map(leaf_meaning).collect();
    if let Some(key) = internal_key
        && !leaves.iter().any(Leaf::is_key_path)
    {
        alternatives.push(Some(Semantic::Key(key.clone())));
    }
    let expected = alternatives.into_iter().collect::<Option<Vec<_>>>();
    let expected = expected.and_then(|alternatives| thresh(1, alternatives));
    match (descriptor.lift(), expected) {
        (Ok(lifted), Some(expected)) => {
            lifted.normalized().sorted() == expected.normalized().sorted()
        }
        _ => false,
    }
}

fn leaf_meaning(leaf: &Leaf) -> Option<Meaning> {
    let mut parts = Vec::new();
    for group in leaf.groups() {
        parts.push(expression_meaning(group.expression())?);
    }
    if let Some(lock) = leaf.relative() {
        parts.push(Semantic::Older(
            RelLockTime::from_consensus(lock.to_consensus()).ok()?,
        ));
    }
    if let Some(lock) = leaf.absolute() {
        parts.push(Semantic::After(
            AbsLockTime::from_consensus(lock.to_consensus()).ok()?,
        ));
    }
    thresh(parts.len(), parts)
}

fn expression_meaning(expression: &Expression) -> Option<Meaning> {
    match expression {
        Expression::Key { key, .. } => Some(Semantic::Key(key.clone())),
        Expression::Threshold(threshold, members) => {
            let members = members
                .iter()
                .map(expression_meaning)
                .collect::<Option<Vec<_>>>()?;
            thresh(*threshold, members)
        }
    }
}

fn thresh(threshold: usize, parts: Vec<Meaning>) -> Option<Meaning> {
    let parts = parts.into_iter().map(Arc::new).collect();
    Threshold::new(threshold, parts).ok().map(Semantic::Thresh)
}
