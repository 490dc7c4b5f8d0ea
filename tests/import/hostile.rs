//! Whatever comes in, there is an answer, and it repeats no secret.

use longstop::import::{MAX_BYTES, MAX_DEPTH, MAX_DESCRIPTOR_BYTES, find};
use proptest::prelude::*;

use super::*;

const KEY: &str = "[73ba188d/48'/1'/0'/3']tpubDE4j6HJ6qVyXMoQSee73GvrxBwx9BepvUnQP5WiTMjdM31uXiBPaiqyypXLFqgbzej14V1MEo4RcAKwWaB7yeFghq2AXCvoBPmiB8cP5t47/<0;1>/*";

/// Forms to spoil.
fn seeds() -> Vec<String> {
    let descriptor = with_checksum(&format!(
        "wsh(and_v(v:pk({KEY}),or_d(pk({}),older(9))))",
        KEY.replace("0;1", "2;3")
    ));
    let key = KEY.split("/<").next().unwrap();
    vec![
        descriptor.clone(),
        format!("[{{\"desc\":\"{descriptor}\"}}]"),
        format!(
            "{{\"descriptor_template\":\"wsh(or_i(pk(@0/**),pk(@0/<2;3>/*)))\",\"keys_info\":[\"{key}\"]}}"
        ),
        format!(
            "BSMS 1.0\nwsh(pk({key}/**))\n/0/*,/1/*\ntb1qquqy523xu3l8che3s8vja8n33qtg0uyugr9l5z092s3wa50p8t7rqy6zumf\n"
        ),
        format!(
            "tr({KEY},{{pk({}),pk({})}})",
            KEY.replace("0;1", "2;3"),
            KEY.replace("0;1", "4;5")
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn spoilt_texts_get_an_answer(
        seed in 0..5_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), "[ -~]{0,3}|\\PC"), 1..6),
    ) {
        let mut text: Vec<char> = seeds()[seed].chars().collect();
        for (at, with) in edits {
            let at = at.index(text.len());
            text.splice(at..at + 1, with.chars());
            if text.is_empty() {
                break;
            }
        }
        let text: String = text.into_iter().collect();
        let _ = find(&text);
        if let Ok(imported) = read(&text) {
            // What is read is written, and what is written is either a policy or a list of problems.
            let checked = check(&imported.document(&Naming::default()));
            if let Some(policy) = checked.policy {
                let _ = compile(Arc::new(policy));
            }
        }
    }

    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,200}|[(){},#@/<>;*'0-9a-z]{0,200}") {
        let _ = read(&text);
    }
}

#[test]
fn limits_are_where_they_are_said_to_be() {
    let padded = |length: usize| {
        let text = with_checksum(&format!("wsh(pk({KEY}))"));
        format!("{text}{}", " ".repeat(length - text.len()))
    };
    assert!(read(&padded(MAX_BYTES)).is_ok());
    assert!(matches!(
        read(&padded(MAX_BYTES + 1)),
        Err(ImportError::TooLarge { .. })
    ));

    let nested = |depth: usize| format!("wsh{}{}", "(n:or_i".repeat(depth), ")".repeat(depth));
    assert!(!matches!(
        read(&nested(MAX_DEPTH)),
        Err(ImportError::TooLarge { .. })
    ));
    assert!(matches!(
        read(&nested(MAX_DEPTH + 1)),
        Err(ImportError::TooLarge { .. })
    ));

    let long = format!("wsh(pk({}))", "a".repeat(MAX_DESCRIPTOR_BYTES));
    assert!(matches!(read(&long), Err(ImportError::TooLarge { .. })));
    let keys = vec![KEY; 513].join(",");
    assert!(read(&with_checksum(&format!("wsh(multi(1,{keys}))"))).is_err());
    let objects = format!("[{}]", vec!["{\"desc\":\"x\"}"; 300].join(","));
    assert!(read(&objects).is_err());
    let deep = "[".repeat(100_000);
    assert!(read(&deep).is_err());
    assert_eq!(read("").unwrap_err(), ImportError::Nothing);
    assert_eq!(read(" \n\n").unwrap_err(), ImportError::Nothing);
}
