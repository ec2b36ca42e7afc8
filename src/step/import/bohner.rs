//! The files of the reference workflow (Böhner et al. 2023), recognised by their columns.

use super::What;
use super::layout::{Filter, Layout, Part, Source};

/// One of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// One row per image, from EXIF.
    Metadata,
    /// One row per image, from the model.
    Classification,
    /// Checked images.
    QualityCheck,
    /// Images whose label a person gave.
    Manual,
    /// One row per image and class.
    Final,
}

impl File {
    /// The file with these columns.
    pub fn of(header: &[String]) -> Option<Self> {
        let has = |name: &str| header.iter().any(|column| column == name);
        if has("NewFileName") && has("SourceFile") {
            Some(Self::Metadata)
        } else if has("image_name") && has("presence_automatic") {
            Some(Self::Final)
        } else if !has("filename") {
            None
        } else if has("class_id") && has("type") {
            Some(Self::QualityCheck)
        } else if has("class_id") {
            Some(Self::Manual)
        } else {
            has("guess1").then_some(Self::Classification)
        }
    }

    /// As people call it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Metadata => "a metadata file",
            Self::Classification => "a classification file",
            Self::QualityCheck => "a quality-check file",
            Self::Manual => "a file of manual labels",
            Self::Final => "a final file",
        }
    }
}

/// Says whether a file of a folder belongs to `what`, by the names that the workflow gives.
pub fn wanted(what: What, name: &str) -> bool {
    let starts: &[&str] = match what {
        What::Images => &["metadata_"],
        What::Predictions => &["classification_"],
        What::Labels => &["quality_check_", "manual_classification_"],
    };
    is_text(name) && starts.iter().any(|start| name.starts_with(start))
}

fn is_text(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("txt"))
}

/// Says whether a file of a folder is a final one. It repeats what the others say: it counts where they are gone.
pub fn is_final(name: &str) -> bool {
    is_text(name) && name.starts_with("image_classification_")
}

/// How a file is read, or why it cannot be.
pub fn layout(header: &[String], path: &str, what: What) -> Result<Layout, String> {
    let Some(file) = File::of(header) else {
        return Err("the columns are those of no file of the workflow; use `format: csv` with `columns`".to_owned());
    };
    match (what, file) {
        (What::Images, File::Metadata) => metadata(header, path),
        (What::Images | What::Predictions | What::Labels, File::Final) => from_final(header, path, what),
        (What::Predictions, File::Classification | File::QualityCheck | File::Manual)
        | (What::Labels, File::QualityCheck | File::Manual) => answers(header, path, what, file),
        _ => Err(format!("{} has no {}", file.words(), what.word())),
    }
}

fn need(header: &[String], name: &str) -> Result<usize, String> {
    header.iter().position(|column| column == name).ok_or_else(|| format!("the column `{name}` is missing"))
}

/// The last part of the name of a file, where it is a year: `metadata_SITE_2020.txt`.
fn year_of(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    let (_, year) = name.strip_suffix(".txt")?.rsplit_once('_')?;
    (year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit())).then_some(year)
}

/// The model in `MODEL/.../classification_MODEL_SITE_YEAR.txt`: models and sites both hold `_`, so the folder says where one ends.
fn model_of(path: &str) -> Option<String> {
    let (folders, name) = path.rsplit_once('/')?;
    let name = name.strip_prefix("classification_")?;
    let named = folders.split('/').filter(|folder| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('_')));
    named.max_by_key(|folder| folder.len()).map(str::to_owned)
}

fn metadata(header: &[String], path: &str) -> Result<Layout, String> {
    let (source, name) = (need(header, "SourceFile")?, need(header, "NewFileName")?);
    let year = year_of(path).map(str::to_owned);
    let mut columns: Vec<(String, Source)> = vec![
        ("path".into(), Source::Field(source)),
        ("file".into(), Source::Field(need(header, "FileName")?)),
        ("locality".into(), Source::Folder { path: source, name, before: true, otherwise: None }),
        ("site".into(), Source::Part(Part::Site, name)),
        ("season".into(), Source::Folder { path: source, name, before: false, otherwise: year }),
        ("name".into(), Source::Field(name)),
    ];
    let mut add = |own: &str, theirs: &str, make: &dyn Fn(usize) -> Source| {
        if let Ok(at) = need(header, theirs) {
            columns.push((own.to_owned(), make(at)));
        }
    };
    for (own, theirs) in [("camera_make", "Make"), ("camera_model", "Model"), ("serial", "SerialNumber")] {
        add(own, theirs, &Source::Field);
    }
    add("datetime_raw", "DateTimeOriginal", &Source::Field);
    add("date_raw", "DateTimeOriginal", &|at| Source::Part(Part::Date, at));
    add("time_raw", "DateTimeOriginal", &|at| Source::Part(Part::Time, at));
    add("datetime", "DateTimeOriginal", &Source::Field);
    add("trigger", "TriggerMode", &Source::Field);
    add("sequence_n", "Sequence", &|at| Source::Part(Part::First, at));
    add("sequence_of", "Sequence", &|at| Source::Part(Part::Second, at));
    for (own, theirs) in [
        ("event", "EventNumber"),
        ("moon", "MoonPhase"),
        ("temperature_c", "AmbientTemperature"),
        ("contrast", "Contrast"),
        ("brightness", "Brightness"),
        ("sharpness", "Sharpness"),
        ("saturation", "Saturation"),
    ] {
        add(own, theirs, &Source::Field);
    }
    Ok(Layout { columns, filter: Filter::All })
}

