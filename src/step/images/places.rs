//! What the folders say about places: one site under two names, two sites under one, a season that is none.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::File;
use super::pattern::{IMAGE_ENDINGS, Pattern, ending_of};
use crate::observation::ids::{normal, shown, told_from};
use crate::observation::sites::Places;
use crate::step::{Finding, StepError};

/// How many examples a finding names.
const NAMED: usize = 5;

/// What the folders say that a person should know.
///
/// # Errors
/// Where one id names two things: whatever is counted by it would be wrong.
pub(super) fn check(files: &[File<'_>], pattern: &Pattern) -> Result<Vec<Finding>, StepError> {
    let names = pattern.captures();
    // An archive has a million images and some hundred folders: each combination is looked at once.
    let mut distinct: HashMap<&[&str], (&File<'_>, u64)> = HashMap::new();
    for file in files {
        distinct.entry(&file.said).or_insert((file, 0)).1 += 1;
    }
    let mut combinations: Vec<(&File<'_>, u64)> = distinct.into_values().collect();
    combinations.sort_by_key(|(file, _)| file.path);
    let mut places = Places::default();
    for (file, _) in &combinations {
        let row: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(file.captures.iter().map(AsRef::as_ref)).collect();
        places.note(&row, file.path);
    }
    let way_out = "Give each site a name of its own, or make one of two folders: `site: \"{locality}_{site}\"` below `path:` of the \
                   images (the deployment table then names it so too)";
    if let Some(refusal) = places.refusal(way_out) {
        return Err(StepError::Data(refusal));
    }
    let mut findings = Vec::new();
    findings.extend(odd_names(&combinations, names));
    findings.extend(forms(&combinations, pattern));
    findings.extend(parents(files, pattern));
    Ok(findings)
}

/// Folders that are taken for one because only what cannot be seen tells their names apart.
fn forms(combinations: &[(&File<'_>, u64)], pattern: &Pattern) -> Option<Finding> {
    let mut written: BTreeMap<(&str, Cow<'_, str>), BTreeMap<&str, u64>> = BTreeMap::new();
    for (file, images) in combinations {
        for (name, said) in pattern.said_names().iter().zip(&file.said) {
            *written.entry((name, normal(said))).or_default().entry(said).or_default() += images;
        }
    }
    written.retain(|_, forms| forms.len() > 1);
    let example = |((name, value), forms): (&(&str, Cow<'_, str>), &BTreeMap<&str, u64>)| {
        let told = |(form, images): (&&str, &u64)| {
            let other = forms.keys().find(|other| *other != form).copied().unwrap_or(value);
            format!("{} with {images} images", told_from(form, other))
        };
        format!("{name} {}", forms.iter().map(told).collect::<Vec<_>>().join(", "))
    };
    (!written.is_empty()).then(|| Finding {
        kind: "several_forms".into(),
        message: "folders whose names differ only in what cannot be seen (letters composed or in parts, blanks at an end) are taken for \
                  one"
            .into(),
        count: written.len() as u64,
        examples: written.iter().take(NAMED).map(example).collect(),
    })
}

/// Sites of one season that lie below several folders which no column tells apart.
fn parents(files: &[File<'_>], pattern: &Pattern) -> Option<Finding> {
    let said = pattern.said_names();
    let place = said.iter().position(|name| name == "site")?;
    let place_of_season = said.iter().position(|name| name == "season");
    // The captured text is a part of the path: up to its end stand the site and the folders above it.
    let end = |file: &File<'_>| {
        let site = file.said.get(place)?;
        Some((site.as_ptr() as usize + site.len()).saturating_sub(file.path.as_ptr() as usize))
    };
    let mut seen: HashSet<(&str, &str)> = HashSet::new();
    let mut above: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for file in files {
        let season = place_of_season.and_then(|at| file.said.get(at)).copied().unwrap_or_default();
        let Some(upto) = end(file).and_then(|end| file.path.get(..end)) else { continue };
        if !seen.insert((upto, season)) {
            continue;
        }
        let season = place_of_season.and_then(|at| file.captures.get(at)).map_or("", AsRef::as_ref);
        let (Some(value), Some(folder)) = (file.captures.get(place), upto.len().checked_sub(file.said[place].len())) else {
            continue;
        };
        above.entry((value, season)).or_default().insert(upto[..folder].trim_end_matches('/'));
    }
    let several: Vec<_> = above.iter().filter(|(_, folders)| folders.len() > 1).collect();
    let example = |((site, season), folders): &(&(&str, &str), &BTreeSet<&str>)| {
        let folders: Vec<&str> = folders.iter().copied().take(3).collect();
        format!("{site} {season} in `{}`", folders.join("`, `"))
    };
    (!several.is_empty()).then(|| Finding {
        kind: "site_in_several_folders".into(),
        message: "sites of one season lie below several folders and are taken for one site each: give sites names of their own if they \
                  are not, for example by `site:`"
            .into(),
        count: several.len() as u64,
        examples: several.iter().take(NAMED).map(example).collect(),
    })
}

/// Sites, seasons and localities that are named like what a camera makes itself: a level of folders is missing above them.
fn odd_names(combinations: &[(&File<'_>, u64)], names: &[String]) -> Option<Finding> {
    let mut odd: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (file, _) in combinations {
        for (name, value) in names.iter().zip(&file.captures) {
            if matches!(name.as_str(), "site" | "season" | "locality") && is_of_camera(value) {
                odd.entry((name, value)).or_insert(file.path);
            }
        }
    }
    (!odd.is_empty()).then(|| Finding {
        kind: "folder_of_camera".into(),
        message: "folders or files that a camera named itself are taken for sites, seasons or localities: a folder is missing above them, \
                  or the pattern has one too many"
            .into(),
        count: odd.len() as u64,
        examples: odd.iter().take(NAMED).map(|((name, value), path)| format!("{name} `{}` of {path}", shown(value))).collect(),
    })
}

/// Says whether a camera named the file or folder: `DCIM`, `100RECNX` (three digits, five letters or digits), `IMG_0001.JPG`.
fn is_of_camera(name: &str) -> bool {
    let folder = |name: &str| {
        let is_rest = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        name.len() == 8
            && name.get(..3).is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
            && name.get(3..).is_some_and(|rest| rest.chars().all(is_rest) && rest.chars().any(|c| c.is_ascii_uppercase()))
    };
    let is_file = ending_of(name).is_some_and(|ending| IMAGE_ENDINGS.contains(&ending.as_str()));
    name.eq_ignore_ascii_case("dcim") || folder(name) || is_file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cameras_give_are_known() {
        for name in ["DCIM", "dcim", "100RECNX", "101_BTCF", "100MEDIA", "IMG_0001.JPG"] {
            assert!(is_of_camera(name), "{name}");
        }
        for name in ["2024", "20240612", "ko_ga_hu", "100recnx", "vm_1", "2024_spring"] {
            assert!(!is_of_camera(name), "{name}");
        }
    }
}
