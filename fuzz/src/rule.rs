//! Any text as a rule.
//!
//! What follows a line `// cases:` are the cases that it is asked about; without any, it is asked
//! about one activation and one payment.

use longstop::policy::{Cases, Facts, Question, Rule, Verdict};

use super::keys::fill;
use super::said::assert_presentable;

/// Most cases that a rule is asked about: each takes as long as a rule may take.
const MOST_CASES: usize = 4;

/// Most characters of a reason, with the sign that it was cut.
const WHY_MAX: usize = 501;

/// What every rule is asked.
const FACTS: &str = include_str!("rule/facts.json");

/// The laws for bytes: a rule gives a verdict, the same each time; whatever is wrong with it, it
/// denies and says where; and nothing secret is said.
pub fn laws(bytes: &[u8]) {
    let text = fill(&String::from_utf8_lossy(bytes));
    let (text, cases) = match text.split_once("// cases:\n") {
        Some((text, cases)) => (text, Some(cases)),
        None => (text.as_str(), None),
    };
    let rule = Rule::new(text);
    let mut facts: Vec<Facts> = serde_json::from_str(FACTS).expect("they are facts");
    match cases.map(Cases::parse) {
        Some(Ok(cases)) => {
            let cases = cases.cases().iter().take(MOST_CASES);
            facts.extend(cases.map(|case| case.facts.clone()));
        }
        Some(Err(problem)) => assert_presentable(&problem.to_string()),
        None => {}
    }
    for facts in &facts {
        let verdict = rule.judge(facts);
        assert_eq!(verdict, rule.judge(facts), "the same each time");
        laws_of_verdict(&rule, text, facts, &verdict);
        // The facts are what their digest says, and come back from JSON as they were.
        let json = serde_json::to_string(facts).expect("facts serialise");
        let back: Facts = serde_json::from_str(&json).expect("they are read again");
        assert_eq!(&back, facts);
        assert_eq!(back.sha256(), verdict.facts_sha256);
    }
}

fn laws_of_verdict(rule: &Rule, text: &str, facts: &Facts, verdict: &Verdict) {
    assert_eq!(verdict.rule_sha256, rule.sha256());
    assert_eq!(verdict.question, facts.question());
    assert!(!verdict.why.trim().is_empty(), "there is always a reason");
    assert!(verdict.why.chars().count() <= WHY_MAX);
    assert_presentable(&verdict.why);
    let json = serde_json::to_string(verdict).expect("a verdict serialises");
    assert_presentable(&json);
    let function = match facts.question() {
        Question::Activate => "activate",
        Question::Review => "review",
    };
    if verdict.allow {
        assert_eq!(verdict.fault, None, "what fails denies");
        assert!(rule.answers(facts.question()), "somebody was asked");
        assert!(text.contains(function), "and is called `{function}`");
    }
    if let Some(fault) = &verdict.fault {
        assert!(verdict.why.starts_with("the rule fails: "));
        assert!(!verdict.why.contains("please report"), "{}", verdict.why);
        let lines = text.split('\n').count();
        assert!((1..=lines).contains(&fault.line), "{fault:?}");
        assert!(fault.column >= 1, "{fault:?}");
    }
}
