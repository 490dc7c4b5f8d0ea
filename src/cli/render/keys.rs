//! Attestations that were signed, challenges that were written, and keys that were shown.

use super::compiled::{drawn, table};
use super::{BOLD, DIM, GREEN, RED, YELLOW, hanging, paint, shown};
use crate::cli::attest::{Countersigned, Signed, in_words};
use crate::cli::keys::{Challenged, Checked};

/// So many digits of a key tell it from the others of a policy; all of them are in the JSON.
const KEY_DIGITS: usize = 16;

pub(in crate::cli) fn attested(signed: &Signed, width: usize) -> String {
    let mut text = format!(
        "{} attests, from {} to {} UTC, serial {}:\n",
        paint(BOLD, &shown(&signed.party)),
        signed.issued,
        signed.expires,
        signed.serial
    );
    let keys = shown(&in_words(&signed.custody));
    text.push_str(&hanging("  its keys: ", DIM, &keys, width));
    for item in &signed.items {
        let label = format!("  {}: ", shown(&item.item));
        let said = if item.custody.is_empty() {
            "with its keys".to_owned()
        } else {
            shown(&in_words(&item.custody))
        };
        text.push_str(&hanging(&label, DIM, &said, width));
    }
    text.push_str(&format!("wrote {}\n", signed.file));
    text.push_str(&hanging(
        "next: ",
        DIM,
        &format!(
            "show the keys that stand behind it, with `longstop keys challenge --attestation {}`; until then it is claimed and not attested",
            signed.file
        ),
        width,
    ));
    text
}

pub(in crate::cli) fn countersigned(result: &Countersigned, width: usize) -> String {
    let mut text = format!("countersigned with the key {}:\n", result.signer);
    for line in &result.lines {
        let label = format!("  {} of {}: ", line.what, shown(&line.party));
        text.push_str(&hanging(&label, BOLD, &line.says, width));
    }
    text.push_str(&format!("wrote {}\n", result.file));
    text
}

pub(in crate::cli) fn challenged(written: &Challenged, width: usize) -> String {
    let mut text = format!(
        "{}\n",
        paint(BOLD, "what is signed, in the way of BIP-322:")
    );
    for line in written.statement.lines() {
        text.push_str(&format!("  {}\n", shown(line)));
    }
    if written.files.is_empty() {
        text.push_str(&format!(
            "{} has no keys in the leaves of this policy, and nothing to show\n",
            shown(&written.party)
        ));
        return text;
    }
    text.push_str(&format!("wrote to {}:\n", written.folder));
    for file in &written.files {
        let keys = if file.keys == 1 { "key" } else { "keys" };
        text.push_str(&format!(
            "  {}: {} {keys} of the {}\n",
            shown(&file.file),
            file.keys,
            shown(&file.stage)
        ));
    }
    text.push_str(&hanging(
        "next: ",
        DIM,
        "sign each file with the devices of the party, then `longstop keys check`",
        width,
    ));
    text
}

pub(in crate::cli) fn shown_keys(checked: &Checked, width: usize) -> String {
    let mut text = format!("{}\n", paint(BOLD, "what was signed:"));
    for line in checked.statement.lines() {
        text.push_str(&format!("  {}\n", shown(line)));
    }
    let mut table = table(width, &["stage", "leaf", "as", "key", ""]);
    for key in &checked.keys {
        table.add_row([
            shown(&key.stage.to_string()),
            shown(&key.leaf.to_string()),
            key.role.to_string(),
            key.key.to_string().chars().take(KEY_DIGITS).collect(),
            if key.is_shown { "shown" } else { "missing" }.to_owned(),
        ]);
    }
    text.push_str(&drawn(&mut table));
    for stripped in &checked.stripped {
        let what = format!("{}: {}", stripped.file, shown(&stripped.what));
        text.push_str(&hanging("counts for nothing: ", YELLOW, &what, width));
    }
    let missing = checked.keys.iter().filter(|key| !key.is_shown).count();
    let party = shown(&checked.party);
    text.push_str(&if checked.complete {
        paint(GREEN, &format!("{party} has shown all its keys\n"))
    } else {
        let keys = checked.keys.len();
        paint(
            RED,
            &format!("{party} has not shown {missing} of its {keys} keys\n"),
        )
    });
    if let Some(proof) = &checked.proof {
        text.push_str(&format!("wrote {proof}\n"));
    }
    text
}
