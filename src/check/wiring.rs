//! `from:` resolved to wires: `STEP`, `STEP.PORT`, `STEP[INSTANCE]`, `STEP[*]`, one or a list, or a mapping from ports.

use super::Wire;
use crate::diagnostic::{Diagnostic, Report, Span, codes, did_you_mean, nearest};
use crate::spec::StepSpec;
use crate::step::{Port, PortType};
use crate::yaml::{Node, Value};

/// The wires of one step, before ordering.
pub(super) struct Wired {
    /// Per input port; indices into the specs as written.
    pub inputs: Vec<Vec<(Wire, Span)>>,
    /// Some input could not be resolved.
    pub broken: bool,
}

/// What references may name.
pub(super) struct Names<'a> {
    /// The steps as written.
    pub steps: &'a [StepSpec],
    /// Steps that exist but could not be read.
    pub damaged: &'a [String],
    /// Whole parts could not be read.
    pub incomplete: bool,
}

/// Resolves the inputs of the step at `index`.
pub(super) fn wire(index: usize, names: &Names<'_>, report: &mut Report) -> Wired {
    let step = &names.steps[index];
    let mut wired = Wired { inputs: vec![Vec::new(); step.kind.inputs.len()], broken: false };
    if let Some(from) = &step.from {
        Wirer { step, names, wired: &mut wired, report }.from(from);
    }
    if !wired.broken && !step.damaged {
        for (port, sources) in step.kind.inputs.iter().zip(&wired.inputs) {
            if !port.optional && sources.is_empty() {
                wired.broken = true;
                report.push(missing(step, port));
            }
        }
    }
    wired.broken |= step.damaged;
    wired
}

fn missing(step: &StepSpec, port: &Port) -> Diagnostic {
    let span = step.from.as_ref().map_or(step.name.span, |from| from.span);
    let help = if single(step.kind.inputs).is_some() {
        "write `from: STEP`".to_owned()
    } else {
        format!("write `from: {{ {}: STEP }}`", port.name)
    };
    Diagnostic::new(
        codes::MISSING_INPUT,
        span,
        format!("`{}` needs the input `{}`: {}", step.name.value, port.name, decapitalised(port.doc)),
    )
    .help(help)
}

/// A sentence as the second half of another.
fn decapitalised(sentence: &str) -> String {
    let sentence = sentence.trim_end_matches('.');
    let mut letters = sentence.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// The port that a plain `from: STEP` means: the only one, or the only one that is not optional.
fn single(ports: &[Port]) -> Option<usize> {
    if ports.len() == 1 {
        return Some(0);
    }
    let mut required = ports.iter().enumerate().filter(|(_, port)| !port.optional);
    match (required.next(), required.next()) {
        (Some((only, _)), None) => Some(only),
        _ => None,
    }
}

struct Wirer<'a> {
    step: &'a StepSpec,
    names: &'a Names<'a>,
    wired: &'a mut Wired,
    report: &'a mut Report,
}

