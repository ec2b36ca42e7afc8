//! What the three tables must hold: columns in their order, types, bounds and words, and what they refer to.
//!
//! The facts are those of the table schemas of Camtrap DP 1.0.2.

use jiff::civil::DateTime;

/// What a value must be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any text.
    Text,
    /// A number within bounds, both included.
    Number(f64, f64),
    /// A whole number within bounds, both included.
    Whole(i64, i64),
    /// True or false.
    Truth,
    /// A date and time with an offset.
    Time,
    /// One of some words.
    Words(&'static [&'static str]),
    /// A text of a certain form: what judges it, and what it is in words.
    Form(fn(&str) -> bool, &'static str),
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Every row has a value.
    pub required: bool,
    /// No value occurs twice.
    pub unique: bool,
}

/// A table.
#[derive(Debug)]
pub struct Rules {
    /// Its name; the file is `NAME.csv`.
    pub name: &'static str,
    /// Its columns, in order.
    pub fields: &'static [Field],
    /// Columns whose values stand in the first column of another table.
    pub refers: &'static [(&'static str, &'static str)],
}

impl Rules {
    /// The name of the file.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}.csv", self.name)
    }
}

/// Words that stand for a missing value.
pub const MISSING: &[&str] = &["", "NA", "NaN", "nan"];

const INF: f64 = f64::INFINITY;
/// The smallest side of a box.
const SIDE: f64 = 1e-15;

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false, unique: false }
}

const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true, unique: false }
}

const fn unique(name: &'static str) -> Field {
    Field { name, kind: Kind::Text, required: true, unique: true }
}

/// `deployments`.
pub static DEPLOYMENTS: Rules = Rules {
    name: "deployments",
    fields: &[
        unique("deploymentID"),
        field("locationID", Kind::Text),
        field("locationName", Kind::Text),
        required("latitude", Kind::Number(-90.0, 90.0)),
        required("longitude", Kind::Number(-180.0, 180.0)),
        field("coordinateUncertainty", Kind::Whole(1, i64::MAX)),
        required("deploymentStart", Kind::Time),
        required("deploymentEnd", Kind::Time),
        field("setupBy", Kind::Text),
        field("cameraID", Kind::Text),
        field("cameraModel", Kind::Text),
        field("cameraDelay", Kind::Whole(0, i64::MAX)),
        field("cameraHeight", Kind::Number(0.0, INF)),
        field("cameraDepth", Kind::Number(0.0, INF)),
        field("cameraTilt", Kind::Whole(-90, 90)),
        field("cameraHeading", Kind::Whole(0, 360)),
        field("detectionDistance", Kind::Number(0.0, INF)),
        field("timestampIssues", Kind::Truth),
        field("baitUse", Kind::Truth),
        field(
            "featureType",
            Kind::Words(&[
                "roadPaved",
                "roadDirt",
                "trailHiking",
                "trailGame",
                "roadUnderpass",
                "roadOverpass",
                "roadBridge",
                "culvert",
                "burrow",
                "nestSite",
                "carcass",
                "waterSource",
                "fruitingTree",
            ]),
        ),
        field("habitat", Kind::Text),
        field("deploymentGroups", Kind::Text),
        field("deploymentTags", Kind::Text),
        field("deploymentComments", Kind::Text),
    ],
    refers: &[],
};

/// `media`.
pub static MEDIA: Rules = Rules {
    name: "media",
    fields: &[
        unique("mediaID"),
        required("deploymentID", Kind::Text),
        field("captureMethod", Kind::Words(&["activityDetection", "timeLapse"])),
        required("timestamp", Kind::Time),
        required(
            "filePath",
            Kind::Form(is_file_path, "a URL or a relative path that does not start with `.`, `/` or `~` and has no `..`"),
        ),
        required("filePublic", Kind::Truth),
        field("fileName", Kind::Text),
        required("fileMediatype", Kind::Form(is_media_type, "a media type such as `image/jpeg`")),
        field("exifData", Kind::Text),
        field("favorite", Kind::Truth),
        field("mediaComments", Kind::Text),
    ],
    refers: &[("deploymentID", "deployments")],
};

/// `observations`.
pub static OBSERVATIONS: Rules = Rules {
    name: "observations",
    fields: &[
        unique("observationID"),
        required("deploymentID", Kind::Text),
        field("mediaID", Kind::Text),
        field("eventID", Kind::Text),
        required("eventStart", Kind::Time),
        required("eventEnd", Kind::Time),
        required("observationLevel", Kind::Words(&["media", "event"])),
        required("observationType", Kind::Words(&["animal", "human", "vehicle", "blank", "unknown", "unclassified"])),
        field("cameraSetupType", Kind::Words(&["setup", "calibration"])),
        field("scientificName", Kind::Text),
        field("count", Kind::Whole(1, i64::MAX)),
        field("lifeStage", Kind::Words(&["adult", "subadult", "juvenile"])),
        field("sex", Kind::Words(&["female", "male"])),
        field("behavior", Kind::Text),
        field("individualID", Kind::Text),
        field("individualPositionRadius", Kind::Number(0.0, INF)),
        field("individualPositionAngle", Kind::Number(-90.0, 90.0)),
        field("individualSpeed", Kind::Number(0.0, INF)),
        field("bboxX", Kind::Number(0.0, 1.0)),
        field("bboxY", Kind::Number(0.0, 1.0)),
        field("bboxWidth", Kind::Number(SIDE, 1.0)),
        field("bboxHeight", Kind::Number(SIDE, 1.0)),
        field("classificationMethod", Kind::Words(&["human", "machine"])),
        field("classifiedBy", Kind::Text),
        field("classificationTimestamp", Kind::Time),
        field("classificationProbability", Kind::Number(0.0, 1.0)),
        field("observationTags", Kind::Text),
        field("observationComments", Kind::Text),
    ],
    refers: &[("deploymentID", "deployments"), ("mediaID", "media")],
};

