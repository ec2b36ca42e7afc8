//! What a person should know of the images: flags in words, and what stands beside them.

use std::collections::{BTreeMap, BTreeSet};

use super::dating::{Dated, Dating};
use super::deployments::Deployments;
use crate::dataset;
use crate::observation::ids::{folded, told_from};
use crate::photo::clock::{self, Correction, CorrectionKind};
use crate::photo::flags::MetadataFlag;
use crate::step::{Finding, StepError};
use crate::table::{Column, ColumnBuilder, Table, Type, civil};

/// The `flags` column of the output, and how often each word stands in it.
pub struct FlagColumn {
    /// The column.
    pub column: Column,
    counts: BTreeMap<String, (u64, Vec<u32>)>,
}

impl FlagColumn {
    /// Joins the words of the file with those of clock and deployment.
    pub fn of(mapped: &Table, dating: &Dating) -> Result<Self, StepError> {
        let file = mapped.require("flags")?;
        let mut builder = ColumnBuilder::with_capacity(Type::Text, dating.rows.len());
        let mut counts: BTreeMap<String, (u64, Vec<u32>)> = BTreeMap::new();
        for (at, dated) in dating.rows.iter().enumerate() {
            let mut words: Vec<&str> = file.text(at).map(|text| text.split(' ').collect()).unwrap_or_default();
            for flag in dated.flags() {
                words.push(flag.word());
            }
            for word in &words {
                let (count, examples) = counts.entry((*word).to_owned()).or_default();
                *count += 1;
                if examples.len() < 5 {
                    examples.extend(u32::try_from(at));
                }
            }
            builder.push_optional_text((!words.is_empty()).then(|| words.join(" ")).as_deref());
        }
        Ok(Self { column: builder.finish()?, counts })
    }

    fn count(&self, word: &str) -> u64 {
        self.counts.get(word).map_or(0, |(count, _)| *count)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of images stay far below 2^53")]
    pub fn metrics(&self, dating: &Dating) -> BTreeMap<String, f64> {
        let corrected = dating.rows.iter().filter(|dated| !dated.clock().is_empty()).count() as u64;
        let doubtful = |dated: &&Dated| dated.flags().iter().any(|flag| DOUBTFUL.contains(flag));
        let doubtful = dating.rows.iter().filter(doubtful).count() as u64;
        [
            ("images", dating.rows.len() as u64),
            ("missing_exif", self.count("missing_exif")),
            ("no_date", self.count("no_date")),
            ("date_conflicts", self.count("date_conflict") + self.count("month_day_swap")),
            ("corrected", corrected),
            ("unknown_site", self.count("unknown_site")),
            ("no_deployment", self.count("no_deployment")),
            ("backwards", self.count("time_runs_backwards")),
            ("doubtful_clock", doubtful),
            ("season_differs", self.count("season_differs")),
            ("locality_differs", self.count("locality_differs")),
            ("several_cameras", self.count("several_cameras")),
        ]
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count as f64))
        .collect()
    }

    pub fn findings(&self, images: &Table) -> Vec<Finding> {
        let paths = images.column("path");
        let path = |row: &u32| paths.and_then(|paths| paths.text(*row as usize)).unwrap_or_default().to_owned();
        // Unknown sites are named by site, not by file.
        let told = self.counts.iter().filter(|(word, _)| *word != "unknown_site");
        told.map(|(word, (count, examples))| Finding {
            kind: word.clone(),
            message: sentence(word).to_owned(),
            count: *count,
            examples: examples.iter().map(path).collect(),
        })
        .collect()
    }
}

