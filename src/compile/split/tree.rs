//! What it costs to lie deep in a tree.

use std::collections::VecDeque;

/// Bytes that each level of the tree adds to a witness.
pub const LEVEL: f64 = 32.0;

/// How often one must be halved to come to a share: log₂(1/share), to a millionth.
pub fn halvings(share: f64) -> f64 {
    if !(share > 0.0 && share <= 1.0) {
        return 0.0;
    }
    let (mut rest, mut whole) = (1.0 / share, 0.0);
    while rest >= 2.0 {
        rest /= 2.0;
        whole += 1.0;
    }
    let mut digit = 1.0;
    for _ in 0..20 {
        digit /= 2.0;
        rest *= rest;
        if rest >= 2.0 {
            rest /= 2.0;
            whole += digit;
        }
    }
    whole
}

/// The sum of all weights, each times the depth of its leaf in the Huffman tree: which is the sum
/// of the weights of all inner nodes.
pub fn levels(mut leaves: Vec<f64>) -> f64 {
    leaves.sort_by(|left, right| right.total_cmp(left));
    // Inner nodes come about in ascending order, so the least is either the last leaf or the
    // first inner node that is left.
    let mut inner = VecDeque::new();
    let mut sum = 0.0;
    while leaves.len() + inner.len() > 1 {
        let mut least = || match (leaves.last(), inner.front()) {
            (Some(leaf), Some(node)) if leaf > node => inner.pop_front(),
            (None, _) => inner.pop_front(),
            (Some(_), _) => leaves.pop(),
        };
        let node: f64 = least().unwrap_or_default() + least().unwrap_or_default();
        sum += node;
        inner.push_back(node);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halvings_are_binary_logarithms() {
        for (share, expected) in [(1.0, 0.0), (0.5, 1.0), (0.125, 3.0)] {
            assert_eq!(halvings(share), expected);
        }
        for share in [0.9_f64, 0.7, 0.3, 0.11, 0.001] {
            let difference = halvings(share) + share.log2();
            assert!(difference.abs() < 1e-6, "{share}: {difference}");
        }
        for none in [0.0, -1.0, 1.5, f64::NAN] {
            assert_eq!(halvings(none), 0.0);
        }
    }

    #[test]
    fn levels_are_depths_times_weights() {
        for (weights, sum) in [
            (vec![], 0.0),
            (vec![5.0], 0.0),
            (vec![1.0; 4], 8.0),
            (
                vec![1.0, 8.0, 2.0, 4.0],
                8.0 + 2.0 * 4.0 + 3.0 * (2.0 + 1.0),
            ),
            (vec![3.0; 3], 3.0 + 2.0 * (3.0 + 3.0)),
            (
                vec![1.0, 1.0, 3.0, 4.0],
                4.0 + 2.0 * 3.0 + 3.0 * (1.0 + 1.0),
            ),
        ] {
            assert_eq!(levels(weights.clone()), sum, "{weights:?}");
        }
    }
}
