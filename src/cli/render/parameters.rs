//! Parameters of a policy.

use super::{BOLD, DIM, GREEN, paint, shown, wrap};
use crate::cli::params::Listed;

/// Each parameter with its values and what it is for.
pub(in crate::cli) fn parameters(listed: &Listed, width: usize) -> String {
    if listed.parameters.is_empty() {
        return format!("{} has no parameters\n", listed.file);
    }
    let mut text = String::new();
    for parameter in &listed.parameters {
        let value = shown(&parameter.value.to_string());
        let style = if parameter.value == parameter.default {
            BOLD
        } else {
            GREEN
        };
        text.push_str(&format!(
            "{} = {}  {}\n",
            paint(BOLD, &parameter.name),
            paint(style, &value),
            paint(DIM, &kind(parameter))
        ));
        for line in wrap(&shown(&parameter.description), width.saturating_sub(4)) {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

/// Such as `integer, 3 to 9, 5 by default`.
fn kind(parameter: &crate::cli::params::ListedParameter) -> String {
    let mut kind = parameter.kind.to_owned();
    let allowed = parameter.allowed.to_string();
    if !allowed.is_empty() {
        kind += &format!(", {}", shown(&allowed));
    }
    if parameter.value != parameter.default {
        kind += &format!(", {} by default", shown(&parameter.default.to_string()));
    }
    kind
}
