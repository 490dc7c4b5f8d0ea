//! Packages of one parent and one child.

use std::collections::BTreeSet;

use bitcoin::Transaction;

use crate::chain::Refusal;

const MAX_PACKAGE_WEIGHT: u64 = 404_000;

/// Whether two transactions are a parent and its child, in this order.
///
/// # Errors
///
/// With the first rule that is broken.
pub fn check_package_form(parent: &Transaction, child: &Transaction) -> Result<(), Refusal> {
    let (parent_txid, child_txid) = (parent.compute_txid(), child.compute_txid());
    let weight = parent.weight() + child.weight();
    let spends = |transaction: &Transaction, txid| {
        let mut inputs = transaction.input.iter();
        inputs.any(|input| input.previous_output.txid == txid)
    };
    let spent_by_parent: BTreeSet<_> = (parent.input.iter())
        .map(|input| input.previous_output)
        .collect();
    let mut child_inputs = child.input.iter();
    if weight.to_wu() > MAX_PACKAGE_WEIGHT {
        Err(Refusal::relay("package-too-large"))
    } else if parent_txid == child_txid {
        Err(Refusal::relay("package-contains-duplicates"))
    } else if spends(parent, child_txid) {
        Err(Refusal::relay("package-not-sorted"))
    } else if child_inputs.any(|input| spent_by_parent.contains(&input.previous_output)) {
        Err(Refusal::relay("conflict-in-package"))
    } else if !spends(child, parent_txid) {
        Err(Refusal::relay("package-not-child-with-parents"))
    } else {
        Ok(())
    }
}
