//! The weight that is predicted for a leaf is that of its heaviest witness.

use proptest::prelude::*;

use crate::full::policies;
use crate::heaviest::weigh_all;
use crate::reference::Reference;
use crate::triples::compiled;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_prediction_is_the_heaviest_witness(text in policies()) {
        let weighed = weigh_all(&Reference::read(&text), &text, &compiled(&text));
        prop_assert!(weighed.is_ok(), "{}\n{text}", weighed.unwrap_err());
    }
}
