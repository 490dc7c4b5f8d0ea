//! Attestations: what a file of them says of a policy's custody, and what is refused.

#![allow(
    clippy::panic,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/golden.rs"]
mod golden;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, LazyLock};

use bitcoin::base64::Engine;
use bitcoin::base64::engine::general_purpose::STANDARD;
use bitcoin::secp256k1::{All, Secp256k1};
use ed25519_dalek::{Signature, SigningKey, Verifier, VerifyingKey};
use longstop::compile::{Compiled, compile};
use longstop::governance::{
    ATTESTATION_TYPE, Attestation, AttestationError, AttestationProblem, AttestationRemark,
    Attestations, Countersigner, CustodyReading, Digest, Envelope, EnvelopeError, KEY_PROOF_TYPE,
    KeyFault, KeyProof, KeyStatement, OnWord, ShownKey, Standing,
};
use longstop::keys::{Judge, KeyCheck};
use longstop::policy::{Custody, CustodyFact, Domain, Network, Policy, check};
use longstop::signer::SoftwareSigner;
use longstop::units::UnixTime;
use proptest::prelude::*;

/// 2019-02-01 and a year later.
const ISSUED: UnixTime = UnixTime(1_548_979_200);
const EXPIRES: UnixTime = UnixTime(1_580_515_200);

/// A moment at which they hold.
const NOW: UnixTime = UnixTime(1_560_000_000);

static COMPILED: LazyLock<Compiled> = LazyLock::new(|| {
    let text = fs::read_to_string("policies/departments/policy.toml").expect("it is shipped");
    let policy = check(&text).policy.expect("a sound policy");
    compile(Arc::new(policy)).expect("it compiles")
});

static POLICY: LazyLock<(Policy, [u8; 32])> = LazyLock::new(|| {
    let policy = Policy::clone(COMPILED.policy());
    (policy, COMPILED.id().to_bytes())
});

static SECP: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);

/// The same with a party that has no identity.
fn without_identity(name: &str) -> Policy {
    let text = fs::read_to_string("policies/departments/policy.toml").expect("it is shipped");
    let identity = format!("identity = \"{}\"\n", public(name));
    let less = text.replace(&identity, "");
    assert_ne!(less, text);
    check(&less).policy.expect("a sound policy")
}

fn identity(name: &str) -> SigningKey {
    SoftwareSigner::stand_in_identity(0, name)
}

fn public(name: &str) -> String {
    let key = identity(name).verifying_key();
    key.as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What the policy claims of a party, as its own word.
fn of(party: &str) -> Attestation {
    let (policy, id) = &*POLICY;
    let party = policy.party(party).expect("a party");
    Attestation::of_claims(policy, *id, party, ISSUED, EXPIRES, 1)
}

fn line(attestation: &Attestation) -> String {
    attestation.sign(&identity(&attestation.party)).to_line()
}

/// The party shows all its keys on a day, for what it attests or for nothing.
fn proof(party: &str, attests: Option<Digest>, on: UnixTime) -> KeyProof {
    let statement = KeyCheck::statement(&COMPILED, party, attests, on, None).expect("a party");
    let mut check = KeyCheck::new(&COMPILED, statement, &SECP).expect("its own");
    let signer = SoftwareSigner::stand_in(0, party, &SECP);
    for challenge in check.challenges().to_vec() {
        let mut psbt = challenge.request().expect("a PSBT");
        assert_ne!(signer.sign(&mut psbt, &SECP), 0, "it signs");
        check.take(&psbt, &SECP).expect("it is the challenge");
    }
    assert!(check.is_complete());
    check.proof()
}

/// The proof that stands behind an attestation, as a line.
fn shown(attestation: &Attestation) -> String {
    let party = &attestation.party;
    let proof = proof(party, Some(attestation.digest()), attestation.issued);
    proof.sign(&identity(party)).to_line()
}

/// Read by a judge who wants to see the keys.
fn read_strictly(text: &str) -> (Attestations, Vec<AttestationProblem>) {
    let (policy, id) = &*POLICY;
    Attestations::read(text, policy, *id, NOW, &Judge::new(&COMPILED, &SECP))
}

/// By the word of the party alone: what it has shown of its keys is asked elsewhere.
fn read(text: &str) -> (Attestations, Vec<AttestationProblem>) {
    read_at(text, NOW)
}

fn read_at(text: &str, now: UnixTime) -> (Attestations, Vec<AttestationProblem>) {
    let (policy, id) = &*POLICY;
    Attestations::read(text, policy, *id, now, &OnWord)
}

fn reading(attestations: &Attestations, party: &str, domain: Domain) -> CustodyReading {
    let party = POLICY.0.party(party).expect("a party");
    attestations.of_party(party, domain)
}

fn of_item(attestations: &Attestations, item: &str, domain: Domain) -> CustodyReading {
    let item = POLICY.0.item(item).expect("an item");
    attestations.of_item(item, domain)
}

/// Everything that can be asked.
fn everything(attestations: &Attestations) -> Vec<CustodyReading> {
    let (policy, _) = &*POLICY;
    let domains = || Domain::ALL.iter().map(|(_, domain)| *domain);
    let parties = policy
        .parties()
        .flat_map(|party| domains().map(|domain| attestations.of_party(party, domain)));
    let items = policy
        .items()
        .flat_map(|item| domains().map(|domain| attestations.of_item(item, domain)));
    parties.chain(items).collect()
}

fn custody(facts: &[(Domain, &str)]) -> Custody {
    let facts = facts
        .iter()
        .map(|(domain, text)| (*domain, CustodyFact::of_text(text).expect("a fact")));
    facts.collect()
}

/// The one remark about one line, which counts for nothing.
fn refusal(text: &str) -> AttestationRemark {
    let (attestations, problems) = read(text);
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}");
    };
    assert_eq!(problem.line, 1);
    assert!(problem.is_refusal());
    assert_eq!(attestations.iter().count(), 0);
    problem.remark.clone()
}

