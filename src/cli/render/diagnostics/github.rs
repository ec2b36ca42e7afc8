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
        insta::assert_snapshot!(render(&[super::super::sample::checked()]), @"
        ::warning file=pipeline.yaml,line=3,col=3,endLine=3,endColumn=16,title=TL0414::nothing uses `bilder_på_øya`
        ::error file=pipeline.yaml,line=5,col=5,endLine=5,endColumn=9,title=TL0202::unknown key `wiht` in step `bilder_på_øya`%0Ahelp: did you mean `with`?
        ::error file=pipeline.yaml,line=8,col=11,endLine=8,endColumn=16,title=TL0402::there is no step `imges`%0Ahelp: the steps are `bilder_på_øya` and `names`
        ");
    }

    #[test]
    fn what_would_end_a_command_is_hidden() {
        assert_eq!(property("C:/a,b%\n"), "C%3A/a%2Cb%25%0A");
        assert_eq!(data("a: b, 5 %\r\n"), "a: b, 5 %25%0D%0A");
    }
}
