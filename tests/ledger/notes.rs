//! Checkpoints and signed notes, against another implementation of them.

use ed25519_dalek::SigningKey;
use longstop::ledger::{
    Checkpoint, CheckpointError, Head, Memory, Note, NoteError, ProofFile, Store, TreeHash,
    verifier_key,
};
use signed_note::{StandardSigner, StandardVerifier, VerifierList};

use super::common::{append, record};

const ORIGIN: &str = "longstop/ledger/00112233";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn checkpoint() -> Checkpoint {
    let head = Head {
        size: 20_852_163,
        root: TreeHash::parse("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=").expect("a hash"),
    };
    Checkpoint::new(ORIGIN, head).expect("a sound origin")
}

fn verifiers(names: &[(&str, u8)]) -> VerifierList {
    let verifier = |(name, seed): &(&str, u8)| -> Box<dyn signed_note::Verifier> {
        let line = verifier_key(name, &key(*seed).verifying_key());
        Box::new(StandardVerifier::new(&line).expect("the other one reads our keys"))
    };
    VerifierList::new(names.iter().map(verifier).collect())
}

#[test]
fn a_checkpoint_is_three_lines() {
    let text = "longstop/ledger/00112233\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    assert_eq!(checkpoint().text(), text);
    assert_eq!(Checkpoint::parse(text), Ok(checkpoint()));
    let theirs = tlog_tiles_checkpoint(text);
    assert_eq!(theirs, (ORIGIN.to_owned(), 20_852_163, text.to_owned()));
}

fn tlog_tiles_checkpoint(text: &str) -> (String, u64, String) {
    let read = tlog_tiles::Checkpoint::from_bytes(text.as_bytes()).expect("it is read");
    let written = String::from_utf8(read.to_bytes()).expect("text");
    (read.origin().to_owned(), read.size(), written)
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let sound = checkpoint().text();
    let hash = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let wrong = [
        String::new(),
        sound.trim_end().to_owned(),
        format!("{sound}more\n"),
        format!("{sound}\n"),
        sound.replace("20852163", "020852163"),
        sound.replace("20852163", "+20852163"),
        sound.replace("20852163", "-1"),
        sound.replace("20852163", "18446744073709551616"),
        sound.replace(hash, hash.trim_end_matches('=')),
        sound.replace(hash, "AAAA"),
        sound.replace(ORIGIN, ""),
        sound.replace(ORIGIN, "two words"),
        sound.replace('\n', "\r\n"),
    ];
    for text in wrong {
        assert!(Checkpoint::parse(&text).is_err(), "{text:?}");
    }
    let most = sound.replace("20852163", "18446744073709551615");
    assert!(Checkpoint::parse(&most).is_ok());
}

#[test]
fn another_implementation_verifies_our_notes() {
    let note = checkpoint().sign("alice", &key(1)).expect("a sound name");
    let note = note.sign("bob", &key(2)).expect("a sound name");
    let text = note.to_string();
    let theirs = signed_note::Note::from_bytes(text.as_bytes()).expect("it is read");
    let (verified, unverified) = theirs
        .verify(&verifiers(&[("alice", 1), ("bob", 2)]))
        .expect("it verifies");
    assert_eq!((verified.len(), unverified.len()), (2, 0));
    assert_eq!(theirs.to_bytes(), text.as_bytes());
    // And under a wrong key it does not.
    assert!(theirs.verify(&verifiers(&[("alice", 2)])).is_err());
}

#[test]
fn we_verify_notes_of_another_implementation() {
    // The key and the text are the example in the documentation of Go's note package.
    let secret = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    let text = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n";
    let signer = StandardSigner::new(secret).expect("a key");
    let mut theirs = signed_note::Note::new(text.as_bytes(), &[]).expect("a text");
    theirs.add_sigs(&[&signer]).expect("it signs");
    let written = String::from_utf8(theirs.to_bytes()).expect("text");
    let ours = Note::parse(&written).expect("it is read");
    assert_eq!(ours.text(), text);
    let encoded = secret.splitn(5, '+').last().expect("a key");
    let bytes = bitcoin::base64::Engine::decode(
        &bitcoin::base64::engine::general_purpose::STANDARD,
        encoded,
    );
    let secret: [u8; 32] = bytes.expect("base64")[1..].try_into().expect("32 bytes");
    let own = SigningKey::from_bytes(&secret);
    assert_eq!(ours.verify("PeterNeumann", &own.verifying_key()), Ok(()));
    let same = Note::new(text).and_then(|note| note.sign("PeterNeumann", &own));
    assert_eq!(same.expect("it signs").to_string(), written);
}

