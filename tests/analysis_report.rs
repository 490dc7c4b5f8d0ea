//! An analysis as words, pictures and a page: that they say what the analysis says, and that a
//! foreign text does nothing in them.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends with a panic when something is not as it should be"
)]

#[path = "common/dice.rs"]
mod dice;
#[path = "common/draft.rs"]
mod draft;
#[path = "common/full.rs"]
mod full;
#[path = "common/generate.rs"]
mod generate;
#[path = "common/shipped.rs"]
mod shipped_policies;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use bitcoin::base64::Engine;
use bitcoin::base64::prelude::BASE64_STANDARD;
use bitcoin::hashes::{Hash, sha256};
use longstop::analysis::{Analysis, Coalitions, Theft, analyze};
use longstop::compile::compile;
use longstop::governance::Attestations;
use longstop::logic::{AtomSet, Formula};
use longstop::policy::{Checked, Domain, Policy, check, is_invisible};
use longstop::report::analysis::{Ability, Dossier, Map, Mark, Picture, Value, told};
use proptest::prelude::*;
use quick_xml::events::Event;

use self::dice::Dice;
use self::draft::{Draft, TREASURY};
use self::full::full;
use self::generate::plans;
use self::shipped_policies::shipped;

fn dossier_of(policy: Policy) -> (Dossier, Analysis) {
    let compiled = compile(policy.into()).expect("it compiles");
    let policy = compiled.policy();
    let analysis = analyze(policy).expect("it is decided");
    let known = Attestations::default();
    let dossier =
        Dossier::of(policy, compiled.id(), &analysis, &known, &[]).expect("it is decided");
    (dossier, analysis)
}

/// A shipped policy with what is made of it.
struct Made {
    name: String,
    text: String,
    dossier: Dossier,
    analysis: Analysis,
}

/// All shipped policies, read and analysed once.
fn all() -> &'static [Made] {
    static ALL: LazyLock<Vec<Made>> = LazyLock::new(|| {
        let made = shipped().into_iter().map(|policy| {
            let sound = sound(policy.checked);
            let (dossier, analysis) = dossier_of(sound);
            Made {
                name: policy.name,
                text: policy.text,
                dossier,
                analysis,
            }
        });
        made.collect()
    });
    &ALL
}

fn sound(checked: Checked) -> Policy {
    checked.policy.expect("a sound policy")
}

fn treasury() -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/policies/dao-treasury/policy.toml"
    );
    std::fs::read_to_string(path).expect("a shipped policy")
}

/// The tags of a document, its texts and the values of its attributes.
struct Parsed {
    tags: Vec<String>,
    texts: Vec<String>,
    attributes: BTreeSet<String>,
}

#[track_caller]
fn parsed(markup: &str) -> Parsed {
    let mut reader = quick_xml::Reader::from_str(markup);
    let mut parsed = Parsed {
        tags: Vec::new(),
        texts: Vec::new(),
        attributes: BTreeSet::new(),
    };
    let mut text = String::new();
    loop {
        let event = reader.read_event().unwrap_or_else(|error| {
            let at = reader.error_position() as usize;
            panic!("{error}: {}", &markup[at.saturating_sub(80)..])
        });
        if !matches!(event, Event::Text(_) | Event::GeneralRef(_)) {
            parsed
                .texts
                .extend((!text.trim().is_empty()).then(|| text.trim().to_owned()));
            text.clear();
        }
        match event {
            Event::Start(tag) | Event::Empty(tag) => {
                let name = String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
                for attribute in tag.attributes() {
                    let attribute = attribute.expect("an attribute as it should be");
                    let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
                    parsed.attributes.insert(key);
                }
                parsed.tags.push(name);
            }
            Event::Text(part) => text.push_str(&part.decode().unwrap()),
            Event::GeneralRef(part) => text.push_str(match part.decode().unwrap().as_ref() {
                "lt" => "<",
                "gt" => ">",
                "amp" => "&",
                "quot" => "\"",
                "#39" => "'",
                other => panic!("&{other};"),
            }),
            Event::Eof => break,
            _ => {}
        }
    }
    parsed
}

