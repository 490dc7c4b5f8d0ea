//! What no layout of a threshold with a roster comes below.

/// Bytes that each level of the tree adds to a witness.
const LEVEL: f64 = 32.0;

/// A bound below the expected weight of every partition of the smallest sets of a threshold of keys
/// into scripts of thresholds, in every tree, where one set signs with this share beside its part of
/// the rest; the leaf waits one block.
///
/// A script for some sets holds all their keys, so for `m` keys it weighs at least `own(m)` at depth
/// zero, and `C(m, threshold)` sets at most can use it.  There is one script for all; or the script
/// that the roster uses lies one level deep, and all others in the other half of the tree, where a
/// script lies no higher than its share of that half allows (Shannon); or it lies two levels deep or
/// more, and the others one.
pub fn with_roster(threshold: usize, of: usize, share: f64) -> f64 {
    let own = |keys: usize| {
        let around = if keys == threshold { 2 } else { 4 };
        let script = 34 * keys + around;
        let script = script + if script < 253 { 1 } else { 3 };
        (1 + script + 34 + 65 * threshold + keys - threshold) as f64
    };
    let all = choose(of, threshold);
    let each = (1.0 - share) / all;
    let mut bound = own(of);
    for keys in threshold..of {
        // So many sets share the script with the roster, the roster's own among them.
        for sets in 1..=choose(keys, threshold) as usize {
            let usual = share + each * sets as f64;
            let rest = 1.0 - usual;
            // What the cheapest script for some of the rest weighs, no higher in its part of the
            // tree than its share of that part allows.
            let others = |least: f64| {
                let other = |keys: usize| {
                    let part = each * choose(keys, threshold);
                    own(keys) + LEVEL * (rest / part).log2().max(least)
                };
                (threshold..=of).map(other).fold(f64::INFINITY, f64::min)
            };
            let high = usual * (own(keys) + LEVEL) + rest * (others(0.0) + LEVEL);
            let deep = usual * (own(keys) + 2.0 * LEVEL) + rest * others(1.0);
            bound = bound.min(high).min(deep);
        }
    }
    bound
}

fn choose(of: usize, some: usize) -> f64 {
    (0..some).fold(1.0, |all, number| {
        all * (of - number) as f64 / (number + 1) as f64
    })
}
