//! Seeds: what of them is public.

use super::{BOLD, paint, shown};
use crate::cli::signer::ShownSeed;

pub(in crate::cli) fn new_seed(new: &ShownSeed) -> String {
    format!(
        "wrote {}\n{}next: put the public keys into the policy, and keep a copy of the file and of its passphrase, apart\n",
        new.file,
        seed(new)
    )
}

/// As it stands in a policy, below the name of the party.
pub(in crate::cli) fn seed(seed: &ShownSeed) -> String {
    let name = format!("# {} {}", shown(&seed.name), seed.fingerprint);
    let mut text = format!("{}\n", paint(BOLD, &name));
    for account in &seed.accounts {
        text.push_str(&format!("{:4} = \"{}\"\n", account.field, account.key));
    }
    text
}
