//! Templates: minijinja with strict names, a budget of work, and neither files nor environment. Errors point into the string.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::{Value as Jinja, ValueKind};
use minijinja::{Environment, ErrorKind};

use crate::diagnostic::{Code, Diagnostic, Report, Sources, Span, Spanned, codes, nearest};
use crate::template::{self, LONGEST, TooMuch};
use crate::yaml::{self, Entry, Node, Value};

/// The name under which the string at hand is compiled.
const SLOT: &str = "string";

/// The names that templates may use.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// First names and what may follow them: `params` to `seed`, `accept_at`.
    names: BTreeMap<&'static str, BTreeSet<String>>,
    values: BTreeMap<&'static str, Jinja>,
    /// `params`, as written.
    params: BTreeMap<String, Node>,
}

impl Scope {
    /// Adds `space` (`params`, `each`) with its values.
    #[must_use]
    pub fn with<'a>(mut self, space: &'static str, values: impl IntoIterator<Item = (&'a str, &'a Node)>) -> Self {
        let values: Vec<(&str, &Node)> = values.into_iter().collect();
        if space == "params" {
            self.params = values.iter().map(|(name, node)| ((*name).to_owned(), (*node).clone())).collect();
        }
        let pairs: Vec<_> = values.into_iter().map(|(name, node)| (name.to_owned(), to_jinja(&node.value))).collect();
        self.names.insert(space, pairs.iter().map(|(name, _)| name.clone()).collect());
        self.values.insert(space, Jinja::from_pairs(pairs));
        self
    }

    /// The parameter that `text` is and nothing else.
    fn parameter(&self, text: &str) -> Option<&Node> {
        let (inner, _) = one_expression(text)?;
        self.params.get(inner.trim().strip_prefix("params.")?)
    }

    fn context(&self) -> Jinja {
        Jinja::from_pairs(self.values.iter().map(|(name, value)| (*name, value.clone())))
    }
}

/// Renders the strings of a file, in one environment for all of them.
pub struct Renderer {
    env: Environment<'static>,
    /// Parameters that a template named.
    pub used: BTreeSet<String>,
    /// A template used `params` as a whole.
    pub used_all: bool,
}

impl Default for Renderer {
    fn default() -> Self {
        let mut env = template::environment();
        env.set_debug(true);
        Self { env, used: BTreeSet::new(), used_all: false }
    }
}

/// Says whether `text` holds a template at all.
#[must_use]
pub fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("{#")
}

impl Renderer {
    /// Renders every string of `node`.
    pub fn node(&mut self, node: &Node, scope: &Scope, sources: &Sources, report: &mut Report) -> Option<Node> {
        let value = match &node.value {
            Value::Text(text) if is_template(text) => {
                let value = self.text(text, node.span, scope, sources, report)?;
                // What is wrong with a parameter's value is to be put right where it is written, and not where it is used.
                if let Some(parameter) = scope.parameter(text) {
                    return Some(parameter.clone());
                }
                value
            }
            Value::List(items) => {
                // All items, so that each mistake is said.
                let rendered: Vec<_> = items.iter().map(|item| self.node(item, scope, sources, report)).collect();
                Value::List(rendered.into_iter().collect::<Option<_>>()?)
            }
            Value::Map(entries) => {
                let rendered: Vec<_> = entries.iter().map(|entry| self.entry(entry, scope, sources, report)).collect();
                Value::Map(rendered.into_iter().collect::<Option<_>>()?)
            }
            other => other.clone(),
        };
        Some(Node { value, span: node.span })
    }

    /// Renders key and value.
    pub fn entry(&mut self, entry: &Entry, scope: &Scope, sources: &Sources, report: &mut Report) -> Option<Entry> {
        let value = self.node(&entry.value, scope, sources, report);
        let mut key = entry.key.clone();
        if is_template(&key.value) {
            let rendered = self.text(&key.value, key.span, scope, sources, report)?;
            key.value = rendered.plain_text().unwrap_or_default();
        }
        Some(Entry { key, value: value? })
    }

