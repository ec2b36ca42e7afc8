//! The command line as typed. What belongs to one command stands in that command's file.

use clap::{Parser, Subcommand, ValueEnum};

use super::render::style;
use super::{
    cache, completions, demo, diff, explain, export, graph, help, images, init, labels, model, plan, promote, review, run,
    schema, season, show, status, validate, verify, why,
};

/// From a folder of camera-trap images and one YAML file to a quality-checked data set.
#[derive(Debug, Parser)]
#[command(
    name = "trapline",
    version,
    styles = style::HELP,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    after_help = "A first look:   trapline demo\nA new project:  trapline init, then edit pipeline.yaml, then trapline run"
)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,

    /// When to use colour; `auto` honours `NO_COLOR`
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", alias = "color")]
    pub(super) colour: Colour,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal.
    Auto,
    /// Also into pipes and files.
    Always,
    /// Never.
    Never,
}

/// The commands, in the order of a project's life.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Demo(demo::Demo),
    Init(init::Init),
    Validate(validate::Validate),
    Plan(plan::Plan),
    Run(run::Run),
    Status(status::Status),
    Why(why::Why),
    Explain(explain::Explain),
    Show(show::Show),
    Graph(graph::Graph),
    Verify(verify::Verify),
    Diff(diff::Diff),
    Export(export::Export),
    Review(review::Review),
    Labels(labels::Labels),
    Season(season::Season),
    Images(images::Images),
    Model(model::Model),
    Promote(promote::Promote),
    Cache(cache::Cache),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Help(help::Help),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        let command = Cli::command();
        let without: Vec<_> = command
            .get_subcommands()
            .filter(|c| !c.get_after_help().is_some_and(|help| help.to_string().contains("trapline ")))
            .map(clap::Command::get_name)
            .collect();
        assert_eq!(without, Vec::<&str>::new());
    }
}
