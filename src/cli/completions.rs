//! `trapline completions`: what a shell needs to complete commands and options.

use clap::{Args, Command};
use clap_complete::Shell;

use super::exit::Exit;
use super::terminal::Terminal;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline completions bash > ~/.local/share/bash-completion/completions/trapline
  trapline completions powershell >> $PROFILE")]
pub(super) struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// `commands` is the whole command line, as defined.
pub(super) fn run(args: &Completions, mut commands: Command, terminal: Terminal) -> anyhow::Result<Exit> {
    // Into memory first: the generator panics when its writer fails, as a closed pipe does.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut commands, "trapline", &mut script);
    terminal.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}