/// What a flag means and the way out.
fn sentence(word: &str) -> &'static str {
    match word {
        "zero_byte" => "files hold no bytes; copy them again if they exist elsewhere",
        "not_an_image" => "files are neither JPEG, PNG nor TIFF, whatever their names say",
        "truncated" => "files end too early: the card was full or the copy broke off; copy them again if they exist elsewhere",
        "missing_exif" => "files carry no EXIF: a programme removed it; their times are unknown unless the originals are found",
        "damaged_exif" => "files carry EXIF that can be read only in part",
        "no_date" => "files carry no time that can be read; they have no date and no deployment",
        "unreadable_date" => "files carry an EXIF time that is not a time, such as 0000:00:00: the camera lost its clock",
        "date_conflict" => "EXIF and the maker's note give different times; EXIF is used, both are in the table",
        "month_day_swap" => {
            "EXIF and the maker's note differ by month and day changing places; EXIF is used, both are in the table"
        }
        "unreadable_note" => "files carry a Reconyx note that is cut short or of an unknown family",
        "orientation_unusual" => {
            "images are stored turned or mirrored: pages show them upright, a model sees them upright where its `model.yaml` says `upright: true`"
        }
        "size_differs" => "images are not of the size that the camera wrote: they were resized, cropped or turned",
        "no_deployment" => {
            "images lie outside every deployment of their site; check the deployment table, then the camera's clock"
        }
        "several_deployments" => {
            "several deployments of the site cover these images; the latest is used; end one before the next starts"
        }
        "clock_overlap" => {
            "several clock corrections of one kind match these images; none of them was applied; let them not overlap"
        }
        "clock_impossible" => "a clock correction leads to no time of the calendar, such as a 25th month; it was not applied",
        "time_runs_backwards" => {
            "corrected times run backwards against the order of the files or their event numbers; the clock was set in the field, or a \
             correction is wrong"
        }
        "year_not_advanced" => {
            "images come after a New Year that their clock missed: it went from December to January of the same year; correct them with \
             kind `year`, value `+1`, limited by `season`, `folder` or `file_from`"
        }
        "clock_reset" => {
            "images have times that lie months or years away from the files beside them: the camera lost its date and began again at its \
             factory's; correct them with kind `offset`, limited by `file_from` and `file_to`"
        }
        "outside_season" => {
            "corrected times lie outside the years of their folder's season; check the clock, then whether the folder is the right one"
        }
        "offset_contradicts_zone" => {
            "cameras wrote an offset to UTC that is not that of their deployment's time zone: a clock on UTC, or in another zone; correct \
             them with kind `offset`, or write the camera's zone (`UTC`, `+01:00`) into `timezone`"
        }
        "repeated_hour" => {
            "images were taken in the hour that clocks show twice in autumn, and the order of the files does not tell which; data packages \
             take the first; `dst` in the clock file, or `timezone: +01:00`, says it for a camera that keeps winter time"
        }
        "impossible_hour" => {
            "images have times that do not exist in their time zone, where clocks skip an hour in spring: the camera keeps winter time; \
             correct it with kind `dst`, or write its offset (`+01:00`) into `timezone`"
        }
        "outside_drift" => {
            "images lie before the first or after the last anchor of their camera's drift: nothing says how wrong the clock was there; add \
             an anchor, or a row with `from` and `to`"
        }
        "season_differs" => {
            "images have folders of another season than the deployment that covers them; check the clock, then the folder and the table"
        }
        "locality_differs" => {
            "images have folders of another locality than the deployment that covers them; check the folder and the table"
        }
        "several_cameras" => {
            "images may be of any of several cameras that stood at their site, and belong to no deployment: name the camera's folder \
             `{camera}` in the path of the images, or write serial numbers into the column `camera` of the deployment table"
        }
        "unknown_camera" => {
            "images are of cameras that the deployment table does not name at their site; write the same name in the folder and in the table"
        }
        _ => "images are flagged",
    }
}

/// Flags that say that a clock cannot be right.
const DOUBTFUL: &[MetadataFlag] = &[
    MetadataFlag::YearNotAdvanced,
    MetadataFlag::ClockReset,
    MetadataFlag::OutsideSeason,
    MetadataFlag::OffsetContradictsZone,
    MetadataFlag::ImpossibleHour,
    MetadataFlag::OutsideDrift,
];

/// What is to be said beside the flags of single images.
pub fn beside_flags(
    images: &Table,
    mapped: &Table,
    corrections: &[Correction],
    dating: &Dating,
    deployments: Option<&Deployments>,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = unused(corrections, dating).into_iter().collect();
    findings.extend(leap_days(mapped, corrections, dating));
    findings.extend(told_by_order(images, dating));
    if let Some(deployments) = deployments {
        findings.extend(unknown_sites(images, deployments));
        findings.extend(unknown_zones(deployments));
    }
    findings
}

