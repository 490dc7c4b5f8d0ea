//! Writes attestations for a policy whose keys and identities are stand-ins: every party signs what
//! the policy claims of it, the next party countersigns, and the party shows that it holds its keys.
//!
//! Stand-ins are worthless: whoever has this program has them too.
//!
//! ```text
//! cargo run --example attest -- policies/departments/policy.toml 2019-02-01T00:00:00Z > attestations.jsonl
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::sync::Arc;

use bitcoin::secp256k1::Secp256k1;
use longstop::compile::compile;
use longstop::governance::{Attestation, Attestations, KeysShown};
use longstop::keys::{Judge, KeyCheck};
use longstop::policy::check;
use longstop::signer::SoftwareSigner;
use longstop::units::UnixTime;

/// For how long an attestation holds.
const YEAR: u32 = 365 * 86_400;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let policy = arguments.next();
    let policy = policy
        .as_deref()
        .unwrap_or("policies/departments/policy.toml");
    let issued = arguments.next();
    let issued = issued.as_deref().unwrap_or("2019-02-01T00:00:00Z");
    let issued = chrono::DateTime::parse_from_rfc3339(issued)?;
    let issued = UnixTime(u32::try_from(issued.timestamp())?);

    let text = std::fs::read_to_string(policy)?;
    let policy = check(&text).policy.ok_or("the policy has errors")?;
    let compiled = compile(Arc::new(policy.clone()))?;
    let id = compiled.id().to_bytes();
    let secp = Secp256k1::new();

    let names: Vec<&str> = policy.parties().map(|party| party.name()).collect();
    let identity = |name: &str| SoftwareSigner::stand_in_identity(0, name);
    let mut file = String::new();
    for (party, next) in policy.parties().zip(names.iter().cycle().skip(1)) {
        let expires = issued.after_seconds(YEAR);
        let attestation = Attestation::of_claims(&policy, id, party, issued, expires, 1);
        let envelope = attestation.sign(&identity(party.name()));
        file.push_str(&envelope.countersign(&identity(next)).to_line());
        file.push('\n');

        // The keys of its leaves stand behind it: each signs a challenge in every stage.
        let name = party.name();
        let digest = Some(attestation.digest());
        let statement = KeyCheck::statement(&compiled, name, digest, issued, None)?;
        let mut check = KeyCheck::new(&compiled, statement, &secp)?;
        let signer = SoftwareSigner::stand_in(0, name, &secp);
        for challenge in check.challenges().to_vec() {
            let mut psbt = challenge.request()?;
            signer.sign(&mut psbt, &secp);
            check.take(&psbt, &secp)?;
        }
        assert!(check.is_complete());
        file.push_str(&check.proof().sign(&identity(name)).to_line());
        file.push('\n');
    }

    // What was written is read back as anybody would read it.
    let judge = Judge::new(&compiled, &secp);
    let (attestations, problems) = Attestations::read(&file, &policy, id, issued, &judge);
    assert_eq!(problems, [], "the policy's identities are stand-ins");
    assert!(attestations.keys().iter().all(KeysShown::is_complete));
    assert_eq!(attestations.iter().count(), names.len());
    print!("{file}");
    Ok(())
}
