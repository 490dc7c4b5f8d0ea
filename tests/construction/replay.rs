//! Why arming keys are keys of their own: in P2WSH a signature does not say which branch it is for.

use bitcoin::absolute::LockTime;
use bitcoin::bip32::DerivationPath;
use bitcoin::hashes::Hash;
use bitcoin::key::Keypair;
use bitcoin::psbt::{GetKey, KeyRequest};
use bitcoin::secp256k1::{Message, Secp256k1, SecretKey};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::taproot::{LeafVersion, TapLeafHash};
use bitcoin::transaction::Version;
use bitcoin::{
    Amount, EcdsaSighashType, PublicKey, ScriptBuf, Sequence, TapSighashType, Transaction, TxIn,
    TxOut, Witness, ecdsa,
};
use longstop::chain::EmbeddedChain;
use longstop::compile::{KeyUse, LeafKind, Role};
use longstop::signer::SoftwareSigner;
use miniscript::Descriptor;

use crate::devices::signature_in;
use crate::vault::{Armed, BAD_SCRIPT, Draft, Fill, SCRIPTS, START, TREASURY, World, anywhere};

/// A nothing-up-my-sleeve point as internal key.
const NUMS: &str = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0";

/// Keys of a vault that has no arming keys: root signs triggers with its ordinary ones.
struct Flawed {
    root: [SecretKey; 3],
    agent: SecretKey,
    secp: Secp256k1<bitcoin::secp256k1::All>,
}

impl Flawed {
    fn new() -> Self {
        let secp = Secp256k1::new();
        let secret = |name: &str| {
            let signer = SoftwareSigner::stand_in(0, name, &secp);
            let request = KeyRequest::Bip32((signer.fingerprint(), DerivationPath::master()));
            let key = signer.get_key(request, &secp).expect("it derives");
            key.expect("it is the signer's").inner
        };
        Self {
            root: ["alice", "bob", "carol"].map(secret),
            agent: secret("gina"),
            secp,
        }
    }

    fn public(&self, secret: &SecretKey) -> PublicKey {
        PublicKey::new(secret.public_key(&self.secp))
    }

    fn descriptor(&self, template: &str) -> Descriptor<PublicKey> {
        let [a, b, c] = self.root.map(|secret| self.public(&secret).to_string());
        let filled = template
            .replace("ROOT", &format!("{a},{b},{c}"))
            .replace("AGENT", &self.public(&self.agent).to_string())
            .replace("NUMS", &format!("02{NUMS}"));
        filled.parse().expect("miniscript reads it")
    }
}

/// A confirmed coin of the descriptor, and a transaction that takes it elsewhere.
fn coin_of(script: ScriptBuf) -> (EmbeddedChain, TxOut, Transaction) {
    let mut chain = EmbeddedChain::new(START);
    let value = Amount::from_sat(1_000_000);
    let outpoint = chain.fund(script.clone(), value).expect("the faucet pays");
    chain.mine_one();
    let transaction = Transaction {
        version: Version(3),
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            previous_output: outpoint,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
            witness: Witness::new(),
        }],
        output: vec![TxOut {
            value: value - Amount::from_sat(10_000),
            script_pubkey: anywhere(),
        }],
    };
    let coin = TxOut {
        value,
        script_pubkey: script,
    };
    (chain, coin, transaction)
}

#[test]
fn without_arming_keys_a_p2wsh_trigger_is_replayed_through_the_other_branch() {
    let keys = Flawed::new();
    let flawed = keys.descriptor("wsh(or_i(multi(2,ROOT),and_v(v:multi(2,ROOT),pk(AGENT))))");
    let (mut chain, coin, mut trigger) = coin_of(flawed.script_pubkey());
    let script = flawed.script_code().expect("P2WSH has one");
    let mut cache = SighashCache::new(&trigger);
    let kind = EcdsaSighashType::All;
    let hash = cache.p2wsh_signature_hash(0, &script, coin.value, kind);
    let message = Message::from_digest(hash.expect("one input").to_byte_array());
    // Two of root sign the trigger in advance, so that the agent can complete it.
    let [first, second, _] = keys.root.map(|secret| {
        let signature = keys.secp.sign_ecdsa(&message, &secret);
        ecdsa::Signature {
            signature,
            sighash_type: kind,
        }
        .to_vec()
    });

    // Whoever has the file does not wait for the agent.
    let replayed: [&[u8]; 5] = [&[], &first, &second, &[1], script.as_bytes()];
    trigger.input[0].witness = Witness::from_slice(&replayed);
    assert_eq!(chain.submit(&trigger), Ok(()));
    let mined = chain.mine_one();
    assert_eq!(
        mined.confirmed,
        [trigger.compute_txid()],
        "the coin is gone"
    );
}

