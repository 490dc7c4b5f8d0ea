//! The explanation of a policy: that it says everything, that what it says is so, and that it
//! changes exactly where the policy does.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what is out of range here is a fault of the test"
)]

#[path = "common/generate.rs"]
mod generate;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use longstop::compile::{Compiled, Leaf, LeafKind, Stage, compile};
use longstop::explain::{Explanation, Fact, Guarantee, Sentence, Wait, explain};
use longstop::policy::{Activation, Direct, Member, Party, Period, Policy, check};
use longstop::units::RelativeLock;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use generate::{
    KindPlan, LockupPlan, Members, PartyPlan, PathPlan, Plan, QuorumPlan, Span, StagedPlan,
    UnlockPlan, plans,
};

/// The text of every shipped policy, as the command line shows it.
#[test]
fn shipped_policies() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut shown = 0;
    for entry in fs::read_dir(folder).expect("policies can be listed") {
        let folder = entry.expect("policies can be listed").path();
        let Ok(text) = fs::read_to_string(folder.join("policy.toml")) else {
            continue;
        };
        let policy = check(&text).policy.expect("a shipped policy has no errors");
        let compiled = compile(Arc::new(policy)).expect("a shipped policy compiles");
        let name = folder
            .file_name()
            .expect("a folder has a name")
            .to_string_lossy()
            .into_owned();
        insta::with_settings!({
            snapshot_path => "explain",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, explain(&compiled).to_text(80));
        });
        shown += 1;
    }
    assert!(shown > 0, "no policy was found");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// What the other tests build on.
    #[test]
    fn generated_policies_are_sound(plan in plans()) {
        let checked = plan.check();
        prop_assert!(!checked.has_errors(), "{:?}\n{}", checked.diagnostics, plan.to_toml());
        let compiled = plan.compile().expect("a policy without errors");
        prop_assert!(compiled.is_ok(), "{:?}", compiled.err());
    }

    /// Every leaf of every stage is told, with those who sign it, its locks and its numbers.
    #[test]
    fn every_leaf_is_told(plan in plans()) {
        let compiled = plan.compile().expect("a policy without errors").expect("which fits");
        let explanation = explain(&compiled);
        for stage in compiled.stages() {
            for leaf in stage.leaves() {
                let facts = facts_of(stage.stage(), leaf.kind(), compiled.policy());
                let told = explanation.sentences().any(|sentence| {
                    sentence.guarantee == Guarantee::Consensus && facts.is_subset(&sentence.about)
                });
                prop_assert!(told, "{} in the {}", leaf.kind(), stage.stage());
            }
        }
        let key_path = compiled.vault().leaf(&LeafKind::Spend).is_some_and(Leaf::is_key_path);
        let text = explanation.to_text(usize::MAX);
        prop_assert_eq!(text.contains("Root is a single key"), key_path);
        for (fact, period) in periods(compiled.policy()) {
            let number = in_blocks(period);
            let told = explanation.sentences().any(|sentence| {
                sentence.about.contains(&fact) && sentence.text.replace(',', "").contains(&number)
            });
            prop_assert!(told, "{:?} with {}", fact, number);
        }
    }

    /// The judgements agree with a reckoning of their own.
    #[test]
    fn who_is_left_without_root(plan in plans()) {
        let explanation = explained(&plan);
        let root = plan.parties_of(&plan.root);
        let works = |quorum: &str| {
            let left = plan.parties_of(quorum).difference(&root).copied().collect();
            plan.is_met_by(quorum, &left)
        };
        for path in &plan.paths {
            let PathPlan { name, quorum, .. } = path;
            let expected = match (works(quorum), &path.kind) {
                (true, KindPlan::Direct { .. }) => format!("Path \"{name}\" still works: "),
                (true, KindPlan::Staged(_)) => {
                    format!("Path \"{name}\" still works for coins that are armed by then: ")
                }
                (false, _) => format!("Path \"{name}\" is lost as well: "),
            };
            prop_assert_eq!(starting(&explanation, &expected), 1, "{}", expected);
            if let KindPlan::Staged(staged) = &path.kind {
                let expected = if works(&staged.veto) {
                    format!("Path \"{name}\" can still be vetoed: ")
                } else {
                    format!("Nobody can veto path \"{name}\" any more: ")
                };
                prop_assert_eq!(starting(&explanation, &expected), 1, "{}", expected);
            }
        }
    }

    /// No line is wider than asked, and every sentence is there whole.
    #[test]
    fn the_text_keeps_its_width(plan in plans(), width in 60usize..140) {
        let explanation = explained(&plan);
        let text = explanation.to_text(width);
        for line in text.lines().filter(|line| !line.starts_with("policy")) {
            prop_assert!(line.chars().count() <= width, "{}", line);
            prop_assert_eq!(line.trim_end(), line);
        }
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        let column: Vec<&str> = text.lines().map(|line| line.get(11..).unwrap_or_default()).collect();
        let column = words(&column.join(" "));
        for sentence in explanation.sentences() {
            prop_assert!(!sentence.text.contains(". the "), "{}", sentence.text);
            prop_assert!(column.contains(&words(&sentence.text)), "{}", sentence.text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// One statement of a policy changes, and exactly the sentences that name it do.
    #[test]
    fn a_change_changes_exactly_the_sentences_that_name_it(
        plan in plans(),
        picks in vec(any::<Index>(), 8),
    ) {
        let plan = listed(plan);
        let changes = changes(&plan);
        let old = plan.compile().expect("a policy without errors").expect("which fits");
        for pick in picks {
            let (change, plan) = pick.get(&changes);
            let Some(Ok(new)) = plan.compile() else { continue };
            if let Err(problem) = compare(&old, &new) {
                prop_assert!(false, "{change}: {problem}");
            }
        }
    }
}

#[test]
fn it_is_plain_data() {
    let json = serde_json::to_value(explained(&treasury())).expect("plain data");
    let sentence = &json["sections"][1]["sentences"][1];
    assert_eq!(
        *sentence,
        serde_json::json!({
            "text": "The agents can act by any 2 of 3 members: dave, erin and frank.",
            "guarantee": "fact",
            "about": [
                { "fact": "threshold", "quorum": "agents" },
                { "fact": "members", "quorum": "agents" },
            ],
        })
    );
}

/// How a threshold reads from one to all.
#[test]
fn thresholds_in_words() {
    let cases = [
        (1, 1, "its only member, alice"),
        (1, 2, "any one of 2 members: alice and bob"),
        (2, 2, "both members together: alice and bob"),
        (1, 3, "any one of 3 members: alice, bob and carol"),
        (2, 3, "any 2 of 3 members: alice, bob and carol"),
        (3, 3, "all 3 members together: alice, bob and carol"),
    ];
    for (threshold, members, expected) in cases {
        let mut plan = treasury();
        let council = plan.quorums.first_mut().expect("the council");
        council.threshold = threshold;
        let names = ["alice", "bob", "carol"].into_iter().take(members);
        council.members = Members::Of(names.map(str::to_owned).collect());
        let expected = format!("The council can act by {expected}.");
        assert_eq!(starting(&explained(&plan), &expected), 1, "{expected}");
    }
}

/// With one veto holder fewer outside root than needed nobody can veto without root; with just
/// enough they can.
#[test]
fn vetoers_outside_root_at_the_boundary() {
    let cases = [
        (
            1,
            &["alice", "bob"][..],
            "Nobody can veto path \"sos\" any more: everyone in the vetoers is in the council too.",
        ),
        (
            2,
            &["alice", "gina"],
            "Nobody can veto path \"sos\" any more: of the vetoers, only gina would be left (2 are needed).",
        ),
        (
            1,
            &["alice", "gina"],
            "Path \"sos\" can still be vetoed: of the vetoers, gina would be left (1 is needed).",
        ),
        (
            2,
            &["gina", "hal"],
            "Path \"sos\" can still be vetoed: nobody in the vetoers is in the council.",
        ),
    ];
    for (threshold, members, expected) in cases {
        let mut plan = treasury();
        let vetoers = plan.quorums.last_mut().expect("the vetoers");
        vetoers.threshold = threshold;
        vetoers.members = Members::Of(members.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(starting(&explained(&plan), expected), 1, "{expected}");
    }
}

/// A root of one key is the key path in taproot only, and what follows is said of that only.
#[test]
fn a_single_key_root() {
    for (script, members, strips) in [("tr", 1, true), ("tr", 2, false), ("wsh", 1, false)] {
        let mut plan = treasury();
        plan.script = script;
        let council = plan.quorums.first_mut().expect("the council");
        let names = ["alice", "bob"].into_iter().take(members);
        council.members = Members::Of(names.map(str::to_owned).collect());
        council.threshold = 1;
        let explanation = explained(&plan);
        let careless = "A careless signing device may add its ordinary signature";
        let found: Vec<&Sentence> = explanation
            .sentences()
            .filter(|sentence| sentence.text.starts_with(careless))
            .collect();
        let expected = if strips {
            Guarantee::Software
        } else {
            Guarantee::Consensus
        };
        assert_eq!(found.len(), 1);
        assert!(found.iter().all(|sentence| sentence.guarantee == expected));
    }
}

/// A delay not longer than the promised refresh is called what it is.
#[test]
fn a_delay_within_the_refresh_interval() {
    for (days, beware) in [(89, 1), (90, 1), (91, 0)] {
        let text = treasury()
            .to_toml()
            .replace("delay = \"365 days\"", &format!("delay = \"{days} days\""));
        let text = text + "\n[lints]\nLS0503 = \"a rehearsal of the fault\"\n";
        let policy = check(&text).policy.expect("silenced");
        let explanation = explain(&compile(Arc::new(policy)).expect("it fits"));
        assert_eq!(
            starting(
                &explanation,
                &format!("Beware: the delay of {days} days is")
            ),
            beware
        );
    }
}

/// A treasury with one path of each kind.
fn treasury() -> Plan {
    let names = [
        "alice", "bob", "carol", "dave", "erin", "frank", "gina", "hal",
    ];
    let quorum = |name: &str, threshold, members: &[&str]| QuorumPlan {
        name: name.to_owned(),
        threshold,
        members: Members::Of(members.iter().map(|name| (*name).to_owned()).collect()),
    };
    let path = |name: &str, kind| PathPlan {
        name: name.to_owned(),
        quorum: "agents".to_owned(),
        by_clock: false,
        kind,
    };
    let days = |count| Span {
        count,
        unit: generate::Unit::Days,
    };
    Plan {
        script: "tr",
        base_fee: 2,
        rungs: Vec::new(),
        accept_total_loss: None,
        parties: names
            .into_iter()
            .map(|name| PartyPlan {
                name: name.to_owned(),
                has_veto_key: true,
                has_fee_wallet: true,
            })
            .collect(),
        quorums: vec![
            quorum("council", 2, &["alice", "bob", "carol"]),
            quorum("agents", 2, &["dave", "erin", "frank"]),
            quorum("vetoers", 1, &["alice", "bob"]),
        ],
        root: "council".to_owned(),
        refresh: Some(days(90)),
        paths: vec![
            path(
                "dead-man",
                KindPlan::Direct {
                    delay: Some(days(365)),
                    unlock: None,
                },
            ),
            path(
                "sos",
                KindPlan::Staged(StagedPlan {
                    purpose: "recover",
                    veto: "vetoers".to_owned(),
                    window: days(14),
                    depth: 1,
                    lockup: Some(LockupPlan {
                        period: days(30),
                        backstop: days(60),
                        clawback: true,
                    }),
                    activation: None,
                }),
            ),
        ],
    }
}

fn explained(plan: &Plan) -> Explanation {
    let compiled = plan.compile();
    let compiled = compiled.unwrap_or_else(|| panic!("{:?}", plan.check().diagnostics));
    explain(&compiled.expect("the plan fits its script"))
}

fn starting(explanation: &Explanation, text: &str) -> usize {
    explanation
        .sentences()
        .filter(|sentence| sentence.text.starts_with(text))
        .count()
}

/// The plan with every list of members written out, so that one list changes alone.
fn listed(plan: Plan) -> Plan {
    let mut written_out = plan.clone();
    for quorum in &mut written_out.quorums {
        quorum.members = Members::Of(plan.members(&quorum.name).to_vec());
    }
    written_out
}

/// Every plan that differs from this one in a single statement, sound or not.
fn changes(plan: &Plan) -> Vec<(String, Plan)> {
    let mut all = Vec::new();
    let mut add = |what: String, edit: &dyn Fn(&mut Plan)| {
        let mut changed = plan.clone();
        edit(&mut changed);
        if changed != *plan {
            all.push((what, changed));
        }
    };
    for (at, quorum) in plan.quorums.iter().enumerate() {
        let name = &quorum.name;
        add(format!("{name} with a threshold more"), &|plan| {
            plan.quorums[at].threshold += 1;
        });
        add(format!("{name} with a threshold less"), &|plan| {
            plan.quorums[at].threshold -= 1;
        });
        for member in plan.members(name) {
            add(format!("{name} without {member}"), &|plan| {
                members(plan, at).retain(|other| other != member);
            });
        }
        let parties = plan.parties.iter().map(|party| &party.name);
        for party in parties.filter(|party| !plan.members(name).contains(party)) {
            add(format!("{name} with {party}"), &|plan| {
                members(plan, at).push(party.clone());
            });
        }
    }
    for (at, path) in plan.paths.iter().enumerate() {
        for which in 0..4 {
            for less in [true, false] {
                add(
                    format!("{} with a period {which} changed", path.name),
                    &|plan| {
                        if let Some(span) = spans(&mut plan.paths[at].kind).into_iter().nth(which) {
                            span.count = if less { span.count - 1 } else { span.count + 1 };
                        }
                    },
                );
            }
        }
        add(format!("{} with another unlock", path.name), &|plan| {
            if let KindPlan::Direct {
                unlock: Some(unlock),
                ..
            } = &mut plan.paths[at].kind
            {
                *unlock = match unlock {
                    UnlockPlan::Height(height) => UnlockPlan::Height(*height + 1),
                    UnlockPlan::Year(year) => UnlockPlan::Year(*year - 1),
                };
            }
        });
        add(format!("{} with another depth", path.name), &|plan| {
            if let KindPlan::Staged(staged) = &mut plan.paths[at].kind {
                staged.depth = staged.depth % 8 + 1;
            }
        });
        add(format!("{} with another clawback", path.name), &|plan| {
            if let KindPlan::Staged(StagedPlan {
                lockup: Some(lockup),
                ..
            }) = &mut plan.paths[at].kind
            {
                lockup.clawback = !lockup.clawback;
            }
        });
        add(format!("{} with another activation", path.name), &|plan| {
            if let KindPlan::Staged(staged) = &mut plan.paths[at].kind {
                staged.activation = match &staged.activation {
                    Some(_) => None,
                    None => Some("{ manual = \"council\" }".to_owned()),
                };
            }
        });
    }
    for (at, party) in plan.parties.iter().enumerate() {
        add(
            format!("{} with or without a veto key", party.name),
            &|plan| {
                plan.parties[at].has_veto_key ^= true;
            },
        );
        add(
            format!("{} with or without a fee wallet", party.name),
            &|plan| {
                plan.parties[at].has_fee_wallet ^= true;
            },
        );
    }
    add("another refresh".to_owned(), &|plan| {
        if let Some(refresh) = &mut plan.refresh {
            refresh.count += 1;
        }
    });
    add("another base fee".to_owned(), &|plan| {
        plan.base_fee = plan.base_fee % 3 + 1;
    });
    add("another reason".to_owned(), &|plan| {
        if let Some(reason) = &mut plan.accept_total_loss {
            reason.push_str(", and says so");
        }
    });
    all
}

fn members(plan: &mut Plan, at: usize) -> &mut Vec<String> {
    match &mut plan.quorums[at].members {
        Members::Of(members) => members,
        Members::SameAs(other) => panic!("the members of {other} are written out"),
    }
}

fn spans(kind: &mut KindPlan) -> Vec<&mut Span> {
    match kind {
        KindPlan::Direct { delay, .. } => delay.iter_mut().collect(),
        KindPlan::Staged(StagedPlan { window, lockup, .. }) => {
            let mut spans = vec![window];
            if let Some(LockupPlan {
                period, backstop, ..
            }) = lockup
            {
                spans.extend([period, backstop]);
            }
            spans
        }
    }
}

/// Whether just the sentences differ that name what differs, of which there must be some.
fn compare(old: &Compiled, new: &Compiled) -> Result<(), String> {
    let (before, after) = (statements(old.policy()), statements(new.policy()));
    let facts: BTreeSet<&Fact> = before.keys().chain(after.keys()).collect();
    let changed: BTreeSet<&Fact> = facts
        .into_iter()
        .filter(|fact| before.get(*fact) != after.get(*fact))
        .collect();
    if changed.is_empty() {
        return Err("no statement differs".to_owned());
    }
    let (old, new) = (explain(old), explain(new));
    let mut named = 0;
    for (one, other) in [(&old, &new), (&new, &old)] {
        let there = told(other);
        for section in &one.sections {
            for sentence in &section.sentences {
                let names_it = sentence.about.iter().any(|fact| changed.contains(fact));
                let differs = !there.contains(&key(&section.title, sentence));
                named += usize::from(names_it);
                if names_it != differs {
                    let about = &sentence.about;
                    return Err(format!(
                        "{changed:?} differ; of this sentence named is {names_it}, and differing is {differs}: {}\n{about:?}",
                        sentence.text
                    ));
                }
            }
        }
    }
    // An account for the veto concerns nobody who does not also arm, a fee wallet nobody who does
    // not publish, and the base fee no policy without files.
    let may_be_silent = |fact: &&Fact| {
        matches!(
            fact,
            Fact::VetoKey { .. } | Fact::FeeWallet { .. } | Fact::BaseFee
        )
    };
    if named == 0 && !changed.iter().all(may_be_silent) {
        return Err(format!("no sentence names {changed:?}"));
    }
    Ok(())
}

fn key<'a>(title: &'a str, sentence: &'a Sentence) -> (&'a str, &'a str, Guarantee) {
    (title, &sentence.text, sentence.guarantee)
}

fn told(explanation: &Explanation) -> BTreeSet<(&str, &str, Guarantee)> {
    let mut told = BTreeSet::new();
    for section in &explanation.sections {
        for sentence in &section.sentences {
            let new = told.insert(key(&section.title, sentence));
            assert!(new, "said twice: {}", sentence.text);
        }
    }
    told
}

/// Everything a policy states, with its value.
fn statements(policy: &Policy) -> BTreeMap<Fact, String> {
    let mut all = BTreeMap::new();
    let names: Vec<&str> = policy
        .parties()
        .map(|party| party.name())
        .chain(policy.quorums().map(|quorum| quorum.name()))
        .collect();
    for quorum in policy.quorums() {
        let name = || quorum.name().to_owned();
        let members: BTreeSet<&str> = quorum.members().iter().map(Member::name).collect();
        all.insert(
            Fact::Threshold { quorum: name() },
            quorum.threshold().to_string(),
        );
        all.insert(Fact::Members { quorum: name() }, format!("{members:?}"));
        for member in &names {
            let fact = Fact::Member {
                quorum: name(),
                member: (*member).to_owned(),
            };
            all.insert(fact, members.contains(member).to_string());
        }
    }
    for party in policy.parties() {
        let name = |party: &Party| party.name().to_owned();
        let fact = Fact::FeeWallet { party: name(party) };
        all.insert(fact, party.fees().is_some().to_string());
        let fact = Fact::VetoKey { party: name(party) };
        all.insert(fact, party.veto().is_some().to_string());
    }
    for (fact, period) in periods(policy) {
        all.insert(fact, period.text().to_owned());
    }
    for path in policy.paths() {
        let name = || path.name().to_owned();
        if let Some(unlock) = path.direct().and_then(Direct::unlock) {
            all.insert(Fact::Unlock { path: name() }, unlock.to_string());
        }
        if let Some(staged) = path.staged() {
            all.insert(Fact::Depth { path: name() }, staged.depth().to_string());
            let activation = staged.activation().map(activation).unwrap_or_default();
            all.insert(Fact::Activation { path: name() }, activation);
            if let Some(lockup) = staged.lockup() {
                all.insert(
                    Fact::Clawback { path: name() },
                    lockup.clawback().to_string(),
                );
            }
        }
    }
    all.insert(Fact::BaseFee, policy.base_fee().to_string());
    let reason = policy.accept_total_loss().unwrap_or_default();
    all.insert(Fact::AcceptTotalLoss, reason.to_owned());
    all
}

/// Every period of a policy.
fn periods(policy: &Policy) -> Vec<(Fact, &Period)> {
    let mut all = Vec::new();
    all.extend(
        policy
            .root()
            .refresh()
            .map(|refresh| (Fact::Refresh, refresh)),
    );
    for path in policy.paths() {
        let fact = |wait| Fact::Period {
            path: path.name().to_owned(),
            wait,
        };
        let delay = path.direct().and_then(|direct| direct.delay());
        all.extend(delay.map(|delay| (fact(Wait::Delay), delay)));
        if let Some(staged) = path.staged() {
            all.push((fact(Wait::Window), staged.window()));
            if let Some(lockup) = staged.lockup() {
                all.push((fact(Wait::Lockup), lockup.period()));
                all.push((fact(Wait::Backstop), lockup.backstop()));
            }
        }
    }
    all
}

/// A period as it must be found in the text at least once, but for the commas.
fn in_blocks(period: &Period) -> String {
    match period.lock() {
        RelativeLock::Blocks(count) if count.get() == 1 => "1 block".to_owned(),
        RelativeLock::Blocks(count) => format!("{count} blocks"),
        RelativeLock::Units512(_) => format!("{} by the clock", period.text()),
    }
}

fn activation(activation: &Activation) -> String {
    let list = |children: &[Activation]| {
        children
            .iter()
            .map(self::activation)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match activation {
        Activation::Any(children) => format!("any({})", list(children)),
        Activation::All(children) => format!("all({})", list(children)),
        Activation::Manual(quorum) => format!("manual {}", quorum.name()),
        Activation::Alarm(quorum) => format!("alarm {}", quorum.name()),
        Activation::Silence {
            quorum,
            period,
            fewer_than,
        } => {
            format!("silence {} {period} {fewer_than}", quorum.name())
        }
        Activation::Vote {
            quorum,
            turnout,
            approve,
            open,
        } => {
            format!("vote {} {turnout} {approve} {open}", quorum.name())
        }
    }
}

/// What a sentence must name that tells a leaf.
fn facts_of(stage: &Stage, leaf: &LeafKind, policy: &Policy) -> BTreeSet<Fact> {
    let of = |path: &str| path.to_owned();
    let actors = |path: &str| Fact::Actors { path: of(path) };
    let period = |path: &str, wait| Fact::Period {
        path: of(path),
        wait,
    };
    let here = stage.path().unwrap_or_default();
    let has_lockup = policy
        .path(here)
        .and_then(|path| path.staged())
        .is_some_and(|staged| staged.lockup().is_some());
    let facts = match leaf {
        LeafKind::Spend | LeafKind::Override => vec![Fact::Root],
        LeafKind::Trigger(path) => vec![Fact::Root, actors(path)],
        LeafKind::Direct(path) => {
            let direct = policy.path(path).and_then(|path| path.direct());
            let delay = direct.and_then(|direct| direct.delay());
            let unlock = direct.and_then(Direct::unlock);
            let delay = delay.map(|_| period(path, Wait::Delay));
            let unlock = unlock.map(|_| Fact::Unlock { path: of(path) });
            [Some(actors(path)), delay, unlock]
                .into_iter()
                .flatten()
                .collect()
        }
        LeafKind::Cancel => vec![Fact::Root, Fact::Vetoers { path: of(here) }],
        LeafKind::Settle if has_lockup => vec![Fact::Root],
        LeafKind::Settle => vec![actors(here), period(here, Wait::Window)],
        LeafKind::Backstop => {
            vec![
                actors(here),
                period(here, Wait::Window),
                period(here, Wait::Backstop),
            ]
        }
        LeafKind::Clawback => vec![Fact::Root, Fact::Clawback { path: of(here) }],
        LeafKind::Release => vec![actors(here), period(here, Wait::Lockup)],
    };
    facts.into_iter().collect()
}

/// Items are told where there are some, and what changes about one changes its sentence alone.
#[test]
fn items_are_told_one_by_one() {
    let text = fs::read_to_string("policies/dao-treasury/policy.toml").expect("it is shipped");
    let told = |items: &str| {
        let policy = check(&format!("{text}\n{items}"))
            .policy
            .expect("a sound policy");
        explain(&compile(Arc::new(policy)).expect("it compiles"))
    };
    let of = |explanation: &Explanation, name: &str| {
        let fact = Fact::Item {
            item: name.to_owned(),
        };
        let mut about = explanation
            .sentences()
            .filter(|it| it.about.contains(&fact));
        let sentence = about.next().map(|sentence| sentence.text.clone());
        assert!(about.next().is_none(), "two sentences about {name}");
        sentence
    };
    let copy = |site: &str| {
        format!(
            "[items.copy]\nkind = \"files\"\nof = \"gina\"\ncustody = {{ cloud = \"none\", site = \"{site}\" }}\n[items.tower]\nkind = \"watchtower\"\nof = \"hal\"\npaths = [\"sos\"]\n[items.key]\nkind = \"backup\"\nof = \"hal\"\n"
        )
    };
    let (silent, basel, chur) = (told(""), told(&copy("basel")), told(&copy("chur")));
    assert_eq!(of(&silent, "copy"), None);
    assert!(!silent.to_text(80).contains("beside the keys"));
    assert_eq!(
        of(&basel, "copy").expect("a sentence"),
        "Item \"copy\" is gina's copy of the files signed in advance for every staged path. Of where it is kept, the policy says: no cloud, site basel; the rest is as with gina's keys."
    );
    assert_eq!(
        of(&basel, "tower").expect("a sentence"),
        "Item \"tower\" is a watchtower of hal, with a cancel for \"sos\" completed in advance: whoever controls it vetoes. It is kept where hal's keys are."
    );
    assert!(
        of(&basel, "key")
            .expect("a sentence")
            .contains("whoever has it has the keys")
    );
    let changed: Vec<&Sentence> = basel
        .sentences()
        .filter(|one| chur.sentences().all(|other| other != *one))
        .collect();
    let [changed] = changed.as_slice() else {
        panic!("{changed:?}");
    };
    assert!(changed.text.contains("basel"));
}