    /// Renders one string; a string that is one expression keeps its type.
    pub fn text(&mut self, text: &str, span: Span, scope: &Scope, sources: &Sources, report: &mut Report) -> Option<Value> {
        let place = Place { text, span, sources };
        let multiplies = within(&place, report)?;
        if let Some((inner, offset)) = one_expression(text) {
            return self.expression(inner, offset, multiplies, &place, scope, report);
        }
        if let Err(error) = self.env.add_template_owned(SLOT, text.to_owned()) {
            return failed(&error, 0, &place, report);
        }
        let names = match self.env.get_template(SLOT) {
            Ok(template) => sorted(template.undeclared_variables(true)),
            Err(error) => return failed(&error, 0, &place, report),
        };
        self.check_names(&names, scope, &place, report)?;
        check_factors(multiplies, &names, scope, &place, report)?;
        match template::render(&self.env, SLOT, scope.context()) {
            Ok(text) => Some(Value::Text(text)),
            Err(error) => failed(&error, 0, &place, report),
        }
    }

    /// Evaluates the one expression `inner` of a string, which starts at `offset` in it.
    fn expression(
        &mut self,
        inner: &str,
        offset: usize,
        multiplies: bool,
        place: &Place<'_>,
        scope: &Scope,
        report: &mut Report,
    ) -> Option<Value> {
        let expression = match self.env.compile_expression_owned(inner.to_owned()) {
            Ok(expression) => expression,
            Err(error) => return failed(&error, offset, place, report),
        };
        let names = sorted(expression.undeclared_variables(true));
        // Unknown names are said first: they explain a failure better than its message.
        drop(expression);
        self.check_names(&names, scope, place, report)?;
        check_factors(multiplies, &names, scope, place, report)?;
        let value = self.env.compile_expression(inner).and_then(|expression| expression.eval(scope.context()));
        let shown = inner.trim();
        let value = match value {
            Ok(value) if value.is_undefined() => {
                report.push(Diagnostic::new(codes::UNDEFINED_VARIABLE, place.of(shown), format!("`{shown}` is not defined")));
                return None;
            }
            Ok(value) => value,
            Err(error) => return failed(&error, offset, place, report),
        };
        let converted = from_jinja(&value, place.span, 0, &mut 10_000);
        if converted.is_none() {
            let message = format!("`{shown}` gives a value that YAML cannot hold");
            report.push(
                Diagnostic::new(codes::TEMPLATE_FAILED, place.span, message).help("give text, a number, a list or a mapping"),
            );
        }
        converted
    }

    /// Checks the names that a template uses before it is rendered: every unknown one is said, with the nearest.
    fn check_names(&mut self, names: &[String], scope: &Scope, place: &Place<'_>, report: &mut Report) -> Option<()> {
        let mut fine = true;
        for name in names {
            let (space, rest) = name.split_once('.').map_or((name.as_str(), None), |(space, rest)| (space, Some(rest)));
            let field = rest.map(|rest| rest.split('.').next().unwrap_or(rest));
            match (scope.names.get(space), field) {
                (Some(known), Some(field)) => {
                    if space == "params" {
                        self.used.insert(field.to_owned());
                    }
                    // Lists and mappings have methods of their own.
                    if !known.contains(field) && !["items", "keys", "values", "get"].contains(&field) {
                        fine = false;
                        let message = format!("`{space}.{field}` is not defined");
                        let mut finding =
                            Diagnostic::new(codes::UNDEFINED_VARIABLE, place.of(&format!("{space}.{field}")), message);
                        finding.help = match nearest(field, known.iter().map(String::as_str)) {
                            Some(near) => Some(format!("did you mean `{space}.{near}`?")),
                            None if space == "params" => Some(format!("declare `{field}` under `params:`")),
                            None => None,
                        };
                        report.push(finding);
                    }
                }
                (Some(_), None) => self.used_all |= space == "params",
                (None, _) => {
                    if self.env.globals().any(|(global, _)| global == space) {
                        continue;
                    }
                    fine = false;
                    let mut finding =
                        Diagnostic::new(codes::UNDEFINED_VARIABLE, place.of(space), format!("`{space}` is not defined"));
                    finding.help = if scope.names.get("params").is_some_and(|params| params.contains(space)) {
                        Some(format!("parameters are named `params.{space}`"))
                    } else if space == "each" {
                        Some("`each` exists inside a step with `for_each:`".into())
                    } else {
                        Some("templates see `params.NAME`, and `each.NAME` inside a step with `for_each:`".into())
                    };
                    report.push(finding);
                }
            }
        }
        fine.then_some(())
    }