/// A page as far as a reader of XML understands it: tags without an end are left out.
fn page_as_xml(page: &str) -> String {
    let lines = page
        .lines()
        .skip(1)
        .filter(|line| !line.starts_with("<meta"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_page_needs_nothing_and_allows_nothing() {
    for Made { name, dossier, .. } in all() {
        let page = dossier.html();
        let begin = page.find("<style>").expect("a style") + "<style>".len();
        let end = page.find("</style>").expect("its end");
        let digest = sha256::Hash::hash(&page.as_bytes()[begin..end]);
        let digest = BASE64_STANDARD.encode(digest.to_byte_array());
        let allowed = format!(
            "content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'\""
        );
        assert!(page.contains(&allowed), "{}", name);
        let outside = page.replace("http://www.w3.org/2000/svg", "");
        for reference in [
            "://",
            "url(",
            "@import",
            "src=",
            "<link",
            "<script",
            "javascript:",
        ] {
            assert!(!outside.contains(reference), "{}: {reference}", name);
        }
        let parsed = parsed(&page_as_xml(&page));
        for attribute in ["style", "onload", "onclick", "onerror"] {
            assert!(!parsed.attributes.contains(attribute), "{attribute}");
        }
        assert!(!page.chars().any(|c| c != '\n' && is_invisible(c)));
    }
}

#[test]
fn a_page_holds_all_that_is_told() {
    for Made { name, dossier, .. } in all() {
        let texts: BTreeSet<String> = parsed(&page_as_xml(&dossier.html()))
            .texts
            .into_iter()
            .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let has = |text: &str| {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(text.is_empty() || texts.contains(&text), "{}: {text}", name);
        };
        for section in &dossier.sections {
            has(&section.title);
            let table = section.table.iter();
            for row in table.flat_map(|table| &table.rows) {
                row.iter().flat_map(|cell| cell.lines()).for_each(has);
            }
            for note in &section.notes {
                has(&note.label);
                has(&note.text);
            }
        }
        for line in &dossier.matrix.lines {
            has(&line.name);
        }
        for card in &dossier.glance {
            has(&card.answer);
            has(&card.more);
        }
    }
}

#[test]
fn drawings_are_whole_and_always_the_same() {
    let pictures = Picture::ALL.map(|(_, picture)| Some(picture));
    for Made { dossier, .. } in all() {
        for picture in pictures.into_iter().chain([None]) {
            let drawing = dossier.svg(picture);
            let parsed = parsed(&drawing);
            assert_eq!(parsed.tags.iter().filter(|tag| *tag == "svg").count(), 1);
            assert!(
                parsed.tags.contains(&"desc".to_owned()),
                "for those who do not see it"
            );
            assert!(
                !parsed
                    .tags
                    .iter()
                    .any(|tag| tag == "script" || tag == "image")
            );
            assert_eq!(drawing, dossier.svg(picture));
        }
    }
    let (first, _) = dossier_of(sound(check(&treasury())));
    let (second, _) = dossier_of(sound(check(&treasury())));
    assert_eq!(first.html(), second.html());
}

/// What somebody might write where a policy takes any text.
const HOSTILE: &[&str] = &[
    "</style><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onload='alert(1)",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}",
    "=cmd|'/c calc'!A0",
];

#[test]
fn hostile_texts_are_only_texts() {
    let text = treasury();
    let harmless = with_site(&text, "berlin");
    let (dossier, _) = dossier_of(sound(check(&harmless)));
    let (page, drawing) = (dossier.html(), dossier.svg(None));
    let (page_tags, drawing_tags) = (parsed(&page_as_xml(&page)).tags, parsed(&drawing).tags);
    for hostile in HOSTILE {
        let (dossier, _) = dossier_of(sound(check(&with_site(&text, hostile))));
        let page = parsed(&page_as_xml(&dossier.html()));
        assert_eq!(page.tags, page_tags, "{hostile}");
        assert!(
            page.texts.iter().any(|text| text.ends_with(hostile)),
            "{hostile}"
        );
        let drawing = parsed(&dossier.svg(Some(Picture::Custody)));
        let titles = drawing.tags.iter().filter(|tag| *tag == "title").count();
        // A text that is cut has all of it in a title.
        assert!(
            drawing.texts.iter().any(|text| text == hostile),
            "{hostile}"
        );
        let all = parsed(&dossier.svg(None)).tags;
        let cut = |tags: &[String]| -> Vec<String> {
            tags.iter().filter(|tag| *tag != "title").cloned().collect()
        };
        assert_eq!(cut(&all), cut(&drawing_tags), "{hostile}");
        assert!(titles >= 1);
    }
}

/// The treasury with alice somewhere else.
fn with_site(text: &str, site: &str) -> String {
    let place = text.find("site = \"").expect("somebody says where") + "site = ".len();
    let end = place + 1 + text[place + 1..].find('"').expect("the end");
    let quoted = site.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{}\"{quoted}\"{}", &text[..place], &text[end + 1..])
}

#[test]
fn mermaid_takes_names_as_words() {
    let (dossier, _) = dossier_of(sound(check(&treasury())));
    let text = dossier.mermaid();
    assert!(text.starts_with("timeline\n  title dao-treasury\n  section vault\n"));
    for line in text.lines().skip(1) {
        let words = line.trim();
        let is_known = ["title ", "section ", ": "]
            .iter()
            .any(|known| words.starts_with(known));
        let colons = words.matches(" : ").count() + usize::from(words.starts_with(": "));
        assert!(is_known || colons == 1, "{line}");
        assert_eq!(words.matches(':').count(), colons, "{line}");
    }
}

#[test]
fn time_lines_keep_within_the_width() {
    for Made { name, dossier, .. } in all() {
        for width in [60, 100, 110] {
            for track in &dossier.timeline.tracks {
                let lines = dossier.timeline.text(track, width);
                assert_eq!(lines.len(), track.bars.len() + 1);
                for line in &lines {
                    assert!(line.chars().count() <= width, "{}: {line}", name);
                }
                let ends: BTreeSet<usize> =
                    lines[1..].iter().map(|line| line.chars().count()).collect();
                assert_eq!(ends.len(), 1, "all stay open: {lines:?}");
            }
        }
    }
}

#[test]
fn bars_begin_in_the_order_in_which_ways_open() {
    for Made {
        name,
        dossier,
        analysis,
        ..
    } in all()
    {
        for (track, stage) in dossier.timeline.tracks.iter().zip(&analysis.stages) {
            let opened = stage.moments.iter().flat_map(|moment| &moment.powers);
            assert_eq!(opened.filter(|power| power.opens).count(), track.bars.len());
            let places: Vec<u32> = track.bars.iter().map(|bar| bar.place).collect();
            assert!(places.is_sorted(), "{}: {places:?}", name);
        }
    }
}

#[test]
fn the_custody_of_departments_shows_one_account() {
    let departments = all().iter().find(|made| made.name == "departments");
    let dossier = &departments.expect("it is shipped").dossier;
    let matrix = &dossier.matrix;
    let cloud = matrix
        .kinds
        .iter()
        .position(|kind| *kind == Domain::Cloud)
        .unwrap();
    let account = Value::Named("nimbus-account-7".to_owned());
    let inside: Vec<&str> = matrix
        .lines
        .iter()
        .filter(|line| line.cells[cloud].value == account)
        .map(|line| line.name.as_str())
        .collect();
    for party in ["fatima", "felix", "olena", "omar", "oskar"] {
        assert!(inside.contains(&party), "{inside:?}");
    }
    for line in &matrix.lines {
        let cell = &line.cells[cloud];
        let is_inside = inside.contains(&line.name.as_str());
        assert_eq!(
            cell.letter().as_deref() == Some("A"),
            is_inside,
            "{}",
            line.name
        );
        // What is in no cloud shares none.
        assert!(cell.value != Value::None || cell.shared.is_none());
        let mark = if cell.value == Value::Unknown {
            Mark::Unknown
        } else {
            Mark::Claimed
        };
        assert_eq!(cell.mark, mark);
    }
    let told = parsed(&dossier.svg(Some(Picture::Custody))).texts.join(" ");
    assert!(
        told.contains(
            "cloud nimbus-account-7: legal-watchtower, fatima, felix, olena, omar, oskar."
        ),
        "{told}"
    );
}

/// Every coalition of each kind that a list of coalitions has, one by one.
fn sets(coalitions: &Coalitions) -> Vec<AtomSet> {
    coalitions.minimal().iter().take(2_000).collect()
}

/// A map says of a kind of coalition what is true of every one of them, by trying; the number of
/// cells that were compared.
fn map_agrees(text: &str, analysis: &Analysis, map: &Map) -> usize {
    let mut compared = 0;
    for theft in &analysis.thefts {
        for coalitions in [&theft.undefended, &theft.defended] {
            let [group] = coalitions.groups() else {
                continue;
            };
            let Some(row) = map.rows.iter().find(|row| row.who == group.to_string()) else {
                continue;
            };
            let all = sets(coalitions);
            if all.len() as u128 != row.number {
                continue;
            }
            // By each moment, the ways that have been open by then.
            let words = |theft: &Theft| told::wait(theft.seconds, theft.unlock_seconds);
            for (moment, ability) in map.moments.iter().zip(&row.takes) {
                let last = analysis
                    .thefts
                    .iter()
                    .rposition(|theft| words(theft) == *moment);
                let open = &analysis.thefts[..=last.expect("a moment of some theft")];
                let any = |of: &dyn Fn(&Theft) -> Formula| {
                    let ways: Vec<Formula> = open.iter().map(of).collect();
                    all.iter().all(|set| ways.iter().any(|way| way.holds(set)))
                };
                let expected = if any(&|theft| theft.defended.formula().clone()) {
                    Ability::Defended
                } else if any(&|theft| theft.undefended.formula().clone()) {
                    Ability::Undefended
                } else {
                    Ability::No
                };
                assert_eq!(*ability, expected, "{} by {moment} in\n{text}", row.who);
                compared += 1;
            }
        }
    }
    compared
}

#[test]
fn the_map_says_what_every_coalition_can() {
    for made in all() {
        let cells = map_agrees(&made.text, &made.analysis, &made.dossier.map);
        assert!(cells > 0, "{}", made.name);
    }
    let compiled = Draft::new("tr", TREASURY).compiled();
    let (dossier, analysis) = dossier_of(Policy::clone(compiled.policy()));
    let cells = map_agrees(TREASURY, &analysis, &dossier.map);
    assert_eq!(cells, 2 * 4 * 4, "four ways, each by each of four moments");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn documents_of_generated_policies_are_whole(plan in plans(), seed: u64) {
        let text = full(&plan, &mut Dice(seed));
        let Some(policy) = check(&text).policy else {
            return Ok(());
        };
        if compile(policy.clone().into()).is_err() {
            return Ok(());
        }
        let (dossier, analysis) = dossier_of(policy);
        map_agrees(&text, &analysis, &dossier.map);
        parsed(&page_as_xml(&dossier.html()));
        parsed(&dossier.svg(None));
    }
}
