//! What nodes say when they refuse a transaction, as a class.
//!
//! The words are those of Bitcoin Core's `TxValidationState` and `PackageValidationState`
//! (`src/validation.cpp`, `src/consensus/tx_check.cpp`, `src/policy`).  Electrum and Esplora servers
//! hand on what their node said, with words of their own around it.

use std::borrow::Cow;

use super::{Judge, Refusal};

/// Classes that a block is refused for as well, beside everything that begins with `bad-`.
const CONSENSUS: [&str; 5] = [
    "coinbase",
    "non-BIP68-final",
    "non-final",
    "txn-already-known",
    "mempool-script-verify-flag-failed",
];

/// Classes that begin with `bad-` and are rules of relay alone.
const RELAY_THOUGH_BAD: [&str; 3] = [
    "bad-txns-nonstandard-inputs",
    "bad-txns-too-many-sigops",
    "bad-witness-nonstandard",
];

/// Classes that stand for themselves, to be found inside a longer text; the longer words first,
/// where one begins as another.
const KNOWN: [&str; 42] = [
    "txn-same-nonwitness-data-in-mempool",
    "txn-already-in-mempool",
    "txn-already-known",
    "Transaction outputs already in utxo set",
    "Transaction already in block chain",
    "transaction already in mempool",
    "missing-inputs",
    "Missing inputs",
    "txn-mempool-conflict",
    "non-BIP68-final",
    "non-final",
    "mempool-script-verify-flag-failed",
    "min relay fee not met",
    "mempool min fee not met",
    "insufficient fee (including sibling eviction)",
    "insufficient fee",
    "TRUC-violation",
    "missing-ephemeral-spends",
    "too-long-mempool-chain",
    "too-large-cluster",
    "too many potential replacements",
    "replacement-adds-unconfirmed",
    "replacement-failed",
    "package-contains-duplicates",
    "package-not-child-with-parents",
    "package-not-child-with-unconfirmed-parents",
    "package-not-sorted",
    "package-too-large",
    "package-too-many-transactions",
    "conflict-in-package",
    "max feerate exceeded",
    "scriptsig-not-pushonly",
    "scriptsig-size",
    "scriptpubkey",
    "tx-size-small",
    "tx-size",
    "bare-multisig",
    "multi-op-return",
    "datacarrier",
    "coinbase",
    "version",
    "dust",
];

/// Words of script errors that only relay policy raises (`src/script/script_error.cpp`): what is
/// kept free for later rules, and arguments that consensus takes in any form.
const RELAY_SCRIPT_ERRORS: [&str; 9] = [
    "reserved for soft-fork upgrades",
    "NOPx reserved",
    "OP_IF/NOTIF argument must be minimal",
    "Using OP_CODESEPARATOR in non-witness script",
    "Signature is found in scriptCode",
    "Using non-compressed keys in segwit",
    "Data push larger than necessary",
    "Dummy CHECKMULTISIG argument must be zero",
    "Non-canonical signature: S value is unnecessarily high",
];

/// Reads a refusal from the reject reason of a node: the reason, and what it added to it.
pub fn refusal(reason: &str, details: Option<&str>) -> Refusal {
    let whole = details.filter(|details| details.starts_with(reason));
    split(whole.unwrap_or(reason))
}

/// Finds the refusal in a text that a server put around the words of its node, if there is one.
pub fn refusal_inside(text: &str) -> Option<Refusal> {
    let bad = text.find("bad-").map(|at| {
        let rest = text.get(at..).unwrap_or_default();
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        (at, at + end)
    });
    let script = ["mandatory", "block"].iter().find_map(|kind| {
        let word = format!("{kind}-script-verify-flag-failed");
        text.find(&word).map(|at| (at, at + word.len()))
    });
    let known = KNOWN.iter().filter_map(|word| {
        let at = text.find(word)?;
        Some((at, at + word.len()))
    });
    let (at, _) = bad
        .into_iter()
        .chain(script)
        .chain(known)
        .min_by_key(|(at, end)| (*at, usize::MAX - end))?;
    let said = text.get(at..).unwrap_or_default();
    // Whatever a server puts behind in quotes or braces is its own.
    let end = said.find(['"', '}', '\n', '\\']).unwrap_or(said.len());
    Some(split(said.get(..end).unwrap_or(said).trim_end()))
}

/// Splits what a node said into the class and the rest: behind a comma, and for a script in
/// brackets.  Brackets elsewhere belong to the class, as in `insufficient fee (including sibling
/// eviction)`.
fn split(said: &str) -> Refusal {
    let script = said
        .find("-script-verify-flag")
        .and_then(|_| said.find('('));
    let boundary = script.or_else(|| said.find(',')).unwrap_or(said.len());
    let (class, rest) = said.split_at_checked(boundary).unwrap_or((said, ""));
    let class = same_everywhere(class.trim());
    let rest = rest.trim_start_matches(',').trim();
    let inside = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let rest = inside.map_or(rest, |(inside, _)| inside);
    let by = judge(&class, said);
    Refusal {
        class,
        detail: (!rest.is_empty()).then(|| rest.to_owned()),
        by,
    }
}

