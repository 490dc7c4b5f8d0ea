//! Vaults whose descriptor was made elsewhere: it stays as it is, and all that a policy can do with
//! a vault of its own works with it.

use std::str::FromStr;
use std::sync::Arc;

use bitcoin::bip32::DerivationPath;
use bitcoin::secp256k1::Secp256k1;
use longstop::compile::{
    CompileError, Compiled, LeafKind, Place, Role, ScriptLeaf, Stage, compile,
};
use longstop::import::{Naming, read};
use longstop::policy::{Network, Policy, check};
use longstop::signer::SoftwareSigner;

use crate::vault::{Draft, SCRIPTS, TOO_EARLY, World, anywhere};

/// `{1<0;1>}` is the key of party 1 with that pair.
fn descriptor(template: &str) -> String {
    let secp = Secp256k1::new();
    let path = DerivationPath::from_str("48h/1h/0h/3h").expect("a path");
    let mut text = template.to_owned();
    for party in 1..=9 {
        let signer = SoftwareSigner::stand_in(0, &format!("party-{party}"), &secp);
        let account = signer.account(&path, &secp).to_string();
        text = text.replace(&format!("@{party}"), &format!("{account}/"));
    }
    let parsed = miniscript::Descriptor::<miniscript::DescriptorPublicKey>::from_str(&text);
    parsed.expect("a descriptor").to_string()
}

fn document(text: &str) -> String {
    let naming = Naming {
        network: Some(Network::Regtest),
        ..Naming::default()
    };
    read(text).expect("it can be read").document(&naming)
}

#[track_caller]
fn policy(document: &str) -> Arc<Policy> {
    let checked = check(document);
    let problems = checked.diagnostics;
    Arc::new(
        checked
            .policy
            .unwrap_or_else(|| panic!("{problems:#?}\n{document}")),
    )
}

#[track_caller]
fn compiled(text: &str) -> Compiled {
    let document = document(text);
    compile(policy(&document)).unwrap_or_else(|error| panic!("{error}\n{document}"))
}

/// A descriptor, who spends at once, and who by the first path.
const ALL: [(&str, &[usize], &[usize]); 12] = [
    ("wsh(multi(2,@1<0;1>/*,@2<0;1>/*,@3<0;1>/*))", &[1, 3], &[]),
    ("wsh(multi(2,@10/*,@20/*))", &[1, 2], &[]),
    (
        "wsh(or_d(pk(@1<0;1>/*),and_v(v:pkh(@2<0;1>/*),older(40))))",
        &[1],
        &[2],
    ),
    (
        "wsh(or_d(multi(2,@1<0;1>/*,@2<0;1>/*),and_v(v:thresh(2,pkh(@1<2;3>/*),a:pkh(@2<2;3>/*),a:pkh(@3<0;1>/*)),older(40))))",
        &[1, 2],
        &[1, 3],
    ),
    (
        "wsh(andor(pk(@1<0;1>/*),older(1),and_v(v:pk(@2<0;1>/*),older(40))))",
        &[1],
        &[2],
    ),
    (
        "wsh(thresh(3,pk(@1<0;1>/*),s:pk(@2<0;1>/*),s:pk(@3<0;1>/*),sln:older(40)))",
        &[1, 2, 3],
        &[2, 3],
    ),
    ("tr(@1<0;1>/*)", &[1], &[]),
    ("tr(@1<0;1>/*,and_v(v:pk(@2<0;1>/*),older(40)))", &[1], &[2]),
    (
        "tr(@1<0;1>/*,{and_v(v:multi_a(2,@1<2;3>/*,@2<0;1>/*,@3<0;1>/*),older(40)),and_v(v:pk(@4<0;1>/*),older(60))})",
        &[1],
        &[2, 3],
    ),
    (
        "tr(50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0,{multi_a(2,@1<0;1>/*,@2<0;1>/*,@3<0;1>/*),and_v(v:pk(@4<0;1>/*),older(40))})",
        &[2, 3],
        &[4],
    ),
    (
        "tr(50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0,{and_v(v:multi_a(2,@1<0;1>/*,@2<0;1>/*),older(1)),and_v(v:pk(@1<2;3>/*),older(40))})",
        &[1, 2],
        &[1],
    ),
    (
        "tr(50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0,or_d(pk(@1<0;1>/*),and_v(v:pk(@2<0;1>/*),older(40))))",
        &[1],
        &[2],
    ),
];

