//! What parties keep beside their keys, and where.

use std::fmt::Write;

use longstop::policy::{
    Custody, CustodyFact, Domain, ItemKind, Policy, Script, SpendingPath, check,
};
use proptest::prelude::*;

use crate::BASE;
use crate::template::{self, Filled};

/// The base policy with two more staged paths, a fee wallet and custody facts of gina, and this.
fn with(items: &str) -> String {
    let text = BASE.replacen(
        "gina = { key = \"{gina}\" }",
        "gina = { key = \"{gina}\", fees = \"{gina.fees}\", custody = { operator = \"gina\", cloud = \"none\", site = \"bern\" } }",
        1,
    );
    assert_ne!(text, BASE);
    let mut text = text.replacen("[lints]", &format!("{items}\n[lints]"), 1);
    if !BASE.contains("[lints]") {
        text += items;
    }
    text
}

fn policy(items: &str) -> Policy {
    let checked = check(&Filled::new(&with(items)).text);
    assert!(!checked.has_errors(), "{:?}", checked.diagnostics);
    checked.policy.expect("a policy without errors")
}

fn said(custody: &Custody) -> Vec<String> {
    let facts = custody.iter();
    facts
        .map(|(domain, fact)| format!("{domain} {fact}"))
        .collect()
}

#[test]
fn what_an_item_does_not_say_is_its_party_s() {
    let policy = policy(
        "[items.gina-copy]\nkind = \"files\"\nof = \"gina\"\ncustody = { cloud = \"nimbus\", host = \"box\" }\n",
    );
    let item = policy.item("gina-copy").expect("it is there");
    assert_eq!((item.kind(), item.of().name()), (ItemKind::Files, "gina"));
    assert_eq!(said(item.stated()), ["host box", "cloud nimbus"]);
    assert_eq!(
        said(item.custody()),
        ["operator gina", "host box", "cloud nimbus", "site bern"]
    );
    let staged = policy.paths().iter().filter(|path| path.staged().is_some());
    let staged: Vec<&str> = staged.map(SpendingPath::name).collect();
    assert_eq!(item.paths(), staged);
    assert!(!item.names_paths());
}

#[test]
fn copies_that_nobody_mentions_are_with_the_keys() {
    let silent = policy("");
    let gina = silent.party("gina").expect("a party");
    let hal = silent.party("hal").expect("a party");
    let count = |policy: &Policy, kind, party: &str, path| {
        let party = policy.party(party).expect("a party");
        policy.copies(kind, party, path).len()
    };
    for kind in [ItemKind::Files, ItemKind::Acknowledgements, ItemKind::Fees] {
        assert_eq!(silent.copies(kind, gina, Some("sos")), [gina.custody()]);
    }
    // Hal has named no fee wallet, and nobody is supposed to have these.
    assert!(hal.fees().is_none());
    assert_eq!(count(&silent, ItemKind::Fees, "hal", None), 0);
    for kind in [ItemKind::Watchtower, ItemKind::Backup] {
        assert_eq!(count(&silent, kind, "gina", Some("sos")), 0);
    }

    let two = policy(
        "[items.one]\nkind = \"files\"\nof = \"gina\"\ncustody = { site = \"basel\" }\n[items.other]\nkind = \"files\"\nof = \"gina\"\npaths = [\"sos\"]\ncustody = { site = \"chur\" }\n[items.purse]\nkind = \"fees\"\nof = \"gina\"\ncustody = { site = \"zug\" }\n",
    );
    let gina = two.party("gina").expect("a party");
    let sites = |kind, path| {
        let copies = two.copies(kind, gina, path);
        copies
            .iter()
            .filter_map(|custody| custody.name(Domain::Site))
            .collect::<Vec<_>>()
    };
    assert_eq!(sites(ItemKind::Files, Some("sos")), ["basel", "chur"]);
    assert_eq!(sites(ItemKind::Fees, None), ["zug"]);
    // Of another kind, and of another party, nothing was said.
    assert_eq!(sites(ItemKind::Acknowledgements, None), ["bern"]);
    assert_eq!(count(&two, ItemKind::Files, "hal", Some("sos")), 1);
}

#[test]
fn none_is_shared_by_nobody() {
    let fact = |text| CustodyFact::of_text(text);
    let none = fact(" none ").expect("a fact");
    assert_eq!(none, CustodyFact::None);
    assert_eq!((none.name(), none.to_string().as_str()), (None, "none"));
    assert!(!none.is_shared_with(&none));
    let nimbus = fact("nimbus ").expect("a fact");
    assert!(nimbus.is_shared_with(&fact("nimbus").expect("a fact")));
    assert!(!nimbus.is_shared_with(&none) && !none.is_shared_with(&nimbus));
    // Only the word itself, and not what contains it or is written otherwise.
    for text in ["None", "nones", "none of yours"] {
        assert_eq!(fact(text).expect("a fact").name(), Some(text));
    }
    // A blank says nothing, which is not the same.
    assert_eq!((fact(""), fact(" ")), (None, None));
}

