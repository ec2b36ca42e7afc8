//! Options that several commands share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Which pipeline, with which parameters.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct ProjectArgs {
    /// The pipeline's file; without it the one in this folder. A YAML file as the first argument is the pipeline too
    #[arg(short, long, value_name = "FILE")]
    pub(super) pipeline: Option<PathBuf>,

    #[command(flatten)]
    pub(super) overrides: OverrideArgs,
}

/// What the command line changes in a pipeline.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct OverrideArgs {
    /// Change a parameter of `params:`; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(super) set: Vec<(String, String)>,

    /// Change parameters by a YAML file; `--set` wins; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) params: Vec<PathBuf>,
}

/// Where results are stored.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct StoreArgs {
    /// The folder of stored results; without it `.trapline` beside the pipeline
    #[arg(long, value_name = "DIR")]
    pub(super) store: Option<PathBuf>,
}

/// For people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, such as accept_at=0.95".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_keeps_later_equal_signs() {
        assert_eq!(key_value("path=a=b"), Ok(("path".into(), "a=b".into())));
        assert!(key_value("=3").is_err());
    }
}
