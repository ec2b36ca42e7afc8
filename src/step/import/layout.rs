//! What each column of an imported table is made of: a field of the file, a constant, or a part of a field.

use std::borrow::Cow;

use super::What;
use crate::observation::{IDENTITY, ITEM, PLACE};
use crate::step::LABEL_COLUMNS;
use crate::table::{Schema, Type, records::Value};

/// What a column of class confidences starts with.
pub const CLASS_PREFIX: &str = "p_";

/// The columns of predictions, beside those of the observation.
pub const PREDICTION_COLUMNS: &[(&str, Type)] =
    &[("label", Type::Text), ("confidence", Type::Float32), ("model", Type::Text), ("problem", Type::Text)];

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The field at a place.
    Field(usize),
    /// The same for all rows.
    Constant(String),
    /// A part of the field at a place.
    Part(Part, usize),
    /// Two fields with a space between: a date and a time.
    Joined(usize, usize),
    /// A folder, missing for the root, and the file in it.
    Path {
        /// The field of the folder.
        folder: usize,
        /// The field of the file's name.
        file: usize,
    },
    /// The folder that stands before or behind the site's in a path, or else a constant.
    Folder {
        /// The field of the path.
        path: usize,
        /// The field of the name, which begins with the site.
        name: usize,
        /// The folder before the site's, not the one behind it.
        before: bool,
        /// Where the path does not say.
        otherwise: Option<String>,
    },
}

/// A part of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The site in `SITE_YYYY-MM-DD_NNNN.JPG`.
    Site,
    /// The first of two numbers.
    First,
    /// The second of two numbers.
    Second,
    /// The date of `YYYY:MM:DD hh:mm:ss`, as `YYYY-MM-DD`.
    Date,
    /// Its time, as `hh-mm-ss`.
    Time,
}

/// Which rows of a file count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All.
    All,
    /// Those with 1 at the first place, of the images that have a value at the second.
    One {
        /// Where 1 stands.
        at: usize,
        /// Without a value here, the image was not looked at.
        asked: usize,
        /// The image.
        image: usize,
    },
    /// The first of each image.
    First {
        /// The image.
        image: usize,
    },
}

/// How the rows of one file are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Names of our columns with their sources.
    pub columns: Vec<(String, Source)>,
    /// Which rows count.
    pub filter: Filter,
}

impl Layout {
    /// Sets the source of a column, replacing one of the same name.
    pub fn set(&mut self, name: &str, source: Source) {
        match self.columns.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) => *own = source,
            None => self.columns.push((name.to_owned(), source)),
        }
    }

    /// The source of a column.
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.columns.iter().find(|(own, _)| own == name).map(|(_, source)| source)
    }
}

/// The type of a column by its name.
pub fn type_of(name: &str) -> Type {
    const INTS: &[&str] = &[
        "sequence_n",
        "sequence_of",
        "event",
        "moon",
        "temperature_c",
        "temperature_f",
        "contrast",
        "brightness",
        "sharpness",
        "saturation",
        "width_px",
        "height_px",
        ITEM,
    ];
    match name {
        "content" => Type::Content,
        "datetime" | "datetime_raw" => Type::DateTime,
        name if name == "confidence" || name.starts_with("confidence_") || name.starts_with(CLASS_PREFIX) => Type::Float32,
        name if INTS.contains(&name) => Type::Int,
        _ => Type::Text,
    }
}

/// The columns of the table that `layouts` make together: the observation first, then those of `what`, then the rest as given.
pub fn schema(what: What, layouts: &[&Layout], resolved: bool, multilabel: bool) -> Schema {
    let given = |name: &str| layouts.iter().any(|layout| layout.source(name).is_some());
    let mut schema = Schema::default();
    let observation = ["content", "path", "file", "locality"].iter().chain(PLACE).chain(&["name"]);
    for name in observation {
        if given(name) || (*name == "content" && resolved) {
            schema.set(name, type_of(name));
        }
    }
    if multilabel {
        schema.set(ITEM, Type::Int);
    }
    let own = match what {
        What::Images => &[],
        What::Predictions => PREDICTION_COLUMNS,
        What::Labels => LABEL_COLUMNS,
    };
    for (name, ty) in own {
        schema.set(name, *ty);
    }
    for (name, _) in layouts.iter().flat_map(|layout| &layout.columns) {
        if schema.field(name).is_none() {
            schema.set(name, type_of(name));
        }
    }
    schema
}

