//! Tables in the forms of other programs: the parameters, what a form needs, and the way from our columns to it.

use std::collections::BTreeMap;

use super::table::Format;
use crate::diagnostic::{Diagnostic, Report, Span, Spanned, codes, nearest};
use crate::exchange::form::{self, Form, Meaning, Note, SHOWN};
use crate::exchange::megadetector;
use crate::step::{Context, Finding, Job, Param, ParamType, ParamValue, Params, StepError};
use crate::table::{Schema, Table, Type};
use crate::taxonomy::Taxon;

const fn param(name: &'static str, ty: ParamType, doc: &'static str) -> Param {
    Param { name, ty, required: false, default: None, keyed: true, doc }
}

pub(super) const FORM: Param = param(
    "form",
    ParamType::Choice(form::WORDS),
    "the form that another program reads; our own columns as they are where not given",
);
pub(super) const CLASS: Param = param(
    "class",
    ParamType::Column("table"),
    "column that says what an image shows; `final`, `class` or `label` where not given (camtrapr, wildlife_insights, camtrap_dp)",
);
pub(super) const VALUES: Param = param(
    "values",
    ParamType::Map(&ParamType::Text),
    "columns of the form that are the same for all rows (wildlife_insights, coat_metadata, camtrap_dp)",
);
pub(super) const TAXA: Param = param(
    "taxa",
    ParamType::Map(&ParamType::Text),
    "for a class its taxon: `id;class;order;family;genus;species;common name` (wildlife_insights), or its scientific name (camtrap_dp)",
);

/// Whether everybody may open the images of a package.
pub(super) const FILE_PUBLIC: &str = "filePublic";

/// How many parts a taxon has.
const TAXON_PARTS: usize = 7;

/// The form wanted, with its parameters.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    form: Form,
    class: Option<String>,
    values: Vec<(Spanned<String>, String)>,
    taxa: Vec<(Spanned<String>, String)>,
    span: Span,
}

/// A parameter that does not go with the form: its name, why, and the way out.
pub(super) fn refuses(params: &Params) -> Option<(&'static str, String, &'static str)> {
    let given = |name: &str| params.get(name).is_some();
    let no = |name: &'static str, message: String, help| Some((name, message, help));
    let Some(form) = params.text("form").and_then(Form::of) else {
        let name = ["class", "values", "taxa"].into_iter().find(|name| given(name))?;
        return no(name, format!("`{name}` is for the forms of other programs"), "say which: `form: wildlife_insights`");
    };
    let word = form.word();
    let remove = "remove it, or `form`";
    if let Some(name) = ["format", "separator", "missing", "quote"].into_iter().find(|name| given(name))
        && matches!(form, Form::MegaDetector | Form::CamtrapDp)
    {
        let what = if form == Form::MegaDetector { "JSON" } else { "a folder of fixed files" };
        return no(name, format!("`{name}` is for tables, and `{word}` is {what}"), remove);
    }
    if given("columns") && form != Form::Timelapse {
        return no("columns", format!("the columns of `{word}` are fixed"), remove);
    }
    if given("class") && !form.needs_class() {
        return no("class", format!("`{word}` has no column for it"), remove);
    }
    if given("values") && form.fillable().is_empty() {
        return no("values", format!("`{word}` has no columns to fill"), remove);
    }
    if given("taxa") && !matches!(form, Form::WildlifeInsights | Form::CamtrapDp) {
        return no("taxa", format!("`{word}` has no taxa"), remove);
    }
    None
}

fn pairs(params: &Params, name: &str) -> Vec<(Spanned<String>, String)> {
    let Some(Spanned { value: ParamValue::Map(entries), .. }) = params.get(name) else { return Vec::new() };
    let pair = |(key, value): &(Spanned<String>, Spanned<ParamValue>)| match &value.value {
        ParamValue::Text(text) => Some((key.clone(), text.clone())),
        _ => None,
    };
    entries.iter().filter_map(pair).collect()
}

impl Wanted {
    pub(super) fn of(params: &Params) -> Option<Self> {
        let form = params.text("form").and_then(Form::of)?;
        let class = params.text("class").map(str::to_owned);
        Some(Self { form, class, values: pairs(params, "values"), taxa: pairs(params, "taxa"), span: params.span })
    }