fn named(fact: &str) -> Option<CustodyFact> {
    CustodyFact::of_text(fact)
}

#[test]
fn vectors() {
    let outsider = SoftwareSigner::stand_in_identity(0, "auditor");
    let mut second = of("omar");
    second.serial = 2;
    second.custody = custody(&[
        (Domain::Cloud, "nimbus-account-8"),
        (Domain::Host, "hsm \"a\" é"),
    ]);
    let mut text = String::new();
    let mut payloads = String::new();
    for (attestation, countersigners) in [
        (of("omar"), vec![]),
        (second, vec![identity("lea")]),
        (of("lea"), vec![identity("lars"), outsider]),
    ] {
        let mut envelope = attestation.sign(&identity(&attestation.party));
        for key in &countersigners {
            envelope = envelope.countersign(key);
        }
        text += &format!("{}\n", envelope.to_line());
        // What is over in a later serial needs no proof any more.
        if !countersigners.is_empty() {
            text += &format!("{}\n", shown(&attestation));
        }
        let payload = String::from_utf8(attestation.payload()).expect("JSON");
        payloads += &format!("{payload}\n");
    }
    golden::check_file("attestation", "departments.jsonl", &text);
    let (attestations, problems) = read_strictly(&text);
    assert!(
        problems.iter().all(|problem| !problem.is_refusal()),
        "{problems:?}"
    );
    let site = |party| reading(&attestations, party, Domain::Host).is_attested();
    assert_eq!(["omar", "lea", "lars"].map(site), [true, true, false]);
    golden::check_file("attestation", "payloads.jsonl", &payloads);
    let files = ["departments.jsonl", "payloads.jsonl"].map(str::to_owned);
    golden::check_folder("attestation", &BTreeSet::from(files));
}

#[test]
fn what_is_signed_is_attested_and_the_rest_is_claimed_or_unknown() {
    let (_, id) = &*POLICY;
    let mut attestation = of("lea");
    attestation.custody = custody(&[(Domain::Site, "stockholm"), (Domain::Cloud, "none")]);
    let (attestations, problems) = read(&line(&attestation));
    assert_eq!(problems, []);
    let attested = Standing::Attested {
        until: EXPIRES,
        countersigned_by: Vec::new(),
    };
    let site = reading(&attestations, "lea", Domain::Site);
    assert_eq!(
        (site.fact, site.standing),
        (named("stockholm"), attested.clone())
    );
    // That there is none can be attested too.
    let cloud = reading(&attestations, "lea", Domain::Cloud);
    assert_eq!(
        (cloud.fact, cloud.standing),
        (Some(CustodyFact::None), attested)
    );
    let host = reading(&attestations, "lea", Domain::Host);
    assert_eq!(
        (host.fact, host.standing),
        (named("lea-notebook"), Standing::Claimed)
    );
    let other = reading(&attestations, "lars", Domain::Site);
    assert_eq!(
        (other.fact, other.standing),
        (named("stockholm"), Standing::Claimed)
    );

    let text = fs::read_to_string("policies/departments/policy.toml").expect("it is shipped");
    let silent = text
        .replacen("site = \"uppsala\"", "", 1)
        .replacen(", }", " }", 1);
    let silent = check(&silent).policy.expect("a sound policy");
    let lin = silent.party("lin").expect("a party");
    let nothing = Attestations::read("", &silent, *id, NOW, &OnWord)
        .0
        .of_party(lin, Domain::Site);
    assert_eq!((nothing.fact, nothing.standing), (None, Standing::Unknown));
}