    /// Fills in the blocks of a per-image template that speak of `params` or `each`, and leaves those that speak of columns.
    pub fn per_image(&mut self, text: &str, span: Span, scope: &Scope, sources: &Sources, report: &mut Report) -> Option<String> {
        let mut result = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            let Some(end) = rest[start..].find("}}").map(|end| start + end + 2) else { break };
            let block = &rest[start..end];
            result.push_str(&rest[..start]);
            rest = &rest[end..];
            let names = match one_expression(block).map(|(inner, _)| self.env.compile_expression_owned(inner.to_owned())) {
                Some(Ok(expression)) => sorted(expression.undeclared_variables(false)),
                // What cannot be parsed is said when the whole template is checked.
                _ => Vec::new(),
            };
            if names.is_empty() || !names.iter().all(|name| scope.names.contains_key(name.as_str()) || name == "params") {
                result.push_str(block);
                continue;
            }
            let value = self.text(block, span, scope, sources, report)?.plain_text().unwrap_or_default();
            if is_template(&value) {
                report.push(
                    Diagnostic::new(codes::TEMPLATE_FAILED, span, format!("`{block}` holds a template itself"))
                        .help("write the template where it is used"),
                );
                return None;
            }
            result.push_str(&value);
        }
        result.push_str(rest);
        Some(result)
    }

    /// Checks a per-image template against the columns that it sees, and returns the columns that it uses.
    pub fn columns(
        &mut self,
        template: &Spanned<String>,
        columns: &[&str],
        sources: &Sources,
        report: &mut Report,
    ) -> Option<Vec<String>> {
        let place = Place { text: &template.value, span: template.span, sources };
        within(&place, report)?;
        if let Err(error) = self.env.add_template_owned(SLOT, template.value.clone()) {
            return failed(&error, 0, &place, report);
        }
        let names = match self.env.get_template(SLOT) {
            Ok(template) => sorted(template.undeclared_variables(false)),
            Err(error) => return failed(&error, 0, &place, report),
        };
        let mut used = Vec::new();
        let mut fine = true;
        for name in names {
            if columns.contains(&name.as_str()) {
                used.push(name);
            } else if name != "counter" && !self.env.globals().any(|(global, _)| global == name) {
                fine = false;
                let mut finding =
                    Diagnostic::new(codes::TEMPLATE_COLUMN, place.of(&name), format!("there is no column `{name}` in the input"));
                finding.help = match (nearest(&name, columns.iter().copied()), name.as_str()) {
                    (_, "params" | "each") => Some(format!("put `{name}` into a block of its own: `{{{{ {name}.x }}}}`")),
                    (Some(near), _) => Some(format!("did you mean `{near}`?")),
                    (None, _) => Some(listed(columns)),
                };
                report.push(finding);
            }
        }
        fine.then_some(())?;
        self.check_functions(&place, &used, report)?;
        Some(used)
    }

    /// Renders a per-image template once with texts for columns, to find unknown filters, tests and functions.
    fn check_functions(&mut self, place: &Place<'_>, columns: &[String], report: &mut Report) -> Option<()> {
        let mut values: BTreeMap<&str, Jinja> = columns.iter().map(|name| (name.as_str(), Jinja::from("2021"))).collect();
        values.insert("counter", Jinja::from_function(|_args: minijinja::value::Rest<Jinja>| "1"));
        let rendered = self.env.get_template(SLOT).and_then(|template| template.render(Jinja::from_pairs(values)));
        match rendered {
            Err(error) if code_of(&error) == codes::TEMPLATE_FUNCTION => failed(&error, 0, place, report),
            // Other failures may come from the sample values.
            _ => Some(()),
        }
    }
}

