//! Comparisons and shifts that fail instead of guessing.
//!
//! By itself the interpreter finds values of different types unequal and neither greater nor
//! smaller, so `!(spend.amount > "100000")` would be true of every amount.  Here it is an error.

use rhai::{Dynamic, Engine, EvalAltResult};

use super::super::Code;
use super::trouble::{Trouble, type_in_words};

type Verdict = Result<bool, Box<EvalAltResult>>;

/// Deepest nesting of values that are compared.
const MAX_DEPTH: usize = 32;

/// Makes all comparisons and shifts of an engine strict.
pub(super) fn register(engine: &mut Engine) {
    // Otherwise the built-in comparisons would be taken before these are looked at.
    engine.set_fast_operators(false);
    engine.register_fn("==", |a: Dynamic, b: Dynamic| equal("==", &a, &b, 0));
    engine.register_fn("!=", |a: Dynamic, b: Dynamic| {
        equal("!=", &a, &b, 0).map(|equal| !equal)
    });
    engine.register_fn("<<", |a: i64, b: i64| shifted(a, b, true));
    engine.register_fn(">>", |a: i64, b: i64| shifted(a, b, false));
    engine.register_fn("<", |a: Dynamic, b: Dynamic| {
        order("<", &a, &b).map(std::cmp::Ordering::is_lt)
    });
    engine.register_fn("<=", |a: Dynamic, b: Dynamic| {
        order("<=", &a, &b).map(std::cmp::Ordering::is_le)
    });
    engine.register_fn(">", |a: Dynamic, b: Dynamic| {
        order(">", &a, &b).map(std::cmp::Ordering::is_gt)
    });
    engine.register_fn(">=", |a: Dynamic, b: Dynamic| {
        order(">=", &a, &b).map(std::cmp::Ordering::is_ge)
    });
}

/// A number moved by so many bits, without losing any: the interpreter would answer 0, and move
/// to the other side by negative ones.
fn shifted(number: i64, bits: i64, left: bool) -> Result<i64, Box<EvalAltResult>> {
    let places = u32::try_from(bits).ok().filter(|bits| *bits < i64::BITS);
    let moved = places.and_then(|bits| match left {
        true => number
            .checked_shl(bits)
            .filter(|moved| moved >> bits == number),
        false => number.checked_shr(bits),
    });
    moved.ok_or_else(|| {
        let operator = if left { "<<" } else { ">>" };
        let message = format!("the script stops: `{number} {operator} {bits}` has no result");
        let help = "a number is moved by 0 to 63 bits, and goes from -9223372036854775808 to 9223372036854775807";
        Trouble::new(Code::ScriptFailed, message, "no result", help).into()
    })
}

fn order(
    operator: &str,
    a: &Dynamic,
    b: &Dynamic,
) -> Result<std::cmp::Ordering, Box<EvalAltResult>> {
    if let (Ok(a), Ok(b)) = (a.as_int(), b.as_int()) {
        return Ok(a.cmp(&b));
    }
    if let (Ok(a), Ok(b)) = (a.as_immutable_string_ref(), b.as_immutable_string_ref()) {
        return Ok(a.as_str().cmp(b.as_str()));
    }
    if let (Ok(a), Ok(b)) = (a.as_char(), b.as_char()) {
        return Ok(a.cmp(&b));
    }
    Err(incomparable(operator, a, b))
}

fn equal(operator: &str, a: &Dynamic, b: &Dynamic, depth: usize) -> Verdict {
    if depth > MAX_DEPTH {
        return Err(incomparable(operator, a, b));
    }
    if a.is_unit() && b.is_unit() {
        return Ok(true);
    }
    if let (Ok(a), Ok(b)) = (a.as_bool(), b.as_bool()) {
        return Ok(a == b);
    }
    if let (Ok(a), Ok(b)) = (a.as_array_ref(), b.as_array_ref()) {
        if a.len() != b.len() {
            return Ok(false);
        }
        let mut same = true;
        for (a, b) in a.iter().zip(b.iter()) {
            same &= equal(operator, a, b, depth + 1)?;
        }
        return Ok(same);
    }
    if let (Ok(a), Ok(b)) = (a.as_map_ref(), b.as_map_ref()) {
        if a.len() != b.len() {
            return Ok(false);
        }
        let mut same = true;
        for ((name, a), (other, b)) in a.iter().zip(b.iter()) {
            if name != other {
                return Ok(false);
            }
            same &= equal(operator, a, b, depth + 1)?;
        }
        return Ok(same);
    }
    order(operator, a, b).map(std::cmp::Ordering::is_eq)
}

fn incomparable(operator: &str, a: &Dynamic, b: &Dynamic) -> Box<EvalAltResult> {
    let message = format!(
        "`{operator}` compares {} with {}",
        type_in_words(a.type_name()),
        type_in_words(b.type_name())
    );
    let help = "both sides must be of one type: two whole numbers, or two strings";
    Trouble::new(Code::ScriptFailed, message, "cannot be compared", help).into()
}
