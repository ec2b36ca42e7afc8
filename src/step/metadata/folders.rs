//! The folder of an image against the deployment that covers it, and against its own time: season and locality.

use super::dating::Dated;
use super::deployments::Deployments;
use crate::photo::flags::MetadataFlag;
use crate::table::{Column, Table, Type, civil};

/// Flags images whose folders say another season or locality than their deployment, or years that their time is not in.
pub fn check(rows: &mut [Dated], images: &Table, deployments: Option<&Deployments>) {
    let text = |name: &str| images.column(name).filter(|column| column.ty() == Type::Text).map(AsRef::as_ref);
    let (season, locality): (Option<&Column>, Option<&Column>) = (text("season"), text("locality"));
    let localities = deployments.and_then(|table| table.column("locality"));
    let spans: Vec<Option<(i16, i16)>> = season.into_iter().flat_map(Column::texts).map(years).collect();
    for (at, row) in rows.iter_mut().enumerate() {
        let own = |column: Option<&Column>| column.and_then(|column| column.text(at)).map(|text| text.trim().to_owned());
        let deployment = row.deployment.and_then(|deployment| Some((deployment, deployments?.rows.get(deployment as usize)?)));
        let theirs = deployment.and_then(|(_, row)| row.season.clone());
        let of_season = theirs.is_some() && theirs == own(season);
        if theirs.is_some() && season.is_some_and(|column| !column.is_null(at)) && !of_season {
            row.flag(MetadataFlag::SeasonDiffers);
        }
        let place = deployment.and_then(|(deployment, _)| localities?.text(deployment as usize)).map(str::trim);
        if let Some(place) = place.filter(|place| !place.is_empty())
            && own(locality).is_some_and(|own| own != place)
        {
            row.flag(MetadataFlag::LocalityDiffers);
        }
        // A season that the deployment table dates may be called as anybody likes.
        let span = season.and_then(|column| column.code(at)).and_then(|code| spans[code as usize]).filter(|_| !of_season);
        let year = row.time.and_then(civil::from_seconds).map(jiff::civil::DateTime::year);
        if let (Some((first, last)), Some(year)) = (span, year)
            && !(first..=last).contains(&year)
        {
            row.flag(MetadataFlag::OutsideSeason);
        }
    }
}

/// The years in which images of a season may be taken, by its name: those from the first to the last that it states, and for one year also
/// the years beside it, since programmes name a season by its start, its end or the day of the download.
fn years(season: &str) -> Option<(i16, i16)> {
    let mut found: Vec<i16> = Vec::new();
    for run in season.split(|letter: char| !letter.is_ascii_digit()) {
        let year = |text: &str| text.parse::<i16>().ok().filter(|year| (1980..=2200).contains(year));
        match (run.len(), found.last()) {
            (4, _) => found.extend(year(run)),
            // 2023/24
            (2, Some(first)) => found.extend(year(&format!("{}{run}", first / 100)).filter(|next| *next == first + 1)),
            // 20230701
            (8, _) => found.extend(year(&run[..4])),
            _ => {}
        }
    }
    let (first, last) = (*found.iter().min()?, *found.iter().max()?);
    Some(if first == last { (first - 1, last + 1) } else { (first, last) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_states_its_years_in_many_ways() {
        assert_eq!(years("2024"), Some((2023, 2025)));
        assert_eq!(years("summer2024"), Some((2023, 2025)));
        for season in ["2023-2024", "2023/24", "winter_2023_24", "20230901-20240531"] {
            assert_eq!(years(season), Some((2023, 2024)), "{season}");
        }
        for season in ["spring", "s12", "1234", "100", "2023é24x99999"] {
            assert_eq!(years(season), years(season).filter(|_| season.starts_with("2023")), "{season}");
        }
    }
}