/// One class for what nodes of different ages, and different calls of one node, have different
/// words for.
fn same_everywhere(class: &str) -> Cow<'static, str> {
    match class {
        "missing-inputs" | "Missing inputs" => "bad-txns-inputs-missingorspent".into(),
        "mandatory-script-verify-flag-failed" | "non-mandatory-script-verify-flag" => {
            "mempool-script-verify-flag-failed".into()
        }
        "Transaction already in block chain" | "Transaction outputs already in utxo set" => {
            "txn-already-known".into()
        }
        "already in mempool" | "transaction already in mempool" => "txn-already-in-mempool".into(),
        "package-not-child-with-unconfirmed-parents" => "package-not-child-with-parents".into(),
        class => class.to_owned().into(),
    }
}

/// Who refuses for this class.
///
/// A node does not say it: of a script it says what failed under the flags of relay policy, which
/// are stricter.  What only those can raise is relay policy; everything else in scripts counts as
/// consensus.
fn judge(class: &str, said: &str) -> Judge {
    let consensus = CONSENSUS.contains(&class) || class.starts_with("bad-");
    let relay_script = class == "mempool-script-verify-flag-failed"
        && RELAY_SCRIPT_ERRORS.iter().any(|error| said.contains(error));
    if consensus && !relay_script && !RELAY_THOUGH_BAD.contains(&class) {
        Judge::Consensus
    } else {
        Judge::Relay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(refusal: Refusal) -> (String, Option<String>, Judge) {
        (refusal.class.into_owned(), refusal.detail, refusal.by)
    }

    fn all(class: &str, detail: &str, by: Judge) -> (String, Option<String>, Judge) {
        let detail = (!detail.is_empty()).then(|| detail.to_owned());
        (class.to_owned(), detail, by)
    }

    #[test]
    fn a_node_says_a_reason_and_details() {
        let script = "mempool-script-verify-flag-failed (Invalid Schnorr signature)";
        let at = format!("{script}, input 0 of 00 (wtxid 00), spending 00:0");
        for (reason, details, expected) in [
            (
                "non-BIP68-final",
                "",
                all("non-BIP68-final", "", Judge::Consensus),
            ),
            (
                script,
                at.as_str(),
                all(
                    "mempool-script-verify-flag-failed",
                    "Invalid Schnorr signature",
                    Judge::Consensus,
                ),
            ),
            (
                "min relay fee not met",
                "min relay fee not met, 0 < 12",
                all("min relay fee not met", "0 < 12", Judge::Relay),
            ),
            (
                "insufficient fee (including sibling eviction)",
                "insufficient fee (including sibling eviction), rejecting 00; less",
                all(
                    "insufficient fee (including sibling eviction)",
                    "rejecting 00; less",
                    Judge::Relay,
                ),
            ),
            (
                "missing-inputs",
                "bad-txns-inputs-missingorspent",
                all("bad-txns-inputs-missingorspent", "", Judge::Consensus),
            ),
            (
                "bad-witness-nonstandard",
                "",
                all("bad-witness-nonstandard", "", Judge::Relay),
            ),
            (
                "mempool-script-verify-flag-failed (OP_IF/NOTIF argument must be minimal)",
                "",
                all(
                    "mempool-script-verify-flag-failed",
                    "OP_IF/NOTIF argument must be minimal",
                    Judge::Relay,
                ),
            ),
        ] {
            let details = (!details.is_empty()).then_some(details);
            assert_eq!(parts(refusal(reason, details)), expected);
        }
    }

    #[test]
    fn a_server_wraps_the_words_of_its_node() {
        for (text, class) in [
            (
                r#"sendrawtransaction RPC error: {"code":-26,"message":"min relay fee not met, 0 < 12"}"#,
                "min relay fee not met",
            ),
            (
                "daemon error: failed to broadcast transaction: RPC error: TRUC-violation, tx 00",
                "TRUC-violation",
            ),
            (
                r#"{"code":-25,"message":"bad-txns-inputs-missingorspent"}"#,
                "bad-txns-inputs-missingorspent",
            ),
            (
                "the transaction was rejected: insufficient fee (including sibling eviction), 1",
                "insufficient fee (including sibling eviction)",
            ),
            (
                "mandatory-script-verify-flag-failed (Invalid Schnorr signature)",
                "mempool-script-verify-flag-failed",
            ),
            ("error: txn-already-in-mempool", "txn-already-in-mempool"),
            (
                "Transaction outputs already in utxo set",
                "txn-already-known",
            ),
            ("Missing inputs", "bad-txns-inputs-missingorspent"),
        ] {
            let found = refusal_inside(text).expect(text);
            assert_eq!(found.class, class, "{text}");
        }
        assert_eq!(refusal_inside("the server is busy"), None);
        assert_eq!(refusal_inside(""), None);
    }
}
