//! Columns: what a step needs of its inputs, checked without data.

use super::params::Checked;
use super::wiring::Wired;
use crate::diagnostic::{Diagnostic, Report, Sources, codes, nearest};
use crate::spec::StepSpec;
use crate::spec::template::Renderer;
use crate::step::Port;
use crate::table::{Schema, Type};

/// Checks the columns that the ports and parameters of a step need. `inputs` are the schemas per port.
pub(super) fn check(
    spec: &StepSpec,
    wired: &Wired,
    checked: &Checked,
    inputs: &[Vec<Schema>],
    renderer: &mut Renderer,
    sources: &Sources,
    report: &mut Report,
) -> bool {
    let mut fine = true;
    for (port, (schemas, wires)) in spec.kind.inputs.iter().zip(inputs.iter().zip(&wired.inputs)) {
        for (schema, (_, span)) in schemas.iter().zip(wires) {
            fine &= required(spec, port, schema, *span, report);
        }
    }
    for (port, column) in &checked.columns {
        for schema in port_schemas(spec, port, inputs) {
            if schema.index(&column.value).is_none() {
                fine = false;
                let message = format!("the input `{port}` has no column `{}`", column.value);
                let mut finding = Diagnostic::new(codes::UNKNOWN_COLUMN, column.span, message);
                finding.help = Some(help(&column.value, schema));
                report.push(finding);
                break;
            }
        }
    }
    for (port, template) in &checked.templates {
        for schema in port_schemas(spec, port, inputs) {
            let names: Vec<&str> = schema.fields.iter().map(|field| field.name.as_str()).collect();
            if renderer.columns(template, &names, sources, report).is_none() {
                fine = false;
                break;
            }
        }
    }
    fine
}

fn port_schemas<'a>(spec: &StepSpec, port: &str, inputs: &'a [Vec<Schema>]) -> &'a [Schema] {
    let at = spec.kind.inputs.iter().position(|input| input.name == port);
    at.and_then(|at| inputs.get(at)).map_or(&[], Vec::as_slice)
}

fn required(spec: &StepSpec, port: &Port, schema: &Schema, span: crate::diagnostic::Span, report: &mut Report) -> bool {
    let mut fine = true;
    for (name, ty) in port.requires {
        match schema.field(name) {
            Some(field) if field.ty == *ty => {}
            Some(field) => {
                fine = false;
                let message = format!("the column `{name}` is {}, but `{}` needs {}", noun(field.ty), spec.name.value, noun(*ty));
                report.push(Diagnostic::new(codes::COLUMN_TYPE, span, message).help("take the table from another step"));
            }
            None => {
                fine = false;
                let message =
                    format!("`{}` needs the column `{name}`, which its input `{}` does not have", spec.name.value, port.name);
                report.push(Diagnostic::new(codes::MISSING_COLUMN, span, message).help(help(name, schema)));
            }
        }
    }
    fine
}

/// The nearest column, or what there is.
fn help(name: &str, schema: &Schema) -> String {
    let names: Vec<&str> = schema.fields.iter().map(|field| field.name.as_str()).collect();
    match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "the input has no columns".into(),
        None => {
            let shown: Vec<_> = names.iter().take(12).map(|name| format!("`{name}`")).collect();
            let more = if names.len() > shown.len() { " and others" } else { "" };
            format!("the input has {}{more}", shown.join(", "))
        }
    }
}

fn noun(ty: Type) -> &'static str {
    match ty {
        Type::Text => "text",
        Type::Int => "a whole number",
        Type::Float32 | Type::Float64 => "a number",
        Type::Bool => "true or false",
        Type::Content => "the identity of a file",
        Type::DateTime => "a date and time",
    }
}
