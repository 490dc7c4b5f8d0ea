//! Results for tools of code review and for build servers.

use std::collections::BTreeSet;

use longstop::policy::Code;
use quick_junit::{Report, TestCaseStatus};
use serde_sarif::sarif::Sarif;

use super::{POLICY, PRIVATE_KEY, code, json, run, text};

const FAILING: &str = "tests/cli/fixtures/failing/policy.toml";
const UNKNOWN_FIELD: &str = "tests/cli/fixtures/hostile/unknown-field.toml";

#[test]
fn sarif_has_a_rule_for_each_code_and_a_result_for_each_problem() {
    let files = [POLICY, FAILING, UNKNOWN_FIELD];
    let mut arguments = vec!["check", "--format", "sarif"];
    arguments.extend(files);
    let output = run(&arguments);
    assert_eq!(code(&output), 3);
    assert_eq!(text(&output.stderr), "", "the log holds it all");
    let log = json(&output);
    serde_json::from_value::<Sarif>(log.clone()).expect("every field is one of SARIF");
    assert_eq!(log["version"], "2.1.0");
    assert!(
        log["$schema"]
            .as_str()
            .is_some_and(|schema| schema.contains("sarif-schema-2.1.0"))
    );
    let [run_of_all] = log["runs"].as_array().expect("runs").as_slice() else {
        panic!("one run: {log}");
    };
    assert_eq!(run_of_all["columnKind"], "unicodeCodePoints");
    let driver = &run_of_all["tool"]["driver"];
    assert_eq!(driver["name"], "longstop");
    let rules = driver["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), Code::ALL.len());
    for (rule, code) in rules.iter().zip(Code::ALL) {
        assert_eq!(rule["id"], code.as_str());
        assert_eq!(rule["shortDescription"]["text"], code.title());
        assert_eq!(rule["fullDescription"]["text"], code.explanation());
        assert_eq!(rule["help"]["text"], code.remedy());
        // An address would have to be absolute, and there is none: the help is whole without.
        assert_eq!(rule["helpUri"], serde_json::Value::Null);
        assert_eq!(rule["properties"]["book"], code.place_in_book());
        let markdown = rule["help"]["markdown"].as_str().expect("a text");
        for part in [code.explanation(), code.remedy()] {
            assert!(markdown.contains(part), "{code}");
        }
        assert_eq!(markdown.contains("Wrong:\n\n```"), code.example().is_some());
        assert_eq!(
            rule["defaultConfiguration"]["level"],
            code.severity().to_string()
        );
    }

    let results = run_of_all["results"].as_array().expect("results");
    let mut expected = Vec::new();
    for file in files {
        let summary = json(&run(&["check", file, "--json"]));
        for (list, silenced) in [("diagnostics", false), ("silenced", true)] {
            for problem in summary[list].as_array().expect("a list") {
                expected.push((file, problem.clone(), silenced));
            }
        }
    }
    assert_eq!(results.len(), expected.len());
    assert!(expected.iter().any(|(.., silenced)| *silenced));
    for (result, (file, problem, silenced)) in results.iter().zip(&expected) {
        assert_eq!(result["ruleId"], problem["code"]);
        let rule = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
        assert_eq!(rules[rule]["id"], problem["code"]);
        let message = result["message"]["text"].as_str().expect("a text");
        assert!(message.starts_with(problem["message"].as_str().expect("a text")));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], *file);
        if *silenced {
            assert_eq!(result["suppressions"][0]["kind"], "inSource");
            assert_eq!(
                result["suppressions"][0]["justification"],
                problem["reason"]
            );
            continue;
        }
        assert_eq!(result.get("suppressions"), None);
        assert_eq!(result["level"], problem["severity"]);
        let label = &problem["labels"][0];
        let region = &place["region"];
        assert_eq!(region["startLine"], label["line"]);
        assert_eq!(region["startColumn"], label["column"]);
        let end = |field: &str| region[field].as_u64().expect("a number");
        assert!(
            (end("endLine"), end("endColumn")) >= (end("startLine"), end("startColumn")),
            "{region}"
        );
    }
}

