//! Many sets, many conditions: what each set meets, by counting bits.

use std::collections::HashMap;
use std::marker::PhantomData;

use crate::logic::{AtomSet, Formula};

/// Conditions that share their parts, each part judged once for a set.
#[derive(Clone, Debug, Default)]
pub(super) struct Judge {
    gates: Vec<Gate>,
    /// The gate of each condition.
    heads: Vec<usize>,
}

/// A threshold over atoms and over gates before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Gate {
    threshold: usize,
    atoms: AtomSet,
    gates: Vec<usize>,
}

/// What has a gate already.
#[derive(Default)]
struct Known<'a> {
    gates: HashMap<Gate, usize>,
    /// Parts that formulas share, by their threshold and where their members are.
    parts: HashMap<(usize, *const Formula, usize), usize>,
    /// The formulas stay where they are.
    of: PhantomData<&'a Formula>,
}

impl Judge {
    /// Of up to 32 conditions; those beyond are not judged.
    pub(super) fn of(conditions: &[Formula]) -> Self {
        let mut judge = Self::default();
        let mut known = Known::default();
        for condition in conditions.iter().take(32) {
            let head = judge.gate(condition, &mut known);
            judge.heads.push(head);
        }
        judge
    }

    /// Which conditions hold for a set, the first in the lowest bit.
    pub(super) fn of_set(&self, set: &AtomSet) -> u32 {
        let mut holds: Vec<bool> = Vec::with_capacity(self.gates.len());
        for gate in &self.gates {
            let inner = gate
                .gates
                .iter()
                .filter(|inner| holds.get(**inner) == Some(&true));
            holds.push(gate.atoms.common(set) + inner.count() >= gate.threshold);
        }
        let heads = self.heads.iter().enumerate();
        heads
            .filter(|(_, head)| holds.get(**head) == Some(&true))
            .fold(0, |bits, (number, _)| bits | 1 << number)
    }

    fn gate<'a>(&mut self, formula: &'a Formula, known: &mut Known<'a>) -> usize {
        if let Formula::Threshold { threshold, of } = formula {
            let part = (*threshold, of.as_ptr(), of.len());
            if let Some(number) = known.parts.get(&part) {
                return *number;
            }
            let number = self.threshold(*threshold, of, known);
            known.parts.insert(part, number);
            return number;
        }
        self.threshold(1, std::slice::from_ref(formula), known)
    }

    fn threshold<'a>(
        &mut self,
        threshold: usize,
        of: &'a [Formula],
        known: &mut Known<'a>,
    ) -> usize {
        let mut gate = Gate {
            threshold,
            atoms: AtomSet::new(),
            gates: Vec::new(),
        };
        for member in of {
            match member {
                // A member that stands twice counts twice, which a bit cannot.
                Formula::Atom(atom) if gate.atoms.insert(*atom) => {}
                other => {
                    let inner = self.gate(other, known);
                    gate.gates.push(inner);
                }
            }
        }
        gate.gates.sort_unstable();
        if let Some(number) = known.gates.get(&gate) {
            return *number;
        }
        let number = self.gates.len();
        known.gates.insert(gate.clone(), number);
        self.gates.push(gate);
        number
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn formulas() -> impl Strategy<Value = Formula> {
        let leaf = (0..9_usize).prop_map(Formula::Atom);
        leaf.prop_recursive(3, 24, 5, |inner| {
            (0..5_usize, proptest::collection::vec(inner, 0..5)).prop_map(|(threshold, of)| {
                Formula::Threshold {
                    threshold,
                    of: of.into(),
                }
            })
        })
    }

    proptest! {
        #[test]
        fn gates_hold_as_formulas_do(
            formulas in proptest::collection::vec(formulas(), 1..4),
            sets in proptest::collection::vec(0_u32..512, 1..20),
        ) {
            let judge = Judge::of(&formulas);
            for bits in sets {
                let set: AtomSet = (0..9).filter(|atom| bits >> atom & 1 == 1).collect();
                let judged = judge.of_set(&set);
                for (number, formula) in formulas.iter().enumerate() {
                    prop_assert_eq!(judged >> number & 1 == 1, formula.holds(&set));
                }
            }
        }
    }
}