/// Says whether a column of a file means itself, where no parameter says so.
pub fn is_own(what: What, name: &str) -> bool {
    let known = match what {
        What::Images => return true,
        What::Predictions => {
            name.starts_with("label_")
                || name.starts_with("confidence_")
                || name.starts_with(CLASS_PREFIX)
                || PREDICTION_COLUMNS.iter().any(|(own, _)| *own == name)
        }
        What::Labels => LABEL_COLUMNS.iter().any(|(own, _)| *own == name),
    };
    known || name == "locality" || PLACE.contains(&name) || IDENTITY.contains(&name)
}

/// Says whether a column of a file of predictions is taken along, to group by it: what a site or camera is. Not what steps of a
/// pipeline make themselves, and not times and numbers, which a file may write in ways that only `columns` should vouch for.
pub fn is_more(what: What, name: &str) -> bool {
    const MADE: &[&str] = &["why", "stratum", "rank", "status", "method", "final", "species_id", "event_id", "flags"];
    let made = MADE.contains(&name) || LABEL_COLUMNS.iter().any(|(own, _)| *own == name);
    what == What::Predictions && !made && type_of(name) == Type::Text
}

/// The value of a source in a row; `None` where missing. `missing` judges the text of a field.
pub fn value<'v>(source: &'v Source, fields: &'v [Value<'_>], missing: &dyn Fn(&Value<'_>) -> bool) -> Option<Cow<'v, str>> {
    let field = |at: usize| fields.get(at).filter(|value| !missing(value)).map(|value| value.text.trim());
    match source {
        Source::Field(at) => field(*at).map(Cow::Borrowed),
        Source::Constant(text) => Some(Cow::Borrowed(text)),
        Source::Part(part, at) => split(*part, field(*at)?),
        Source::Joined(date, time) => Some(Cow::Owned(format!("{} {}", field(*date)?, field(*time)?))),
        Source::Path { folder, file } => match (field(*folder).filter(|folder| *folder != "."), field(*file)?) {
            (Some(folder), file) => Some(Cow::Owned(format!("{}/{file}", folder.trim_end_matches(['/', '\\'])))),
            (None, file) => Some(Cow::Borrowed(file)),
        },
        Source::Folder { path, name, before, otherwise } => {
            let site = field(*name).and_then(site_of);
            let folder = field(*path).zip(site).and_then(|(path, site)| beside(path, site, *before));
            folder.or(otherwise.as_deref()).map(Cow::Borrowed)
        }
    }
}

fn split(part: Part, text: &str) -> Option<Cow<'_, str>> {
    match part {
        Part::Site => site_of(text).map(Cow::Borrowed),
        Part::First => text.split_whitespace().next().map(Cow::Borrowed),
        Part::Second => text.split_whitespace().nth(1).map(Cow::Borrowed),
        Part::Date => text.get(..10).map(|date| Cow::Owned(date.replace(':', "-"))),
        Part::Time => text.get(11..19).map(|time| Cow::Owned(time.replace(':', "-"))),
    }
}

/// The site in `SITE_YYYY-MM-DD_NNNN.JPG`; a site may hold `_` itself.
pub fn site_of(name: &str) -> Option<&str> {
    let (front, _) = name.rsplit_once('_')?;
    let (site, date) = front.rsplit_once('_')?;
    let is_date = date.len() == 10 && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    (is_date && !site.is_empty()).then_some(site)
}

/// The folder before or behind the one that is called `site`, whole; the last of that name counts.
fn beside<'p>(path: &'p str, site: &str, before: bool) -> Option<&'p str> {
    let parts: Vec<&str> = path.split(['/', '\\']).collect();
    let folders = &parts[..parts.len().saturating_sub(1)];
    let at = folders.iter().rposition(|folder| *folder == site)?;
    let at = if before { at.checked_sub(1)? } else { at + 1 };
    folders.get(at).copied().filter(|folder| !folder.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_whole_and_their_neighbours_are_locality_and_season() {
        assert_eq!(site_of("ko_ga_hu_1b_2019-07-08_0001.JPG"), Some("ko_ga_hu_1b"));
        assert_eq!((site_of("IMG_0001.JPG"), site_of("_2019-07-08_0001.JPG")), (None, None));
        let path = "data/raw_images/komag/ko_1/2020/100RECNX/IMG_1.JPG";
        assert_eq!((beside(path, "ko_1", true), beside(path, "ko_1", false)), (Some("komag"), Some("2020")));
        assert_eq!((beside(path, "ko", true), beside("ko_1/IMG_1.JPG", "ko_1", false)), (None, None));
        assert_eq!(beside("E:\\raw\\komag\\ko_1\\2020\\IMG_1.JPG", "ko_1", false), Some("2020"));
    }
}
