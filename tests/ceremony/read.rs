//! What is said of files that are as they should be.

use std::collections::BTreeMap;

use bitcoin::{Amount, FeeRate, Sequence, TxOut};
use longstop::ceremony::{Basis, Caps, Destination, FaultCode, What};
use longstop::compile::{Keychain, LeafKind, Role, Stage};

use super::table::{Base, Desk, words};
use crate::vault::{DEPOSIT, SCRIPTS, anywhere};

#[test]
fn every_kind_of_transaction_is_told_for_what_it_is() {
    use Base as B;
    use LeafKind as L;
    let expected = [
        (
            B::Trigger,
            What::Trigger,
            L::Trigger("sos".to_owned()),
            true,
        ),
        (B::Cancel, What::Cancel, L::Cancel, true),
        (B::Settle, What::Settle, L::Settle, true),
        (B::Release, What::Release, L::Release, false),
        (B::Clawback, What::Clawback, L::Clawback, true),
        (B::Override, What::Override, L::Override, true),
        (B::Spend, What::Spend, L::Spend, false),
        (B::Refresh, What::Refresh, L::Spend, true),
        (
            B::Recovery,
            What::Recovery,
            L::Direct("dead-man".to_owned()),
            false,
        ),
        (B::Backstop, What::Recovery, L::Backstop, false),
    ];
    assert_eq!(expected.len(), Base::ALL.len());
    for script in SCRIPTS {
        let desk = Desk::new(script);
        for (base, what, leaf, within) in &expected {
            let psbt = desk.file(*base);
            let read = desk.read(&psbt.serialize());
            assert_eq!(words(&read), [""; 0], "{base:?}");
            assert_eq!(read.what, Some(*what));
            assert_eq!(read.leaf.as_ref(), Some(leaf));
            assert_eq!(read.foreign().count() == 0, *within, "{base:?}");
            assert!(read.is_sound() && read.transaction().is_some());
            assert_eq!(read.txid, psbt.unsigned_tx.compute_txid());
            let basis = if script == "tr" {
                Basis::Claimed
            } else {
                Basis::Proved
            };
            assert_eq!(read.inputs[0].basis, Some(basis));
            assert!(read.met.is_empty() && read.seats.iter().all(|seat| !seat.signed));
            let feerate = read.feerate().expect("it is known");
            assert!((2.0..2.1).contains(&feerate), "{base:?} {feerate}");
        }
    }
}

#[test]
fn outputs_and_inputs_are_named() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let read = desk.read(&desk.file(Base::Spend).serialize());
        let to: Vec<&Destination> = read.outputs.iter().map(|output| &output.to).collect();
        let change = Destination::Own {
            stage: Stage::Vault,
            keychain: Keychain::Change,
            index: 3,
        };
        assert_eq!(to, [&Destination::Foreign, &change, &Destination::Anchor]);
        assert_eq!(read.outputs[0].script, anywhere());
        assert_eq!(read.outputs[0].sats, DEPOSIT / 10);
        assert_eq!(read.inputs[0].coin, desk.coin.outpoint());
        assert_eq!(read.inputs[0].stage, Some(Stage::Vault));
        assert_eq!(read.inputs[0].keychain, Some(Keychain::Receive));
        assert_eq!(read.inputs[0].index, Some(0));
        assert_eq!(read.inputs[0].sats, Some(DEPOSIT));
        let root: Vec<&str> = read.seats.iter().map(|seat| seat.party.as_str()).collect();
        assert_eq!(root, ["alice", "bob", "carol", "dave", "erin"]);
        assert!(read.seats.iter().all(|seat| seat.role == Role::Root));
    }
}

/// The sequence number says which leaf is spent, and nothing else does: a cancel with that of an
/// override is an override, for which root would sign with other keys.
#[test]
fn a_cancel_with_the_lock_of_an_override_is_an_override() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let mut psbt = desk.file(Base::Cancel);
        psbt.unsigned_tx.input[0].sequence = Sequence(1);
        let read = desk.read(&psbt.serialize());
        assert_eq!(read.what, Some(What::Override));
        assert_eq!(words(&read), ["more-than-asked"]);
        let request = read.transaction().expect("sound").request(Role::Root);
        assert_eq!(
            request.expect("a request").inputs[0]
                .bip32_derivation
                .keys()
                .collect::<Vec<_>>(),
            desk.file(Base::Override).inputs[0]
                .bip32_derivation
                .keys()
                .collect::<Vec<_>>()
        );
    }
}

#[test]
fn what_the_chain_says_of_a_coin_counts() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let mut psbt = desk.file(Base::Spend);
        let outpoint = desk.coin.outpoint();
        let known = |txout: TxOut| {
            desk.reader()
                .with_coins(BTreeMap::from([(outpoint, txout)]))
        };
        let right = known(desk.coin.txout())
            .read(&psbt.serialize())
            .expect("judged");
        assert_eq!(right.inputs[0].basis, Some(Basis::Known));
        assert_eq!(words(&right), [""; 0]);
        let mut less = desk.coin.txout();
        less.value -= Amount::ONE_SAT;
        let differs = known(less).read(&psbt.serialize()).expect("judged");
        assert_eq!(words(&differs), ["coin-differs"]);
        // What is known need not be in the file.
        psbt.inputs[0].witness_utxo = None;
        psbt.inputs[0].non_witness_utxo = None;
        let bare = known(desk.coin.txout())
            .read(&psbt.serialize())
            .expect("judged");
        assert_eq!(words(&bare), [""; 0]);
    }
}

/// A fee at its bound and a satoshi above.
#[test]
fn fees_are_bounded() {
    for script in SCRIPTS {
        let desk = Desk::new(script);
        let psbt = desk.file(Base::Spend);
        let read = desk.read(&psbt.serialize());
        let (fee, vbytes) = (read.fee.expect("known"), read.vbytes.expect("known"));
        let with = |caps: Caps| {
            let read = desk.reader().with_caps(caps).read(&psbt.serialize());
            read.expect("judged")
                .faults
                .iter()
                .any(|fault| fault.code == FaultCode::FeeTooHigh)
        };
        let caps = |fee: u64| Caps {
            fee: Amount::from_sat(fee),
            ..Caps::default()
        };
        assert!(!with(caps(fee)) && with(caps(fee - 1)));
        assert_eq!(fee, 2 * vbytes);
        let rate = |kwu: u64| Caps {
            feerate: FeeRate::from_sat_per_kwu(kwu),
            ..Caps::default()
        };
        assert!(!with(rate(500)) && with(rate(498)));
    }
}