#[test]
fn items_are_attested_one_by_one() {
    // Not mentioned: only the author says where it is, and that the rest is with the keys.
    let mut silent = of("fiduciary-porto");
    silent.items.clear();
    let (attestations, problems) = read(&line(&silent));
    assert_eq!(problems, []);
    let cloud = of_item(&attestations, "porto-files", Domain::Cloud);
    assert_eq!(
        (cloud.fact, cloud.standing),
        (named("lusitania-drive-2"), Standing::Claimed)
    );
    let site = of_item(&attestations, "porto-files", Domain::Site);
    assert_eq!(
        (site.fact, site.standing),
        (named("porto"), Standing::Claimed)
    );
    assert!(reading(&attestations, "fiduciary-porto", Domain::Site).is_attested());

    // Mentioned: what is said is attested, and so is that the rest is with the keys, but not
    // what the policy says beyond that.
    let mut said = of("fiduciary-porto");
    said.items = BTreeMap::from([(
        "porto-files".to_owned(),
        custody(&[(Domain::Cloud, "lusitania-drive-2")]),
    )]);
    let (attestations, problems) = read(&line(&said));
    assert_eq!(problems, []);
    assert!(of_item(&attestations, "porto-files", Domain::Cloud).is_attested());
    let site = of_item(&attestations, "porto-files", Domain::Site);
    assert!(site.is_attested() && site.fact == named("porto"));
    let vendor = of_item(&attestations, "porto-files", Domain::Vendor);
    assert_eq!(
        (vendor.fact, vendor.standing),
        (Some(CustodyFact::None), Standing::Claimed)
    );
    // Another party's item is another party's.
    let other = of_item(&attestations, "tartu-files", Domain::Cloud);
    assert_eq!(other.standing, Standing::Claimed);
}

#[test]
fn countersigners_are_told_by_name_where_they_have_one() {
    let outsider = SoftwareSigner::stand_in_identity(0, "auditor");
    let envelope = of("lea").sign(&identity("lea"));
    let twice = envelope.clone().countersign(&identity("lars"));
    let twice = twice
        .countersign(&identity("lars"))
        .countersign(&identity("lea"));
    assert_eq!(twice.signers().count(), 2);
    // The signatures of two lines that say the same are put together.
    let text = format!(
        "{}\n\n{}\n",
        twice.to_line(),
        envelope.countersign(&outsider).to_line()
    );
    let (attestations, problems) = read(&text);
    assert_eq!(problems, []);
    let site = reading(&attestations, "lea", Domain::Site);
    let Standing::Attested {
        countersigned_by, ..
    } = site.standing
    else {
        panic!("{site:?}");
    };
    let expected = [
        Countersigner::Party("lars".to_owned()),
        Countersigner::Outsider(public("auditor")),
    ];
    assert_eq!(countersigned_by, expected);
}

#[test]
fn an_attestation_holds_from_its_first_second_to_before_its_last() {
    let text = line(&of("lea"));
    let site = |now: u32| {
        let (attestations, problems) = read_at(&text, UnixTime(now));
        (
            reading(&attestations, "lea", Domain::Site).standing,
            problems,
        )
    };
    let (standing, problems) = site(ISSUED.0 - 1);
    assert_eq!(standing, Standing::Claimed);
    let remarks: Vec<_> = problems.into_iter().map(|problem| problem.remark).collect();
    assert_eq!(remarks, [AttestationRemark::NotYet { from: ISSUED }]);
    for now in [ISSUED.0, ISSUED.0 + 1, EXPIRES.0 - 1] {
        let (standing, problems) = site(now);
        assert!(
            matches!(standing, Standing::Attested { until: EXPIRES, .. }),
            "{now}"
        );
        assert_eq!(problems, []);
    }
    // Over is no fault of the file.
    for now in [EXPIRES.0, EXPIRES.0 + 1, u32::MAX] {
        assert_eq!(
            site(now),
            (Standing::Stale { since: EXPIRES }, Vec::new()),
            "{now}"
        );
    }
}

