//! Templates and questions: whatever comes out is a sound policy that says which keys are worthless.

#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper that cannot go on says why, as an assertion does"
)]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use longstop::author::{Ask, Template, interview};
use longstop::compile::compile;
use longstop::policy::{Code, Network, Policy, Severity, SpendingPath, check, format};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// The policy of a text that has nothing worse than notes, compiled, laid out, and with a mark
/// behind each stand-in key.
fn policy(text: &str) -> Policy {
    let checked = check(text);
    let worse: Vec<_> = checked
        .diagnostics
        .iter()
        .filter(|problem| problem.severity() > Severity::Note)
        .collect();
    assert!(worse.is_empty(), "{worse:?}\n{text}");
    sound(text)
}

fn sound(text: &str) -> Policy {
    let policy = check(text).policy.expect("no errors");
    compile(Arc::new(policy.clone())).expect("it compiles");
    assert_eq!(format(text).as_deref(), Ok(text), "it is laid out");
    for line in text.lines() {
        let is_key = ["key", "veto", "fees"]
            .iter()
            .any(|field| line.starts_with(field) && line.contains("pub"));
        assert_eq!(is_key, line.ends_with("# STAND-IN"), "{line}");
    }
    policy
}

#[test]
fn every_template_is_a_policy() {
    for template in Template::ALL {
        let text = template.policy();
        let policy = policy(&text);
        assert_eq!(policy.name(), template.name);
        assert_ne!(policy.network(), Network::Bitcoin, "{}", template.name);
        assert!(text.contains("worthless"), "it says what the keys are");
        assert_eq!(Template::named(template.name), Some(template));
    }
    assert_eq!(Template::named("Council"), None);
    assert_eq!(Template::named(""), None);
}

#[test]
fn templates_are_what_their_names_say() {
    let policy = |name: &str| policy(&Template::named(name).expect("there is one").policy());
    let staged = |policy: &Policy| {
        let staged = policy.paths().iter().filter_map(|path| path.staged());
        staged
            .map(|staged| staged.lockup().is_some())
            .collect::<Vec<_>>()
    };
    assert_eq!(staged(&policy("council")), [true]);
    assert_eq!(staged(&policy("guarded")), [false, true]);
    assert_eq!(staged(&policy("departments")), [true]);
    for direct in ["decaying", "federation", "family", "backup"] {
        assert_eq!(staged(&policy(direct)), [false; 0], "{direct}");
    }
    let backup = policy("backup");
    assert_eq!(backup.root().quorum().threshold(), 2);
    assert_eq!(backup.root().quorum().members().len(), 3);
}

