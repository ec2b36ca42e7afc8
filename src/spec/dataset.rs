//! `dataset:` in the pipeline: what describes the data set.

use crate::dataset::{
    CAPTURE_METHODS, CONTRIBUTOR, Contributor, Dataset, LICENCES, Licences, PROJECT, Project, ROLES, SAMPLING_DESIGNS, TEXTS,
    moment, zone,
};
use crate::diagnostic::{Diagnostic, Report, Sources, any_of, codes, nearest};
use crate::yaml::{Entry, Value};

use super::fields;
use super::template::{Renderer, Scope};

/// Reads the block; `None` where there is none, or nothing of it can be read.
pub(super) fn read(
    entries: &[Entry],
    scope: &Scope,
    renderer: &mut Renderer,
    sources: &Sources,
    report: &mut Report,
) -> Option<Dataset> {
    let entry = entries.iter().find(|entry| entry.key.value == "dataset")?;
    let node = renderer.node(&entry.value, scope, sources, report)?;
    let block = fields::mapping(&node, "`dataset`", report)?;
    let more = ["keywords", "contributors", "licences", "project"];
    fields::unknown_keys(block, &known(TEXTS, &more), "`dataset`", report);
    let mut reader = Reader { entries: block, report };
    let (name, created, timezone) = (reader.text("name"), reader.text("created"), reader.text("timezone"));
    reader.refuse("name", name.as_deref().is_some_and(|name| !is_name(name)), "cannot be the name of a data set", |_| {
        "write small letters, digits and `-`, `_`, `.`, `/`".to_owned()
    });
    let moment = created.as_deref().and_then(moment);
    reader.refuse("created", created.is_some() && moment.is_none(), "is neither a date nor a time with an offset", |_| {
        "write YYYY-MM-DD, or YYYY-MM-DDThh:mm:ssZ".to_owned()
    });
    reader.refuse("timezone", timezone.as_deref().is_some_and(|text| zone(text).is_none()), "is not a time zone", |_| {
        "write a zone such as `Europe/Oslo`, or an offset such as `+01:00` for cameras that keep it all year".to_owned()
    });
    let dataset = Dataset {
        name,
        id: reader.text("id"),
        title: reader.text("title"),
        description: reader.text("description"),
        version: reader.text("version"),
        created: moment,
        keywords: reader.texts("keywords"),
        homepage: reader.text("homepage"),
        citation: reader.text("citation"),
        timezone,
        contributors: reader.contributors(),
        licences: reader.licences(),
        project: reader.project(),
        span: entry.key.span,
    };
    Some(dataset)
}

fn known<'k>(texts: &[(&'k str, &str)], more: &[&'k str]) -> Vec<&'k str> {
    texts.iter().map(|(name, _)| *name).chain(more.iter().copied()).collect()
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | '/'))
}

/// Reads the keys of one mapping.
struct Reader<'a> {
    entries: &'a [Entry],
    report: &'a mut Report,
}

