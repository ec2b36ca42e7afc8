//! Diagnostics for people: the source line, underlined, with the way out.

use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::{Checked, each, shown};
use crate::diagnostic::{Diagnostic, FileId, Severity, Sources, Span};

/// Renders all findings, styled; streams drop the styles where nobody sees colour.
pub(in crate::cli) fn render(files: &[Checked], width: usize) -> String {
    let renderer = Renderer::styled().term_width(width);
    let mut page = String::new();
    for (sources, diagnostic) in each(files) {
        page.push_str(&renderer.render(&[group(sources, diagnostic)]));
        page.push_str("\n\n");
    }
    page
}

fn group<'a>(sources: &'a Sources, diagnostic: &'a Diagnostic) -> Group<'a> {
    let level = match diagnostic.code.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(&*diagnostic.message).id(diagnostic.code.id));
    group = group.element(snippet(sources, diagnostic.span.file, Some(diagnostic.span), &diagnostic.related));
    let mut others: Vec<_> =
        diagnostic.related.iter().map(|(span, _)| span.file).filter(|file| *file != diagnostic.span.file).collect();
    others.dedup();
    for file in others {
        group = group.element(snippet(sources, file, None, &diagnostic.related));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(&**help));
    }
    group
}

/// The lines of `file` that the finding speaks of. Only a window of the text is handed on, so that many findings in a large file stay cheap.
fn snippet<'a>(sources: &'a Sources, file: FileId, primary: Option<Span>, related: &'a [(Span, String)]) -> Element<'a> {
    let Some(source) = sources.get(file) else { return Origin::path("?").into() };
    let text = &*source.text;
    let related: Vec<_> = related.iter().filter(|(span, _)| span.file == file).collect();
    let spans: Vec<_> = primary.into_iter().chain(related.iter().map(|(span, _)| *span)).map(|span| clamp(text, span)).collect();
    let (Some(first), Some(last)) = (spans.iter().map(|s| s.0).min(), spans.iter().map(|s| s.1).max()) else {
        return Origin::path(shown(&source.path)).into();
    };
    if text.trim().is_empty() {
        return Origin::path(shown(&source.path)).into();
    }
    let start = text[..first].rfind('\n').map_or(0, |at| at + 1);
    let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
    let mut annotations = Vec::new();
    let mut spans = spans.into_iter().map(|(from, to)| from - start..to - start);
    if primary.is_some()
        && let Some(span) = spans.next()
    {
        annotations.push(AnnotationKind::Primary.span(span));
    }
    annotations.extend(
        spans.zip(&related).map(|(span, (_, words))| -> Annotation<'_> { AnnotationKind::Context.span(span).label(&**words) }),
    );
    Snippet::source(&text[start..end])
        .line_start(text[..start].bytes().filter(|b| *b == b'\n').count() + 1)
        .path(shown(&source.path))
        .annotations(annotations)
        .into()
}

/// The span as offsets inside the text, on character boundaries; a damaged span must not take the message with it.
fn clamp(text: &str, span: Span) -> (usize, usize) {
    let floor = |offset: u32| {
        let mut at = (offset as usize).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    (start, floor(span.end).max(start))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::sample::{UNKNOWN_KEY, checked};
    use super::*;

    fn plain(files: &[Checked]) -> String {
        anstream::adapter::strip_str(&render(files, 100)).to_string()
    }

    #[test]
    fn findings_show_their_lines() {
        insta::assert_snapshot!(plain(&[checked()]), @"
        warning[TL0414]: nothing uses `bilder_på_øya`
         --> pipeline.yaml:3:3
          |
        3 |   bilder_på_øya:
          |   ^^^^^^^^^^^^^

        error[TL0202]: unknown key `wiht` in step `bilder_på_øya`
         --> pipeline.yaml:5:5
          |
        5 |     wiht: { root: archive }
          |     ^^^^
          |
          = help: did you mean `with`?

        error[TL0402]: there is no step `imges`
         --> pipeline.yaml:8:11
          |
        6 |   names:
          |   ----- wanted by this step
        7 |     uses: rename
        8 |     from: imges
          |           ^^^^^
          |
          = help: the steps are `bilder_på_øya` and `names`
        ");
    }

    #[test]
    fn a_finding_may_point_into_two_files() {
        let mut sources = Sources::default();
        let main = sources.add(Path::new("pipeline.yaml"), "include: [shared.yaml]\nsteps: {}\n");
        let shared = sources.add(Path::new("shared.yaml"), "steps:\n  images: {}\n");
        let diagnostic = Diagnostic::new(UNKNOWN_KEY, Span { file: main, start: 10, end: 21 }, "a step twice")
            .related(Span { file: shared, start: 9, end: 15 }, "first here");
        let checked = Checked { file: "pipeline.yaml".into(), sources, diagnostics: vec![diagnostic], steps: None };
        insta::assert_snapshot!(plain(&[checked]), @"
        error[TL0202]: a step twice
         --> pipeline.yaml:1:11
          |
        1 | include: [shared.yaml]
          |           ^^^^^^^^^^^
          |
         ::: shared.yaml:2:3
          |
        2 |   images: {}
          |   ------ first here
        ");
    }

    #[test]
    fn damaged_spans_and_empty_files_still_show_the_message() {
        let mut sources = Sources::default();
        let empty = sources.add(Path::new("empty.yaml"), "");
        let short = sources.add(Path::new("short.yaml"), "å");
        let diagnostics = vec![
            Diagnostic::new(UNKNOWN_KEY, Span::start_of(empty), "nothing here").help("write a pipeline"),
            Diagnostic::new(UNKNOWN_KEY, Span { file: short, start: 1, end: 900 }, "past the end"),
            Diagnostic::new(UNKNOWN_KEY, Span::start_of(FileId(7)), "no such file"),
        ];
        let checked = Checked { file: "empty.yaml".into(), sources, diagnostics, steps: None };
        insta::assert_snapshot!(plain(&[checked]), @"
        error[TL0202]: nothing here
        --> empty.yaml
         = help: write a pipeline

        error[TL0202]: past the end
         --> short.yaml:1:1
          |
        1 | å
          | ^

        error[TL0202]: no such file
        --> ?
        ");
    }
}
