//! `# trapline: allow TL0307 reason`: comments that silence findings on one line.

use crate::diagnostic::{Diagnostic, Report, Severity, Sources, Span, codes};

/// A comment that silences one code on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// The code.
    pub code: &'static str,
    /// The line that it speaks of, from 1.
    pub line: usize,
    /// Where the comment stands.
    pub span: Span,
}

/// Finds the `allow` comments among `comments`.
pub(super) fn read(text: &str, comments: &[Span], report: &mut Report) -> Vec<Allow> {
    let mut allows = Vec::new();
    for span in comments {
        let comment = &text[span.start as usize..span.end as usize];
        let Some(rest) = comment.trim_start_matches('#').trim_start().strip_prefix("trapline:") else { continue };
        let words: Vec<_> = rest.split_whitespace().collect();
        if words.first() != Some(&"allow") {
            report.push(
                Diagnostic::new(codes::ALLOW_UNKNOWN_CODE, *span, "this comment says nothing that is known")
                    .help("write `# trapline: allow CODE reason`"),
            );
            continue;
        }
        let Some(known) = words.get(1).and_then(|id| codes::find(id)) else {
            let id = words.get(1).unwrap_or(&"");
            report.push(
                Diagnostic::new(codes::ALLOW_UNKNOWN_CODE, *span, format!("there is no code `{id}`"))
                    .help("write `# trapline: allow CODE reason`"),
            );
            continue;
        };
        if words.len() < 3 {
            report.push(
                Diagnostic::new(codes::ALLOW_WITHOUT_REASON, *span, format!("`{}` is allowed without a reason", known.code.id))
                    .help("add a few words that tell the next reader why"),
            );
            continue;
        }
        allows.push(Allow { code: known.code.id, line: line_meant(text, *span), span: *span });
    }
    allows
}

/// The comment's own line, or the next line with content where the comment stands alone.
fn line_meant(text: &str, span: Span) -> usize {
    let before = &text[..span.start as usize];
    let own = before.bytes().filter(|b| *b == b'\n').count();
    let alone = before.rsplit('\n').next().is_none_or(|line| line.trim().is_empty());
    if !alone {
        return own + 1;
    }
    let below = text.lines().enumerate().skip(own + 1).find(|(_, line)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    });
    below.map_or(own, |(line, _)| line) + 1
}

/// Takes silenced findings out of `report` and returns them; an `allow` that silences nothing becomes a finding.
pub fn apply(allows: &[Allow], sources: &Sources, report: &mut Report) -> Vec<Diagnostic> {
    if allows.is_empty() {
        return Vec::new();
    }
    let mut used = vec![false; allows.len()];
    let mut silenced = Vec::new();
    let mut kept = Vec::new();
    for finding in std::mem::take(&mut report.diagnostics) {
        let line = sources.line_column(finding.span.file, finding.span.start).0;
        let by = allows.iter().position(|a| a.code == finding.code.id && a.span.file == finding.span.file && a.line == line);
        match by {
            Some(at) => {
                used[at] = true;
                silenced.push(finding);
            }
            None => kept.push(finding),
        }
    }
    report.diagnostics = kept;
    for (allow, used) in allows.iter().zip(used) {
        if !used {
            report.push(
                Diagnostic::new(codes::ALLOW_UNUSED, allow.span, format!("`{}` is allowed here, but does not occur", allow.code))
                    .help("remove the comment, or put it on the line of the finding or right above"),
            );
        }
    }
    silenced.sort_by_key(|finding| finding.code.severity != Severity::Error);
    silenced
}