#[test]
fn the_highest_serial_counts() {
    let with = |serial: u32, site: &str, expires: UnixTime| {
        let mut attestation = of("lea");
        attestation.serial = serial;
        attestation.expires = expires;
        attestation.custody = custody(&[(Domain::Site, site)]);
        line(&attestation)
    };
    let sites = |lines: &[String]| {
        let (attestations, problems) = read(&lines.join("\n"));
        let refusals = problems
            .iter()
            .filter(|problem| problem.is_refusal())
            .count();
        let site = reading(&attestations, "lea", Domain::Site);
        (site.fact.clone(), site.is_attested(), refusals)
    };
    let (old, new) = (with(1, "malmo", EXPIRES), with(2, "visby", EXPIRES));
    for lines in [[old.clone(), new.clone()], [new.clone(), old.clone()]] {
        assert_eq!(sites(&lines), (named("visby"), true, 0));
    }
    // Even if it is over: the party has taken back what it said before.
    let over = with(3, "gavle", NOW);
    assert_eq!(
        sites(&[old.clone(), new.clone(), over]),
        (named("gavle"), false, 0)
    );

    // Two things under one serial: neither counts, nor what was said before.
    let other = with(2, "kiruna", EXPIRES);
    for lines in [
        [old.clone(), new.clone(), other.clone()],
        [other.clone(), new.clone(), old.clone()],
    ] {
        assert_eq!(sites(&lines), (named("stockholm"), false, 1));
    }
    let (_, problems) = read(&[old.clone(), new.clone(), other.clone()].join("\n"));
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}");
    };
    let expected = AttestationRemark::Conflict {
        party: "lea".to_owned(),
        serial: 2,
        first: 2,
    };
    assert_eq!((problem.line, &problem.remark), (3, &expected));
    // What is said after it counts again, and the conflict is still named.
    let later = with(4, "lund", EXPIRES);
    assert_eq!(
        sites(&[new.clone(), other, later]),
        (named("lund"), true, 1)
    );
    // The same thing twice is no conflict.
    assert_eq!(sites(&[new.clone(), new]), (named("visby"), true, 0));
}

#[test]
fn what_is_attested_counts_against_the_policy() {
    let mut attestation = of("lea");
    attestation.custody = custody(&[
        (Domain::Cloud, "nimbus-account-7"),
        (Domain::Site, "stockholm"),
    ]);
    attestation.items = BTreeMap::from([(
        "legal-watchtower".to_owned(),
        custody(&[(Domain::Site, "region-west-2")]),
    )]);
    let (attestations, problems) = read(&line(&attestation));
    assert!(problems.iter().all(|problem| !problem.is_refusal()));
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "line 1: the cloud of `lea` is attested as `nimbus-account-7`, and the policy says `none`; what is attested counts",
            "line 1: the site of `legal-watchtower` is attested as `region-west-2`, and the policy says `region-north-1`; what is attested counts",
        ]
    );
    let cloud = reading(&attestations, "lea", Domain::Cloud);
    assert!(cloud.is_attested());
    assert_eq!(cloud.fact, named("nimbus-account-7"));
}

#[test]
fn whatever_is_not_the_party_s_word_on_this_policy_is_refused() {
    let sign = |change: &dyn Fn(&mut Attestation)| {
        let mut attestation = of("lea");
        change(&mut attestation);
        attestation.sign(&identity("lea")).to_line()
    };
    let said = |text: &str| refusal(text).to_string();

    assert!(matches!(
        refusal(&sign(&|it| it.policy_id = [7; 32])),
        AttestationRemark::OtherPolicy { found } if found == "07".repeat(32)
    ));
    assert_eq!(
        refusal(&sign(&|it| it.network = Network::Signet)),
        AttestationRemark::OtherNetwork {
            found: Network::Signet,
            policy: Network::Regtest
        }
    );
    assert_eq!(
        said(&sign(&|it| it.party = "leah".to_owned())),
        "the policy has no party `leah`"
    );
    // Signed by another party, by whom it can be countersigned at most.
    let forged = of("lea").sign(&identity("lars")).to_line();
    assert_eq!(said(&forged), "it is not signed by the identity of `lea`");
    assert_eq!(
        said(&sign(&|it| {
            it.items
                .insert("porto-files".to_owned(), Custody::default());
        })),
        "the policy has no item `porto-files` of `lea`"
    );
    assert_eq!(
        refusal(&sign(&|it| it.expires = it.issued)),
        AttestationRemark::Payload(AttestationError::NeverValid)
    );
    let other = Envelope::sign(
        "application/vnd.longstop.attestation.v2+json",
        of("lea").payload(),
        &identity("lea"),
    );
    assert!(matches!(
        refusal(&other.to_line()),
        AttestationRemark::WrongType { .. }
    ));

    // Without an identity in the policy nobody can tell.
    let anonymous = without_identity("lea");
    let (_, problems) = Attestations::read(&line(&of("lea")), &anonymous, POLICY.1, NOW, &OnWord);
    let remarks: Vec<_> = problems.into_iter().map(|problem| problem.remark).collect();
    assert_eq!(remarks, [AttestationRemark::NoIdentity("lea".to_owned())]);
}