fn names(parties: &[usize]) -> Vec<String> {
    parties
        .iter()
        .map(|party| format!("party-{party}"))
        .collect()
}

#[test]
fn the_descriptor_stays_and_everybody_can_do_with_it_what_the_policy_says() {
    for (template, root, path) in ALL {
        let text = descriptor(template);
        let compiled = compiled(&text);
        assert_eq!(
            compiled.vault().descriptor().to_string(),
            text,
            "byte for byte"
        );
        let mut world = World::new(Arc::new(compiled));
        let coin = world.deposit(1_000_000);
        let by = names(root);
        let by: Vec<&str> = by.iter().map(String::as_str).collect();
        let builder = world.builder();
        let mut refresh = builder.refresh(&[&coin], 0).expect("it pays");
        let received = world.collect(&mut refresh, Role::Root, &by[1..]);
        assert!(
            received.iter().all(|one| one.stripped.is_empty()),
            "{template}"
        );
        let mut refresh = match refresh.into_signed() {
            Ok(_) => panic!("{template}: one too few"),
            Err(short) => *short,
        };
        world.collect(&mut refresh, Role::Root, &by[..1]);
        let signed = refresh
            .into_signed()
            .unwrap_or_else(|_| panic!("{template}: enough"));
        let complete = signed.finalize().expect("it is complete");
        world.accepts(complete.transaction());
        let vault = world.compiled.vault();
        let predicted = vault.witness_weight(&LeafKind::Spend).most;
        let real = complete.transaction().input[0].witness.size() as u64;
        assert!(
            real <= predicted && predicted <= real + 2 * by.len() as u64,
            "{template}"
        );
        if path.is_empty() {
            continue;
        }
        let by = names(path);
        let by: Vec<&str> = by.iter().map(String::as_str).collect();
        let mut recovery = builder
            .recover(&coin, "path-1", anywhere())
            .expect("it pays");
        world.collect(&mut recovery, Role::Path, &by);
        let signed = recovery
            .into_signed()
            .unwrap_or_else(|_| panic!("{template}: enough"));
        let complete = signed.finalize().expect("it is complete");
        world.refuses(complete.transaction(), TOO_EARLY);
        let mut later = world.fork();
        for _ in 0..39 {
            later.chain.mine_empty();
        }
        later.accepts(complete.transaction());
    }
}

#[test]
fn a_descriptor_that_means_something_else_is_refused() {
    let text = descriptor(
        "wsh(or_d(multi(2,@1<0;1>/*,@2<0;1>/*,@3<0;1>/*),and_v(v:pk(@4<0;1>/*),older(4000))))",
    );
    let good = document(&text);
    compile(policy(&good)).expect("as it was imported");
    let refused = |document: &str| match compile(policy(document)) {
        Err(CompileError::Given { .. }) => {}
        other => panic!("{other:?}"),
    };
    // Another threshold, another delay, a path more.
    refused(&good.replace("threshold = 2", "threshold = 3"));
    refused(&good.replace("4000 blocks", "4001 blocks"));
    refused(
        &(good.clone()
            + "[[path]]\nname = \"more\"\nquorum = \"holders\"\ndelay = \"5000 blocks\"\n"),
    );
    // A path less.
    let less = descriptor("wsh(multi(2,@1<0;1>/*,@2<0;1>/*,@3<0;1>/*))");
    refused(&good.replace(&text, &less));
    // Somebody else's key.
    let other = descriptor(
        "wsh(or_d(multi(2,@1<0;1>/*,@2<0;1>/*,@5<0;1>/*),and_v(v:pk(@4<0;1>/*),older(4000))))",
    );
    refused(&good.replace(&text, &other));
}

/// BIP-341's point whose private key nobody has.
const NOBODY: &str = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0";