impl Wirer<'_> {
    fn broken(&mut self, finding: Diagnostic) {
        self.wired.broken = true;
        self.report.push(finding);
    }

    fn from(&mut self, from: &Node) {
        let kind = self.step.kind;
        if kind.inputs.is_empty() {
            let message = format!("`{}` takes no input", kind.name);
            self.broken(Diagnostic::new(codes::NO_INPUTS, from.span, message).help("remove `from`"));
            return;
        }
        if let Value::Map(entries) = &from.value {
            let ports: Vec<&str> = kind.inputs.iter().map(|port| port.name).collect();
            for entry in entries {
                if let Some(port) = ports.iter().position(|port| *port == entry.key.value) {
                    self.port(port, &entry.value);
                } else {
                    let message = format!("`{}` has no input `{}`", kind.name, entry.key.value);
                    let mut finding = Diagnostic::new(codes::UNKNOWN_INPUT, entry.key.span, message);
                    finding.help = did_you_mean(&entry.key.value, &ports);
                    self.broken(finding);
                }
            }
        } else if let Some(port) = single(kind.inputs) {
            self.port(port, from);
        } else {
            let ports: Vec<_> = kind.inputs.iter().map(|port| format!("{}: STEP", port.name)).collect();
            let message = format!("`{}` has several inputs: say which one is meant", kind.name);
            let help = format!("write `from: {{ {} }}`", ports.join(", "));
            self.broken(Diagnostic::new(codes::NAME_THE_INPUT, from.span, message).help(help));
        }
    }

    /// Wires one port to one source or a list of them.
    fn port(&mut self, port: usize, node: &Node) {
        let declared = &self.step.kind.inputs[port];
        let items = match &node.value {
            Value::List(items) => &items[..],
            _ => std::slice::from_ref(node),
        };
        let mut sources: Vec<(Wire, Span)> = Vec::new();
        for item in items {
            let Value::Text(text) = &item.value else {
                let message = format!("a source is the name of a step, not {}", item.value.kind());
                self.broken(Diagnostic::new(codes::BAD_REFERENCE, item.span, message).help("write `STEP` or `STEP.PORT`"));
                continue;
            };
            for wire in self.reference(text, declared.ty, item.span) {
                self.check_type(wire, declared, item.span);
                if sources.iter().any(|(other, _)| *other == wire) {
                    let message = format!("`{text}` is gathered twice into `{}`", declared.name);
                    self.broken(Diagnostic::new(codes::DUPLICATE_SOURCE, item.span, message).help("remove one of the two"));
                } else {
                    sources.push((wire, item.span));
                }
            }
        }
        if sources.len() > 1 && !declared.many {
            let message =
                format!("the input `{}` of `{}` takes one source, not {}", declared.name, self.step.kind.name, sources.len());
            self.broken(Diagnostic::new(codes::TOO_MANY_SOURCES, node.span, message).help("choose one of them"));
        }
        self.wired.inputs[port] = sources;
    }

    fn check_type(&mut self, wire: Wire, declared: &Port, span: Span) {
        let output = &self.names.steps[wire.step].kind.outputs[wire.output];
        let wanted = if declared.ty == PortType::Step { PortType::Table } else { declared.ty };
        if output.ty != wanted {
            let (found, noun) = (noun(output.ty), noun(wanted));
            let message = format!("`{}` takes {noun}, but this is {found}", declared.name);
            let fitting: Vec<_> = self.names.steps[wire.step].kind.outputs.iter().filter(|port| port.ty == wanted).collect();
            let help = match fitting.first() {
                Some(port) => format!("write `{}.{}`", self.names.steps[wire.step].name.value, port.name),
                None => format!("take {noun} from another step"),
            };
            self.broken(Diagnostic::new(codes::WRONG_PORT_TYPE, span, message).help(help));
        }
    }

    /// Resolves one reference; `STEP[*]` gives all instances in the order declared, and where whole steps are taken, `STEP` gives all
    /// of its tables.
    fn reference(&mut self, text: &str, wanted: PortType, span: Span) -> Vec<Wire> {
        let Some(reference) = Reference::parse(text) else {
            let message = format!("`{text}` is no reference to a step");
            let help = "write `STEP`, `STEP.PORT`, `STEP[INSTANCE]` or `STEP[*]`";
            self.broken(Diagnostic::new(codes::BAD_REFERENCE, span, message).help(help));
            return Vec::new();
        };
        let Some(steps) = self.steps(&reference, span) else { return Vec::new() };
        let mut wires = Vec::new();
        for step in steps {
            if wanted == PortType::Step && reference.port.is_none() {
                let outputs = self.names.steps[step].kind.outputs.iter().enumerate();
                let before = wires.len();
                wires.extend(outputs.filter(|(_, port)| port.ty == PortType::Table).map(|(output, _)| Wire { step, output }));
                if wires.len() > before {
                    continue;
                }
            }
            match self.output(step, reference.port, span) {
                Some(output) => wires.push(Wire { step, output }),
                // Said once, not once per instance.
                None => break,
            }
        }
        wires
    }

    fn steps(&mut self, reference: &Reference<'_>, span: Span) -> Option<Vec<usize>> {
        let all = self.names.steps;
        let family: Vec<usize> = (0..all.len()).filter(|at| all[*at].family.as_deref() == Some(reference.step)).collect();
        match (reference.instance, family.is_empty()) {
            (None, true) => {
                let found = all.iter().position(|step| step.name.value == reference.step);
                if found.is_none() {
                    self.unknown_step(reference.step, span);
                }
                found.map(|at| vec![at])
            }
            (None, false) => {
                let message = format!("`{}` has {} instances", reference.step, family.len());
                let example = &all[family[0]].name.value;
                let help = format!("write `{}[*]` for all of them, or one, such as `{example}`", reference.step);
                self.broken(Diagnostic::new(codes::INSTANCES, span, message).help(help));
                None
            }
            (Some(_), true) => {
                if all.iter().any(|step| step.name.value == reference.step) {
                    let message = format!("`{}` has no instances", reference.step);
                    let help = format!("write `{}`; instances come from `for_each:`", reference.step);
                    self.broken(Diagnostic::new(codes::INSTANCES, span, message).help(help));
                } else {
                    self.unknown_step(reference.step, span);
                }
                None
            }
            (Some("*"), false) => Some(family),
            (Some(instance), false) => {
                let name = format!("{}[{instance}]", reference.step);
                let found = family.iter().copied().find(|at| all[*at].name.value == name);
                if found.is_none() {
                    let names: Vec<&str> = family.iter().map(|at| all[*at].name.value.as_str()).collect();
                    let mut finding = Diagnostic::new(codes::INSTANCES, span, format!("there is no instance `{name}`"));
                    finding.help = did_you_mean(&name, &names);
                    self.broken(finding);
                }
                found.map(|at| vec![at])
            }
        }
    }

    fn unknown_step(&mut self, name: &str, span: Span) {
        self.wired.broken = true;
        // A step that exists but could not be read is said there; one may hide in a part that could not be read.
        if self.names.incomplete || self.names.damaged.iter().any(|damaged| damaged == name) {
            return;
        }
        let own = self.step.family.as_deref().unwrap_or(&self.step.name.value);
        let mut names: Vec<&str> = Vec::new();
        for step in self.names.steps {
            let name = step.family.as_deref().unwrap_or(&step.name.value);
            if name != own && !names.contains(&name) {
                names.push(name);
            }
        }
        let mut finding = Diagnostic::new(codes::UNKNOWN_STEP, span, format!("there is no step `{name}`"));
        finding.help = match nearest(name, names.iter().copied()) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None => did_you_mean(name, &names),
        };
        self.report.push(finding);
    }

    fn output(&mut self, step: usize, port: Option<&str>, span: Span) -> Option<usize> {
        let source = &self.names.steps[step];
        let outputs = source.kind.outputs;
        let found = match port {
            None => (!outputs.is_empty()).then_some(0),
            Some(port) => outputs.iter().position(|output| output.name == port),
        };
        if found.is_none() {
            let (message, help) = match port {
                None => (format!("`{}` has no output", source.name.value), None),
                Some(port) => {
                    let names: Vec<&str> = outputs.iter().map(|output| output.name).collect();
                    (format!("`{}` has no output `{port}`", source.name.value), did_you_mean(port, &names))
                }
            };
            let mut finding = Diagnostic::new(codes::UNKNOWN_OUTPUT, span, message);
            finding.help = help;
            self.broken(finding);
        }
        found
    }
}

