//! Generated policies with generated custody, against every domain and pair tried one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use longstop::analysis::fate::{Culprit, Facts, Question, Scope, culprits};
use longstop::analysis::{Analyst, Armed, Claim, Counterexample};
use longstop::compile::compile;
use longstop::governance::{Attestation, Attestations, OnWord};
use longstop::logic::{AtomSet, Formula};
use longstop::policy::{Domain, Policy, check};
use longstop::signer::SoftwareSigner;
use longstop::units::UnixTime;
use proptest::prelude::*;
use toml::{Table, Value};

use crate::dice::Dice;
use crate::full::full;
use crate::generate::plans;

const NOW: UnixTime = UnixTime(1_600_100_000);

/// A domain as a test names it; none for any of the kind.
type Name = (Domain, Option<String>);

/// A policy's document with custody and items, by a roll of dice.
fn with_custody(text: &str, dice: &mut Dice) -> String {
    let mut document: Table = text.parse().expect("the policy is TOML");
    let has_files = document["path"]
        .as_array()
        .expect("paths")
        .iter()
        .any(|path| path.get("escrow").is_some());
    let parties = document["parties"].as_table_mut().expect("parties");
    let names: Vec<String> = parties.keys().cloned().collect();
    for (name, party) in parties.iter_mut() {
        let party = party.as_table_mut().expect("a party");
        let key = SoftwareSigner::stand_in_identity(0, name).verifying_key();
        let hex: String = key
            .as_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        party.insert("identity".to_owned(), hex.into());
        party.insert("custody".to_owned(), custody(dice, 6).into());
    }
    let mut items = Table::new();
    for number in 0..dice.below(4) {
        let kinds: &[&str] = if has_files {
            &["files", "watchtower", "backup", "acknowledgements"]
        } else {
            &["backup", "acknowledgements"]
        };
        let mut item = Table::new();
        item.insert("kind".to_owned(), kinds[dice.below(kinds.len())].into());
        item.insert(
            "of".to_owned(),
            names[dice.below(names.len())].clone().into(),
        );
        item.insert("custody".to_owned(), custody(dice, 2).into());
        items.insert(format!("item-{number}"), item.into());
    }
    document.insert("items".to_owned(), items.into());
    document.to_string()
}

/// Facts of the first two kinds, each said so many times out of six.
fn custody(dice: &mut Dice, often: usize) -> Table {
    let mut custody = Table::new();
    for kind in KINDS {
        if dice.below(7) < often {
            let value = ["north", "south", "east", "none"][dice.below(4)];
            custody.insert(kind.to_string(), value.into());
        }
    }
    custody
}

const KINDS: [Domain; 2] = [Domain::Cloud, Domain::Operator];

/// What each party says of itself: nothing, what holds, or what is over.
#[derive(Clone, Copy, PartialEq)]
enum Word {
    Nothing,
    Holds,
    IsOver,
}

fn facts(policy: &Policy, words: &BTreeMap<String, Word>) -> Facts {
    let compiled = compile(Arc::new(policy.clone())).expect("it compiles");
    let id = compiled.id().to_bytes();
    let mut lines = String::new();
    for (name, word) in words {
        let expires = match word {
            Word::Nothing => continue,
            Word::Holds => UnixTime(NOW.0 + 1),
            Word::IsOver => NOW,
        };
        let party = policy.party(name).expect("a party");
        let attestation =
            Attestation::of_claims(policy, id, party, UnixTime(NOW.0 - 9), expires, 1);
        let identity = SoftwareSigner::stand_in_identity(0, name);
        lines += &format!("{}\n", attestation.sign(&identity).to_line());
    }
    let (attestations, problems) = Attestations::read(&lines, policy, id, NOW, &OnWord);
    assert_eq!(problems, []);
    Facts::of(policy, &attestations)
}

/// What the document says of a party or item, and whether its party attests it.
fn said(
    document: &Table,
    words: &BTreeMap<String, Word>,
    name: &str,
    kind: Domain,
) -> (Option<String>, bool) {
    let party = |name: &str| document["parties"].get(name);
    let item = document.get("items").and_then(|items| items.get(name));
    let owner = item.map_or(name, |item| item["of"].as_str().expect("a name"));
    let own = item.or_else(|| party(name)).expect("it is there");
    let fact = |of: &Value| {
        let fact = of.get("custody")?.get(kind.to_string())?;
        Some(fact.as_str().expect("a text").to_owned())
    };
    let fact = fact(own).or_else(|| fact(party(owner)?));
    let is_attested = fact.is_some() && words[owner] == Word::Holds;
    (fact.filter(|fact| fact != "none"), is_attested)
}