/// Gives the answers of a list, and the default when it is empty.
#[derive(Default)]
struct Script {
    texts: VecDeque<(&'static str, String)>,
    choices: VecDeque<usize>,
    confirms: VecDeque<bool>,
    refusals: Vec<String>,
    questions: Vec<String>,
}

impl Script {
    fn answering<const N: usize>(texts: [(&'static str, &str); N]) -> Self {
        Self {
            texts: texts
                .into_iter()
                .map(|(question, answer)| (question, answer.to_owned()))
                .collect(),
            ..Self::default()
        }
    }
}

impl Ask for Script {
    type Error = Infallible;

    fn text(
        &mut self,
        question: &str,
        default: &str,
        rule: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<String, Infallible> {
        self.questions.push(question.to_owned());
        while let Some((about, answer)) = self.texts.front() {
            if !question.contains(about) {
                break;
            }
            let answer = answer.clone();
            self.texts.pop_front();
            match rule(&answer) {
                Ok(()) => return Ok(answer),
                Err(reason) => self.refusals.push(reason),
            }
        }
        assert_eq!(
            rule(default),
            Ok(()),
            "the default of {question} is accepted"
        );
        Ok(default.to_owned())
    }

    fn choice(&mut self, question: &str, choices: &[(&str, &str)]) -> Result<usize, Infallible> {
        self.questions.push(question.to_owned());
        let choice = self.choices.pop_front().unwrap_or(0);
        assert!(choice < choices.len());
        Ok(choice)
    }

    fn confirm(&mut self, question: &str) -> Result<bool, Infallible> {
        self.questions.push(question.to_owned());
        Ok(self.confirms.pop_front().unwrap_or(true))
    }
}

fn asked(script: &mut Script) -> String {
    let Ok(text) = interview(script);
    assert!(script.texts.is_empty(), "not asked: {:?}", script.texts);
    text
}

#[test]
fn the_defaults_make_a_policy() {
    let mut script = Script::default();
    let policy = policy(&asked(&mut script));
    assert_eq!(policy.network(), Network::Testnet4);
    assert_eq!(policy.root().quorum().threshold(), 2);
    let staged = policy.path("sos").and_then(|path| path.staged());
    assert!(staged.is_some_and(|staged| staged.lockup().is_some()));
    assert!(policy.path("dead-man").is_some());
    assert_eq!(script.refusals, [""; 0]);
}

#[test]
fn answers_are_what_the_policy_says() {
    let mut script = Script::answering([
        ("Name", "club"),
        ("Who holds", "ann, ben ,cem,dora"),
        ("spend together", "3"),
        ("How often", "60 days"),
        ("agents", "zoe, yan"),
        ("act together", "2"),
        ("long a rest", "200 days"),
        ("objected", "20 days"),
        ("object together", "1"),
        ("how long?", "70 days"),
        ("files are lost", "71 days"),
    ]);
    script.choices = [0, 1, 1, 0].into();
    script.confirms = [true, false].into();
    let policy = sound(&asked(&mut script));
    assert_eq!(policy.name(), "club");
    assert_eq!(policy.network(), Network::Signet);
    assert_eq!(policy.script().to_string(), "wsh");
    assert_eq!(policy.root().quorum().threshold(), 3);
    assert_eq!(policy.root().quorum().members().len(), 4);
    let period = |period: &longstop::policy::Period| period.text().to_owned();
    assert_eq!(
        policy.root().refresh().map(period).as_deref(),
        Some("60 days")
    );
    let staged = policy
        .path("sos")
        .and_then(|path| path.staged())
        .expect("staged");
    assert_eq!(staged.window().text(), "20 days");
    assert_eq!(staged.veto().threshold(), 1);
    let lockup = staged.lockup().expect("a lock-up");
    assert_eq!(
        (lockup.period().text(), lockup.backstop().text()),
        ("70 days", "71 days")
    );
    assert!(!lockup.clawback());
    let direct = policy
        .path("dead-man")
        .and_then(|path| path.direct())
        .expect("direct");
    assert_eq!(direct.delay().map(period).as_deref(), Some("200 days"));
}

/// One group, with a key that sleeps or with none.
#[test]
fn a_simple_policy_has_a_backup_key_or_none() {
    let mut script = Script::answering([
        ("Who holds", "phone, desk, safe"),
        ("How often", "60 days"),
        ("has it", "bank-box"),
        ("long a rest", "400 days"),
    ]);
    script.choices = [1].into();
    let policy = sound(&asked(&mut script));
    let [backup] = policy.paths() else {
        panic!("one path: {policy:?}");
    };
    assert_eq!(backup.name(), "backup");
    assert_eq!(backup.quorum().party_names(), ["bank-box"].into());
    let delay = backup.direct().and_then(|direct| direct.delay());
    assert_eq!(
        delay.map(|delay| delay.text().to_owned()).as_deref(),
        Some("400 days")
    );
    let mut script = Script {
        choices: [1].into(),
        confirms: [false].into(),
        ..Script::default()
    };
    let policy = sound(&asked(&mut script));
    assert!(policy.paths().is_empty() && policy.accept_total_loss().is_some());
}

/// A desk whose payments can be objected to, and the rescue that is asked about as ever.
#[test]
fn a_guarded_policy_has_a_desk_and_a_rescue() {
    let mut script = Script::answering([
        ("kept cold", "anna, boris, chen"),
        ("pays day by day", "tess, uwe"),
        ("trigger a payment", "2"),
        ("payment be objected", "2 days"),
        ("stop a payment", "3"),
    ]);
    script.choices = [2].into();
    let policy = sound(&asked(&mut script));
    let names: Vec<&str> = policy.paths().iter().map(SpendingPath::name).collect();
    assert_eq!(names, ["payments", "sos", "dead-man"]);
    let payments = policy.path("payments").expect("it is there");
    assert_eq!(payments.quorum().threshold(), 2);
    let staged = payments.staged().expect("payments are staged");
    assert!(staged.lockup().is_none());
    assert_eq!(staged.window().text(), "2 days");
    assert_eq!(staged.veto().threshold(), 3);
    assert!(policy.path("sos").and_then(|path| path.staged()).is_some());
}

/// Heirs after a rest, or from a date on.
#[test]
fn heirs_wait_for_a_rest_or_for_a_date() {
    let mut script = Script::answering([("heirs", "mia, noah"), ("act together", "1")]);
    script.choices = [3].into();
    let policy = sound(&asked(&mut script));
    let path = policy.path("inheritance").expect("it is there");
    assert_eq!(path.quorum().threshold(), 1);
    let direct = path.direct().expect("it is direct");
    assert!(direct.delay().is_some() && direct.unlock().is_none());
    let mut script = Script::answering([
        ("which moment", "soon"),
        ("which moment", "2034-05-01T00:00:00Z"),
    ]);
    script.choices = [3, 0, 0, 1].into();
    let policy = sound(&asked(&mut script));
    let direct = policy.path("inheritance").and_then(|path| path.direct());
    let direct = direct.expect("it is direct");
    assert!(direct.delay().is_none() && direct.unlock().is_some());
    assert_eq!(script.refusals.len(), 1);
}

#[test]
fn nobody_may_rescue_with_a_reason() {
    let mut script = Script::answering([("accepted", ""), ("accepted", "it is \"pocket\" money")]);
    script.choices = [0, 2, 0, 2].into();
    let policy = sound(&asked(&mut script));
    assert_eq!(policy.accept_total_loss(), Some("it is \"pocket\" money"));
    assert!(policy.paths().is_empty());
    assert_eq!(script.refusals.len(), 1, "an empty reason is none");
}

/// Each answer is refused for what `check` would say, and the next one is taken.
#[test]
fn answers_follow_the_rules_of_the_language() {
    for (question, refused, because, accepted) in [
        ("Name", "my treasury", "characters", "my-treasury"),
        ("Who holds", "ann, ann", "`ann` is named twice", "ann, ben"),
        ("Who holds", "root, ann", "can be called", "ann, ben"),
        ("Who holds", "", "no member", "ann"),
        ("spend together", "0", "threshold", "1"),
        ("spend together", "4", "threshold", "3"),
        ("spend together", "two", "whole number", "2"),
        ("How often", "90", "unit", "90 days"),
        ("How often", "456 days", "relative lock", "90 days"),
        ("agents", "alice, bob, carol", "none of the holders", "zoe"),
        ("agents", "zoe, zoe", "`zoe` is named twice", "zoe"),
        ("act together", "4", "threshold", "3"),
        ("long a rest", "104 days", "refresh", "105 days"),
        ("long a rest", "456 days", "relative lock", "455 days"),
        ("objected", "0 days", "waits for nothing", "1 day"),
        ("object together", "4", "threshold", "3"),
        ("how long?", "a month", "duration", "30 days"),
        ("files are lost", "29 days", "lock-up", "30 days"),
        ("Account of gina", "tpub", "key", ""),
    ] {
        let mut script = Script::answering([(question, refused), (question, accepted)]);
        sound(&asked(&mut script).replace("\r", ""));
        let [reason] = script.refusals.as_slice() else {
            panic!("{question} {refused}: {:?}", script.refusals);
        };
        assert!(reason.contains(because), "{question} {refused}: {reason}");
    }
}

#[test]
fn a_private_key_is_refused_and_not_repeated() {
    let secret = "tprv8ZgxMBicQKsPd7Uf69XL1XwhmjHopUGep8GuEiJDZmbQz6o58LninorQAfcKZWARbtRtfnLcJ5MQ2AtHcQJCCRUcMRvmDUjyEmNUWwx8UbK";
    let mut script = Script::answering([("Account of alice", secret)]);
    let text = asked(&mut script);
    assert!(!text.contains(secret));
    let [reason] = script.refusals.as_slice() else {
        panic!("{:?}", script.refusals);
    };
    assert!(
        reason.contains("private key") && !reason.contains("prv8"),
        "{reason}"
    );
}

/// An account on the main network of a stand-in, which nobody may use there.
fn account(number: usize) -> String {
    let text = Template::named("council").expect("there is one").policy();
    let keys = text
        .lines()
        .filter_map(|line| line.strip_prefix("key  = \"")?.split('"').next());
    let mut keys = keys.skip(number);
    let key = keys.next().expect("enough parties");
    let (origin, xpub) = key.split_once(']').expect("an origin");
    let mut xpub: bitcoin::bip32::Xpub = xpub.parse().expect("an extended key");
    xpub.network = bitcoin::NetworkKind::Main;
    format!("{origin}]{xpub}")
}

#[test]
fn where_coins_have_a_price_every_key_is_asked_for() {
    let holders = ["alice", "bob", "carol", "gina", "hal", "ivan"];
    let mut script = Script {
        choices: [0, 3, 0, 1].into(),
        ..Script::default()
    };
    for (number, party) in holders.into_iter().enumerate() {
        let question: &'static str = match party {
            "alice" => "Account of alice",
            "bob" => "Account of bob",
            "carol" => "Account of carol",
            "gina" => "Account of gina",
            "hal" => "Account of hal",
            _ => "Account of ivan",
        };
        script.texts.push_back((question, String::new()));
        if number == 1 {
            // The key of somebody else.
            script.texts.push_back((question, account(0)));
        }
        script.texts.push_back((question, account(number)));
    }
    let text = asked(&mut script);
    let checked = check(&text);
    assert_eq!(
        checked.policy.map(|policy| policy.network()),
        Some(Network::Bitcoin)
    );
    assert!(!text.contains("STAND-IN"), "{text}");
    assert_eq!(script.refusals.len(), holders.len() + 1);
    let codes = checked
        .diagnostics
        .iter()
        .map(longstop::policy::Diagnostic::code);
    assert!(codes.into_iter().all(|code| code != Code::WrongNetwork));
}

/// Answers at random, wrong ones among them.
struct Chance {
    choices: Vec<Index>,
    texts: Vec<&'static str>,
    at: usize,
}

impl Chance {
    fn next(&mut self) -> Index {
        self.at += 1;
        self.choices[self.at % self.choices.len()]
    }
}

impl Ask for Chance {
    type Error = Infallible;

    fn text(
        &mut self,
        _: &str,
        default: &str,
        rule: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<String, Infallible> {
        for _ in 0..4 {
            let index = self.next();
            let text = self.texts[index.index(self.texts.len())];
            if rule(text).is_ok() {
                return Ok(text.to_owned());
            }
        }
        Ok(default.to_owned())
    }

    fn choice(&mut self, question: &str, choices: &[(&str, &str)]) -> Result<usize, Infallible> {
        // Without real keys there is no policy for the main network.
        let count = choices.len() - usize::from(question == "Network");
        Ok(self.next().index(count))
    }

    fn confirm(&mut self, _: &str) -> Result<bool, Infallible> {
        Ok(self.next().index(2) == 0)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_answered_the_policy_has_no_errors(
        choices in vec(any::<Index>(), 1..40),
        texts in vec(select(vec![
            "ann", "ann, ben", "zoe, yan, xia", "a,b,c,d,e,f,g", "alice, gina", "", "\"", "1", "2", "3", "5",
            "12 hours", "1 day", "45 days", "200 days", "400 days", "455 days", "3 blocks", "10000 blocks", "x\u{202e}y",
        ]), 1..20),
    ) {
        let mut chance = Chance { choices, texts, at: 0 };
        let Ok(text) = interview(&mut chance);
        sound(&text);
    }
}
