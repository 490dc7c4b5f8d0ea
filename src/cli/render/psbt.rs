//! PSBTs: what they do, what is wrong with them, and what was put together.

use super::frames::codes_made;
use super::{BOLD, DIM, GREEN, RED, YELLOW, counted, hanging, paint, shown};
use crate::ceremony::{Basis, Destination, Fault, Gravity, Recognised, RecognisedOutput, Seat};
use crate::cli::psbt::{Looked, MergedFile};
use crate::compile::Role;

/// What the transaction does, and everything that is wrong.
pub(in crate::cli) fn psbt(looked: &Looked, width: usize) -> String {
    let mut text = told(looked, width);
    text.push_str(&faults(&looked.recognised.faults, width));
    if let Some(shown) = &looked.qr {
        text.push_str(&codes_made(shown));
    }
    text
}

/// The judgement of one of several files.
pub(in crate::cli) fn psbt_judged(looked: &Looked, width: usize) -> String {
    let what = psbt_word(&looked.recognised);
    let mut text = format!("{}: {what}\n", paint(BOLD, &looked.file));
    text.push_str(&faults(&looked.recognised.faults, width));
    for output in looked.recognised.foreign() {
        let to = format!("{} to {}", sats(output.sats), address(output));
        text.push_str(&hanging("pays outside the policy: ", YELLOW, &to, width));
    }
    text.push_str(&if looked.sound {
        paint(GREEN, "nothing speaks against signing it\n")
    } else {
        paint(RED, "not to be signed\n")
    });
    text
}

pub(in crate::cli) fn psbt_merged(merged: &MergedFile, width: usize) -> String {
    let what = merged.what.map_or("transaction", |what| what.word());
    let mut text = format!("{} {}\n", paint(BOLD, what), merged.txid);
    for accepted in &merged.accepted {
        let who = match accepted.parties.as_slice() {
            [] => "nothing".to_owned(),
            parties => shown(&unique(parties).join(", ")),
        };
        let label = format!("  from {}: ", accepted.file);
        text.push_str(&hanging(&label, DIM, &who, width));
    }
    for stripped in &merged.stripped {
        let what = format!("{}: {}", stripped.file, shown(&stripped.what.to_string()));
        text.push_str(&hanging("counts for nothing: ", YELLOW, &what, width));
    }
    text.push_str(&signers(&merged.seats, &merged.met, width));
    text.push_str(&format!("wrote {}\n", merged.file));
    text
}

fn unique(parties: &[String]) -> Vec<String> {
    let mut parties = parties.to_vec();
    parties.dedup();
    parties
}

/// What a transaction is, and where its coins are.
pub(in crate::cli) fn psbt_word(recognised: &Recognised) -> String {
    let word = recognised
        .what
        .map_or("unknown transaction", |what| what.word());
    let stage = recognised
        .inputs
        .first()
        .and_then(|input| input.stage.as_ref());
    match stage {
        Some(stage) => format!("{word} out of the {}", shown(&stage.to_string())),
        None => word.to_owned(),
    }
}

fn told(looked: &Looked, width: usize) -> String {
    let recognised = &looked.recognised;
    let mut text = format!("{}\n", paint(BOLD, &psbt_word(recognised)));
    text.push_str(&format!("  transaction {}\n", recognised.txid));
    if let Some(leaf) = &recognised.leaf {
        text.push_str(&format!(
            "  through     the leaf `{}`\n",
            shown(&leaf.to_string())
        ));
    }
    for input in &recognised.inputs {
        let worth = input.sats.map_or("an unknown amount".to_owned(), sats);
        let place = match (input.keychain, input.index) {
            (Some(keychain), Some(index)) => format!(", index {index} of the {keychain} keychain"),
            _ => ", none of this policy".to_owned(),
        };
        let basis = match input.basis {
            Some(Basis::Claimed) => {
                "; only the file says so, and a taproot signature is worth nothing if that is false"
            }
            _ => "",
        };
        let spent = format!("{}: {worth}{place}{basis}", input.coin);
        text.push_str(&hanging("  spends      ", DIM, &spent, width));
    }
    for output in &recognised.outputs {
        let paid = format!("{} to {}", sats(output.sats), destination(output));
        let style = match output.to {
            Destination::Foreign | Destination::Data => YELLOW,
            _ => DIM,
        };
        text.push_str(&hanging("  pays        ", style, &paid, width));
    }
    if let Some(fee) = recognised.fee {
        let rate = recognised.feerate();
        let rate = rate.map_or(String::new(), |rate| format!(", {rate:.1} sat/vB"));
        text.push_str(&format!("  fee         {}{rate}\n", sats(fee)));
    }
    if recognised.lock_time != 0 {
        text.push_str(&format!("  not before  {}\n", recognised.lock_time));
    }
    text.push_str(&signers(&recognised.seats, &recognised.met, width));
    text
}

/// Who has signed and who has not, role by role.
fn signers(seats: &[Seat], met: &[Role], width: usize) -> String {
    let mut roles: Vec<Role> = seats.iter().map(|seat| seat.role).collect();
    roles.dedup();
    let mut text = String::new();
    for role in roles {
        let names = |signed: bool| {
            let of = seats
                .iter()
                .filter(|seat| seat.role == role && seat.signed == signed);
            let names: Vec<&str> = of.map(|seat| seat.party.as_str()).collect();
            shown(&names.join(", "))
        };
        let (signed, missing) = (names(true), names(false));
        let state = if met.contains(&role) {
            paint(GREEN, "enough have signed")
        } else {
            paint(YELLOW, "too few have signed")
        };
        text.push_str(&format!("  as {role}: {state}\n"));
        if !signed.is_empty() {
            text.push_str(&hanging("    signed:     ", DIM, &signed, width));
        }
        if !missing.is_empty() {
            text.push_str(&hanging("    not signed: ", DIM, &missing, width));
        }
    }
    text
}

fn faults(faults: &[Fault], width: usize) -> String {
    let mut text = String::new();
    for fault in faults {
        let style = match fault.gravity {
            Gravity::Error => RED,
            Gravity::Note => YELLOW,
        };
        let label = format!("{}[{}] {}: ", fault.gravity, fault.code, fault.place);
        text.push_str(&hanging(&label, style, &shown(&fault.message), width));
    }
    text
}

/// An amount as it stands in a policy.
pub(in crate::cli) fn sats(sats: u64) -> String {
    counted(sats, "satoshi")
}

fn destination(output: &RecognisedOutput) -> String {
    match &output.to {
        Destination::Own {
            stage,
            keychain,
            index,
        } => format!(
            "the {}, index {index} of the {keychain} keychain",
            shown(&stage.to_string())
        ),
        Destination::Anchor => "whoever raises the fee (anchor)".to_owned(),
        Destination::Data => format!("nobody (data {})", output.script.to_hex_string()),
        Destination::Foreign => format!("{}, outside the policy", address(output)),
    }
}

/// The address of an output, or its script.
pub(in crate::cli) fn address(output: &RecognisedOutput) -> String {
    match &output.address {
        Some(address) => address.clone(),
        None => format!("the script {}", output.script.to_hex_string()),
    }
}
