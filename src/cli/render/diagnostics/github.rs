//! Diagnostics as workflow commands, which GitHub shows beside the changed lines.

use super::{Checked, each, place};
use crate::diagnostic::Severity;

/// One `::error` or `::warning` command per finding.
pub(in crate::cli) fn render(files: &[Checked]) -> String {
    let mut page = String::new();
    for (sources, diagnostic) in each(files) {
        let place = place(sources, diagnostic.span);
        let command = match diagnostic.code.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let help = diagnostic.help.as_ref().map_or(String::new(), |help| format!("\nhelp: {help}"));
        page.push_str(&format!(
            "::{command} file={},line={},col={},endLine={},endColumn={},title={}::{}\n",
            property(&place.file),
            place.line,
            place.column,
            place.end_line,
            place.end_column,
            property(diagnostic.code.id),
            data(&format!("{}{help}", diagnostic.message)),
        ));
    }
    page
}

/// The runner reads a command up to the line's end, so that line ends (and the sign that hides them) must be hidden.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Properties also end at `,` and `::`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_become_commands() {
        insta::assert_snapshot!(render(&[super::super::sample::checked()]), @"");
    }

    #[test]
    fn what_would_end_a_command_is_hidden() {
        assert_eq!(property("C:/a,b%\n"), "C%3A/a%2Cb%25%0A");
        assert_eq!(data("a: b, 5 %\r\n"), "a: b, 5 %25%0D%0A");
    }
}
