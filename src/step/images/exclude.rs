//! What lies below a root and is not an image of the archive: files and folders that systems and programmes put there, and what the
//! pipeline leaves out.

use regex::Regex;

use super::pattern::{Pattern, PatternError, glob};

/// Why a file or folder is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// A system or a programme made it.
    System,
    /// `exclude:` names it.
    Asked,
}

/// Names, in small letters, of what systems and programmes put on disks. Names that begin with a dot are left out whatever they are:
/// `._IMG_0001.JPG` beside each image that a Mac copied, `.Trashes`, `.thumbnails`, `.DS_Store`.
const SYSTEM: &[&str] = &[
    // Windows.
    "$recycle.bin",
    "recycler",
    "recycled",
    "system volume information",
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    // Repairs of a file system.
    "lost+found",
    "found.000",
    // Synology, QNAP.
    "@eadir",
    "@tmp",
    "@sharebin",
    "@__thumb",
    "@recycle",
    "@recently-snapshot",
    "#recycle",
    "#snapshot",
    // macOS, in archives and on shares.
    "__macosx",
    "network trash folder",
    "temporary items",
    "thevolumesettingsfolder",
];

/// What the names of thumbnails begin with, in small letters.
const SYSTEM_STARTS: &[&str] = &["synophoto_", "synoindex_", "synovideo_"];

/// What the names of Lightroom's folders end in, in small letters.
const SYSTEM_ENDS: &[&str] = &[".lrdata", ".lrcat-data"];

/// What a source leaves out.
#[derive(Debug, Clone, Default)]
pub struct Exclude {
    names: Vec<Regex>,
    paths: Vec<Regex>,
    /// Names that the source's own pattern spells out: somebody wants them.
    wanted: Vec<String>,
    /// How many folders the pattern itself begins with.
    above: usize,
}

impl Exclude {
    /// Reads the patterns of `exclude:`, which go with the source's own.
    ///
    /// # Errors
    /// The first that cannot be used, by its place.
    pub fn new(texts: &[String], pattern: &Pattern) -> Result<Self, (usize, PatternError)> {
        let prefix = pattern.prefix();
        let above = if prefix.is_empty() { 0 } else { 1 + prefix.matches('/').count() };
        let mut exclude = Self { wanted: pattern.spelt().to_vec(), above, ..Self::default() };
        for (at, text) in texts.iter().enumerate() {
            let compiled = glob(text).map_err(|error| (at, error))?;
            let of_path = text.trim_end_matches('/').contains('/');
            if of_path { exclude.paths.push(compiled) } else { exclude.names.push(compiled) }
        }
        Ok(exclude)
    }

    /// Why the file or folder at `path`, called `name`, is left out, if it is. What lies in a folder that is left out goes with it.
    #[must_use]
    pub fn why(&self, path: &str, name: &str) -> Option<Why> {
        if self.names.iter().any(|own| own.is_match(name)) || self.paths.iter().any(|own| own.is_match(path)) {
            return Some(Why::Asked);
        }
        (is_system(name) && !self.wanted.iter().any(|wanted| wanted == name)).then_some(Why::System)
    }

    /// Says whether the file at `path`, or a folder above it, is left out.
    #[must_use]
    pub fn hides(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.skip(self.above).any(|end| {
            let part = &path[..end];
            self.why(part, part.rsplit('/').next().unwrap_or(part)).is_some()
        })
    }
}

fn is_system(name: &str) -> bool {
    if name.starts_with('.') {
        return true;
    }
    // Names of cameras' files and folders begin with a letter or a digit: few come this far.
    let name = name.to_lowercase();
    SYSTEM.contains(&name.as_str())
        || SYSTEM_STARTS.iter().any(|start| name.starts_with(start))
        || SYSTEM_ENDS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exclude(pattern: &str, texts: &[&str]) -> Exclude {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Exclude::new(&texts, &Pattern::parse(pattern).unwrap()).unwrap()
    }

    #[test]
    fn what_systems_put_on_disks_is_left_out() {
        let exclude = exclude("{site}/{season}/**/*.jpg", &[]);
        for path in [
            "s/2024/._IMG_1.jpg",
            "s/2024/@eaDir/IMG_1.JPG/SYNOPHOTO_THUMB_M.jpg",
            "$RECYCLE.BIN/S-1/2023/$R1.jpg",
            ".Trashes/501/2024/1.jpg",
            "System Volume Information/a/1.jpg",
            "s/2024/.thumbnails/1.jpg",
            "s/2024/Previews.lrdata/1.jpg",
        ] {
            assert!(exclude.hides(path), "{path}");
        }
        assert!(!exclude.hides("s/2024/100RECNX/IMG_1.JPG"));
    }

    #[test]
    fn a_pipeline_leaves_out_names_and_paths_and_keeps_what_it_spells_out() {
        let exclude = exclude("{site}/.cards/**/*.jpg", &["test_*", "north/s1/**", "calibration/"]);
        let why = |path: &str| exclude.why(path, path.rsplit('/').next().unwrap());
        assert_eq!(why("s/Test_1"), Some(Why::Asked));
        assert_eq!(why("north/s1/a/1.jpg"), Some(Why::Asked));
        assert_eq!(why("s/calibration"), Some(Why::Asked));
        assert_eq!((why("s/.cards"), why("s/.other")), (None, Some(Why::System)));
        assert!(!self::exclude(".raw/{site}/*.jpg", &[]).hides(".raw/a/1.jpg"));
    }
}
