//! Camtrap DP 1.0.2, the data package of camera traps: tables of deployments, media and observations with a description.
//!
//! <https://camtrap-dp.tdwg.org>

pub mod check;
mod labels;
mod media;
mod moments;
pub mod observations;
pub mod package;
pub mod places;
pub mod read;
pub mod rules;

pub use check::{Fault, check_folder};
pub use media::capture_methods;

/// The version of the standard that is written.
pub const VERSION: &str = "1.0.2";

/// Where the schemas of that version stand.
pub const SCHEMAS: &str = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2";

/// The file with the description.
pub const DESCRIPTION: &str = "datapackage.json";

/// Tags and groups by which our own columns come back: a class that needs no scientific name, the type of a label, and so on.
pub mod key {
    /// The class of the programme.
    pub const CLASS: &str = "class";
    /// The type of a person's label.
    pub const TYPE: &str = "type";
    /// What was shown to the person.
    pub const SHOWN: &str = "shown";
    /// Why nothing can be said.
    pub const QUALITY: &str = "quality";
    /// The rule behind the label of an event.
    pub const RULE: &str = "rule";
    /// The site of a deployment.
    pub const SITE: &str = "site";
    /// Its season.
    pub const SEASON: &str = "season";
}

/// Adds `key:value` to a list of tags between `|`.
pub(super) fn push_tag(tags: &mut String, key: &str, value: &str) {
    if !tags.is_empty() {
        tags.push_str(" | ");
    }
    tags.push_str(key);
    tags.push(':');
    tags.extend(value.chars().map(|letter| if letter == '|' { '/' } else { letter }));
}

/// The value of `key` in a list of tags.
#[must_use]
pub fn tag<'t>(tags: &'t str, key: &str) -> Option<&'t str> {
    let value = |tag: &'t str| tag.trim().strip_prefix(key)?.strip_prefix(':').map(str::trim);
    tags.split('|').find_map(value).filter(|value| !value.is_empty())
}
