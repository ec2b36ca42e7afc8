//! Steps as written: `for_each` expanded into instances, strings rendered, per-image templates left as they are.

use crate::diagnostic::{Diagnostic, Report, Span, Spanned, codes, did_you_mean};
use crate::step::{ParamType, StepKind};
use crate::yaml::{Entry, Node, Value};

use super::template::{Renderer, Scope};
use super::{Files, fields};

/// The keys of a step.
pub const STEP_KEYS: &[&str] = &["uses", "from", "with", "expect", "stage", "for_each"];

/// Names with a meaning of their own.
const RESERVED: &[&str] = &["all", "default", "each", "params", "self"];

/// The most instances of one step.
const MAX_INSTANCES: usize = 1_000;

/// One step, or one instance of a step with `for_each`.
#[derive(Clone)]
pub struct StepSpec {
    /// `train`, or `train[resnet50]` for an instance.
    pub name: Spanned<String>,
    /// `train`, for an instance.
    pub family: Option<String>,
    /// Its kind.
    pub kind: &'static StepKind,
    /// `from:`, rendered.
    pub from: Option<Node>,
    /// `with:`, rendered except per-image templates.
    pub with: Vec<Entry>,
    /// Where `with:` stands, or the step's name.
    pub with_span: Span,
    /// `expect:`, rendered.
    pub expect: Option<Node>,
    /// `stage:`.
    pub stage: Option<String>,
    /// Parts could not be read: what seems missing here may not be missing.
    pub damaged: bool,
}