/// A policy with this vault, whose quorum `root` is the first of these, and whose paths have the
/// others and these locks.
fn given(template: &str, root: &str, paths: &[(&str, &str)]) -> String {
    let text = descriptor(&template.replace("NOBODY", NOBODY));
    let script = if text.starts_with("tr") { "tr" } else { "wsh" };
    let mut document = format!(
        "[policy]\nname = \"given\"\nnetwork = \"regtest\"\nscript = \"{script}\"\ndescriptor = {text:?}\naccept_total_loss = \"a test\"\n"
    );
    for party in 1..=9 {
        let key = descriptor(&format!("pkh(@{party}<0;1>/*)"));
        let key = key.trim_start_matches("pkh(").split("/<").next();
        let key = key.expect("the account comes first");
        document += &format!("[parties.party-{party}]\nkey = {key:?}\n");
    }
    document += &format!("[quorums]\nroot = {root}\n");
    for (number, (quorum, _)) in paths.iter().enumerate() {
        document += &format!("quorum-{number} = {quorum}\n");
    }
    document += "[root]\nquorum = \"root\"\nrefresh = \"100 blocks\"\n";
    for (number, (_, lock)) in paths.iter().enumerate() {
        document +=
            &format!("[[path]]\nname = \"path-{number}\"\nquorum = \"quorum-{number}\"\n{lock}\n");
    }
    document
}

/// So many of these parties.
fn of(threshold: usize, parties: &[usize]) -> String {
    format!("{{ threshold = {threshold}, of = {:?} }}", names(parties))
}

const DELAY: &str = "delay = \"4000 blocks\"";

/// One party has a key beside several equal locks: that is a path's which stands where the others
/// of its quorum do.  Compiling proves that the right ones were found.
#[test]
fn keys_of_one_party_belong_to_the_path_they_stand_with() {
    // Three branches of one script.
    let [a, b, c] = [(0, 2), (2, 3), (4, 4)].map(|(branch, party)| {
        let next = branch + 1;
        format!("and_v(v:multi(2,@1<{branch};{next}>/*,@{party}<0;1>/*),older(4000))")
    });
    let text = format!("wsh(or_i(pk(@9<0;1>/*),or_i({a},or_i({b},{c}))))");
    let quorums = [2, 3, 4].map(|party| of(2, &[1, party]));
    let paths = quorums.each_ref().map(|quorum| (quorum.as_str(), DELAY));
    let root = of(1, &[9]);
    compile(policy(&given(&text, &root, &paths))).expect("branches of a script");

    // A quorum whose branch stands behind two others of which it has all keys.
    let text = "wsh(or_i(pk(@9<0;1>/*),or_i(and_v(v:multi(2,@1<2;3>/*,@2<2;3>/*),older(4000)),or_i(and_v(v:multi(2,@2<4;5>/*,@3<2;3>/*),older(4000)),and_v(v:multi(2,@1<0;1>/*,@2<0;1>/*,@3<0;1>/*),older(4000))))))";
    let quorums = [&[1, 2, 3][..], &[1, 2], &[2, 3]].map(|parties| of(2, parties));
    let paths = quorums.each_ref().map(|quorum| (quorum.as_str(), DELAY));
    compile(policy(&given(text, &root, &paths))).expect("a larger quorum among others");

    // Three scripts of two branches each.
    let [a, b, c] = [(0, 2), (2, 3), (4, 4)].map(|(branch, party)| {
        let next = branch + 1;
        format!("or_i(and_v(v:pk(@1<{branch};{next}>/*),older(4000)),and_v(v:pk(@{party}<0;1>/*),older(4000)))")
    });
    let text = format!("tr(NOBODY,{{pk(@9<0;1>/*),{{{a},{{{b},{c}}}}}}})");
    let quorums = [2, 3, 4].map(|party| of(1, &[1, party]));
    let paths = quorums.each_ref().map(|quorum| (quorum.as_str(), DELAY));
    compile(policy(&given(&text, &root, &paths))).expect("scripts");

    // Two branches of a script, after another that has keys of somebody else as well.
    let text = "wsh(or_i(pk(@9<0;1>/*),or_i(and_v(v:multi(2,@1<2;3>/*,@5<0;1>/*),older(4000)),or_i(and_v(v:pk(@1<0;1>/*),older(4000)),and_v(v:pk(@2<0;1>/*),older(4000))))))";
    let (alone, both) = (of(1, &[1, 2]), of(2, &[1, 5]));
    let paths = [(alone.as_str(), DELAY), (both.as_str(), DELAY)];
    compile(policy(&given(text, &root, &paths))).expect("a key beside a foreign one");

    // Two branches without a lock, after another that has one.
    let text = "wsh(or_i(and_v(v:pk(@1<2;3>/*),older(4000)),or_i(pk(@1<0;1>/*),pk(@2<0;1>/*))))";
    let (root, late) = (of(1, &[1, 2]), of(1, &[1]));
    compile(policy(&given(text, &root, &[(&late, DELAY)]))).expect("a key beside a lock");
}