fn answers(header: &[String], path: &str, what: What, file: File) -> Result<Layout, String> {
    let mut layout = Layout {
        columns: vec![
            ("site".into(), Source::Field(need(header, "site")?)),
            ("season".into(), Source::Field(need(header, "year")?)),
            ("name".into(), Source::Field(need(header, "filename")?)),
        ],
        filter: Filter::All,
    };
    if what == What::Predictions {
        layout.set("label", Source::Field(need(header, "guess1")?));
        layout.set("confidence", Source::Field(need(header, "confidence1")?));
        if let Some(model) = model_of(path) {
            layout.set("model", Source::Constant(model));
        }
        return Ok(layout);
    }
    layout.set("class", Source::Field(need(header, "class_id")?));
    layout.set(
        "type",
        match file {
            File::QualityCheck => Source::Field(need(header, "type")?),
            _ => Source::Constant(crate::step::label_type::CORRECTED.to_owned()),
        },
    );
    layout.set("reviewer", Source::Field(need(header, "observer")?));
    if let Ok(at) = need(header, "comment") {
        layout.set("comment", Source::Field(at));
    }
    Ok(layout)
}

fn from_final(header: &[String], path: &str, what: What) -> Result<Layout, String> {
    let image = need(header, "image_name")?;
    let mut layout = Layout {
        columns: vec![
            ("locality".into(), Source::Field(need(header, "locality")?)),
            ("site".into(), Source::Field(need(header, "site")?)),
            ("name".into(), Source::Field(image)),
        ],
        filter: Filter::First { image },
    };
    if let Some(year) = year_of(path) {
        layout.set("season", Source::Constant(year.to_owned()));
    }
    match what {
        What::Images => {
            let (date, time) = (need(header, "date")?, need(header, "time")?);
            layout.set("date_raw", Source::Field(date));
            layout.set("datetime", Source::Joined(date, time));
        }
        What::Predictions => {
            let at = need(header, "presence_automatic")?;
            layout.set("label", Source::Field(need(header, "class_id")?));
            layout.set("confidence", Source::Field(need(header, "confidence_automatic")?));
            layout.filter = Filter::One { at, asked: at, image };
        }
        What::Labels => {
            let asked = need(header, "type_manual_classification")?;
            layout.set("class", Source::Field(need(header, "class_id")?));
            layout.set("type", Source::Field(asked));
            layout.set("reviewer", Source::Field(need(header, "observer_manual")?));
            layout.set("comment", Source::Field(need(header, "comment")?));
            layout.filter = Filter::One { at: need(header, "presence_manual")?, asked, image };
        }
    }
    Ok(layout)
}

/// The reference classification: codes, names and the ids of its published tables.
const CLASSES: &[(&str, &str, &str)] = &[
    ("0", "bad_quality", "bad_quality"),
    ("1", "empty", "empty"),
    ("2", "bird", "aves"),
    ("3", "vole", "cricetidae"),
    ("4", "least_weasel", "mus_niv"),
    ("5", "lemming", "lem_lem"),
    ("6", "shrew", "sor_sp"),
    ("7", "stoat", "mus_erm"),
];

/// The class behind a code, a name or an id of the reference classification.
pub fn class(value: &str) -> Option<&'static str> {
    let is_it = |(code, name, id): &&(&str, &str, &str)| value == *code || value == *name || value == *id;
    CLASSES.iter().find(is_it).map(|(_, name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_and_models_come_from_whole_parts_of_names() {
        assert_eq!(year_of("m/metadata_vj_ga_hu_1_2020.txt"), Some("2020"));
        assert_eq!((year_of("metadata_vj_1.txt"), year_of("x_20201.txt")), (None, None));
        let path = "automatic/small_2022/vj/2020/classification_small_2022_vj_1_2020.txt";
        assert_eq!(model_of(path).as_deref(), Some("small_2022"));
        assert_eq!(model_of("small/classification_small_2022_vj_1_2020.txt").as_deref(), Some("small"));
        assert_eq!(model_of("classification_small_vj_1_2020.txt"), None);
    }
}
