//! What those who get the data set should know of it, as `dataset:` of the pipeline says it: title, people, licences, project.
//!
//! Words for roles, sampling designs and capture methods are those of Camtrap DP 1.0.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use crate::diagnostic::Span;

/// Keys of `dataset:` that are texts, with what they mean.
pub const TEXTS: &[(&str, &str)] = &[
    ("name", "A short identifier: small letters, digits and `-`, `_`, `.`, `/`."),
    ("id", "A globally unique identifier, such as a DOI."),
    ("title", "The title of the data set."),
    ("description", "What the data set holds, in some sentences; Markdown is fine."),
    ("version", "The version of the data set."),
    ("created", "When the data set was made: YYYY-MM-DD, or YYYY-MM-DDThh:mm:ss with Z or an offset."),
    ("homepage", "Where more can be read."),
    ("citation", "How to cite the data set."),
    (
        "timezone",
        "The zone of the cameras' clocks where the deployments do not say it: `Europe/Oslo`, or `+01:00` all year round.",
    ),
];

/// Keys of a contributor that are texts.
pub const CONTRIBUTOR: &[(&str, &str)] = &[
    ("title", "The name of the person or organisation."),
    ("email", "An e-mail address."),
    ("path", "A URL, such as an ORCID."),
    ("organization", "Where the person works."),
];

/// Keys of `licences`.
pub const LICENCES: &[(&str, &str)] =
    &[("data", "The licence of the tables, such as `CC0-1.0`."), ("media", "The licence of the images.")];

/// Keys of `project` that are texts.
pub const PROJECT: &[(&str, &str)] = &[
    ("id", "A unique identifier of the project."),
    ("title", "The title of the project behind the data set."),
    ("acronym", "Its acronym."),
    ("description", "What it is about."),
    ("path", "Its website."),
];

/// What a contributor may be.
pub const ROLES: &[&str] = &["contact", "principalInvestigator", "rightsHolder", "publisher", "contributor"];
/// How the places of cameras were chosen.
pub const SAMPLING_DESIGNS: &[&str] =
    &["simpleRandom", "systematicRandom", "clusteredRandom", "experimental", "targeted", "opportunistic"];
/// What released the cameras.
pub const CAPTURE_METHODS: &[&str] = &["activityDetection", "timeLapse"];

/// A described data set. What is not given is `None` or empty.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Dataset {
    /// A short identifier.
    pub name: Option<String>,
    /// A globally unique identifier.
    pub id: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// What it holds.
    pub description: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// When it was made, with an offset.
    pub created: Option<String>,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Where more can be read.
    pub homepage: Option<String>,
    /// How to cite it.
    pub citation: Option<String>,
    /// The zone of the cameras' clocks where the deployments do not say it: [`zone`] reads it.
    pub timezone: Option<String>,
    /// People and organisations.
    pub contributors: Vec<Contributor>,
    /// Licences of data and media.
    pub licences: Option<Licences>,
    /// The project behind it.
    pub project: Project,
    /// Where `dataset` stands.
    #[serde(skip)]
    pub span: Span,
}

/// A person or organisation behind the data set.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Contributor {
    /// The name.
    pub title: String,
    /// An e-mail address.
    pub email: Option<String>,
    /// A URL.
    pub path: Option<String>,
    /// Where the person works.
    pub organization: Option<String>,
    /// One of [`ROLES`].
    pub role: Option<String>,
}

/// Names of licences, or where they stand.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Licences {
    /// Of the tables.
    pub data: String,
    /// Of the images.
    pub media: String,
}

/// The project behind a data set.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Project {
    /// A unique identifier.
    pub id: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// The acronym.
    pub acronym: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// The website.
    pub path: Option<String>,
    /// One of [`SAMPLING_DESIGNS`].
    pub sampling_design: Option<String>,
    /// Of [`CAPTURE_METHODS`]; empty where the images say it.
    pub capture_method: Vec<String>,
    /// Whether individuals are marked or known.
    pub individual_animals: bool,
}

/// The zone called `text`: of the IANA (`Europe/Oslo`), `Z`, or an offset that holds all year round (`+01:00`).
#[must_use]
pub fn zone(text: &str) -> Option<TimeZone> {
    let text = text.trim();
    if text == "Z" {
        return Some(TimeZone::UTC);
    }
    if text.starts_with(['+', '-']) {
        return offset(text).map(TimeZone::fixed);
    }
    TimeZone::get(text).ok()
}

/// `+01:00` of an offset.
#[must_use]
pub fn offset_words(offset: Offset) -> String {
    let minutes = offset.seconds().abs() / 60;
    let sign = if offset.is_negative() { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// `+01:00`, `-0330`.
pub(crate) fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = text.split_at_checked(1)?;
    let (hours, minutes) = digits.split_once(':').or_else(|| digits.split_at_checked(2))?;
    let number = |part: &str, most: i32| {
        let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i32>().ok().filter(|number| plain && *number <= most)
    };
    let seconds = number(hours, 23)? * 3600 + number(minutes, 59)? * 60;
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

/// A moment as data packages want it, `YYYY-MM-DDThh:mm:ssZ` or with an offset; a date is its midnight in UTC. `None` for a time
/// without an offset.
#[must_use]
pub fn moment(text: &str) -> Option<String> {
    let text = text.trim();
    if let Ok(date) = text.parse::<jiff::civil::Date>()
        && text.len() == "2026-01-31".len()
    {
        return Some(format!("{date}T00:00:00Z"));
    }
    let civil = text.get(..19)?;
    let designator = text.get(19..)?;
    let time: DateTime = civil.parse().ok().filter(|_| civil.as_bytes()[10] == b'T')?;
    let known = designator == "Z" || (designator.starts_with(['+', '-']) && offset(designator).is_some());
    (known && time.subsec_nanosecond() == 0).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_names_or_offsets_and_moments_are_never_naive() {
        for known in ["Europe/Oslo", "+01:00", "-0330", "Z", "UTC"] {
            assert!(zone(known).is_some(), "{known}");
        }
        for unknown in ["Oslo", "+1", "+25:00", "+01:60", "", "+é1:0"] {
            assert!(zone(unknown).is_none(), "{unknown}");
        }
        assert_eq!(moment("2026-01-31").as_deref(), Some("2026-01-31T00:00:00Z"));
        for fine in ["2026-01-31T10:00:00Z", "2026-01-31T10:00:00+01:00", "2026-01-31T10:00:00-0330"] {
            assert_eq!(moment(fine).as_deref(), Some(fine));
        }
        for naive in ["2026-01-31T10:00:00", "2026-01-31 10:00:00Z", "2026-02-30T10:00:00Z", "2026", "31.1.2026"] {
            assert_eq!(moment(naive), None, "{naive}");
        }
    }
}
