//! What is odd about an image's metadata, as data; the words are stable because they stand in tables.

use jiff::civil::DateTime;

/// A finding about one image. None of them fails a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataFlag {
    /// The file has no bytes.
    ZeroByte,
    /// The bytes are of no format that is read.
    NotAnImage,
    /// The file ends before its format says it should.
    Truncated,
    /// There is no EXIF block.
    MissingExif,
    /// There is an EXIF block, and parts of it cannot be read.
    DamagedExif,
    /// Neither EXIF nor the maker's note has a time that can be read.
    NoDate,
    /// EXIF has a time, and it is no time of any calendar.
    UnreadableDate {
        /// The text as written.
        text: String,
    },
    /// EXIF and the maker's note disagree.
    DateConflict {
        /// The EXIF time.
        exif: DateTime,
        /// The note's time.
        note: DateTime,
    },
    /// EXIF and the maker's note agree once month and day of one of them change places.
    MonthDaySwap {
        /// The EXIF time.
        exif: DateTime,
        /// The note's time.
        note: DateTime,
    },
    /// The maker's note is shorter than its family's fields, or of an unknown Reconyx family.
    UnreadableNote,
    /// The image is stored turned or mirrored; people see it upright, a model as its `model.yaml` says.
    OrientationUnusual {
        /// The EXIF orientation, 2 to 8, or what was found in its place.
        orientation: u32,
    },
    /// The header's size is not the EXIF size: the file was resized or cropped after it was taken.
    SizeDiffers,
    /// No row of the deployments table has this site.
    UnknownSite,
    /// The site is known, and no deployment covers the corrected time.
    NoDeployment,
    /// More than one deployment of the site covers the corrected time.
    SeveralDeployments,
    /// Two clock corrections of one kind match this image; none of that kind was applied.
    ClockOverlap,
    /// A clock correction matches and cannot be carried out (day 25 cannot be a month).
    ClockImpossible,
    /// The corrected time runs backwards against the order of the files, or against trigger event and sequence order.
    TimeRunsBackwards,
    /// The clock went from December to January without going on to the next year.
    YearNotAdvanced,
    /// The clock jumped back by months or years: it lost its date and began again at the factory's.
    ClockReset,
    /// The corrected time lies outside the years that the season's name states.
    OutsideSeason,
    /// The offset to UTC that the camera wrote is not that of the deployment's time zone.
    OffsetContradictsZone,
    /// The corrected time lies in the hour that the clocks of the zone repeat in autumn, and nothing tells which of the two it is.
    RepeatedHour,
    /// The corrected time lies in the hour that the clocks of the zone leave out in spring.
    ImpossibleHour,
    /// The image lies before the first or after the last anchor of its place's drift.
    OutsideDrift,
    /// The deployment that covers the image is of another season than its folder.
    SeasonDiffers,
    /// The deployment that covers the image is of another locality than its folder.
    LocalityDiffers,
    /// Deployments of several cameras cover the image, and nothing tells which camera took it.
    SeveralCameras,
    /// The deployment table names the cameras of the site, and this is none of them.
    UnknownCamera,
}

impl MetadataFlag {
    /// The stable word of the `flags` column.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::ZeroByte => "zero_byte",
            Self::NotAnImage => "not_an_image",
            Self::Truncated => "truncated",
            Self::MissingExif => "missing_exif",
            Self::DamagedExif => "damaged_exif",
            Self::NoDate => "no_date",
            Self::UnreadableDate { .. } => "unreadable_date",
            Self::DateConflict { .. } => "date_conflict",
            Self::MonthDaySwap { .. } => "month_day_swap",
            Self::UnreadableNote => "unreadable_note",
            Self::OrientationUnusual { .. } => "orientation_unusual",
            Self::SizeDiffers => "size_differs",
            Self::UnknownSite => "unknown_site",
            Self::NoDeployment => "no_deployment",
            Self::SeveralDeployments => "several_deployments",
            Self::ClockOverlap => "clock_overlap",
            Self::ClockImpossible => "clock_impossible",
            Self::TimeRunsBackwards => "time_runs_backwards",
            Self::YearNotAdvanced => "year_not_advanced",
            Self::ClockReset => "clock_reset",
            Self::OutsideSeason => "outside_season",
            Self::OffsetContradictsZone => "offset_contradicts_zone",
            Self::RepeatedHour => "repeated_hour",
            Self::ImpossibleHour => "impossible_hour",
            Self::OutsideDrift => "outside_drift",
            Self::SeasonDiffers => "season_differs",
            Self::LocalityDiffers => "locality_differs",
            Self::SeveralCameras => "several_cameras",
            Self::UnknownCamera => "unknown_camera",
        }
    }

    /// Renders a list of flags as words with one space between, in the order given.
    #[must_use]
    pub fn words(flags: &[Self]) -> String {
        flags.iter().map(Self::word).collect::<Vec<_>>().join(" ")
    }
}