/// Shifts by calendar years on both sides of a 29 February that only one of the years has. A camera counts days: set to a wrong year,
/// its clock is a day off behind such a February.
fn leap_days(mapped: &Table, corrections: &[Correction], dating: &Dating) -> Option<Finding> {
    let by_year: BTreeMap<&str, &Correction> = corrections
        .iter()
        .filter(|correction| correction.kind == CorrectionKind::Year)
        .map(|correction| (correction.id.as_str(), correction))
        .collect();
    let raw = mapped.column("datetime_raw").filter(|_| !by_year.is_empty())?;
    // By correction and by the days that it shifts: how many images, and the first raw time.
    let mut shifts: BTreeMap<&str, BTreeMap<i64, (u64, i64)>> = BTreeMap::new();
    for (row, dated) in dating.rows.iter().enumerate() {
        for (id, correction) in dated.clock().iter().filter_map(|id| by_year.get_key_value(id.as_str())) {
            let Some(time) = raw.datetime(row).and_then(civil::from_seconds) else { continue };
            let Some(shifted) = clock::apply_one(correction, time) else { continue };
            let (time, shifted) = (civil::to_seconds(time), civil::to_seconds(shifted));
            let days = (shifted - time).div_euclid(civil::DAY_S);
            let (count, first) = shifts.entry(id).or_default().entry(days).or_insert((0, time));
            (*count, *first) = (*count + 1, (*first).min(time));
        }
    }
    let mut count = 0;
    let mut examples = Vec::new();
    for (id, by_days) in shifts.iter().filter(|(_, by_days)| by_days.len() > 1) {
        let Some((days, _)) = by_days.iter().min_by_key(|(_, (_, first))| *first) else { continue };
        let others = || by_days.iter().filter(|(other, _)| *other != days).map(|(_, found)| found);
        let images: u64 = others().map(|(count, _)| count).sum();
        let first = others().map(|(_, first)| *first).min().unwrap_or_default();
        count += images;
        examples.push(format!(
            "{id}: {images} images from {} on; `offset`, `{days:+}d`",
            civil::format_day(first.div_euclid(civil::DAY_S))
        ));
    }
    let said = "images are shifted by calendar years across a 29 February that only one of the years has; a camera that was set to a wrong \
                year counts days, and is a day off there: an offset in days, that of its first images, corrects all of them";
    Finding::counted("leap_day", count, said, examples)
}

/// Images of the hour that comes twice, told apart by the order of their files.
fn told_by_order(images: &Table, dating: &Dating) -> Option<Finding> {
    let told: Vec<usize> = dating.rows.iter().enumerate().filter(|(_, dated)| dated.pass > 0).map(|(row, _)| row).collect();
    let paths = images.column("path");
    let path = |row: &usize| paths.and_then(|paths| paths.text(*row)).unwrap_or_default().to_owned();
    let said =
        "images were taken in the hour that clocks show twice in autumn; the order of the files tells which (`repeated_hour`)";
    Finding::counted("repeated_hour_told", told.len() as u64, said, told.iter().take(5).map(path).collect())
}

/// Corrections that changed nothing: a site misspelt, a period without images.
fn unused(corrections: &[Correction], dating: &Dating) -> Option<Finding> {
    let used: BTreeSet<&str> =
        dating.rows.iter().flat_map(|dated| dated.clock().iter().chain(dated.refused())).map(String::as_str).collect();
    let unused: Vec<String> = corrections
        .iter()
        .filter(|correction| !used.contains(correction.id.as_str()))
        .map(|correction| correction.id.clone())
        .collect();
    (!unused.is_empty()).then(|| Finding {
        kind: "unused_correction".into(),
        message: "clock corrections match no image; check their site, deployment and period".into(),
        count: unused.len() as u64,
        examples: unused.into_iter().take(5).collect(),
    })
}

/// Sites of images that the deployment table lacks, each with the nearest that it has.
fn unknown_sites(images: &Table, deployments: &Deployments) -> Option<Finding> {
    let column = images.column("site")?;
    let mut names: Vec<&str> = column.texts().filter(|name| deployments.of_site(name).is_none()).collect();
    names.sort_unstable();
    let rows = (0..images.rows).filter(|row| column.text(*row).is_some_and(|name| names.binary_search(&name).is_ok())).count();
    let nearest = |name: &str| {
        let same = |site: &str| usize::from(folded(site) != folded(name));
        let distance = |site: &&str| same(site) * strsim::damerau_levenshtein(site, name);
        deployments.sites().min_by_key(distance).filter(|site| distance(site) <= 2)
    };
    let shown = |name: &&str| match nearest(name) {
        Some(near) if folded(name) == folded(near) => {
            format!("{} (the table has {}: capital letters differ)", told_from(name, near), told_from(near, name))
        }
        Some(near) => format!("{name} (there is `{near}`)"),
        None => (*name).to_owned(),
    };
    (!names.is_empty()).then(|| Finding {
        kind: "unknown_site".into(),
        message: format!(
            "{rows} images are of sites that the deployment table does not know; add them, or correct the folder or the table"
        ),
        count: names.len() as u64,
        examples: names.iter().take(10).map(shown).collect(),
    })
}

/// Time zones that no zone database knows; exports need them.
fn unknown_zones(deployments: &Deployments) -> Option<Finding> {
    let unknown: Vec<String> = deployments
        .column("timezone")?
        .texts()
        .filter(|name| !name.trim().is_empty() && dataset::zone(name).is_none())
        .map(str::to_owned)
        .collect();
    (!unknown.is_empty()).then(|| Finding {
        kind: "unknown_timezone".into(),
        message: "the deployment table names time zones that do not exist; write one such as `Europe/Oslo`, or an offset such as `+01:00`".into(),
        count: unknown.len() as u64,
        examples: unknown.into_iter().take(5).collect(),
    })
}
