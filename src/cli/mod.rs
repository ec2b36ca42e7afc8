//! The command line: the only place that prints, reads the environment and the clock, or knows colour.
//!
//! One file per command. What people read is rendered in `render` from the values that programs get as JSON.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anstream::ColorChoice;
use clap::{CommandFactory as _, Parser as _};

mod args;
mod changes;
mod exit;
mod help;
mod host;
mod project;
mod render;
mod terminal;

mod cache;
mod completions;
mod demo;
mod diff;
mod explain;
mod export;
mod graph;
mod image;
mod images;
mod init;
mod labels;
mod model;
mod options;
mod plan;
mod promote;
mod review;
mod run;
mod schema;
mod season;
mod show;
mod status;
mod stored;
mod validate;
mod verify;
mod why;

use args::{Cli, Colour, Command};
use exit::Exit;
use terminal::Terminal;

/// Runs the program: arguments, command, exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(given(std::env::args_os().collect(), &Cli::command())) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let terminal = Terminal::new(match cli.colour {
        Colour::Auto => ColorChoice::Auto,
        Colour::Always => ColorChoice::Always,
        Colour::Never => ColorChoice::Never,
    });
    dispatch(cli.command, terminal).unwrap_or_else(|error| report(&error, terminal)).into()
}

/// The arguments, with `-p` before a YAML file that stands first behind a command that works on a pipeline.
fn given(mut args: Vec<OsString>, commands: &clap::Command) -> Vec<OsString> {
    let (mut command, mut at) = (commands, 1);
    while let Some(next) = args.get(at).and_then(|word| command.find_subcommand(word)) {
        (command, at) = (next, at + 1);
    }
    let takes_pipeline = command.get_arguments().any(|arg| arg.get_id() == "pipeline");
    if takes_pipeline && args.get(at).is_some_and(|word| project::is_yaml(Path::new(word))) {
        args.insert(at, "-p".into());
    }
    args
}

fn dispatch(command: Command, terminal: Terminal) -> anyhow::Result<Exit> {
    match command {
        Command::Cache(args) => cache::run(&args, terminal),
        Command::Completions(args) => completions::run(&args, Cli::command(), terminal),
        Command::Demo(args) => demo::run(&args, terminal),
        Command::Diff(args) => diff::run(&args, terminal),
        Command::Export(args) => export::run(&args, terminal),
        Command::Graph(args) => graph::run(&args, terminal),
        Command::Help(args) => help::run(&args, &Cli::command(), terminal),
        Command::Images(args) => images::run(&args, terminal),
        Command::Init(args) => init::run(&args, terminal),
        Command::Labels(args) => labels::run(args, terminal),
        Command::Model(args) => model::run(&args, terminal),
        Command::Plan(args) => plan::run(&args, terminal),
        Command::Promote(args) => promote::run(&args, terminal),
        Command::Review(args) => review::run(&args, terminal),
        Command::Run(args) => run::run(args, terminal),
        Command::Schema(args) => schema::run(&args, terminal),
        Command::Season(args) => season::run(&args, terminal),
        Command::Show(args) => show::run(&args, terminal),
        Command::Status(args) => status::run(&args, terminal),
        Command::Validate(args) => validate::run(&args, terminal),
        Command::Verify(args) => verify::run(&args, terminal),
        Command::Why(args) => why::run(&args, terminal),
        Command::Explain(args) => explain::run(&args, terminal),
    }
}

/// Prints what clap has to say: help and version are data, mistakes are talk.
fn refuse(error: &clap::Error) -> ExitCode {
    // A reader that went away is no mistake.
    let _ = error.print();
    if error.use_stderr() { Exit::BadInput.into() } else { Exit::Ok.into() }
}

/// Says an error with its causes, and gives its code.
fn report(error: &anyhow::Error, terminal: Terminal) -> Exit {
    let Some(exit) = exit::of(error) else { return Exit::Ok };
    terminal.say(&render::error(error));
    exit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(args: &[&str]) -> String {
        let args = args.iter().map(OsString::from).collect();
        given(args, &Cli::command()).iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_yaml_file_behind_a_command_is_the_pipeline() {
        assert_eq!(shown(&["trapline", "run", "voles.yaml", "names"]), "trapline run -p voles.yaml names");
        assert_eq!(shown(&["trapline", "labels", "status", "a/b.yml"]), "trapline labels status -p a/b.yml");
        assert_eq!(shown(&["trapline", "validate", "a.yaml"]), "trapline validate a.yaml");
        assert_eq!(shown(&["trapline", "run", "-p", "a.yaml"]), "trapline run -p a.yaml");
        assert_eq!(shown(&["trapline", "run", "names"]), "trapline run names");
    }
}