#[test]
fn a_note_holds_only_as_it_was_signed() {
    let note = checkpoint().sign("alice", &key(1)).expect("a sound name");
    let public = key(1).verifying_key();
    assert_eq!(
        Checkpoint::verify(&note, "alice", &public),
        Ok(checkpoint())
    );
    for (name, seed) in [("bob", 1), ("alice", 2)] {
        let result = note.verify(name, &key(seed).verifying_key());
        assert_eq!(result, Err(NoteError::NotSigned), "{name}");
    }
    let text = note.to_string();
    for changed in [
        text.replace("20852163", "20852164"),
        text.replace("00112233", "00112234"),
        text.replace("CsUY", "DsUY"),
    ] {
        let changed = Note::parse(&changed).expect("it is read");
        assert_eq!(
            changed.verify("alice", &public),
            Err(NoteError::BadSignature)
        );
    }
    // Every single byte: it is no note, or it is not signed, or it is what it was.
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else {
            continue;
        };
        let holds = Note::parse(&changed).is_ok_and(|note| note.verify("alice", &public).is_ok());
        assert!(!holds, "byte {at}: {changed}");
    }
}

#[test]
fn a_weak_signature_does_not_count() {
    // Under the neutral element as a key, one signature holds for every text by the lax rule.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let weak = ed25519_dalek::VerifyingKey::from_bytes(&neutral).expect("it is a point");
    let mut signature = vec![1; 1];
    signature.resize(64, 0);
    let line = verifier_key("mallory", &weak);
    let id = line.split('+').nth(1).expect("an id").to_owned();
    let id: Vec<u8> = bitcoin::hex::FromHex::from_hex(&id).expect("digits");
    let encoded = bitcoin::base64::Engine::encode(
        &bitcoin::base64::engine::general_purpose::STANDARD,
        [id, signature].concat(),
    );
    let text = format!("{}\n— mallory {encoded}\n", checkpoint().text());
    let note = Note::parse(&text).expect("it is read");
    assert_eq!(note.verify("mallory", &weak), Err(NoteError::BadSignature));
    let theirs = signed_note::Note::from_bytes(text.as_bytes()).expect("it is read");
    let lax = VerifierList::new(vec![Box::new(
        StandardVerifier::new(&line).expect("it is read"),
    )]);
    assert!(theirs.verify(&lax).is_ok(), "the lax rule would take it");
}

#[test]
fn what_is_no_note_is_refused() {
    let sound = checkpoint()
        .sign("alice", &key(1))
        .expect("a name")
        .to_string();
    for wrong in [
        String::new(),
        checkpoint().text(),
        format!("{}\n", checkpoint().text()),
        sound.trim_end().to_owned(),
        format!("{sound}\n"),
        sound.replace("— alice", "- alice"),
        sound.replace("— alice ", "— "),
        sound.replace("— alice", "— al+ice"),
        sound.replace("20852163", "2085\t2163"),
        format!("{sound}— bob AAAA\n"),
        format!("{sound}{}", "— bob AAAAAAAA\n".repeat(100)),
    ] {
        assert!(Note::parse(&wrong).is_err(), "{wrong:?}");
    }
    assert!(Note::parse(&format!("{sound}{}", "— bob AAAAAAAA\n".repeat(99))).is_ok());
    for name in ["", "two words", "a+b", "a\u{a0}b"] {
        let signed = checkpoint().sign(name, &key(1));
        assert_eq!(signed, Err(NoteError::BadName), "{name:?}");
    }
}

#[test]
fn a_proof_file_needs_nothing_but_the_record_and_a_key() {
    let mut store = Memory::new(Vec::new());
    append(&mut store, 37, 37);
    let head = store.head().expect("a head");
    let note = Checkpoint::new(ORIGIN, head)
        .expect("a sound origin")
        .sign("alice", &key(1))
        .expect("a sound name");
    let public = key(1).verifying_key();
    for position in [0, 17, 36] {
        let proof = store.prove_inclusion(position, 37).expect("a proof");
        let file = ProofFile::new(&proof, note.clone());
        let text = file.to_string();
        assert!(text.starts_with(&format!("c2sp.org/tlog-proof@v1\nindex {position}\n")));
        let read = ProofFile::parse(&text).expect("it is read");
        assert_eq!(read, file);
        let bytes = record(position).bytes;
        let shown = read.verify("alice", &public, &bytes).expect("it holds");
        assert_eq!((shown.origin(), shown.head()), (ORIGIN, head));
        let other = record(position + 1).bytes;
        assert!(read.verify("alice", &public, &other).is_err());
        let extra = text.replacen("\nindex", "\nextra AAAA\nindex", 1);
        assert_eq!(ProofFile::parse(&extra), Ok(file));
        for wrong in [
            text.replacen("@v1", "@v2", 1),
            text.replacen("index ", "index 0", 1),
            text.replacen("\nindex", "\nextra !\nindex", 1),
            text.replacen("\n\n", "\n", 1),
            text.replacen("\n\n", "\nAAAA\n\n", 1),
        ] {
            let refused = ProofFile::parse(&wrong);
            let is_refused = matches!(
                refused,
                Err(CheckpointError::MalformedProof | CheckpointError::Note(_))
            );
            assert!(is_refused, "{wrong}");
        }
    }
}