/// All of them; a table refers only to those before it.
pub static TABLES: [&Rules; 3] = [&DEPLOYMENTS, &MEDIA, &OBSERVATIONS];

impl Kind {
    /// Says what was expected where `text` is not it.
    ///
    /// # Errors
    /// What was expected, in words.
    pub fn check(&self, text: &str) -> Result<(), String> {
        let fits = match self {
            Self::Text => true,
            Self::Number(low, high) => {
                text.trim().parse::<f64>().is_ok_and(|value| value.is_finite() && (*low..=*high).contains(&value))
            }
            Self::Whole(low, high) => text.trim().parse::<i64>().is_ok_and(|value| (*low..=*high).contains(&value)),
            Self::Truth => matches!(text, "true" | "True" | "TRUE" | "1" | "false" | "False" | "FALSE" | "0"),
            Self::Time => is_moment(text),
            Self::Words(words) => words.contains(&text),
            Self::Form(is, _) => is(text),
        };
        if fits { Ok(()) } else { Err(self.words()) }
    }

    /// What it is, in words.
    fn words(&self) -> String {
        let bounds = |low: Option<String>, high: Option<String>| match (low, high) {
            (Some(low), Some(high)) => format!(" from {low} to {high}"),
            (Some(low), None) => format!(" of at least {low}"),
            (None, Some(high)) => format!(" of at most {high}"),
            (None, None) => String::new(),
        };
        match self {
            Self::Text => "a text".to_owned(),
            Self::Number(low, high) => {
                let bound = |value: f64| value.is_finite().then(|| value.to_string());
                format!("a number{}", bounds(bound(*low), bound(*high)))
            }
            Self::Whole(low, high) => {
                let low = (*low > i64::MIN).then(|| low.to_string());
                format!("a whole number{}", bounds(low, (*high < i64::MAX).then(|| high.to_string())))
            }
            Self::Truth => "`true` or `false`".to_owned(),
            Self::Time => "a date and time with an offset: `2026-01-31T10:00:00Z` or `...+01:00`".to_owned(),
            Self::Words(words) => format!("one of `{}`", words.join("`, `")),
            Self::Form(_, words) => (*words).to_owned(),
        }
    }
}

/// `YYYY-MM-DDThh:mm:ss` with `Z` or an offset.
pub(super) fn is_moment(text: &str) -> bool {
    let parts = text.get(..19).zip(text.get(19..));
    let Some((civil, designator)) = parts.filter(|(civil, _)| civil.as_bytes()[10] == b'T') else { return false };
    let known = designator == "Z" || (designator.starts_with(['+', '-']) && crate::dataset::zone(designator).is_some());
    known && civil.parse::<DateTime>().is_ok()
}

/// A moment in seconds since 1970 in UTC; `None` where the text is none.
pub(super) fn instant(text: &str) -> Option<i64> {
    let time: DateTime = text.get(..19).filter(|_| is_moment(text))?.parse().ok()?;
    let designator = text.get(19..)?;
    let offset = if designator == "Z" { 0 } else { crate::dataset::offset(designator)?.seconds() };
    Some(crate::table::civil::to_seconds(time) - i64::from(offset))
}

fn is_file_path(text: &str) -> bool {
    !text.starts_with(['.', '/', '~']) && !text.contains("..") && !text.is_empty()
}

fn is_media_type(text: &str) -> bool {
    ["image/", "video/", "audio/"].iter().any(|kind| text.starts_with(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_judged_by_their_kind() {
        let is = |kind: Kind, text: &str| kind.check(text).is_ok();
        let latitude = Kind::Number(-90.0, 90.0);
        assert!(
            is(latitude, "70.1") && is(latitude, "-90") && !is(latitude, "90.1") && !is(latitude, "NaN") && !is(latitude, "70,1")
        );
        assert!(is(Kind::Whole(1, i64::MAX), "1") && !is(Kind::Whole(1, i64::MAX), "0") && !is(Kind::Whole(1, i64::MAX), "1.0"));
        for moment in ["2026-01-31T10:00:00Z", "2026-01-31T10:00:00+01:00", "2026-01-31T10:00:00-0330"] {
            assert!(is(Kind::Time, moment), "{moment}");
        }
        for naive in
            ["2026-01-31T10:00:00", "2026-01-31 10:00:00Z", "2026-01-31", "2026-13-31T10:00:00Z", "2026-01-31T10:00:00+1"]
        {
            assert!(!is(Kind::Time, naive), "{naive}");
        }
        assert_eq!(instant("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!((instant("1970-01-01T00:00:01Z"), instant("1970-01-01T00:00:00")), (Some(1), None));
        for path in ["a/1.jpg", "https://x.org/a", "a.b/1.jpg"] {
            assert!(is_file_path(path), "{path}");
        }
        for path in ["../a.jpg", "a/../b.jpg", "/a.jpg", "~/a.jpg", "./a.jpg", "a..jpg"] {
            assert!(!is_file_path(path), "{path}");
        }
        assert_eq!(latitude.check("x").unwrap_err(), "a number from -90 to 90");
    }
}
