//! The few styles used; the streams drop them where nobody sees colour.

use clap::builder::styling::{AnsiColor, Style, Styles};

pub(in crate::cli) const STRONG: Style = Style::new().bold();
pub(in crate::cli) const FAINT: Style = Style::new().dimmed();
pub(in crate::cli) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(in crate::cli) const WARNING: Style = AnsiColor::Yellow.on_default().bold();
pub(in crate::cli) const GOOD: Style = AnsiColor::Green.on_default();
pub(in crate::cli) const BUSY: Style = AnsiColor::Cyan.on_default();
pub(in crate::cli) const CODE: Style = AnsiColor::Cyan.on_default();
pub(in crate::cli) const HEADING: Style = AnsiColor::Green.on_default().bold();

/// The styles of `--help`, equal to those of our own pages.
pub(in crate::cli) const HELP: Styles =
    Styles::styled().header(HEADING).usage(HEADING).literal(CODE.bold()).placeholder(CODE).error(ERROR);

/// Wraps `text` in `style`.
pub(in crate::cli) fn paint(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
}
