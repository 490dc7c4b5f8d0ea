//! Any bytes as a PSBT, and as a round of arming, under a policy of each script type.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use bitcoin::secp256k1::{All, Secp256k1};
use longstop::arming::ArmingState;
use longstop::ceremony::{
    CodeVersion, FaultCode, FrameFormat, Frames, Merged, PsbtFile, Reader, Round, join,
};
use longstop::compile::{Compiled, compile};
use longstop::policy::check;

use super::said::assert_presentable;

/// The shipped policies that the seeds are for.
const POLICIES: [&str; 2] = [
    include_str!("../../policies/dao-treasury/policy.toml"),
    include_str!("../../policies/dao-treasury-wsh/policy.toml"),
];

fn compiled() -> &'static [Compiled] {
    static COMPILED: OnceLock<Vec<Compiled>> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let policies = POLICIES.iter().map(|text| check(text).policy);
        let policies = policies.map(|policy| Arc::new(policy.expect("it is sound")));
        policies
            .map(|policy| compile(policy).expect("it compiles"))
            .collect()
    })
}

fn secp() -> &'static Secp256k1<All> {
    static SECP: OnceLock<Secp256k1<All>> = OnceLock::new();
    SECP.get_or_init(Secp256k1::new)
}

thread_local! {
    /// Readers that have derived all scripts they look at once.
    static READERS: RefCell<Vec<Reader<'static>>> = RefCell::new(
        compiled().iter().map(|compiled| Reader::new(compiled, secp())).collect(),
    );
}

/// The laws for bytes as a PSBT: whatever is wrong is said in words that can be shown; the same file
/// is told the same in any form; and what is sound is sound again once it was put together.
pub fn psbt_laws(bytes: &[u8]) {
    let file = match PsbtFile::read(bytes) {
        Ok(file) => file,
        Err(fault) => return assert_presentable(&fault.to_string()),
    };
    READERS.with_borrow_mut(|readers| {
        for (reader, compiled) in readers.iter_mut().zip(compiled()) {
            let told = reader.judge(file.clone());
            for fault in &told.faults {
                assert_presentable(&fault.to_string());
            }
            let text = told.psbt().to_string();
            let again = reader.read(text.as_bytes()).expect("it was read before");
            assert_eq!(again.faults, told.faults, "the same in another form");
            if !told.is_sound() {
                assert!(told.transaction().is_none(), "nothing to sign");
                continue;
            }
            let mut merged = Merged::new(&told).expect("it is sound");
            merged
                .take("itself", told.psbt(), secp())
                .expect("it is for the same transaction");
            let kept = merged.to_psbt(compiled).expect("a transaction of ours");
            let kept = reader.read(&kept.serialize()).expect("our own file");
            assert!(kept.is_sound(), "{:?}", kept.faults);
            assert_eq!((kept.txid, kept.what), (told.txid, told.what));
            assert_eq!(kept.seats, told.seats, "the same signatures");
        }
    });
}

/// The laws for bytes as frames: what is refused is refused in words that can be shown; what is read is
/// no larger than a file may be, the same in the opposite order and with every frame twice, and the
/// same once it was written as frames again.
pub fn frames_laws(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let read = match join(text) {
        None => return,
        Some(Err(fault)) => return assert_presentable(&fault.to_string()),
        Some(Ok(read)) => read,
    };
    let mut lines: Vec<&str> = text.lines().collect();
    lines.reverse();
    let twice = [&lines[..], &lines[..]].concat().join("\n");
    match join(&twice).expect("frames, from the other end") {
        Ok(again) => assert_eq!(again, read),
        // Twice as many lines may be more than are read.
        Err(fault) => assert_eq!(fault.code, FaultCode::TooLarge),
    }
    for format in [FrameFormat::Bbqr, FrameFormat::Ur] {
        let version = CodeVersion::new(40).expect("there is one");
        if let Ok(frames) = Frames::new(&read, format, version) {
            let written = join(&frames.texts().join("\n")).expect("our own frames");
            assert_eq!(written.expect("all of them"), read);
        }
    }
}

/// The laws for bytes as a round: what is refused is refused in words that can be shown, and what is
/// read is the same once it was written.
pub fn round_laws(bytes: &[u8]) {
    for compiled in compiled() {
        let (round, taken) = match Round::read(bytes, compiled, secp()) {
            Ok(read) => read,
            Err(error) => {
                assert_presentable(&error.to_string());
                continue;
            }
        };
        for refused in &taken.refused {
            assert_presentable(refused);
        }
        let written = serde_json::to_vec(&round.to_file().expect("coins of ours"));
        let written = written.expect("it is JSON");
        let (again, taken) = Round::read(&written, compiled, secp()).expect("our own file");
        assert!(taken.refused.is_empty() && taken.stripped.is_empty());
        assert_eq!(again.state(), round.state());
        if round.state() == ArmingState::Armed {
            assert!(again.into_armed().is_ok());
        }
    }
}