/// Refuses a template that could grow without bounds; says whether it multiplies.
fn within(place: &Place<'_>, report: &mut Report) -> Option<bool> {
    template::check(place.text).map_err(|error| too_much(&error, place, report)).ok()
}

/// The names of a template that multiplies must be numbers: texts and lists would be repeated.
fn check_factors(multiplies: bool, names: &[String], scope: &Scope, place: &Place<'_>, report: &mut Report) -> Option<()> {
    let is_number = |name: &&String| {
        let mut parts = name.split('.');
        let first = parts.next().and_then(|space| scope.values.get(space)).cloned();
        let value = parts.try_fold(first?, |value, part| value.get_attr(part).ok());
        value.filter(|value| value.kind() == ValueKind::Number)
    };
    let Some(other) = names.iter().find(|name| multiplies && is_number(name).is_none()) else { return Some(()) };
    too_much(&TooMuch::Repeats(other.clone()), place, report);
    None
}

fn too_much(error: &TooMuch, place: &Place<'_>, report: &mut Report) {
    report.push(Diagnostic::new(codes::TEMPLATE_BUDGET, place.span, error.to_string()).help(error.help()));
}

/// What columns there are, for help.
fn listed(columns: &[&str]) -> String {
    if columns.is_empty() {
        return "the input has no columns".into();
    }
    let shown: Vec<_> = columns.iter().take(12).map(|name| format!("`{name}`")).collect();
    let more = if columns.len() > shown.len() { " and others" } else { "" };
    format!("the input has {}{more}", shown.join(", "))
}

/// A string with its place, to find a part of it in the source.
struct Place<'a> {
    text: &'a str,
    span: Span,
    sources: &'a Sources,
}

impl Place<'_> {
    /// The place of the first occurrence of `part` in the source of the string, else of the whole string.
    fn of(&self, part: &str) -> Span {
        self.find(part, 0).unwrap_or(self.span)
    }

    /// The place of a byte range of the string.
    fn range(&self, range: std::ops::Range<usize>) -> Span {
        let Some(part) = self.text.get(range.clone()).filter(|part| !part.is_empty()) else { return self.span };
        // How many times the same words come before, so that the second of two is not shown as the first.
        let before = self.text.get(..range.start).map_or(0, |before| before.matches(part).count());
        self.find(part, before).unwrap_or(self.span)
    }

    fn find(&self, part: &str, skip: usize) -> Option<Span> {
        let source = self.sources.get(self.span.file)?;
        let slice = source.text.get(self.span.start as usize..self.span.end as usize)?;
        let whole = |at: usize| {
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let starts_inside = part.starts_with(word) && slice[..at].chars().next_back().is_some_and(word);
            let ends_inside = part.ends_with(word) && slice[at + part.len()..].chars().next().is_some_and(word);
            !(starts_inside || ends_inside)
        };
        let (at, _) = slice.match_indices(part).filter(|(at, _)| whole(*at)).nth(skip)?;
        let start = self.span.start + u32::try_from(at).ok()?;
        Some(Span { file: self.span.file, start, end: start + u32::try_from(part.len()).ok()? })
    }
}