/// Reads all steps. One that cannot be read is left out, with its name in `damaged`.
pub(super) fn expand(
    steps: &[Entry],
    scope: &Scope,
    kinds: &[&'static StepKind],
    renderer: &mut Renderer,
    files: &Files,
    report: &mut Report,
) -> (Vec<StepSpec>, Vec<String>) {
    let mut reader = Reader { scope, kinds, renderer, files, report };
    let mut names: Vec<&Spanned<String>> = Vec::new();
    let mut specs = Vec::new();
    let mut damaged = Vec::new();
    for entry in steps {
        reader.name(&entry.key);
        if let Some(first) = names.iter().find(|name| name.value == entry.key.value) {
            reader.report.push(
                Diagnostic::new(codes::DUPLICATE_STEP, entry.key.span, format!("the step `{}` is given twice", entry.key.value))
                    .related(first.span, "first given here")
                    .help("rename one of them"),
            );
            continue;
        }
        names.push(&entry.key);
        match reader.step(entry) {
            Some(instances) => specs.extend(instances),
            None => damaged.push(entry.key.value.clone()),
        }
    }
    (specs, damaged)
}

struct Reader<'a> {
    scope: &'a Scope,
    kinds: &'a [&'static StepKind],
    renderer: &'a mut Renderer,
    files: &'a Files,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn name(&mut self, name: &Spanned<String>) {
        if fields::bad_name(&name.value) {
            self.report.push(
                Diagnostic::new(codes::BAD_NAME, name.span, format!("`{}` cannot be the name of a step", name.value))
                    .help("start with a small letter; go on with small letters, digits, `_` or `-`"),
            );
        } else if RESERVED.contains(&name.value.as_str()) || crate::path::is_device(&name.value) {
            self.report.push(
                Diagnostic::new(codes::RESERVED_NAME, name.span, format!("the name `{}` is reserved", name.value))
                    .help("choose another name"),
            );
        }
    }

    fn step(&mut self, entry: &Entry) -> Option<Vec<StepSpec>> {
        let Value::Map(keys) = &entry.value.value else {
            let message = format!("a step is a mapping, not {}", entry.value.value.kind());
            self.report
                .push(Diagnostic::new(codes::WRONG_TYPE, entry.value.span, message).help("write `uses: KIND` below its name"));
            return None;
        };
        let kind = self.kind(keys, &entry.key);
        self.unknown_keys(keys, kind);
        let kind = kind?;
        let instances = match fields::get(keys, "for_each") {
            None => vec![None],
            Some(node) => self.instances(node)?.into_iter().map(Some).collect(),
        };
        let mut specs = Vec::new();
        for instance in instances {
            let scope = match &instance {
                None => self.scope.clone(),
                Some(instance) => self.scope.clone().with("each", instance.iter().map(|(name, node)| (name.as_str(), node))),
            };
            specs.push(self.instance(entry, keys, kind, instance.as_deref(), &scope));
        }
        Some(specs)
    }

    fn kind(&mut self, keys: &[Entry], name: &Spanned<String>) -> Option<&'static StepKind> {
        let Some(node) = fields::get(keys, "uses") else {
            self.report.push(
                Diagnostic::new(codes::MISSING_USES, name.span, format!("the step `{}` does not say what it uses", name.value))
                    .help("add `uses: KIND`"),
            );
            return None;
        };
        let node = self.renderer.node(node, self.scope, &self.files.sources, self.report)?;
        let uses = fields::text(&node, "`uses`", self.report)?;
        let found = self.kinds.iter().find(|kind| kind.name == uses).copied();
        if found.is_none() {
            let names: Vec<&str> = self.kinds.iter().map(|kind| kind.name).collect();
            let mut finding = Diagnostic::new(codes::UNKNOWN_KIND, node.span, format!("there is no kind of step `{uses}`"));
            finding.help = did_you_mean(uses, &names);
            self.report.push(finding);
        }
        found
    }

    fn unknown_keys(&mut self, keys: &[Entry], kind: Option<&StepKind>) {
        let is_param = |name: &str| kind.is_some_and(|kind| kind.params.iter().any(|param| param.name == name));
        let (params, other): (Vec<Entry>, Vec<Entry>) =
            keys.iter().cloned().partition(|entry| !STEP_KEYS.contains(&entry.key.value.as_str()) && is_param(&entry.key.value));
        fields::unknown_keys(&other, STEP_KEYS, "a step", self.report);
        for entry in params {
            self.report.push(
                Diagnostic::new(codes::UNKNOWN_KEY, entry.key.span, format!("a step has no key `{}`", entry.key.value))
                    .help(format!("`{}` is a parameter: put it under `with:`", entry.key.value)),
            );
        }
    }

    /// The combinations of the variables of `for_each`, the last variable changing fastest.
    fn instances(&mut self, node: &Node) -> Option<Vec<Vec<(String, Node)>>> {
        let node = self.renderer.node(node, self.scope, &self.files.sources, self.report)?;
        let bad = |span: Span, message: String| {
            Diagnostic::new(codes::BAD_FOR_EACH, span, message).help("write `for_each: { arch: [resnet18, resnet50] }`")
        };
        let Value::Map(variables) = &node.value else {
            self.report
                .push(bad(node.span, format!("`for_each` is a mapping from variables to lists, not {}", node.value.kind())));
            return None;
        };
        let mut instances: Vec<Vec<(String, Node)>> = vec![Vec::new()];
        let mut fine = !variables.is_empty();
        if variables.is_empty() {
            self.report.push(bad(node.span, "`for_each` has no variable".into()));
        }
        for variable in variables {
            let name = &variable.key;
            if fields::bad_name(&name.value) || name.value.contains('-') {
                self.report.push(bad(name.span, format!("`{}` cannot be the name of a variable", name.value)));
                fine = false;
            }
            let items = match &variable.value.value {
                Value::List(items) if !items.is_empty() => items,
                Value::List(_) => {
                    self.report.push(bad(variable.value.span, format!("`{}` has no values", name.value)));
                    fine = false;
                    continue;
                }
                other => {
                    self.report
                        .push(bad(variable.value.span, format!("`{}` is a list of values, not {}", name.value, other.kind())));
                    fine = false;
                    continue;
                }
            };
            fine &= self.values(&name.value, items);
            if instances.len() * items.len() > MAX_INSTANCES {
                self.report.push(bad(node.span, format!("more than {MAX_INSTANCES} instances")));
                return None;
            }
            instances = instances
                .iter()
                .flat_map(|before| {
                    items.iter().map(|item| before.iter().cloned().chain([(name.value.clone(), item.clone())]).collect())
                })
                .collect();
        }
        fine.then_some(instances)
    }

    /// Checks that values can stand in names of instances, each once.
    fn values(&mut self, variable: &str, items: &[Node]) -> bool {
        let mut fine = true;
        let mut seen: Vec<String> = Vec::new();
        for item in items {
            let label = item.value.plain_text().filter(|text| {
                !text.is_empty()
                    && text.len() <= 64
                    && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '@'))
            });
            let message = match label {
                None => format!("a value of `{variable}` names an instance: letters, digits, `_`, `-`, `.` and `@` only"),
                Some(label) if seen.contains(&label) => format!("`{variable}` has the value `{label}` twice"),
                Some(label) => {
                    seen.push(label);
                    continue;
                }
            };
            fine = false;
            self.report.push(
                Diagnostic::new(codes::BAD_FOR_EACH, item.span, message).help("give each instance a plain value of its own"),
            );
        }
        fine
    }

    fn instance(
        &mut self,
        entry: &Entry,
        keys: &[Entry],
        kind: &'static StepKind,
        instance: Option<&[(String, Node)]>,
        scope: &Scope,
    ) -> StepSpec {
        let mut damaged = false;
        let mut part = |reader: &mut Self, key: &str| {
            let node = fields::get(keys, key)?;
            let rendered = reader.renderer.node(node, scope, &reader.files.sources, reader.report);
            damaged |= rendered.is_none();
            rendered
        };
        let from = part(self, "from");
        let expect = part(self, "expect");
        let stage = part(self, "stage").and_then(|node| {
            let stage = fields::text(&node, "`stage`", self.report)?;
            if fields::bad_name(stage) {
                self.report.push(
                    Diagnostic::new(codes::BAD_NAME, node.span, format!("`{stage}` cannot be the name of a stage"))
                        .help("start with a small letter; go on with small letters, digits, `_` or `-`"),
                );
            }
            Some(stage.to_owned())
        });
        let mut with = Vec::new();
        let mut with_span = entry.key.span;
        if let Some(node) = fields::get(keys, "with") {
            with_span = node.span;
            match fields::mapping(node, "`with`", self.report) {
                None => damaged = true,
                Some(entries) => {
                    for entry in entries {
                        match self.with(entry, kind, scope) {
                            Some(entry) => with.push(entry),
                            None => damaged = true,
                        }
                    }
                }
            }
        }
        let mut name = entry.key.clone();
        let family = instance.map(|instance| {
            let labels: Vec<_> = instance.iter().map(|(_, node)| node.value.plain_text().unwrap_or_default()).collect();
            name.value = format!("{}[{}]", entry.key.value, labels.join(","));
            entry.key.value.clone()
        });
        StepSpec { name, family, kind, from, with, with_span, expect, stage, damaged }
    }

    /// Renders one parameter; a per-image template keeps the blocks that speak of columns.
    fn with(&mut self, entry: &Entry, kind: &StepKind, scope: &Scope) -> Option<Entry> {
        let per_image = kind.params.iter().any(|param| param.name == entry.key.value && is_per_image(&param.ty));
        if per_image {
            let value = self.per_image(&entry.value, scope)?;
            return Some(Entry { key: entry.key.clone(), value });
        }
        self.renderer.entry(entry, scope, &self.files.sources, self.report)
    }

    fn per_image(&mut self, node: &Node, scope: &Scope) -> Option<Node> {
        let value = match &node.value {
            Value::Text(text) => {
                Value::Text(self.renderer.per_image(text, node.span, scope, &self.files.sources, self.report)?)
            }
            Value::List(items) => Value::List(items.iter().map(|item| self.per_image(item, scope)).collect::<Option<_>>()?),
            Value::Map(entries) => {
                let mut render =
                    |entry: &Entry| Some(Entry { key: entry.key.clone(), value: self.per_image(&entry.value, scope)? });
                Value::Map(entries.iter().map(&mut render).collect::<Option<_>>()?)
            }
            other => other.clone(),
        };
        Some(Node { value, span: node.span })
    }
}

/// Says whether a parameter holds per-image templates.
fn is_per_image(ty: &ParamType) -> bool {
    match ty {
        ParamType::Template(_) => true,
        ParamType::List(inner)
        | ParamType::Map(inner)
        | ParamType::BySeason(inner)
        | ParamType::ByEpoch(inner)
        | ParamType::ByFile(inner) => is_per_image(inner),
        _ => false,
    }
}
