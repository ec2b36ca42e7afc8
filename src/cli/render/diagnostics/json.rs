//! Diagnostics for programs: a documented, stable form.

use serde::Serialize;

use super::{Checked, each, place};
use crate::diagnostic::Severity;

/// The whole answer. `format` is raised when a field changes its meaning; new fields may come at any time.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Answer {
    format: u32,
    diagnostics: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Finding {
    code: &'static str,
    severity: Severity,
    message: String,
    help: Option<String>,
    file: String,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

/// All findings, in source order.
pub(in crate::cli) fn answer(files: &[Checked]) -> Answer {
    let finding = |(sources, diagnostic): (&_, &crate::diagnostic::Diagnostic)| {
        let place = place(sources, diagnostic.span);
        Finding {
            code: diagnostic.code.id,
            severity: diagnostic.code.severity,
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            file: place.file,
            line: place.line,
            column: place.column,
            end_line: place.end_line,
            end_column: place.end_column,
        }
    };
    Answer { format: 1, diagnostics: each(files).into_iter().map(finding).collect() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_count_characters_from_one() {
        let answer = super::answer(&[super::super::sample::checked()]);
        insta::assert_snapshot!(serde_json::to_string_pretty(&answer).unwrap(), @r#"
        {
          "format": 1,
          "diagnostics": [
            {
              "code": "TL0414",
              "severity": "warning",
              "message": "nothing uses `bilder_på_øya`",
              "help": null,
              "file": "pipeline.yaml",
              "line": 3,
              "column": 3,
              "end_line": 3,
              "end_column": 16
            },
            {
              "code": "TL0202",
              "severity": "error",
              "message": "unknown key `wiht` in step `bilder_på_øya`",
              "help": "did you mean `with`?",
              "file": "pipeline.yaml",
              "line": 5,
              "column": 5,
              "end_line": 5,
              "end_column": 9
            },
            {
              "code": "TL0402",
              "severity": "error",
              "message": "there is no step `imges`",
              "help": "the steps are `bilder_på_øya` and `names`",
              "file": "pipeline.yaml",
              "line": 8,
              "column": 11,
              "end_line": 8,
              "end_column": 16
            }
          ]
        }
        "#);
    }
}