#[test]
fn what_cannot_be_checked_is_a_result_as_well() {
    let output = run(&["check", "--format", "sarif", POLICY, "no/such file.toml"]);
    assert_eq!(code(&output), 4);
    let log = json(&output);
    let results = log["runs"][0]["results"].as_array().expect("results");
    let last = results.last().expect("the one that cannot be read");
    assert_eq!(last["level"], "error");
    let place = &last["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(place, "no/such%20file.toml");
}

#[test]
fn several_policies_are_all_checked() {
    let output = run(&["check", POLICY, FAILING, "no/such.toml", "--json"]);
    assert_eq!(code(&output), 4, "the highest of them");
    let all = json(&output);
    let policies = all["policies"].as_array().expect("a list");
    assert_eq!(policies.len(), 3);
    assert_eq!(policies[0], json(&run(&["check", POLICY, "--json"])));
    assert_eq!(policies[1]["policy_id"], serde_json::Value::Null);
    assert_eq!(policies[2]["error"]["kind"], "unreadable");
    assert_eq!(code(&run(&["check", POLICY, POLICY])), 0);
    assert_eq!(code(&run(&["check", POLICY, FAILING])), 3);
    let output = run(&["check", POLICY, FAILING]);
    let shown = text(&output.stdout);
    assert!(shown.contains("1 of 2 policies are sound"), "{shown}");
    assert!(
        text(&output.stderr).contains("error[LS"),
        "problems have their places"
    );
}

#[test]
fn formats_are_those_that_were_asked_for() {
    let plain = run(&["check", POLICY, "--json"]);
    let long = run(&["check", POLICY, "--format", "json"]);
    assert_eq!(plain.stdout, long.stdout);
    let plain = run(&["check", POLICY]);
    let long = run(&["check", POLICY, "--format", "human"]);
    assert_eq!(plain.stdout, long.stdout);
    let folder = "tests/cli/fixtures/good";
    let plain = run(&["test", folder, "--json"]);
    let long = run(&["test", folder, "--format", "json"]);
    assert_eq!(plain.stdout, long.stdout);
    for arguments in [
        ["check", POLICY, "--json", "--format", "sarif"],
        ["check", POLICY, "--json", "--format", "human"],
        ["test", folder, "--json", "--format", "junit"],
        ["check", POLICY, "--format", "junit", "--json"],
    ] {
        assert_eq!(code(&run(&arguments)), 2, "{arguments:?}");
    }
}

#[test]
fn junit_says_what_the_other_formats_say() {
    for (folder, expected) in [
        ("tests/cli/fixtures/good", 0),
        ("tests/cli/fixtures/failing", 1),
    ] {
        let output = run(&["test", folder, "--format", "junit"]);
        assert_eq!(code(&output), expected);
        let report = Report::deserialize_from_str(&text(&output.stdout)).expect("JUnit XML");
        let outcomes = json(&run(&["test", folder, "--json"]));
        let tests = outcomes["tests"].as_array().expect("a list");
        assert_eq!(report.tests, tests.len());
        assert_eq!(
            report.failures,
            outcomes["failed"].as_u64().expect("a number") as usize
        );
        let mut cases = BTreeSet::new();
        for suite in &report.test_suites {
            for case in &suite.test_cases {
                let failed = match &case.status {
                    TestCaseStatus::Success { .. } => None,
                    TestCaseStatus::NonSuccess { description, .. } => {
                        Some(description.as_ref().expect("why").to_string())
                    }
                    TestCaseStatus::Skipped { .. } => panic!("nothing is skipped"),
                };
                cases.insert((suite.name.to_string(), case.name.to_string(), failed));
            }
        }
        for test in tests {
            let word = |field: &str| test[field].as_str().expect("a word").to_owned();
            let problems = test["problems"].as_array().expect("a list").iter();
            let problems: Vec<&str> = problems.filter_map(|problem| problem.as_str()).collect();
            let failed = (!problems.is_empty()).then(|| problems.join("\n"));
            let case = (word("kind"), word("file"), failed);
            assert!(cases.contains(&case), "{case:?} is not in {cases:?}");
        }
    }
}

#[test]
fn no_format_prints_a_private_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = std::fs::read_to_string(POLICY).expect("the fixture is there");
    let policy = folder.path().join("policy.toml");
    let text_with_key = good.replace("[d3af77c6/48h/1h/0h/3h]tpub", PRIVATE_KEY);
    std::fs::write(
        &policy,
        text_with_key.replace("any friend may be", PRIVATE_KEY),
    )
    .expect("written");
    let path = policy.to_str().expect("a plain name");
    let folder = folder.path().to_str().expect("a plain name");
    for arguments in [
        vec!["check", "--format", "sarif", path],
        vec!["check", path, path],
        vec!["check", path, path, "--json"],
        vec!["test", folder, "--format", "junit"],
    ] {
        let output = run(&arguments);
        assert_ne!(code(&output), 0, "{arguments:?}");
        for stream in [output.stdout, output.stderr] {
            assert!(!text(&stream).contains("prv8Zgx"), "{arguments:?}");
        }
    }
}
