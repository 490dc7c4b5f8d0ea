//! Files of two shipped policies, as the sessions of the command line use them: what is written
//! today is what was written when they were committed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bitcoin::hashes::Hash;
use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, Psbt, Transaction, TxIn, TxOut, Txid, absolute::LockTime};
use longstop::arming::ArmingState;
use longstop::ceremony::{Reader, Round, stamp};
use longstop::compile::{Compiled, Keychain, Role, Stage, compile};
use longstop::policy::check;
use longstop::signer::SoftwareSigner;
use longstop::transaction::{Builder, Coin, EscrowCoin, Payee, VaultCoin};

use crate::golden;
use crate::vault::{anywhere, made};

/// The policies, one of each script type.
const POLICIES: [(&str, &str); 2] = [("tr", "dao-treasury"), ("wsh", "dao-treasury-wsh")];

fn compiled(policy: &str) -> Compiled {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("policies")
        .join(policy)
        .join("policy.toml");
    let text = fs::read_to_string(path).expect("it is shipped");
    let policy = check(&text).policy.expect("it is sound");
    compile(Arc::new(policy)).expect("it compiles")
}

/// A deposit of a tenth of a bitcoin, out of nothing.
fn deposit(builder: &Builder<'_>) -> VaultCoin {
    let derived = builder.derive(&Stage::Vault, Keychain::Receive, 0);
    let derived = derived.expect("every policy has a vault");
    let amount = Amount::from_sat(10_000_000);
    let source = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::new(Txid::from_byte_array([1; 32]), 0),
            ..TxIn::default()
        }],
        output: vec![TxOut {
            value: amount,
            script_pubkey: derived.script_pubkey().clone(),
        }],
    };
    let outpoint = OutPoint::new(source.compute_txid(), 0);
    let coin = Coin::new(outpoint, amount, derived).with_source(Arc::new(source));
    VaultCoin::try_from(coin).expect("it is in the vault")
}

fn sign(mut psbt: Psbt, party: &str, secp: &Secp256k1<All>) -> Psbt {
    let signer = SoftwareSigner::stand_in(0, party, secp);
    assert!(signer.sign(&mut psbt, secp) > 0);
    psbt
}

/// The files of a policy with their names.
fn files(compiled: &Compiled, secp: &Secp256k1<All>) -> Vec<(&'static str, Psbt)> {
    let builder = Builder::new(compiled, secp);
    let coin = deposit(&builder);
    let trigger = builder.trigger(&coin, "sos").expect("it pays");
    let escrow: EscrowCoin = made(&trigger);
    let cancel = builder.cancel(&escrow).expect("it pays");
    let payee = Payee {
        script_pubkey: anywhere(),
        amount: Amount::from_sat(1_000_000),
    };
    let spend = builder.spend(&[&coin], &[payee], 3).expect("it pays");
    let stamped = |mut psbt: Psbt| {
        stamp(&mut psbt, compiled);
        psbt
    };
    let cancel = stamped(cancel.request(Role::Arming).expect("a request"));
    let spend = stamped(spend.request(Role::Root).expect("a request"));
    let mut stolen = cancel.clone();
    stolen.unsigned_tx.output[0].script_pubkey = anywhere();
    vec![
        ("cancel-alice", sign(cancel.clone(), "alice", secp)),
        ("cancel-bob", sign(cancel.clone(), "bob", secp)),
        ("cancel", cancel),
        ("spend", spend),
        ("stolen", stolen),
    ]
}

/// A round that is armed, as text.
fn round(compiled: &Compiled, secp: &Secp256k1<All>) -> String {
    let coin = deposit(&Builder::new(compiled, secp));
    let start = Round::start(compiled, secp, &[coin], &["sos".to_owned()]);
    let mut round = start.expect("it can be armed");
    for step in 0..2 {
        for party in ["alice", "bob", "carol"] {
            let requests = round.requests_for(|used| used.party == party);
            for request in requests.expect("requests") {
                let returned = sign(request, party, secp);
                round.take(party, &returned).expect("it is ours");
            }
        }
        for party in ["alice", "bob", "gina", "hal"].iter().filter(|_| step == 0) {
            round.acknowledge(party).expect("it has a part in this");
        }
    }
    assert_eq!(round.state(), ArmingState::Armed);
    let file = round.to_file().expect("a file");
    let text = serde_json::to_string_pretty(&file).expect("it is JSON");
    let read = Round::read(text.as_bytes(), compiled, secp);
    let (_, taken) = read.expect("it is ours");
    assert!(taken.refused.is_empty());
    text + "\n"
}

#[test]
fn files_are_what_they_were() {
    let secp = Secp256k1::new();
    let mut names = BTreeSet::from(["README.md".to_owned()]);
    for (script, policy) in POLICIES {
        let compiled = compiled(policy);
        let mut reader = Reader::new(&compiled, &secp);
        for (name, psbt) in files(&compiled, &secp) {
            let file = format!("{script}-{name}.psbt");
            golden::check_file("ceremony", &file, &format!("{psbt}\n"));
            let read = reader.read(psbt.to_string().as_bytes()).expect("judged");
            assert_eq!(
                read.is_sound(),
                name != "stolen",
                "{file}: {:?}",
                read.faults
            );
            names.insert(file);
        }
    }
    // A round of version 2, with three rungs.
    for (script, policy) in POLICIES.into_iter().chain([("rungs", "guild")]) {
        let compiled = compiled(policy);
        let file = format!("{script}-round.json");
        golden::check_file("ceremony", &file, &round(&compiled, &secp));
        names.insert(file);
    }
    golden::check_folder("ceremony", &names);
}