/// Every domain of a kind with what is in it, without those of the worst case that hold no more
/// than any domain does.
fn domains(
    analyst: &Analyst<'_>,
    document: &Table,
    words: &BTreeMap<String, Word>,
    kind: Domain,
    worst: bool,
) -> Vec<(Name, AtomSet)> {
    let actors = analyst.actors();
    let mut named: BTreeMap<String, AtomSet> = BTreeMap::new();
    let mut open = AtomSet::new();
    for atom in 0..actors.len() {
        let (name, is_attested) = said(document, words, actors.name(atom), kind);
        if worst && !is_attested {
            open.insert(atom);
        }
        if let Some(name) = name {
            named.entry(name).or_default().insert(atom);
        }
    }
    let mut domains: Vec<(Name, AtomSet)> = named
        .into_iter()
        .map(|(name, inside)| ((kind, Some(name)), inside.union(&open)))
        .filter(|(_, inside)| !worst || *inside != open)
        .collect();
    if !open.is_empty() {
        domains.push(((kind, None), open));
    }
    domains
}

/// The minimal culprits, tried one by one.
fn tried(
    formula: &Formula,
    scope: Scope,
    of: &dyn Fn(Domain) -> Vec<(Name, AtomSet)>,
) -> BTreeSet<BTreeSet<Name>> {
    let mut found = BTreeSet::new();
    if formula.is_always() {
        return found;
    }
    let (one, other) = match scope {
        Scope::Single(kind) => (of(kind), Vec::new()),
        Scope::Pair(one, other) => (of(one), of(other)),
    };
    for (name, inside) in one.iter().chain(&other) {
        let mut any = one.iter().chain(&other);
        let is_any = any.any(|((kind, any), open)| {
            *kind == name.0 && any.is_none() && name.1.is_some() && formula.holds(open)
        });
        if formula.holds(inside) && !is_any {
            found.insert(BTreeSet::from([name.clone()]));
        }
    }
    for (name, inside) in &one {
        for (other_name, other_inside) in &other {
            let alone = formula.holds(inside) || formula.holds(other_inside);
            if !alone && formula.holds(&inside.union(other_inside)) {
                found.insert(BTreeSet::from([name.clone(), other_name.clone()]));
            }
        }
    }
    found
}

/// The culprits with each name of each domain by itself.
fn apart(culprits: &[Culprit], scope: Scope) -> BTreeSet<BTreeSet<Name>> {
    let mut all = BTreeSet::new();
    for culprit in culprits {
        let names = |at: usize| {
            culprit.domains[at]
                .names
                .iter()
                .map(|name| (name.kind, name.name.clone()))
        };
        match culprit.domains.len() {
            1 => all.extend(names(0).map(|name| BTreeSet::from([name]))),
            _ => {
                let Scope::Pair(a, b) = scope else {
                    panic!("a pair for {scope:?}");
                };
                for one in names(0) {
                    for other in names(1) {
                        if (one.0, other.0) == (a, b) || (other.0, one.0) == (a, b) {
                            all.insert(BTreeSet::from([one.clone(), other]));
                        }
                    }
                }
            }
        }
    }
    all
}

/// Whether each of these is one of those with perhaps any domain in place of one by its name.
fn are_covered(these: &BTreeSet<BTreeSet<Name>>, by: &BTreeSet<BTreeSet<Name>>) -> bool {
    these.iter().all(|this| {
        by.iter().any(|that| {
            let is_in = |name: &Name| {
                this.contains(name)
                    || name.1.is_none() && this.iter().any(|known| known.0 == name.0)
            };
            that.iter().all(is_in)
        })
    })
}

fn words(policy: &Policy, dice: &mut Dice) -> BTreeMap<String, Word> {
    let word =
        |dice: &mut Dice| [Word::Nothing, Word::Holds, Word::Holds, Word::IsOver][dice.below(4)];
    let names = policy.parties().map(|party| party.name().to_owned());
    names.map(|name| (name, word(dice))).collect()
}

const SCOPES: [Scope; 4] = [
    Scope::Single(Domain::Cloud),
    Scope::Pair(Domain::Cloud, Domain::Cloud),
    Scope::Pair(Domain::Cloud, Domain::Operator),
    Scope::Single(Domain::Site),
];

