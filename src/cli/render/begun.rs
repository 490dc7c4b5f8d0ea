//! New policies and the templates for them.

use super::{BOLD, hanging};
use crate::cli::new::{Begun, Templates};

pub(in crate::cli) fn begun(begun: &Begun) -> String {
    match &begun.file {
        None => begun.text.clone(),
        Some(file) => format!(
            "wrote {file}\nnext: put in your own keys, then `longstop check {file}` and `longstop explain {file}`\n"
        ),
    }
}

pub(in crate::cli) fn templates(templates: &Templates, width: usize) -> String {
    let names = templates.templates.iter().map(|it| it.name.len());
    let longest = names.max().unwrap_or_default();
    let mut text = String::new();
    for template in &templates.templates {
        let label = format!("{:longest$}  ", template.name);
        text.push_str(&hanging(&label, BOLD, template.about, width));
    }
    text
}
