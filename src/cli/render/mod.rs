//! Values to words, tables and pictures.

pub(super) mod columns;
pub(super) mod diagnostics;
pub(super) mod diff;
pub(super) mod drawing;
pub(super) mod json_schema;
pub(super) mod page;
pub(super) mod plan;
pub(super) mod progress;
pub(super) mod roots;
pub(super) mod style;
pub(super) mod summary;
pub(super) mod words;

use columns::visible;
use style::{ERROR, paint};

/// An error with its causes, one line each.
pub(super) fn error(error: &anyhow::Error) -> String {
    let mut text = String::new();
    let mut last = String::new();
    for cause in error.chain() {
        let words = cause.to_string();
        // An error that shows its source as its own words would say everything twice.
        if words == last {
            continue;
        }
        let lead = if text.is_empty() { paint(ERROR, "error:") } else { "  because".to_owned() };
        let lines: Vec<_> = words.lines().map(visible).collect();
        text.push_str(&format!("{lead} {}\n", lines.join("\n")));
        last = words;
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    #[test]
    fn an_error_shows_its_causes_once() {
        let error = Err::<(), _>(anyhow!("no space left")).context("cannot write `a.csv`").unwrap_err();
        let text = anstream::adapter::strip_str(&super::error(&error)).to_string();
        assert_eq!(text, "error: cannot write `a.csv`\n  because no space left\n");
    }
}