/// A path may be the key path, which comes first, and one key may open two scripts, of which the
/// one with a lock that the policy knows nothing of is not used.
#[test]
fn leaves_stand_where_they_can_be_spent() {
    let text = "tr(@3<0;1>/*,multi_a(2,@1<0;1>/*,@2<0;1>/*))";
    let (root, path) = (of(2, &[1, 2]), of(1, &[3]));
    let compiled = compile(policy(&given(text, &root, &[(&path, "")]))).expect("it compiles");
    let kinds: Vec<(&LeafKind, bool)> = compiled
        .vault()
        .leaves()
        .iter()
        .map(|leaf| (leaf.kind(), leaf.is_key_path()))
        .collect();
    let direct = LeafKind::Direct("path-0".to_owned());
    assert_eq!(kinds, [(&direct, true), (&LeafKind::Spend, false)]);

    let text = "tr(NOBODY,{and_v(v:pk(@1<0;1>/*),older(4000)),pk(@1<0;1>/*)})";
    let compiled = compile(policy(&given(text, &of(1, &[1]), &[]))).expect("it compiles");
    let scripts = compiled.vault().scripts(&LeafKind::Spend);
    let places: Vec<Place> = scripts.iter().map(ScriptLeaf::place).collect();
    assert_eq!(places, [Place::Tapleaf(1)]);
}