/// Whether any choice of one domain of each kind meets a condition, and whether a counterexample is
/// one that does with as few as can be.
fn agree(
    claim: &str,
    formula: &Formula,
    kinds: &[Vec<(Name, AtomSet)>],
    found: Option<&Counterexample>,
    analyst: &Analyst<'_>,
) {
    let mut choices: Vec<(BTreeSet<Name>, AtomSet)> = vec![(BTreeSet::new(), AtomSet::new())];
    for domains in kinds {
        let mut more = Vec::new();
        for (chosen, held) in &choices {
            for (name, inside) in domains.iter().filter(|(name, _)| !chosen.contains(name)) {
                let mut chosen = chosen.clone();
                chosen.insert(name.clone());
                more.push((chosen, held.union(inside)));
            }
        }
        // Of a kind with one domain that is both, and of one without there is nothing to choose.
        if !more.is_empty() {
            choices = more;
        }
    }
    choices.retain(|(names, _)| !names.is_empty());
    let met = choices.iter().filter(|(_, held)| formula.holds(held));
    let fewest = met.map(|(_, held)| held.len()).min();
    let told = found.map(|found| {
        let names = found.domains.iter();
        let names: BTreeSet<Name> = names.map(|name| (name.kind, name.name.clone())).collect();
        let chosen = choices
            .iter()
            .find(|(chosen, held)| *chosen == names && analyst.actors().names(held) == found.who);
        let (_, held) = chosen.unwrap_or_else(|| panic!("{claim}: {found:?}"));
        assert!(formula.holds(held), "{claim}: {found:?}");
        held.len()
    });
    assert_eq!(told, fewest, "{claim}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn claims_about_domains_are_judged_by_every_choice(plan in plans(), seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let text = with_custody(&full(&plan, &mut dice), &mut dice);
        let Some(policy) = check(&text).policy else { return Ok(()) };
        let document: Table = text.parse().expect("it is TOML");
        let words = words(&policy, &mut dice);
        let facts = facts(&policy, &words);
        let mut analyst = Analyst::of(&policy);
        let play = analyst.play().clone();
        let paths = policy.paths().iter().map(|path| play.stall(path.name()));
        let deeds = [
            ("steal (armed)", play.steal_undefended(Armed::Armed)),
            ("steal if the others defend (armed)", play.steal(Armed::Armed)),
            ("steal if the others defend (unarmed)", play.steal(Armed::Unarmed)),
            ("freeze (armed)", play.freeze(Armed::Armed)),
            ("block the rescue", play.rescue_blocked()),
            ("veto", Formula::any(paths.collect())),
        ];
        let people: [(&str, &[Domain]); 4] = [
            ("single cloud", &[Domain::Cloud]),
            ("pair of clouds", &[Domain::Cloud, Domain::Cloud]),
            ("single cloud and operator", &[Domain::Cloud, Domain::Operator]),
            ("single site", &[Domain::Site]),
        ];
        for (who, kinds) in people {
            for (deed, formula) in &deeds {
                let text = format!("no {who} can {deed}");
                let claim = Claim::parse(&text, &policy).expect("a claim");
                let verdict = analyst.judge_attested(&claim, &facts).expect("small enough");
                let worst = verdict.worst.expect("it is about domains");
                prop_assert_eq!(verdict.proved, verdict.counterexample.is_none());
                prop_assert_eq!(worst.proved, worst.counterexample.is_none());
                for (is_worst, found) in [(false, &verdict.counterexample), (true, &worst.counterexample)] {
                    let of = |kind: &Domain| domains(&analyst, &document, &words, *kind, is_worst);
                    let kinds: Vec<_> = kinds.iter().map(of).collect();
                    agree(&text, formula, &kinds, found.as_ref(), &analyst);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn culprits_are_those_that_trying_finds(plan in plans(), seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let text = with_custody(&full(&plan, &mut dice), &mut dice);
        let Some(policy) = check(&text).policy else { return Ok(()) };
        let document: Table = text.parse().expect("it is TOML");
        let words = words(&policy, &mut dice);
        let facts = facts(&policy, &words);
        let analyst = Analyst::of(&policy);
        for question in Question::ALL {
            let Some(formula) = question.formula(analyst.play()) else { continue };
            for scope in SCOPES {
                let answer = culprits(&analyst, &facts, question, scope);
                prop_assert_eq!(answer.is_so_already, formula.is_always());
                let of = |worst| move |kind| (kind, worst);
                let domains = |(kind, worst)| domains(&analyst, &document, &words, kind, worst);
                let stated = tried(&formula, scope, &|kind| domains(of(false)(kind)));
                let worst = tried(&formula, scope, &|kind| domains(of(true)(kind)));
                prop_assert_eq!(&apart(&answer.stated, scope), &stated, "{:?} {:?}", question, scope);
                prop_assert_eq!(&apart(&answer.worst, scope), &worst, "{:?} {:?}", question, scope);
                prop_assert!(are_covered(&stated, &worst), "{:?} {:?}", question, scope);
            }
        }
    }

    #[test]
    fn who_attests_more_is_blamed_for_no_more(plan in plans(), seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let text = with_custody(&full(&plan, &mut dice), &mut dice);
        let Some(policy) = check(&text).policy else { return Ok(()) };
        let few = words(&policy, &mut dice);
        let mut many = few.clone();
        for word in many.values_mut() {
            if dice.below(2) == 0 {
                *word = Word::Holds;
            }
        }
        let analyst = Analyst::of(&policy);
        let [few, many] = [few, many].map(|words| facts(&policy, &words));
        for question in Question::ALL {
            for scope in SCOPES {
                let before = culprits(&analyst, &few, question, scope);
                let after = culprits(&analyst, &many, question, scope);
                prop_assert!(are_covered(&apart(&after.worst, scope), &apart(&before.worst, scope)));
                prop_assert_eq!(after.stated, before.stated);
            }
        }
    }

    #[test]
    fn the_report_has_all_single_culprits_and_counts_all_pairs(plan in plans(), seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let text = with_custody(&full(&plan, &mut dice), &mut dice);
        let Some(policy) = check(&text).policy else { return Ok(()) };
        let facts = facts(&policy, &words(&policy, &mut dice));
        let mut analyst = Analyst::of(&policy);
        let fate = analyst.fate(&facts);
        for (view, is_worst) in [(&fate.stated, false), (&fate.worst, true)] {
            let mut told: BTreeMap<Question, BTreeSet<Vec<String>>> = BTreeMap::new();
            for finding in &view.findings {
                for consequence in &finding.consequences {
                    let names = finding.culprit.domains.iter().map(ToString::to_string);
                    let known = told.entry(consequence.question).or_default();
                    prop_assert!(known.insert(names.collect()));
                    // A theft has its way, and nothing else has.
                    let is_theft = consequence.question.word().starts_with("steal");
                    prop_assert_eq!(consequence.quickest.is_some(), is_theft);
                }
            }
            for question in Question::ALL {
                let told = told.remove(&question).unwrap_or_default();
                for kind in KINDS {
                    let answer = culprits(&analyst, &facts, question, Scope::Single(kind));
                    let found = if is_worst { answer.worst } else { answer.stated };
                    for culprit in found {
                        let name = &culprit.domains[0].names[0];
                        let is_told = view.findings.iter().any(|finding| {
                            finding.culprit.domains.len() == 1
                                && finding.culprit.domains[0].names.contains(name)
                                && finding.consequences.iter().any(|follows| follows.question == question)
                        });
                        prop_assert!(is_told, "{} {:?}", name, question);
                    }
                }
                // Neither of a pair is told alone, of the same.
                for pair in told.iter().filter(|names| names.len() == 2) {
                    for one in pair {
                        prop_assert!(!told.contains(&vec![one.clone()]));
                    }
                }
            }
            // Whoever moves apart, or attests it, ends what is told.
            for finding in &view.findings {
                let Some(remedy) = &finding.remedy else { continue };
                let members = finding.culprit.members();
                let left = |set: &AtomSet| members.difference(set);
                for set in remedy.minimal().iter().take(5) {
                    prop_assert!(set.is_subset(&members));
                    for consequence in &finding.consequences {
                        let formula = consequence.question.formula(analyst.play()).expect("it was asked");
                        let alone = members.iter().any(|atom| formula.holds(&AtomSet::from([atom])));
                        let any_two = finding.culprit.domains.len() > 1;
                        if !alone && !any_two {
                            prop_assert!(!formula.holds(&left(&set)));
                        }
                    }
                }
            }
        }
    }
}