#[test]
fn every_kind_of_fact_has_its_word() {
    for (word, domain) in Domain::ALL {
        assert_eq!(domain.as_str(), word);
        assert_eq!(Domain::from_written(word), Some(domain));
        let json = serde_json::to_string(&domain).expect("JSON");
        assert_eq!(json, format!("\"{word}\""));
    }
    assert_eq!(Domain::from_written("Cloud"), None);
    for (word, kind) in ItemKind::ALL {
        assert_eq!(kind.as_str(), word);
        let json = serde_json::to_string(&kind).expect("JSON");
        assert_eq!(json, format!("\"{word}\""));
    }
}

/// A party that keeps something has a part, be it in no quorum.
#[test]
fn a_party_with_an_item_is_not_idle() {
    let lonely = BASE.replacen("[parties]", "[parties]\nzoe = { key = \"{zoe}\" }", 1);
    assert!(template::codes(&lonely).contains(&"LS0609"));
    let watching = format!("{lonely}\n[items.tower]\nkind = \"watchtower\"\nof = \"zoe\"\n");
    assert!(!template::codes(&watching).contains(&"LS0609"));
}

#[test]
fn as_many_items_as_there_may_be() {
    let items = |count: usize| {
        let mut text = String::new();
        for number in 0..count {
            let item = format!("[items.copy-{number}x]\nkind = \"backup\"\nof = \"gina\"\n");
            text.write_str(&item).expect("writing to a string");
        }
        template::codes(&with(&text))
    };
    for (count, is_refused) in [(255, false), (256, false), (257, true)] {
        assert_eq!(items(count).contains(&"LS0108"), is_refused, "{count}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// How items are written does not change the canonical text, and what they say does.
    #[test]
    fn items_have_one_canonical_form(
        order in Just(vec![0usize, 1, 2]).prop_shuffle(),
        inline in any::<bool>(),
        site in "[a-z]{1,8}",
        other in "[a-z]{1,8}",
    ) {
        let written = |order: &[usize], inline: bool, site: &str| {
            let fields = [
                ("tower", vec!["kind = \"watchtower\"".to_owned(), "of = \"hal\"".to_owned(), "paths = [\"sos\"]".to_owned()]),
                ("copy", vec![format!("custody = {{ site = \"{site}\", cloud = \"none\" }}"), "of = \"gina\"".to_owned(), "kind = \"files\"".to_owned()]),
                ("records", vec!["of = \"ivan\"".to_owned(), "kind = \"acknowledgements\"".to_owned()]),
            ];
            let mut text = String::from("[items]\n");
            for (name, fields) in order.iter().filter_map(|at| fields.get(*at)).rev() {
                if inline {
                    text += &format!("{name} = {{ {} }}\n", fields.join(", "));
                } else {
                    for field in fields {
                        text += &format!("{name}.{field}\n");
                    }
                }
            }
            text
        };
        let canonical = policy(&written(&order, inline, &site)).canonical().to_owned();
        let plain = policy(&written(&[0, 1, 2], true, &site));
        prop_assert_eq!(plain.canonical(), &canonical);
        let again = check(&canonical).policy.expect("the canonical text is a policy");
        prop_assert_eq!(again.canonical(), &canonical);
        prop_assert_eq!(again.items().count(), 3);
        let differs = policy(&written(&order, inline, &other)).canonical() != canonical;
        prop_assert_eq!(differs, site != other);
        prop_assert!(!policy("").canonical().contains("items"));
    }
}

/// A script says the same by a function.
#[test]
fn scripts_have_items_too() {
    let script = r##"
        policy(#{ name: "base", network: "regtest", script: "tr" });
        let gina = party("gina", #{ key: "{gina}" });
        party("hal", #{ key: "{hal}" });
        quorum("root", 1, ["gina", "hal"]);
        root("root");
        path("sos", #{ quorum: "root", escrow: escrow(#{ window: days(14), veto: "root" }) });
        item("copy", #{ kind: "files", of: gina, paths: ["sos"], custody: #{ site: "basel" } });
        item("key", #{ kind: "backup", of: gina, custody: #{ cloud: "none" } });
    "##;
    let toml = r#"
[items.copy]
kind = "files"
of = "gina"
paths = ["sos"]
custody = { site = "basel" }

[items.key]
kind = "backup"
of = "gina"
custody = { cloud = "none" }
"#;
    let run = Script::new(&Filled::new(script).text).run();
    let canonical = run.document.canonical();
    assert!(canonical.ends_with(toml), "{canonical}");
}
