//! Vaults whose descriptor was made elsewhere: it stays as it is, and all that a policy can do with
//! a vault of its own works with it.

use std::str::FromStr;
use std::sync::Arc;

use bitcoin::bip32::DerivationPath;
use bitcoin::secp256k1::Secp256k1;
use longstop::compile::{CompileError, Compiled, LeafKind, Role, compile};
use longstop::import::{Naming, read};
use longstop::policy::{Network, Policy, check};
use longstop::signer::SoftwareSigner;

use crate::vault::{TOO_EARLY, World, anywhere};

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
