//! Rounds of arming.

use super::psbt::sats;
use super::{BOLD, DIM, GREEN, YELLOW, counted, hanging, paint, shown};
use crate::arming::ArmingState;
use crate::cli::arm::{ArmingLine, RoundStanding};

pub(in crate::cli) fn round(standing: &RoundStanding, width: usize) -> String {
    let mut text = String::new();
    for arming in &standing.armings {
        text.push_str(&line(arming, width));
    }
    let taken = &standing.taken;
    for (party, count) in &taken.accepted {
        let count = counted(*count as u64, "file");
        text.push_str(&format!("signatures of {} in {count}\n", shown(party)));
    }
    for stripped in &taken.stripped {
        let what = format!("{}: {}", stripped.file, shown(&stripped.what.to_string()));
        text.push_str(&hanging("counts for nothing: ", YELLOW, &what, width));
    }
    for refused in &taken.refused {
        text.push_str(&hanging("not taken: ", YELLOW, &shown(refused), width));
    }
    for file in &standing.written {
        text.push_str(&format!("wrote {file}\n"));
    }
    if let Some(count) = standing.remembered {
        let entries = match count {
            1 => "1 entry".to_owned(),
            count => format!("{count} entries"),
        };
        text.push_str(&format!("the vault remembers {entries} more\n"));
    }
    let next = match standing.state {
        ArmingState::Unarmed => {
            "root signs cancels and settles: `longstop arm sign`, by each member who is to sign"
        }
        ArmingState::Protected => {
            "those who veto, act and release verify their copies (`longstop arm verify`) and say so (`longstop arm acknowledge`)"
        }
        ArmingState::Acknowledged => "root signs the triggers: `longstop arm sign`",
        ArmingState::Armed => "hand copies to everybody who vetoes, acts or releases",
    };
    text.push_str(&hanging("next: ", DIM, next, width));
    text
}

fn line(arming: &ArmingLine, width: usize) -> String {
    let style = match arming.state {
        ArmingState::Armed => GREEN,
        _ => YELLOW,
    };
    let mut text = format!(
        "{} on {}, {}: {}\n",
        paint(BOLD, &arming.coin.to_string()),
        shown(&arming.path),
        sats(arming.sats),
        paint(style, &arming.state.to_string())
    );
    let mut list = |label: &str, names: &[String]| {
        if !names.is_empty() {
            text.push_str(&hanging(label, DIM, &shown(&names.join(", ")), width));
        }
    };
    match arming.state {
        ArmingState::Unarmed | ArmingState::Acknowledged => {
            list("  has signed:       ", &arming.signed);
            list("  has not signed:   ", &arming.unsigned);
        }
        ArmingState::Protected => {
            list("  has acknowledged: ", &arming.acknowledged);
            list("  has not:          ", &arming.silent);
        }
        ArmingState::Armed => {}
    }
    text
}
