//! Parties with software keys, who answer challenges.

use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use bitcoin::Psbt;
use bitcoin::bip32::DerivationPath;
use bitcoin::psbt::{GetKey, GetKeyError, KeyRequest};
use bitcoin::secp256k1::{All, Secp256k1, Signing};
use longstop::compile::{Compiled, compile};
use longstop::governance::KeyStatement;
use longstop::keys::KeyCheck;
use longstop::policy::check;
use longstop::signer::SoftwareSigner;
use longstop::units::UnixTime;

pub static SECP: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);

/// 2026-01-31.
pub const DATE: UnixTime = UnixTime(1_769_817_600);

/// Both script types.
pub const SCRIPTS: [&str; 2] = ["tr", "wsh"];

/// The account of a party's veto keys.
pub const VETO: &str = "48h/1h/2h/3h";

/// A shipped policy whose keys and identities are stand-ins.
pub fn departments() -> Compiled {
    let text = std::fs::read_to_string("policies/departments/policy.toml").expect("it is shipped");
    let policy = check(&text).policy.expect("a sound policy");
    compile(Arc::new(policy)).expect("it compiles")
}

pub fn statement(compiled: &Compiled, party: &str) -> KeyStatement {
    KeyCheck::statement(compiled, party, None, DATE, None).expect("a party")
}

pub fn asked(compiled: &Compiled, party: &str) -> KeyCheck {
    KeyCheck::new(compiled, statement(compiled, party), &SECP).expect("its own statement")
}

/// The challenges of a party as they are handed out.
pub fn requests(check: &KeyCheck) -> Vec<Psbt> {
    let challenges = check.challenges().iter();
    let requests = challenges.map(|challenge| challenge.request().expect("a PSBT"));
    requests.collect()
}

/// What a party returns that signs with whatever it has.
pub fn signed(mut psbt: Psbt, party: &str) -> Psbt {
    let signer = SoftwareSigner::stand_in(0, party, &SECP);
    signer.sign(&mut psbt, &SECP);
    psbt
}

/// All challenges of a party, answered by it.
pub fn answered(compiled: &Compiled, party: &str) -> KeyCheck {
    let mut check = asked(compiled, party);
    for request in requests(&check) {
        check.take(&signed(request, party), &SECP).expect("ours");
    }
    check
}

/// A device that holds one account of its party, and no other.
pub struct OneAccount {
    signer: SoftwareSigner,
    account: DerivationPath,
}

impl OneAccount {
    pub fn new(party: &str, account: &str) -> Self {
        Self {
            signer: SoftwareSigner::stand_in(0, party, &SECP),
            account: DerivationPath::from_str(account).expect("a path"),
        }
    }

    pub fn sign(&self, mut psbt: Psbt) -> Psbt {
        let _ = psbt.sign(self, &SECP);
        psbt
    }
}

impl GetKey for OneAccount {
    type Error = GetKeyError;

    fn get_key<C: Signing>(
        &self,
        request: KeyRequest,
        secp: &Secp256k1<C>,
    ) -> Result<Option<bitcoin::PrivateKey>, GetKeyError> {
        match &request {
            KeyRequest::Bip32((_, path)) if path.as_ref().starts_with(self.account.as_ref()) => {
                self.signer.get_key(request, secp)
            }
            _ => Ok(None),
        }
    }
}

/// Root is one key; it is the key path in taproot.
pub const ALONE: &str = r#"
[quorums]
council = { threshold = 1, of = ["alice"] }
agents = { threshold = 2, of = ["gina", "hal", "ivan"] }

[root]
quorum = "council"
refresh = "10 blocks"

[[path]]
name = "dead-man"
quorum = "agents"
delay = "90 blocks"

[lints]
LS0503 = "short delays keep the tests quick"
"#;
