//! Where words go: data to the standard output, talk to the standard error, colour only where it is wanted.

use std::io::{self, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice};

/// The two output streams and what the person wants of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal {
    choice: ColorChoice,
    /// A person watches the standard error.
    watched: bool,
    /// Columns of the terminal that the standard output goes to.
    columns: Option<usize>,
}

impl Terminal {
    /// Remembers the choice of `--colour`; `Auto` honours `NO_COLOR`, `CLICOLOR` and `TERM`.
    pub(super) fn new(choice: ColorChoice) -> Self {
        let columns = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
        Self { choice, watched: io::stderr().is_terminal(), columns }
    }

    /// Prints data. Styles in `text` reach terminals only.
    ///
    /// Goes through a handle, because `println!` panics when a reader such as `head` closes its end.
    pub(super) fn print(self, text: &str) -> anyhow::Result<()> {
        let mut out = self.out();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(())
    }

    /// Prints a value as JSON for programs.
    pub(super) fn print_json(self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        self.print(&(serde_json::to_string_pretty(value)? + "\n"))
    }

    /// The handle for data.
    pub(super) fn out(self) -> AutoStream<io::Stdout> {
        AutoStream::new(io::stdout(), self.choice)
    }

    /// Says something to the person. Nobody listening is no failure.
    pub(super) fn say(self, text: &str) {
        let mut err = AutoStream::new(io::stderr(), self.choice);
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }

    /// Whether a person watches the standard error, so that bars may move.
    pub(super) fn is_watched(self) -> bool {
        self.watched
    }

    /// Whether the standard error shows colour.
    pub(super) fn talks_in_colour(self) -> bool {
        let choice = match self.choice {
            ColorChoice::Auto => AutoStream::choice(&io::stderr()),
            chosen => chosen,
        };
        choice != ColorChoice::Never
    }

    /// Columns to wrap pages at: those of the terminal, within what reads well.
    pub(super) fn width(self) -> usize {
        self.columns.unwrap_or(100).clamp(40, 100)
    }

    /// Columns that a table may take: those of the terminal, and what every terminal has where there is none.
    pub(super) fn table_width(self) -> usize {
        self.columns.unwrap_or(80).max(40)
    }

    /// Columns that a source line may take.
    pub(super) fn full_width(self) -> usize {
        self.columns.unwrap_or(140).max(40)
    }
}
