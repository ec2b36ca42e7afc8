//! The formats that are read, and what each of them wants.

use std::path::Path;

use super::{What, bohner, files};
use crate::diagnostic::{Code, codes};
use crate::exchange::camtrap_dp::DESCRIPTION;
use crate::exchange::camtrap_dp::rules::TABLES;
use crate::step::Params;

/// The words for them in a pipeline.
pub const WORDS: &[&str] = &["csv", "bohner", "megadetector", "speciesnet", "timelapse", "camtrap_dp"];

/// Who wrote the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Any tool, as separated text.
    Csv,
    /// The reference workflow.
    Bohner,
    /// `MegaDetector`, and tools that write its JSON.
    MegaDetector,
    /// `SpeciesNet`.
    SpeciesNet,
    /// Timelapse, as separated text.
    Timelapse,
    /// A data package of Camtrap DP.
    CamtrapDp,
}

impl Format {
    /// By its word.
    pub fn of(word: &str) -> Self {
        match word {
            "bohner" => Self::Bohner,
            "megadetector" => Self::MegaDetector,
            "speciesnet" => Self::SpeciesNet,
            "timelapse" => Self::Timelapse,
            "camtrap_dp" => Self::CamtrapDp,
            _ => Self::Csv,
        }
    }

    /// Says whether the files are JSON and their columns known.
    pub fn is_json(self) -> bool {
        matches!(self, Self::MegaDetector | Self::SpeciesNet)
    }

    /// A parameter that the format does not go with: its name, a code, why, and the way out.
    pub fn refuses(self, params: &Params, what: What) -> Option<(&'static str, Code, String, &'static str)> {
        let given = |name: &str| params.get(name).is_some();
        let unknown = |name, message: &str, help| Some((name, codes::UNKNOWN_PARAMETER, message.to_owned(), help));
        if self == Self::Bohner && given("columns") {
            return unknown(
                "columns",
                "`columns` is for CSV; the columns of the Böhner workflow are known",
                "remove `columns`, or `format`",
            );
        }
        if self == Self::CamtrapDp {
            if let Some(name) = ["columns", "separator", "missing"].into_iter().find(|name| given(name)) {
                return unknown(
                    name,
                    &format!("`{name}` is for CSV; the columns of a package are known"),
                    "remove it, or `format`",
                );
            }
            if what == What::Images {
                let message = "a package is read for its labels and predictions".to_owned();
                return Some(("what", codes::NOT_A_CHOICE, message, "write `what: labels` or `what: predictions`"));
            }
        }
        if !self.is_json() {
            let message = "`detection_threshold` is for results of detectors";
            let help = "remove it, or add `format: megadetector` or `format: speciesnet`";
            return given("detection_threshold").then(|| unknown("detection_threshold", message, help)).flatten();
        }
        if let Some(name) = ["columns", "separator", "missing"].into_iter().find(|name| given(name)) {
            return unknown(name, &format!("`{name}` is for CSV; this format has fields of its own"), "remove it, or `format`");
        }
        (what != What::Predictions).then(|| {
            let message = format!("this format holds predictions and no {}", what.word());
            ("what", codes::NOT_A_CHOICE, message, "write `what: predictions`")
        })
    }

    /// The files that one entry of `files` means.
    ///
    /// # Errors
    /// When one is there and cannot be looked at.
    pub fn find(self, what: What, project: &Path, given: &str) -> std::io::Result<Vec<String>> {
        let ending = |endings: &'static [&str]| move |name: &str| endings.iter().any(|end| name.to_lowercase().ends_with(end));
        match self {
            Self::Csv | Self::Timelapse => files::find(project, given, &ending(&[".csv", ".txt", ".tsv"])),
            Self::MegaDetector | Self::SpeciesNet => files::find(project, given, &ending(&[".json"])),
            Self::CamtrapDp => {
                // The description stands for its package.
                let folder = given.strip_suffix(DESCRIPTION).map(|folder| folder.trim_end_matches('/'));
                let folder = folder.map(|folder| if folder.is_empty() { "." } else { folder });
                files::find(project, folder.unwrap_or(given), &|name| TABLES.iter().any(|rules| rules.file() == name))
            }
            Self::Bohner => {
                let found = files::find(project, given, &|name| bohner::wanted(what, name))?;
                if found.is_empty() { files::find(project, given, &bohner::is_final) } else { Ok(found) }
            }
        }
    }

    /// Which files of a folder are read.
    pub fn looked_for(self, what: What) -> &'static str {
        match (self, what) {
            (Self::Csv | Self::Timelapse, _) => {
                "in a folder, files that end in `.csv`, `.txt` or `.tsv` are read; paths are relative to the pipeline"
            }
            (Self::MegaDetector | Self::SpeciesNet, _) => {
                "in a folder, files that end in `.json` are read; paths are relative to the pipeline"
            }
            (Self::CamtrapDp, _) => {
                "name the folder of the package, in which `deployments.csv`, `media.csv` and `observations.csv` lie"
            }
            (Self::Bohner, What::Images) => "in a folder, `metadata_*.txt` is read, or else `image_classification_*.txt`",
            (Self::Bohner, What::Predictions) => {
                "in a folder, `classification_*.txt` is read, or else `image_classification_*.txt`"
            }
            (Self::Bohner, What::Labels) => {
                "in a folder, `quality_check_*.txt` and `manual_classification_*.txt` are read, or else `image_classification_*.txt`"
            }
        }
    }
}
