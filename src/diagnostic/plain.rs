//! Diagnostics as plain lines, without colour or source: for logs and the expectations of tests.

use std::fmt::Write as _;

use super::{Diagnostic, Severity, Sources, Span};

/// Renders one finding: `CODE file:line:col-end_line:end_col severity: message`, then its other places and its help.
#[must_use]
pub fn plain(sources: &Sources, diagnostic: &Diagnostic) -> String {
    let severity = match diagnostic.code.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut text = format!("{} {} {severity}: {}\n", diagnostic.code.id, place(sources, diagnostic.span), diagnostic.message);
    for (span, words) in &diagnostic.related {
        let _ = writeln!(text, "  at {}: {words}", place(sources, *span));
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(text, "  help: {help}");
    }
    text
}

fn place(sources: &Sources, span: Span) -> String {
    // Paths as on every system, so that expectations are the same on Windows.
    let path = sources.get(span.file).map_or_else(|| "?".to_owned(), |s| s.path.display().to_string().replace('\\', "/"));
    let (line, column) = sources.line_column(span.file, span.start);
    let (end_line, end_column) = sources.line_column(span.file, span.end);
    format!("{path}:{line}:{column}-{end_line}:{end_column}")
}
