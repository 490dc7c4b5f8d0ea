//! One of two conditions: the fragments of miniscript that choose.

use std::rc::Rc;

use super::way::{LeafCost, Text, Way, Ways, fragment};

/// Bytes of the items that choose a branch of an `or_i`, with their lengths: `1` for the first,
/// nothing for the second.
const FIRST: f64 = 2.0;
const SECOND: f64 = 1.0;

/// What one of two costs when it is its turn.
struct Turn {
    satisfy: f64,
    most: f64,
    leaves: Vec<LeafCost>,
}

/// Both parts of a conjunction, which may be a leaf.
fn both(one: &Way, other: &Way, whole: &Ways) -> Turn {
    let (satisfy, most) = (one.satisfy + other.satisfy, one.most + other.most);
    let leaf = whole.base.iter().flat_map(|way| &way.leaves).next();
    let leaf = leaf.map(|own| LeafCost {
        leaf: own.leaf,
        satisfy,
        most,
    });
    Turn {
        satisfy,
        most,
        leaves: leaf.into_iter().collect(),
    }
}

/// One of two conditions: the left with this share.  Where the left is a conjunction, it may also
/// be given as its first part and the rest of it.
pub(super) fn either(left: &Ways, and: Option<&(Ways, Ways)>, right: &Ways, share: f64) -> Ways {
    let mut ways = Ways::default();
    let way = |name, arguments: &[&Rc<Text>], size, l: Turn, r: Turn, dissatisfy, is_one| Way {
        text: fragment(name, arguments),
        size,
        satisfy: share * l.satisfy + (1.0 - share) * r.satisfy,
        most: if l.most > r.most { l.most } else { r.most },
        dissatisfy,
        verify: 1.0,
        one_item: false,
        is_one,
        leaves: l.leaves.into_iter().chain(r.leaves).collect(),
    };
    let plus = |way: &Way, more: f64| Turn {
        satisfy: way.satisfy + more,
        most: way.most + more,
        leaves: way
            .leaves
            .iter()
            .map(|own| LeafCost {
                leaf: own.leaf,
                satisfy: own.satisfy + more,
                most: own.most + more,
            })
            .collect(),
    };
    for (l, l_dissatisfy) in left.dissatisfiable() {
        for (r, r_dissatisfy) in right.dissatisfiable() {
            let (below, wrapper) = r.below();
            ways.base.push(way(
                "or_b",
                &[&l.text, &below],
                l.size + r.size + wrapper + 1.0,
                plus(l, r_dissatisfy),
                plus(r, l_dissatisfy),
                Some(l_dissatisfy + r_dissatisfy),
                true,
            ));
        }
        if !l.is_one {
            continue;
        }
        for r in &right.base {
            ways.base.push(way(
                "or_d",
                &[&l.text, &r.text],
                l.size + r.size + 3.0,
                plus(l, 0.0),
                plus(r, l_dissatisfy),
                r.dissatisfy.map(|r_dissatisfy| l_dissatisfy + r_dissatisfy),
                r.is_one,
            ));
        }
        for r in &right.verify {
            ways.verify.push(way(
                "or_c",
                &[&l.text, &r.text],
                l.size + r.size + 2.0,
                plus(l, 0.0),
                plus(r, l_dissatisfy),
                None,
                true,
            ));
        }
    }
    for (lefts, rights, is_base) in [
        (&left.base, &right.base, true),
        (&left.verify, &right.verify, false),
    ] {
        for l in lefts {
            for r in rights {
                let size = l.size + r.size + 3.0;
                let dissatisfy = |l_turn: f64, r_turn: f64| match (l.dissatisfy, r.dissatisfy) {
                    (Some(l), None) => Some(l + l_turn),
                    (None, Some(r)) => Some(r + r_turn),
                    // Two ways to do it are one too many: a third party could swap them.
                    _ => None,
                };
                if is_base && l.dissatisfy.is_some() && r.dissatisfy.is_some() {
                    // It could stand where it must be satisfied; but `or_d` is then no worse.
                    continue;
                }
                let turns = [
                    way(
                        "or_i",
                        &[&l.text, &r.text],
                        size,
                        plus(l, FIRST),
                        plus(r, SECOND),
                        dissatisfy(FIRST, SECOND),
                        l.is_one && r.is_one,
                    ),
                    way(
                        "or_i",
                        &[&r.text, &l.text],
                        size,
                        plus(l, SECOND),
                        plus(r, FIRST),
                        dissatisfy(SECOND, FIRST),
                        l.is_one && r.is_one,
                    ),
                ];
                let into = if is_base {
                    &mut ways.base
                } else {
                    &mut ways.verify
                };
                into.extend(turns.map(|mut turn| {
                    if !is_base {
                        turn.verify = 0.0;
                    }
                    turn
                }));
            }
        }
    }
    if let Some((first, rest)) = and {
        for (x, x_dissatisfy) in first.deciding() {
            for (ys, zs, is_base) in [
                (&rest.base, &right.base, true),
                (&rest.verify, &right.verify, false),
            ] {
                for y in ys {
                    for z in zs {
                        // Shown not to be satisfied, it goes by the third argument.  The first
                        // holds signatures, so nobody else can go by the second.
                        let dissatisfy = z.dissatisfy;
                        let whole = way(
                            "andor",
                            &[&x.text, &y.text, &z.text],
                            x.size + y.size + z.size + 3.0,
                            both(x, y, left),
                            plus(z, x_dissatisfy),
                            dissatisfy.map(|z| z + x_dissatisfy),
                            y.is_one && z.is_one,
                        );
                        if is_base {
                            ways.base.push(whole);
                        } else {
                            ways.verify.push(whole);
                        }
                    }
                }
            }
        }
    }
    ways.kept()
}