/// Who cannot be found is named: a path before root, and nobody where all can be found and it is
/// something else that differs.
#[test]
fn what_is_missing_is_said() {
    let text =
        "wsh(or_d(multi(2,@1<0;1>/*,@2<0;1>/*,@3<0;1>/*),and_v(v:pk(@4<0;1>/*),older(4000))))";
    let [root, other_root, low] = [of(2, &[1, 2, 3]), of(2, &[1, 6]), of(1, &[1, 2, 3])];
    let [path, other_path] = [of(1, &[4]), of(1, &[5])];
    compile(policy(&given(text, &root, &[(&path, DELAY)]))).expect("nothing is missing");
    let no_path = "no way to spend that is the path `path-0`";
    for (root, path, lock, expected) in [
        (&root, &other_path, DELAY, no_path),
        (&root, &path, "delay = \"4001 blocks\"", no_path),
        (&other_root, &other_path, DELAY, no_path),
        (&other_root, &path, DELAY, "no way to spend that is root's"),
        (
            &low,
            &path,
            DELAY,
            "lifted, its ways to spend are not just those",
        ),
    ] {
        match compile(policy(&given(text, root, &[(path, lock)]))) {
            Err(CompileError::Given { reason, .. }) => {
                assert!(reason.contains(expected), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// An absolute lock is a lock like any other, to the block.
#[test]
fn absolute_locks_are_found() {
    let text = "wsh(or_d(pk(@1<0;1>/*),and_v(v:pk(@2<0;1>/*),after(900000))))";
    let (root, path) = (of(1, &[1]), of(1, &[2]));
    for (height, fits) in [(899_999, false), (900_000, true), (900_001, false)] {
        let lock = format!("unlock_height = {height}");
        let compiled = compile(policy(&given(text, &root, &[(&path, &lock)])));
        assert_eq!(compiled.is_ok(), fits, "{height}");
    }
}

/// A path with a date and no delay waits a block in our own vaults, which no policy says.
#[test]
fn a_vault_of_our_own_is_that_of_its_policy() {
    let terms = "[quorums]\nown = { threshold = 2, of = [\"alice\", \"bob\", \"carol\"] }\nlate = { threshold = 1, of = [\"dave\"] }\n[root]\nquorum = \"own\"\n[[path]]\nname = \"heirs\"\nquorum = \"late\"\nunlock_height = 900000\n";
    for script in SCRIPTS {
        let text = Draft::new(script, terms).text();
        let own = compile(policy(&text)).expect("it compiles");
        let text_of = |compiled: &Compiled| {
            let vault = compiled.stage(&Stage::Vault).expect("a vault");
            vault.text().to_owned()
        };
        let vault = text_of(&own);
        let pinned = |height: &str| {
            let given = text.replace("900000", height).replacen(
                "[policy]",
                &format!("[policy]\ndescriptor = \"{vault}\""),
                1,
            );
            compile(policy(&given))
        };
        let same = pinned("900000").expect("it is its own");
        assert_eq!(text_of(&same), vault);
        assert!(pinned("900001").is_err());
    }
}

/// What weights are tried on: quorums of quorums and of single parties, and every kind of lock.
const NESTED: &str = r#"
[quorums]
legal = { threshold = 2, of = ["alice", "bob", "carol"] }
finance = { threshold = 1, of = ["dave", "erin"] }
council = { threshold = 2, of = ["legal", "finance", "frank", "greta"] }
all = { threshold = 3, of = ["finance", "henry", "legal"] }
heirs = { threshold = 2, of = ["iris", "julia", "kim"] }

[root]
quorum = "council"
refresh = "100 blocks"

[[path]]
name = "late"
quorum = "all"
delay = "4000 blocks"

[[path]]
name = "last"
quorum = "heirs"
delay = "5000 blocks"
unlock_height = 900000
"#;

/// For a vault of our own, weights are computed from the form of its scripts; for one from elsewhere
/// witnesses are made and weighed.  Both come to the same, also on average.
#[test]
fn weights_are_the_same_whether_they_are_computed_or_tried() {
    for script in SCRIPTS {
        let draft = Draft::new(script, NESTED);
        let own = draft.compiled();
        let own = own.vault();
        let line = format!("[policy]\ndescriptor = {:?}", own.descriptor().to_string());
        let elsewhere = compile(policy(&draft.text().replace("[policy]", &line)));
        let elsewhere = elsewhere.expect("it is what the policy says");
        for leaf in own.leaves() {
            let computed = own.witness_weight(leaf.kind());
            let tried = elsewhere.vault().witness_weight(leaf.kind());
            assert_eq!(computed.most, tried.most, "{script} {}", leaf.kind());
            let difference = (computed.expected - tried.expected).abs();
            assert!(
                difference < 1e-9,
                "{computed:?} {tried:?} {script} {}",
                leaf.kind()
            );
            assert!(tried.expected <= tried.most as f64);
        }
        let spend = own.witness_weight(&LeafKind::Spend);
        assert!(spend.expected + 1.0 < spend.most as f64, "sets differ");
    }
}

/// With an absolute lock closed, its branch is no way to save a signature.
#[test]
fn a_closed_lock_saves_no_signature() {
    let text = "wsh(thresh(2,pk(@1<0;1>/*),s:pk(@2<0;1>/*),sln:after(900000)))";
    let (root, path) = (of(2, &[1, 2]), of(1, &[1, 2]));
    let paths = [(path.as_str(), "unlock_height = 900000")];
    let compiled = compile(policy(&given(text, &root, &paths))).expect("it compiles");
    let most = |kind| compiled.vault().witness_weight(&kind).most;
    let late = most(LeafKind::Direct("path-0".to_owned()));
    assert!(most(LeafKind::Spend) > late + 60, "one signature more");
}
