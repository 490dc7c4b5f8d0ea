//! Identities: what of them is public.

use super::{BOLD, paint, shown};
use crate::cli::identity::Shown;

pub(in crate::cli) fn new_identity(new: &Shown) -> String {
    format!(
        "wrote {}\n{}\nnext: put the public key into the policy, and keep a copy of the file and of its passphrase, apart\n",
        new.file,
        identity(new).trim_end()
    )
}

/// As it stands in a policy, below the name of the party.
pub(in crate::cli) fn identity(identity: &Shown) -> String {
    format!(
        "{}\nidentity = \"{}\"\n",
        paint(BOLD, &format!("# {}", shown(&identity.name))),
        identity.identity
    )
}