#[test]
fn payloads_have_one_form() {
    let payload = String::from_utf8(of("lea").payload()).expect("JSON");
    let remark = |from: &str, to: &str| {
        let changed = payload.replacen(from, to, 1);
        assert_ne!(changed, payload, "{from}");
        let envelope = Envelope::sign(ATTESTATION_TYPE, changed.into_bytes(), &identity("lea"));
        match refusal(&envelope.to_line()) {
            AttestationRemark::Payload(error) => error,
            other => panic!("{from}: {other:?}"),
        }
    };
    let is_unreadable = |error| matches!(error, AttestationError::NotAnAttestation(_));
    for (from, to) in [
        ("{\"policy\"", "[\"policy\""),
        ("\"custody\"", "\"extra\":1,\"custody\""),
        ("\"cloud\"", "\"claud\""),
        ("\"party\":\"lea\"", "\"party\":\"lea\",\"party\":\"lea\""),
        ("\"site\":", "\"host\":\"x\",\"site\":"),
        ("\"serial\":1", "\"serial\":-1"),
        ("\"serial\":1", "\"serial\":4294967296"),
        ("\"serial\":1", "\"serial\":1.0"),
        ("\"regtest\"", "\"mainnet\""),
        (",\"serial\":1", ""),
    ] {
        assert!(is_unreadable(remark(from, to)), "{to}");
    }
    for (from, to) in [
        ("{\"policy\"", "{ \"policy\""),
        ("\"serial\":1", "\"serial\":1 "),
        ("\"cloud\":\"none\",", "\"cloud\":null,"),
        ("\"lea\"", "\"l\\u0065a\""),
        (
            "\"operator\":\"company\",\"host\":\"lea-notebook\"",
            "\"host\":\"lea-notebook\",\"operator\":\"company\"",
        ),
    ] {
        assert_eq!(remark(from, to), AttestationError::NotCanonical, "{to}");
    }
    for text in ["", " ", " stockholm", "stock\u{200b}holm", &"x".repeat(501)] {
        let error = remark("\"stockholm\"", &format!("\"{text}\""));
        assert!(
            matches!(
                error,
                AttestationError::BadFact {
                    domain: Domain::Site,
                    ..
                }
            ),
            "{text}"
        );
    }
    for text in [
        "2019-02-01",
        "2019-02-01T00:00:00+00:00",
        "2019-02-01T01:00:00+01:00",
        "2019-02-01T00:00:00.0Z",
        "2019-02-01t00:00:00Z",
        "1969-12-31T23:59:59Z",
        "2106-02-07T06:28:16Z",
    ] {
        let error = remark("\"2019-02-01T00:00:00Z\"", &format!("\"{text}\""));
        assert!(
            matches!(
                error,
                AttestationError::BadDate {
                    field: "issued",
                    ..
                }
            ),
            "{text}"
        );
    }
    let id = payload.split('"').nth(3).expect("the id").to_owned();
    for text in [
        id.to_uppercase(),
        format!("{id}00"),
        id.replacen(&id[..1], "x", 1),
    ] {
        assert!(
            matches!(remark(&id, &text), AttestationError::BadPolicyId(_)),
            "{text}"
        );
    }
    let item = "{\"item\":\"legal-watchtower\",\"custody\":{}}";
    let items = payload.split("\"items\":").nth(1).expect("items");
    let items = items.split(",\"issued\"").next().expect("items");
    assert_eq!(
        remark(items, &format!("[{item},{item}]")),
        AttestationError::ItemTwice("legal-watchtower".to_owned())
    );
}

