//! The outcomes of `longstop test` as JUnit XML, which build servers read.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::shown;
use crate::cli::test::{Kind, Outcomes};

/// One suite for each kind of test.
pub(in crate::cli) fn junit(outcomes: &Outcomes) -> String {
    let mut report = Report::new("longstop");
    for kind in Kind::ALL {
        let mut suite = TestSuite::new(kind.word());
        for test in outcomes.tests.iter().filter(|test| test.kind == kind) {
            let status = if test.passed {
                TestCaseStatus::success()
            } else {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                let problems: Vec<String> = test.problems.iter().map(|it| shown(it)).collect();
                status.set_message(problems.first().cloned().unwrap_or_default());
                status.set_type(kind.word());
                status.set_description(problems.join("\n"));
                status
            };
            let mut case = TestCase::new(test.file.clone(), status);
            case.set_classname(kind.word());
            suite.add_test_case(case);
        }
        if !suite.test_cases.is_empty() {
            report.add_test_suite(suite);
        }
    }
    // Writing to a string does not fail.
    report.to_string().unwrap_or_default()
}
