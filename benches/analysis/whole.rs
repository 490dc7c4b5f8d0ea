//! A policy as large as any: 64 parties, 12 paths, custody facts of all six kinds.

use std::fmt::Write;
use std::str::FromStr;

use bitcoin::bip32::DerivationPath;
use bitcoin::secp256k1::Secp256k1;
use longstop::governance::{Attestation, Attestations, OnWord};
use longstop::policy::{Policy, check};
use longstop::signer::SoftwareSigner;
use longstop::units::UnixTime;

/// Any will do, as long as those who sign and those who read mean the same.
const ID: [u8; 32] = [7; 32];

/// A federation that holds the coins, four desks that spend, four groups of trustees that rescue
/// with a lock-up, and four successors who wait, of whom some sit in two quorums.
pub fn policy() -> Policy {
    let text = text().expect("writing to a string never fails");
    let checked = check(&text);
    let problems = checked.diagnostics;
    checked
        .policy
        .unwrap_or_else(|| panic!("the policy of this bench has errors: {problems:#?}"))
}

/// Every second party attests what the policy says of it.
pub fn attestations(policy: &Policy) -> Attestations {
    let [issued, now, expires] = [1_000, 2_000, 3_000].map(UnixTime);
    let lines: Vec<String> = policy
        .parties()
        .step_by(2)
        .map(|party| {
            Attestation::of_claims(policy, ID, party, issued, expires, 1)
                .sign(&SoftwareSigner::stand_in_identity(0, party.name()))
                .to_line()
        })
        .collect();
    let (attestations, problems) = Attestations::read(&lines.join("\n"), policy, ID, now, &OnWord);
    assert_eq!(problems, []);
    attestations
}

fn text() -> Result<String, std::fmt::Error> {
    let secp = Secp256k1::new();
    let path = DerivationPath::from_str("48h/1h/0h/3h").expect("a path");
    let mut text =
        "[policy]\nname = \"large\"\nnetwork = \"regtest\"\nscript = \"tr\"\n".to_owned();
    for number in 0..64 {
        let signer = SoftwareSigner::stand_in(0, &format!("p{number}"), &secp);
        let key = signer.account(&path, &secp);
        let identity = SoftwareSigner::stand_in_identity(0, &format!("p{number}"));
        let identity: String = identity
            .verifying_key()
            .as_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        writeln!(
            text,
            "[parties.p{number}]\nkey = \"{key}\"\nidentity = \"{identity}\""
        )?;
        writeln!(
            text,
            "custody = {{ operator = \"o{}\", host = \"h{}\", cloud = \"c{}\", vendor = \"v{}\", jurisdiction = \"j{}\", site = \"s{}\" }}",
            number / 2,
            number,
            number % 9,
            number % 5,
            number % 12,
            number / 3,
        )?;
    }
    let list = |from: usize, to: usize| {
        let names: Vec<String> = (from..to)
            .map(|number| format!("\"p{}\"", number % 64))
            .collect();
        names.join(", ")
    };
    writeln!(text, "[quorums]")?;
    writeln!(
        text,
        "federation = {{ threshold = 11, of = [{}] }}",
        list(0, 15)
    )?;
    writeln!(
        text,
        "objectors = {{ threshold = 5, members_of = \"federation\" }}"
    )?;
    for group in 0..4 {
        let from = 15 + group * 12;
        writeln!(
            text,
            "desk-{group} = {{ threshold = 3, of = [{}] }}",
            list(from, from + 5)
        )?;
        writeln!(
            text,
            "risk-{group} = {{ threshold = 2, of = [{}] }}",
            list(from + 4, from + 7)
        )?;
        writeln!(
            text,
            "trustees-{group} = {{ threshold = 4, of = [{}] }}",
            list(from + 7, from + 14)
        )?;
        writeln!(
            text,
            "heirs-{group} = {{ threshold = 2, of = [\"trustees-{group}\", \"desk-{group}\", \"risk-{group}\"] }}"
        )?;
    }
    writeln!(
        text,
        "[root]\nquorum = \"federation\"\nrefresh = \"60 days\""
    )?;
    for group in 0..4 {
        writeln!(
            text,
            "[[path]]\nname = \"pay-{group}\"\npurpose = \"spend\"\nquorum = \"desk-{group}\"\nescrow = {{ window = \"{} blocks\", veto = \"risk-{group}\" }}",
            144 + group
        )?;
        writeln!(
            text,
            "[[path]]\nname = \"rescue-{group}\"\nquorum = \"trustees-{group}\"\nescrow = {{ window = \"{} days\", veto = \"objectors\", depth = 2, backstop = \"60 days\" }}\nlockup = {{ period = \"30 days\" }}",
            10 + group
        )?;
        writeln!(
            text,
            "[[path]]\nname = \"heirs-{group}\"\nquorum = \"heirs-{group}\"\ndelay = \"{} days\"",
            200 + 50 * group
        )?;
    }
    Ok(text)
}