/// What a party says counts as attested once all its keys stand behind it, and as claimed before.
#[test]
fn facts_of_keys_that_nobody_has_shown_are_claimed() {
    let attestation = of("lea");
    let keys = proof("lea", None, ISSUED).signatures.len();
    let standing = |lines: &[String]| {
        let (attestations, problems) = read_strictly(&lines.join("\n"));
        let site = reading(&attestations, "lea", Domain::Site);
        assert_eq!(site.fact, named("stockholm"));
        let remarks = problems.into_iter().map(|problem| problem.remark);
        let holdings = attestations.keys().to_vec();
        (site.standing, remarks.collect::<Vec<_>>(), holdings)
    };
    let not_shown = |shown| AttestationRemark::KeysNotShown {
        party: "lea".to_owned(),
        keys,
        shown,
    };
    let bare = || line(&attestation);

    let (site, remarks, holdings) = standing(&[bare()]);
    assert_eq!((site, remarks), (Standing::Claimed, vec![not_shown(0)]));
    let [holding] = holdings.as_slice() else {
        panic!("{holdings:?}");
    };
    assert_eq!((holding.keys, holding.shown, holding.on), (keys, 0, None));
    assert!(!holding.is_complete());

    for lines in [[bare(), shown(&attestation)], [shown(&attestation), bare()]] {
        let (site, remarks, holdings) = standing(&lines);
        assert!(matches!(site, Standing::Attested { until: EXPIRES, .. }));
        assert_eq!(remarks, []);
        let holding = &holdings[0];
        assert!(holding.is_complete() && holding.attests);
        assert_eq!((holding.shown, holding.on), (keys, Some(ISSUED)));
    }

    // All keys but one.
    let mut part = proof("lea", Some(attestation.digest()), ISSUED);
    part.signatures.pop();
    let part = part.sign(&identity("lea")).to_line();
    let (site, remarks, _) = standing(&[bare(), part]);
    assert_eq!(
        (site, remarks),
        (Standing::Claimed, vec![not_shown(keys - 1)])
    );

    // Shown for something else: for nothing, or for what the party said before.
    let mut before = of("lea");
    before.serial = 0;
    for attests in [None, Some(before.digest())] {
        let other = proof("lea", attests, ISSUED);
        let other = other.sign(&identity("lea")).to_line();
        let (site, remarks, holdings) = standing(&[bare(), other]);
        assert_eq!((site, remarks), (Standing::Claimed, vec![not_shown(0)]));
        assert!(holdings[0].is_complete() && !holdings[0].attests);
    }

    // What is over is stale, shown or not.
    let mut over = of("lea");
    over.expires = NOW;
    let (site, remarks, _) = standing(&[line(&over)]);
    assert_eq!(
        (site, remarks),
        (Standing::Stale { since: NOW }, Vec::new())
    );
}

/// A proof by itself says when keys were shown, the latest first.
#[test]
fn keys_can_be_shown_without_attesting_anything() {
    let at = |on| {
        let proof = proof("lin", None, on);
        proof.sign(&identity("lin")).to_line()
    };
    let later = UnixTime(ISSUED.0 + 1);
    let (attestations, problems) = read_strictly(&[at(later), at(ISSUED)].join("\n"));
    assert_eq!(problems, []);
    let [holding] = attestations.keys() else {
        panic!("{:?}", attestations.keys());
    };
    assert_eq!((&*holding.party, holding.on), ("lin", Some(later)));
    assert!(holding.is_complete() && !holding.attests);
    assert_eq!(attestations.iter().count(), 0);
}

