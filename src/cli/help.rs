//! `trapline help`: a step kind, a diagnostic code or a command, explained.

use clap::{Args, Command};

use super::exit::Exit;
use super::render::page::{self, entry};
use super::render::style::{CODE, FAINT, HEADING, STRONG, paint};
use super::terminal::Terminal;
use crate::diagnostic::{Severity, codes, nearest};
use crate::model::{MODEL_FILE, fields};
use crate::report::templates;
use crate::step::{KINDS, Param, ParamType, Port, PortType, StepKind, kind};

/// Explain a kind of step, a file that you write, a diagnostic code or a command
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline help classify
  trapline help deployments
  trapline help TL0412
  trapline help run
  trapline help figures/theme.css > look/figures/theme.css.jinja    # a template of the report, to start from")]
pub(super) struct Help {
    /// A kind of step, what you write (`taxonomy`, `deployments` ...), a code such as TL0412, a command, or a template of the report
    #[arg(value_name = "TOPIC")]
    topic: Option<String>,
}

/// `commands` is the whole command line, as defined.
pub(super) fn run(args: &Help, commands: &Command, terminal: Terminal) -> anyhow::Result<Exit> {
    let width = terminal.width();
    let Some(topic) = &args.topic else {
        terminal.print(&overview(commands, width))?;
        return Ok(Exit::Ok);
    };
    if let Some(kind) = kind(topic) {
        terminal.print(&of_kind(kind, width))?;
        if commands.find_subcommand(topic).is_some() {
            terminal.print(&format!("\nThere is a command of that name too: `trapline {topic} --help`.\n"))?;
        }
    } else if let Some((name, summary, page)) = TOPICS.iter().find(|(name, ..)| name == topic) {
        terminal.print(&format!("{} {summary}\n\n{}", paint(STRONG, &format!("{name}:")), page::render(page, width)))?;
        if commands.find_subcommand(topic).is_some() {
            terminal.print(&format!("\nThere is a command of that name too: `trapline {topic} --help`.\n"))?;
        }
    } else if let Some(explained) = codes::find(topic) {
        terminal.print(&of_code(explained, width))?;
    } else if let Some(command) = commands.find_subcommand(topic) {
        let command = command.clone().bin_name(format!("trapline {topic}"));
        terminal.print(&format!("{}\n", command.clone().render_long_help().ansi()))?;
        if topic == "model" {
            terminal.print(&format!("\n{}", model_yaml(width)))?;
        }
    } else if topic == MODEL_FILE {
        terminal.print(&model_yaml(width))?;
    } else if let Some(template) = templates::built_in(topic) {
        terminal.print(template)?;
    } else {
        anyhow::bail!(
            "there is no step kind, topic, code or command `{topic}`{}; `trapline help` lists them",
            hint(commands, topic)
        );
    }
    Ok(Exit::Ok)
}

/// What people write, beside steps: name, a line, the page.
const TOPICS: &[(&str, &str, &str)] = &[
    ("taxonomy", "the programme's classes", include_str!("help/taxonomy.md")),
    ("deployments", "which camera stood where, and when", include_str!("help/deployments.md")),
    ("clock", "corrections of wrong camera clocks", include_str!("help/clock.md")),
    ("labels", "what people said of images", include_str!("help/labels.md")),
    ("roots", "where the images lie", include_str!("help/roots.md")),
    ("params", "values that may change", include_str!("help/params.md")),
    ("expect", "bounds that a step must keep", include_str!("help/expect.md")),
];

/// The keys of `model.yaml`, from their own definition, with an example.
fn model_yaml(width: usize) -> String {
    let mut page = format!("{}\n", paint(HEADING, "The keys of `model.yaml`"));
    for field in fields::FIELDS {
        let takes = if field.required { field.takes.to_owned() } else { format!("{}, may be left out", field.takes) };
        page.push_str(&entry(field.key, &takes, field.doc, width));
    }
    page.push_str(&format!("\n{}\n", paint(HEADING, "An example")));
    page.extend(fields::EXAMPLE.lines().map(|line| format!("  {line}\n")));
    page.push_str("\n`trapline model add FOLDER` says every fault of it at once, and tries the network.\n");
    page
}

fn hint(commands: &Command, topic: &str) -> String {
    let mut names: Vec<_> = KINDS.iter().map(|kind| kind.name).chain(codes::CODES.iter().map(|e| e.code.id)).collect();
    names.extend(commands.get_subcommands().map(Command::get_name));
    names.extend(TOPICS.iter().map(|(name, ..)| *name));
    nearest(topic, names).map_or(String::new(), |near| format!(", did you mean `{near}`?"))
}

/// What there is to ask about.
fn overview(commands: &Command, width: usize) -> String {
    let mut page = format!("{}\n", paint(HEADING, "Commands"));
    for command in commands.get_subcommands() {
        page.push_str(&entry(command.get_name(), "", &command.get_about().map(ToString::to_string).unwrap_or_default(), width));
    }
    page.push_str(&format!("\n{}\n", paint(HEADING, "Kinds of step (`uses:`)")));
    for kind in KINDS {
        page.push_str(&entry(kind.name, "", kind.summary, width));
    }
    page.push_str(&format!("\n{}\n", paint(HEADING, "What you write")));
    for (name, summary, _) in TOPICS {
        page.push_str(&entry(name, "", summary, width));
    }
    page.push_str(
        "\n`trapline help STEP` explains a kind, `trapline help TL0412` a diagnostic, `trapline help COMMAND` a command.\n",
    );
    page
}