/// The inside of a string that is one `{{ expression }}`, and where it starts.
fn one_expression(text: &str) -> Option<(&str, usize)> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    if inner.contains("{{") || inner.contains("}}") {
        return None;
    }
    // Whitespace control has no meaning without surroundings.
    let stripped = inner.strip_prefix(['-', '+']).unwrap_or(inner);
    let offset = 2 + inner.len() - stripped.len();
    Some((stripped.strip_suffix(['-']).unwrap_or(stripped), offset))
}

fn sorted(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort();
    names
}

fn code_of(error: &minijinja::Error) -> Code {
    match error.kind() {
        ErrorKind::SyntaxError | ErrorKind::BadEscape => codes::TEMPLATE_SYNTAX,
        ErrorKind::UndefinedError => codes::UNDEFINED_VARIABLE,
        ErrorKind::OutOfFuel => codes::TEMPLATE_BUDGET,
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => {
            codes::TEMPLATE_FUNCTION
        }
        _ => codes::TEMPLATE_FAILED,
    }
}

/// Reports a template error; `offset` is where the compiled text starts within the string.
fn failed<T>(error: &minijinja::Error, offset: usize, place: &Place<'_>, report: &mut Report) -> Option<T> {
    let code = code_of(error);
    let span = error.range().map_or(place.span, |range| place.range(range.start + offset..range.end + offset));
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let (message, help) = match code.id {
        "TL0301" => {
            (format!("the template cannot be parsed: {detail}"), Some("write `{{ expression }}`; quote a text that holds braces"))
        }
        "TL0302" => (format!("a name in the template is not defined: {detail}"), None),
        "TL0304" => ("the template does too much work".into(), Some("compute such values outside and pass them as parameters")),
        "TL0305" => (format!("the template cannot be rendered: {detail}"), Some("templates have the built-in filters of Jinja")),
        _ => (format!("the template cannot be rendered: {detail}"), None),
    };
    let mut finding = Diagnostic::new(code, span, message);
    finding.help = help.map(str::to_owned);
    report.push(finding);
    None
}

fn to_jinja(value: &Value) -> Jinja {
    match value {
        Value::Null => Jinja::from(()),
        Value::Bool(value) => Jinja::from(*value),
        Value::Int(value) => Jinja::from(*value),
        Value::Float(value) => Jinja::from(*value),
        Value::Text(text) => Jinja::from(text.as_str()),
        Value::List(items) => Jinja::from(items.iter().map(|item| to_jinja(&item.value)).collect::<Vec<_>>()),
        Value::Map(entries) => {
            Jinja::from_pairs(entries.iter().map(|entry| (entry.key.value.as_str(), to_jinja(&entry.value.value))))
        }
    }
}

/// A value of the template engine as a value of ours, every part at `span`; `None` beyond `budget` values or for other types.
fn from_jinja(value: &Jinja, span: Span, depth: usize, budget: &mut usize) -> Option<Value> {
    *budget = budget.checked_sub(1)?;
    if depth > yaml::MAX_DEPTH {
        return None;
    }
    let depth = depth + 1;
    Some(match value.kind() {
        ValueKind::None => Value::Null,
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number if value.is_integer() => Value::Int(value.as_i64()?),
        ValueKind::Number => Value::Float(f64::try_from(value.clone()).ok().filter(|number| number.is_finite())?),
        ValueKind::String => {
            let text = value.as_str()?;
            if text.len() > LONGEST {
                return None;
            }
            Value::Text(text.to_owned())
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for item in value.try_iter().ok()? {
                items.push(Node { value: from_jinja(&item, span, depth, budget)?, span });
            }
            Value::List(items)
        }
        ValueKind::Map => {
            let mut entries = Vec::new();
            for key in value.try_iter().ok()? {
                let item = value.get_item(&key).ok()?;
                let name = from_jinja(&key, span, depth, budget)?.plain_text()?;
                entries.push(Entry {
                    key: Spanned { value: name, span },
                    value: Node { value: from_jinja(&item, span, depth, budget)?, span },
                });
            }
            Value::Map(entries)
        }
        _ => return None,
    })
}