#[test]
fn a_proof_that_is_not_the_party_s_is_refused() {
    let good = proof("lea", None, ISSUED);
    let refusal = |proof: &KeyProof, by: &str| {
        let (attestations, problems) = read_strictly(&proof.sign(&identity(by)).to_line());
        let [problem] = problems.as_slice() else {
            panic!("{problems:?}");
        };
        assert!(problem.is_refusal());
        assert_eq!(attestations.keys(), []);
        problem.remark.clone()
    };
    let changed = |change: &dyn Fn(&mut KeyStatement)| {
        let mut proof = good.clone();
        change(&mut proof.statement);
        refusal(&proof, "lea")
    };
    assert!(matches!(
        changed(&|it| it.policy_id = Digest([7; 32])),
        AttestationRemark::OtherPolicy { .. }
    ));
    assert!(matches!(
        changed(&|it| it.network = Network::Signet),
        AttestationRemark::OtherNetwork { .. }
    ));
    assert_eq!(
        changed(&|it| it.party = "leah".to_owned()),
        AttestationRemark::UnknownParty("leah".to_owned())
    );
    assert_eq!(
        changed(&|it| it.identity = None),
        AttestationRemark::OtherIdentity("lea".to_owned())
    );
    let tomorrow = UnixTime(NOW.0 + 1);
    assert_eq!(
        changed(&|it| it.date = tomorrow),
        AttestationRemark::NotYet { from: tomorrow }
    );
    // The day is signed by the keys too.
    assert!(matches!(
        changed(&|it| it.date = NOW),
        AttestationRemark::Keys(KeyFault::Invalid { .. })
    ));
    assert_eq!(
        refusal(&good, "lars"),
        AttestationRemark::NotSigned("lea".to_owned())
    );
    // Lars takes the signatures of Lea for his own.
    let mut stolen = good.clone();
    stolen.statement = proof("lars", None, ISSUED).statement;
    assert!(matches!(
        refusal(&stolen, "lars"),
        AttestationRemark::Keys(KeyFault::NoKey { .. })
    ));
    let mut bad = good.clone();
    let key = bad.signatures[0].key.clone();
    let signature = bad.signatures[1].signature.clone();
    bad.signatures[0] = ShownKey {
        key: key.clone(),
        signature,
    };
    assert_eq!(
        refusal(&bad, "lea"),
        AttestationRemark::Keys(KeyFault::Invalid { key })
    );
    let typed = Envelope::sign(KEY_PROOF_TYPE, of("lea").payload(), &identity("lea"));
    let (_, problems) = read_strictly(&typed.to_line());
    assert!(matches!(problems[0].remark, AttestationRemark::Proof(_)));
}

#[test]
fn envelopes_that_are_none_are_refused() {
    let good = of("lea")
        .sign(&identity("lea"))
        .countersign(&identity("lars"))
        .to_line();
    assert_eq!(read(&good).1, []);
    let key = public("lea");
    let error = |text: &str| match refusal(text) {
        AttestationRemark::Envelope(error) => error,
        other => panic!("{other:?}"),
    };
    let changed = |from: &str, to: &str| {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from}");
        error(&text)
    };
    assert_eq!(error("nonsense"), EnvelopeError::NotJson { column: 2 });
    assert!(matches!(
        error(&good[..good.len() - 1]),
        EnvelopeError::NotJson { .. }
    ));
    for (from, to) in [
        ("\"payload\":", "\"pay\":"),
        ("\"signatures\"", "\"more\":1,\"signatures\""),
        ("\"keyid\"", "\"extra\":1,\"keyid\""),
        ("\"payloadType\"", "\"payloadType\":\"x\",\"payloadType\""),
    ] {
        assert!(
            matches!(changed(from, to), EnvelopeError::NotAnEnvelope { .. }),
            "{to}"
        );
    }
    let start = good.split("\"signatures\":").next().expect("a start");
    assert_eq!(
        error(&format!("{start}\"signatures\":[]}}")),
        EnvelopeError::Unsigned
    );
    assert!(matches!(
        changed("==", "="),
        EnvelopeError::NotBase64 { .. }
    ));
    for (to, reason) in [
        (key.to_uppercase(), "not 64 hexadecimal digits"),
        (key[2..].to_owned(), "not 64 hexadecimal digits"),
        (format!("01{}", "00".repeat(31)), "a key of small order"),
        (format!("02{}", "00".repeat(31)), "not a point of the curve"),
    ] {
        let said = changed(&key, &to).to_string();
        assert!(said.contains(reason), "{said}");
    }
    // Somebody else's key over the right signature.
    let bad = EnvelopeError::BadSignature { key: public("lin") };
    assert_eq!(changed(&key, &public("lin")), bad);
    let signature = good.split("\"sig\":\"").nth(1).expect("a signature");
    let signature = signature.split('"').next().expect("a signature");
    for other in [
        STANDARD.encode([0; 64]),
        STANDARD.encode([0; 63]),
        String::new(),
    ] {
        let bad = EnvelopeError::BadSignature { key: key.clone() };
        assert_eq!(changed(signature, &other), bad);
    }
    // A countersignature that is wrong spoils the line, rather than being passed over.
    let lars = public("lars");
    assert_eq!(
        changed(&lars, &key),
        EnvelopeError::SignedTwice { key: key.clone() }
    );
    // The signature is over the type as well.
    let other = changed("attestation.v1", "attestation.v2");
    assert_eq!(other, EnvelopeError::BadSignature { key });
}