fn noun(ty: PortType) -> &'static str {
    match ty {
        PortType::Table => "a table",
        PortType::Model => "a model",
        PortType::Files => "a set of files",
        PortType::Report => "a report",
        PortType::Step => "a step",
    }
}

/// `STEP[INSTANCE].PORT`, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Reference<'a> {
    step: &'a str,
    instance: Option<&'a str>,
    port: Option<&'a str>,
}

impl<'a> Reference<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        // A label may hold dots, so the bracket comes first.
        let (step, instance, rest) = if let Some((step, rest)) = text.split_once('[') {
            let (instance, rest) = rest.split_once(']')?;
            (step, Some(instance.trim()), rest)
        } else {
            let end = text.find('.').unwrap_or(text.len());
            (&text[..end], None, &text[end..])
        };
        let port = match rest {
            "" => None,
            rest => Some(rest.strip_prefix('.')?),
        };
        let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        let fine = word(step) && port.is_none_or(word) && instance.is_none_or(|instance| !instance.is_empty());
        fine.then_some(Self { step, instance, port })
    }
}

/// The names of the steps that feed `wired`, for other checks.
pub(super) fn sources(wired: &Wired) -> impl Iterator<Item = (usize, Span)> + '_ {
    wired.inputs.iter().flatten().map(|(wire, span)| (wire.step, *span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart() {
        let parse = Reference::parse;
        let expected = |step, instance, port| Some(Reference { step, instance, port });
        assert_eq!(parse("names"), expected("names", None, None));
        assert_eq!(parse("accepted.to_review"), expected("accepted", None, Some("to_review")));
        assert_eq!(parse("train[*]"), expected("train", Some("*"), None));
        assert_eq!(parse("train[v0.5,2].model"), expected("train", Some("v0.5,2"), Some("model")));
        for text in ["", ".x", "a.", "a..b", "a[", "a[]", "a]b", "a b", "train[*]x", "a.b.c"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