/// The page of a kind, with tables made from its definition.
fn of_kind(kind: &StepKind, width: usize) -> String {
    let mut text = format!("{} {}\n\n", paint(STRONG, &format!("{}:", kind.name)), kind.summary);
    // The page is a document of its own, whose title has just been said.
    let docs = kind.docs.trim_start().strip_prefix(&format!("# {}\n", kind.name)).unwrap_or(kind.docs);
    text.push_str(&page::render(docs, width));
    let mut section = |title: &str, entries: Vec<String>| {
        if !entries.is_empty() {
            text.push_str(&format!("\n{}\n{}", paint(HEADING, title), entries.concat()));
        }
    };
    section(
        "Inputs (`from:`)",
        kind.inputs.iter().map(|port| entry(port.name, &port_kind(port, true), &port_doc(port), width)).collect(),
    );
    section(
        "Parameters (`with:`)",
        kind.params.iter().map(|param| entry(param.name, &param_kind(param), param.doc, width)).collect(),
    );
    section(
        "Outputs",
        kind.outputs.iter().map(|port| entry(port.name, &port_kind(port, false), &port_doc(port), width)).collect(),
    );
    section("Metrics (`expect:`)", kind.metrics.iter().map(|metric| entry(metric.name, "", metric.doc, width)).collect());
    text
}

fn port_kind(port: &Port, input: bool) -> String {
    let mut words = vec![
        match port.ty {
            PortType::Table => "table",
            PortType::Model => "model",
            PortType::Files => "files",
            PortType::Report => "report",
            PortType::Step => "step",
        }
        .to_owned(),
    ];
    if input && port.many {
        words.push("one or more".into());
    }
    if input && port.optional {
        words.push("optional".into());
    }
    words.join(", ")
}

/// What flows, and the columns that are there whatever the pipeline.
fn port_doc(port: &Port) -> String {
    if port.requires.is_empty() {
        return port.doc.to_owned();
    }
    let columns: Vec<_> = port.requires.iter().map(|(name, _)| format!("`{name}`")).collect();
    format!("{} (columns {})", port.doc, columns.join(", "))
}

fn param_kind(param: &Param) -> String {
    let mut words = vec![type_words(&param.ty)];
    match param.default {
        _ if param.required => words.push("required".into()),
        Some(default) => words.push(format!("default {default}")),
        None => words.push("optional".into()),
    }
    words.join(", ")
}

/// A type, as a person would write it.
fn type_words(ty: &ParamType) -> String {
    match ty {
        ParamType::Bool => "true or false".into(),
        ParamType::Int(low, high) => {
            range("whole number", (*low > i64::MIN).then(|| low.to_string()), (*high < i64::MAX).then(|| high.to_string()))
        }
        ParamType::Number(low, high) => {
            range("number", low.is_finite().then(|| low.to_string()), high.is_finite().then(|| high.to_string()))
        }
        ParamType::Text => "text".into(),
        ParamType::Choice(words) => words.join(" | "),
        ParamType::Path(_) => "path in the project".into(),
        ParamType::Root => "root, or folder of the project".into(),
        ParamType::Pattern => "path pattern".into(),
        ParamType::Column(port) => format!("column of `{port}`"),
        ParamType::Class => "class".into(),
        ParamType::Model => "name@version".into(),
        ParamType::ModelOr(word) => format!("name@version | {word}"),
        ParamType::Template(port) => format!("template over the columns of `{port}`, once per image"),
        ParamType::List(inner) => format!("list of: {}", type_words(inner)),
        ParamType::Map(inner) => format!("mapping to: {}", type_words(inner)),
        ParamType::BySeason(inner) => format!("{}, or one per range of seasons", type_words(inner)),
        ParamType::ByFile(inner) => format!("{}, or one per file", type_words(inner)),
        ParamType::ByEpoch(inner) => format!("{}, or one from each of some epochs on", type_words(inner)),
    }
}

fn range(what: &str, low: Option<String>, high: Option<String>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{what} from {low} to {high}"),
        (Some(low), None) => format!("{what} from {low}"),
        (None, Some(high)) => format!("{what} up to {high}"),
        (None, None) => what.to_owned(),
    }
}

fn of_code(explained: &codes::Explained, width: usize) -> String {
    let code = explained.code;
    let severity = match code.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    format!(
        "{} {}  {}\n\n{}\nTo accept it on one line: {}\n",
        paint(STRONG, code.id),
        code.title,
        paint(FAINT, severity),
        page::render(explained.explanation, width),
        paint(CODE, &format!("# trapline: allow {} reason", code.id)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_code_is_explained() {
        insta::assert_snapshot!(plain(&of_code(codes::find("tl0412").unwrap(), 80)), @"
        TL0412 a column is missing  error

        The step needs a column that its input does not have. Columns come from the
        captures of the path and from earlier steps.

        To accept it on one line: # trapline: allow TL0412 reason
        ");
    }

    #[test]
    fn every_kind_has_a_page_with_its_parameters() {
        for kind in KINDS {
            let page = plain(&of_kind(kind, 80));
            for param in kind.params {
                assert!(page.contains(&format!("\n  {}  {}", param.name, param_kind(param))), "{}: {}", kind.name, param.name);
            }
            assert!(page.lines().all(|line| line.chars().count() <= 130), "{}", kind.name);
        }
    }

    #[test]
    fn types_are_words() {
        assert_eq!(type_words(&ParamType::List(&ParamType::Int(0, i64::MAX))), "list of: whole number from 0");
        assert_eq!(type_words(&ParamType::BySeason(&ParamType::Model)), "name@version, or one per range of seasons");
        assert_eq!(type_words(&ParamType::Number(0.0, 1.0)), "number from 0 to 1");
    }
}