/// A signature with an R of small order, made for this test: the lax rule accepts it.
#[test]
fn only_the_strict_rule_counts() {
    let line = r#"{"payload":"aGVsbG8gd29ybGQ=","payloadType":"text/plain","signatures":[{"keyid":"fe411d47c71030843e236c0b0d50efbc6ab70d1f9ec266c69542e99d3db4b38a","sig":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABeWyGh4Pok3oK8h30N8vSw2TlEW1VI8jXWUtloYWGHBw=="}]}"#;
    let key = line
        .split("\"keyid\":\"")
        .nth(1)
        .and_then(|rest| rest.get(..64));
    let key = key.expect("a key");
    let bytes: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(&key[2 * at..2 * at + 2], 16).expect("hex"))
        .collect();
    let bytes: [u8; 32] = bytes.try_into().expect("32 bytes");
    let public = VerifyingKey::from_bytes(&bytes).expect("a key");
    let signature = line
        .split("\"sig\":\"")
        .nth(1)
        .and_then(|rest| rest.get(..88));
    let signature = STANDARD
        .decode(signature.expect("a signature"))
        .expect("base64");
    let signature = Signature::from_slice(&signature).expect("64 bytes");
    let message = b"DSSEv1 10 text/plain 11 hello world";
    assert!(public.verify(message, &signature).is_ok());
    let refused = EnvelopeError::BadSignature {
        key: key.to_owned(),
    };
    assert_eq!(Envelope::open(line), Err(refused));
}

#[test]
fn all_problems_are_reported_at_once() {
    let mut other = of("lars");
    other.policy_id = [0; 32];
    let text = format!("nonsense\n{}\n\n{}\n{{}}\n", line(&of("lea")), line(&other));
    let (attestations, problems) = read(&text);
    let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [1, 4, 5]);
    assert_eq!(attestations.iter().count(), 1);
    assert!(reading(&attestations, "lea", Domain::Site).is_attested());
}

#[test]
fn a_foreign_text_is_not_repeated_as_it_is() {
    let hostile = "{\"\\u001b[31m\u{202e}\":1}";
    let said = refusal(hostile).to_string();
    assert!(
        !said.contains('\u{1b}') && !said.contains('\u{202e}'),
        "{said:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever byte is changed, the line is refused, or says what it said.
    #[test]
    fn a_changed_byte_changes_nothing_unseen(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        static LINE: LazyLock<String> = LazyLock::new(|| {
            of("lea").sign(&identity("lea")).countersign(&identity("lars")).to_line()
        });
        let mut bytes = LINE.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        // What is no text is no file of attestations.
        let Ok(changed) = String::from_utf8(bytes) else { return Ok(()) };
        let (attestations, problems) = read(&changed);
        if problems.is_empty() {
            let (right, _) = read(&LINE);
            prop_assert_eq!(everything(&attestations), everything(&right));
        } else {
            prop_assert!(problems.iter().all(AttestationProblem::is_refusal));
            let (nothing, _) = read("");
            prop_assert_eq!(everything(&attestations), everything(&nothing));
        }
    }

    /// Whatever is attested is read as it was written.
    #[test]
    fn through_bytes(
        facts in prop::collection::btree_map(0usize..6, "[ -~é]{1,20}", 0..6),
        items in prop::collection::btree_map("[a-z]{1,8}", "[a-z]{1,8}", 0..4),
        issued in 0u32..u32::MAX,
        length in 1u32..u32::MAX,
        serial in any::<u32>(),
        party in "[a-z\"\\\\é-]{1,12}",
    ) {
        let facts = facts.iter().filter_map(|(at, text)| {
            let (_, domain) = Domain::ALL.get(*at)?;
            Some((*domain, CustodyFact::of_text(text)?))
        });
        let expires = issued.saturating_add(length);
        let attestation = Attestation {
            policy_id: [serial.to_le_bytes()[0]; 32],
            network: Network::Testnet4,
            party,
            custody: facts.collect(),
            items: items
                .into_iter()
                .map(|(name, site)| (name, custody(&[(Domain::Site, &site)])))
                .collect(),
            issued: UnixTime(issued),
            expires: UnixTime(expires),
            serial,
        };
        let again = Attestation::from_payload(&attestation.payload());
        prop_assert_eq!(again.as_ref(), Ok(&attestation));
        let envelope = attestation.sign(&identity("anybody"));
        prop_assert_eq!(Envelope::open(&envelope.to_line()), Ok(envelope));
    }
}