    /// The word of the form.
    pub(super) fn word(&self) -> &'static str {
        self.form.word()
    }

    /// Says whether its table has columns for the place, by which it may be parted.
    pub(super) fn keeps_places(&self) -> bool {
        self.form == Form::CoatMetadata
    }

    /// The columns of such a form.
    pub(super) fn fixed(&self) -> Schema {
        self.form.fixed()
    }

    /// Says whether it is a folder of several files.
    pub(super) fn is_package(&self) -> bool {
        self.form == Form::CamtrapDp
    }

    /// Says whether it is no table.
    pub(super) fn is_json(&self) -> bool {
        self.form == Form::MegaDetector
    }

    /// The column that says what an image shows.
    fn class(&self, schema: &Schema) -> Option<String> {
        let there = |name: &&&str| schema.field(name).is_some_and(|field| field.ty == Type::Text);
        self.class.clone().or_else(|| SHOWN.iter().find(there).map(|name| (*name).to_owned()))
    }

    /// Checks that the table has what the form needs, and that the parameters name what there is.
    pub(super) fn check(&self, schema: &Schema, context: &Context<'_>, report: &mut Report) -> bool {
        let before = report.diagnostics.len();
        let word = self.form.word();
        let mut lacks = self.form.lacks(schema);
        if self.form.needs_class() && self.class(schema).is_none() {
            lacks.push(("class", "export the data set of `merge`, or say under `class` which column it is"));
        }
        for (column, help) in lacks {
            let message = format!("the form `{word}` needs a column `{column}`");
            report.push(Diagnostic::new(codes::MISSING_COLUMN, context.span, message).help(help));
        }
        let fillable = self.form.fillable();
        for (name, _) in self.values.iter().filter(|(name, _)| !fillable.contains(&name.value.as_str())) {
            let help = nearest(&name.value, fillable.iter().copied())
                .map_or_else(|| format!("it has `{}`", fillable.join("`, `")), |near| format!("did you mean `{near}`?"));
            let message = format!("the form `{word}` has no column `{}` to fill", name.value);
            report.push(Diagnostic::new(codes::UNKNOWN_COLUMN, name.span, message).help(help));
        }
        for (class, taxon) in &self.taxa {
            if !context.classes.classes.is_empty() && context.classes.class(&class.value).is_none() {
                let message = format!("`{}` is no class of the programme", class.value);
                let help = nearest(&class.value, context.classes.names())
                    .map_or_else(|| "declare it, or remove its taxon".to_owned(), |near| format!("did you mean `{near}`?"));
                report.push(Diagnostic::new(codes::UNKNOWN_CLASS, class.span, message).help(help));
            }
            let parts = taxon.split(';').count();
            if self.form == Form::WildlifeInsights && parts != TAXON_PARTS {
                let message = format!("the taxon of `{}` has {parts} parts and not {TAXON_PARTS}", class.value);
                let help =
                    "write `id;class;order;family;genus;species;common name`, with nothing between two `;` where it is not known";
                report.push(Diagnostic::new(codes::PARAMETER_TYPE, class.span, message).help(help));
            }
        }
        if let Some((name, value)) =
            self.values.iter().find(|(name, value)| name.value == FILE_PUBLIC && !["true", "false"].contains(&value.as_str()))
        {
            let message = format!("`{value}` is neither `true` nor `false`");
            report.push(
                Diagnostic::new(codes::PARAMETER_TYPE, name.span, message).help("say whether everybody may open the images"),
            );
        }
        let given = |name: &str| self.values.iter().any(|(own, _)| own.value == name) || schema.field(name).is_some();
        if self.form == Form::WildlifeInsights && !given("project_id") {
            let message = "nothing says which project of Wildlife Insights the images belong to";
            report.push(
                Diagnostic::new(codes::MISSING_PARAMETER, self.span, message).help("add `values: { project_id: \"2001\" }`"),
            );
        }
        report.diagnostics.len() == before
    }

    /// The input in its form, with what a person should know.
    pub(super) fn shaped(&self, job: &Job<'_>, columns: &[String]) -> Result<(Table, Vec<Finding>), StepError> {
        let input = job.input(0)?;
        let meaning = Meaning { columns: columns.to_vec(), ..self.meaning(job)? };
        let shaped = self.form.shaped(&input.read(None)?, &meaning)?;
        let finding = |note: Note| Finding::counted(note.kind, note.count, note.words, note.examples);
        Ok((shaped.table, shaped.notes.into_iter().filter_map(finding).collect()))
    }

    /// What the columns of the input mean.
    pub(super) fn meaning(&self, job: &Job<'_>) -> Result<Meaning, StepError> {
        let owned = |(name, value): &(Spanned<String>, String)| (name.value.clone(), value.clone());
        Ok(Meaning {
            class: self.class(job.input(0)?.schema()).unwrap_or_default(),
            classes: classes(job.context),
            values: self.values.iter().map(owned).collect::<BTreeMap<_, _>>(),
            taxa: self.taxa.iter().map(owned).collect::<BTreeMap<_, _>>(),
            columns: Vec::new(),
        })
    }

    /// Scientific names of classes: those of the taxonomy, and above them those of `taxa`.
    pub(super) fn taxa(&self, context: &Context<'_>) -> BTreeMap<String, Taxon> {
        let declared = context.classes.classes.iter().filter_map(|class| Some((class.name.value.clone(), class.taxon.clone()?)));
        let given = self.taxa.iter().map(|(class, name)| {
            let taxon = Taxon { name: name.trim().to_owned(), rank: None, id: None };
            (class.value.clone(), taxon)
        });
        declared.chain(given).collect()
    }

    /// How the table is written.
    pub(super) fn format(&self, context: &Context<'_>, format: &Format) -> Format {
        if self.is_json() { Format::MegaDetector(classes(context)) } else { format.clone() }
    }
}

fn classes(context: &Context<'_>) -> Vec<megadetector::Class> {
    let class = |class: &crate::taxonomy::Class| megadetector::Class { name: class.name.value.clone(), role: class.role };
    context.classes.classes.iter().map(class).collect()
}

/// Ids, categories and records follow from the classes, their order and their roles.
pub(super) fn declarations(context: &Context<'_>) -> Vec<(String, String)> {
    let classes = classes(context).into_iter().map(|class| serde_json::json!([class.name, class.role]));
    vec![("classes and roles".to_owned(), classes.collect::<serde_json::Value>().to_string())]
}