#[test]
fn in_taproot_the_same_replay_fails() {
    let keys = Flawed::new();
    let flawed = keys.descriptor("tr(NUMS,{multi_a(2,ROOT),and_v(v:multi_a(2,ROOT),pk(AGENT))})");
    let (chain, coin, bare) = coin_of(flawed.script_pubkey());
    let Descriptor::Tr(tr) = &flawed else {
        panic!("it is taproot");
    };
    let leaves: Vec<ScriptBuf> = tr.iter_scripts().map(|(_, leaf)| leaf.encode()).collect();
    let complete = |signed_for: &ScriptBuf| {
        let hash = TapLeafHash::from_script(signed_for, LeafVersion::TapScript);
        let prevouts = [coin.clone()];
        let digest = SighashCache::new(&bare).taproot_script_spend_signature_hash(
            0,
            &Prevouts::All(&prevouts),
            hash,
            TapSighashType::Default,
        );
        let message = Message::from_digest(digest.expect("one input").to_byte_array());
        let [first, second, _] = keys.root.map(|secret| {
            let keypair = Keypair::from_secret_key(&keys.secp, &secret);
            let signature = keys.secp.sign_schnorr_no_aux_rand(&message, &keypair);
            signature.as_ref().to_vec()
        });
        let leaf = (leaves[0].clone(), LeafVersion::TapScript);
        let control = tr.spend_info().control_block(&leaf).expect("in the tree");
        let items = [
            Vec::new(),
            second,
            first,
            leaf.0.into_bytes(),
            control.serialize(),
        ];
        let mut transaction = bare.clone();
        transaction.input[0].witness = Witness::from_slice(&items);
        transaction
    };
    let replayed = chain.test_accept(&complete(&leaves[1]));
    assert_eq!(replayed.expect_err("the leaf is signed").class, BAD_SCRIPT);
    assert_eq!(chain.test_accept(&complete(&leaves[0])), Ok(()));
}

#[test]
fn with_arming_keys_the_replay_fails_in_both() {
    for script in SCRIPTS {
        let armed = Armed::new(&Draft::new(script, TREASURY));
        let psbt = armed.files.courses()[0].trigger.to_psbt().expect("a file");
        let leaf = LeafKind::Trigger("sos".to_owned());
        let derived = armed.coin.derived();
        let from = derived.leaf(&leaf).expect("the trigger leaf");
        let to = derived.leaf(&LeafKind::Spend).expect("root's leaf");
        // Each of root's signatures for the trigger in the seat of the same party in root's leaf.
        let seat_of = |key: &KeyUse| -> KeyUse {
            let place = to.keys.iter().position(|own| own == key).expect("a seat");
            let mut arming = from.keys.iter().filter(|key| key.role == Role::Arming);
            arming.nth(place).expect("the same quorum").clone()
        };
        let replayed = World::with_witness(
            &psbt.unsigned_tx,
            &armed.coin,
            &LeafKind::Spend,
            Fill::Nothing,
            &|key| signature_in(&psbt, from, &seat_of(key)),
        );
        armed.world.refuses(&replayed, BAD_SCRIPT);

        // Nor is it the lock alone that refuses them: with its sequence number they fail too.
        let mut open = psbt.unsigned_tx.clone();
        open.input[0].sequence = Sequence(1);
        let sign_in_seat = |key: &KeyUse| {
            let arming = seat_of(key);
            Some(armed.world.sign(&open, &armed.coin, to, &arming))
        };
        let with = |signature: &dyn Fn(&KeyUse) -> Option<Vec<u8>>| {
            World::with_witness(
                &open,
                &armed.coin,
                &LeafKind::Spend,
                Fill::Nothing,
                signature,
            )
        };
        armed.world.refuses(&with(&sign_in_seat), BAD_SCRIPT);
        armed.world.accepts(&with(&|key| {
            Some(armed.world.sign(&open, &armed.coin, to, key))
        }));
    }
}

#[test]
fn every_key_of_every_leaf_differs() {
    for script in SCRIPTS {
        let world = Draft::new(script, TREASURY).world();
        let mut seen = std::collections::BTreeSet::new();
        let stages: Vec<_> = world.compiled.stages().map(|s| s.stage().clone()).collect();
        for stage in stages {
            for leaf in world.derived(&stage, 0).leaves() {
                for key in &leaf.keys {
                    assert!(
                        seen.insert(key.public_key),
                        "{} in {stage} twice",
                        key.party
                    );
                }
            }
        }
        assert_eq!(seen.len(), 5 + 5 + 3 + 3 + 5 + 10 + 5 + 3 + 5 + 3);
    }
}
