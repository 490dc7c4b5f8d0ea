//! What may be said to a person: no secret, and nothing that a terminal would act on.

use longstop::policy::{Checked, is_invisible, secrets};

/// Most problems that are rendered in full, because drawing them takes most of the time.
const RENDERED: usize = 8;

/// A text that is printed as it is.
#[track_caller]
pub fn assert_presentable(text: &str) {
    assert_eq!(
        secrets(text),
        [],
        "nothing that has the form of a private key is shown: {text}"
    );
    let acts = |c: &char| is_invisible(*c) && !matches!(c, '\n' | '\t' | '\r');
    assert_eq!(text.chars().find(acts), None, "nothing acts unseen: {text}");
}

/// Everything that a check says, the way each output would say it.
pub fn assert_all_presentable(text: &str, checked: &Checked) {
    let source = checked.source();
    assert_presentable(&source);
    assert_presentable(&checked.document.canonical());
    let silenced = checked.silenced.iter().map(|silenced| &silenced.diagnostic);
    for problem in checked.diagnostics.iter().chain(silenced) {
        assert_presentable(problem.message());
        assert_presentable(problem.advice().unwrap_or_default());
        for label in problem.labels() {
            assert_presentable(&label.text);
            let span = label.span.start..label.span.end;
            assert!(
                source.get(span.clone()).is_some(),
                "{problem:?} points into the shown text"
            );
            // Of a text that is too long nothing is kept, and nothing is pointed at.
            assert!(text.get(span).is_some(), "{problem:?} points into the text");
        }
        let located = serde_json::to_string(&problem.located(&source));
        assert_presentable(&located.expect("a problem serialises"));
    }
    let handler =
        miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor());
    for problem in checked.diagnostics.iter().take(RENDERED) {
        let report = miette::Report::new(problem.clone())
            .with_source_code(miette::NamedSource::new("policy.toml", source.clone()));
        let mut out = String::new();
        handler
            .render_report(&mut out, report.as_ref())
            .expect("a problem has its labels inside the source");
        assert_presentable(&out);
    }
}