impl Reader<'_> {
    fn text(&mut self, key: &str) -> Option<String> {
        let node = fields::get(self.entries, key)?;
        fields::text(node, &format!("`{key}`"), self.report).map(str::to_owned)
    }

    fn texts(&mut self, key: &str) -> Vec<String> {
        let Some(node) = fields::get(self.entries, key) else { return Vec::new() };
        let what = format!("an item of `{key}`");
        fields::list(node).iter().filter_map(|item| fields::text(item, &what, self.report).map(str::to_owned)).collect()
    }

    /// Says that the value of `key` is wrong.
    fn refuse(&mut self, key: &str, wrong: bool, why: &str, help: impl Fn(&str) -> String) {
        let Some(node) = fields::get(self.entries, key).filter(|_| wrong) else { return };
        for item in fields::list(node) {
            if let Value::Text(text) = &item.value {
                self.report.push(Diagnostic::new(codes::BAD_DATASET, item.span, format!("`{text}` {why}")).help(help(text)));
            }
        }
    }

    /// One of some words, or several of them.
    fn words(&mut self, key: &str, words: &[&str], why: &str) -> Vec<String> {
        let (known, unknown): (Vec<_>, Vec<_>) = self.texts(key).into_iter().partition(|word| words.contains(&word.as_str()));
        let Some(node) = fields::get(self.entries, key).filter(|_| !unknown.is_empty()) else { return known };
        for item in fields::list(node) {
            let Value::Text(text) = &item.value else { continue };
            if !words.contains(&text.as_str()) {
                let help = nearest(text, words.iter().copied())
                    .map_or_else(|| format!("expected {}", any_of(words)), |near| format!("did you mean `{near}`?"));
                self.report.push(Diagnostic::new(codes::BAD_DATASET, item.span, format!("`{text}` {why}")).help(help));
            }
        }
        known
    }

    fn contributors(&mut self) -> Vec<Contributor> {
        let Some(node) = fields::get(self.entries, "contributors") else { return Vec::new() };
        let mut people = Vec::new();
        for item in fields::list(node) {
            let Some(entries) = fields::mapping(item, "a contributor", self.report) else { continue };
            fields::unknown_keys(entries, &known(CONTRIBUTOR, &["role"]), "a contributor", self.report);
            let mut person = Reader { entries, report: self.report };
            let Some(title) = person.text("title") else {
                if fields::get(entries, "title").is_none() {
                    let finding = Diagnostic::new(codes::BAD_DATASET, item.span, "a contributor without a name");
                    self.report.push(finding.help("add `title: NAME`"));
                }
                continue;
            };
            people.push(Contributor {
                title,
                email: person.text("email"),
                path: person.text("path"),
                organization: person.text("organization"),
                role: person.words("role", ROLES, "is not a role of a contributor").into_iter().next(),
            });
        }
        people
    }

    fn licences(&mut self) -> Option<Licences> {
        let node = fields::get(self.entries, "licences")?;
        let entries = fields::mapping(node, "`licences`", self.report)?;
        fields::unknown_keys(entries, &known(LICENCES, &[]), "`licences`", self.report);
        let mut reader = Reader { entries, report: self.report };
        let (data, media) = (reader.text("data"), reader.text("media"));
        if let Some((missing, _)) = LICENCES.iter().find(|(name, _)| fields::get(entries, name).is_none()) {
            let message = format!("nothing says under which licence the {missing} are");
            self.report.push(Diagnostic::new(codes::BAD_DATASET, node.span, message).help(format!("add `{missing}: CC-BY-4.0`")));
        }
        Some(Licences { data: data?, media: media? })
    }

    fn project(&mut self) -> Project {
        let Some(node) = fields::get(self.entries, "project") else { return Project::default() };
        let Some(entries) = fields::mapping(node, "`project`", self.report) else { return Project::default() };
        let more = ["sampling_design", "capture_method", "individual_animals"];
        fields::unknown_keys(entries, &known(PROJECT, &more), "`project`", self.report);
        let mut reader = Reader { entries, report: self.report };
        let individual_animals = match fields::get(entries, "individual_animals").map(|node| (&node.value, node.span)) {
            None | Some((Value::Bool(false), _)) => false,
            Some((Value::Bool(true), _)) => true,
            Some((_, span)) => {
                let message = "`individual_animals` is `true` or `false`";
                reader.report.push(Diagnostic::new(codes::WRONG_TYPE, span, message).help("write one of the two"));
                false
            }
        };
        Project {
            id: reader.text("id"),
            title: reader.text("title"),
            acronym: reader.text("acronym"),
            description: reader.text("description"),
            path: reader.text("path"),
            sampling_design: reader.words("sampling_design", SAMPLING_DESIGNS, "is not a sampling design").into_iter().next(),
            capture_method: reader.words("capture_method", CAPTURE_METHODS, "is not a capture method"),
            individual_animals,
        }
    }
}
