//! Which images a clock correction holds for.

use std::cmp::Ordering;

use jiff::civil::DateTime;

/// What a correction asks of an image, beside its raw time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The site's id.
    pub site: &'a str,
    /// The id of the deployment that the image may belong to.
    pub deployment: Option<&'a str>,
    /// The season.
    pub season: Option<&'a str>,
    /// The path below the root, with `/`.
    pub path: &'a str,
    /// The camera's event number.
    pub event: Option<i64>,
}

impl<'a> Subject<'a> {
    /// The folders of the image, without its name.
    fn folders(&self) -> &'a str {
        self.path.rsplit_once('/').map_or("", |(folders, _)| folders)
    }

    /// The name of the file.
    fn file(&self) -> &'a str {
        self.path.rsplit_once('/').map_or(self.path, |(_, file)| file)
    }
}

/// The images that a correction holds for; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The site; `None` for every site (written `*`). Ids must match whole.
    pub site: Option<String>,
    /// The deployment.
    pub deployment: Option<String>,
    /// The season.
    pub season: Option<String>,
    /// One or more folders of the path, one below the other: `100RECNX`, `ko_1/2024`.
    pub folder: Option<String>,
    /// First raw time.
    pub from: Option<DateTime>,
    /// Last raw time, itself included.
    pub to: Option<DateTime>,
    /// Name of the first file, by [`by_number`].
    pub file_from: Option<String>,
    /// Name of the last file, itself included.
    pub file_to: Option<String>,
    /// First event number.
    pub event_from: Option<i64>,
    /// Last event number, itself included.
    pub event_to: Option<i64>,
}

impl Reach {
    /// Says whether an image with this raw time is among them.
    #[must_use]
    pub fn holds(&self, image: &Subject<'_>, raw: DateTime) -> bool {
        self.from.is_none_or(|from| from <= raw) && self.to.is_none_or(|to| raw <= to) && self.holds_at_any_time(image)
    }

    /// As [`Reach::holds`], whatever the raw time.
    #[must_use]
    pub fn holds_at_any_time(&self, image: &Subject<'_>) -> bool {
        let among = |own: &Option<String>, theirs: Option<&str>| own.as_deref().is_none_or(|own| Some(own) == theirs);
        let file = |own: &Option<String>, wanted: fn(Ordering) -> bool| {
            own.as_deref().is_none_or(|own| wanted(by_number(own, image.file())))
        };
        let number = |own: Option<i64>, wanted: fn(Ordering) -> bool| {
            own.is_none_or(|own| image.event.is_some_and(|event| wanted(own.cmp(&event))))
        };
        among(&self.site, Some(image.site))
            && among(&self.deployment, image.deployment)
            && among(&self.season, image.season)
            && self.folder.as_deref().is_none_or(|folder| lies_in(image.folders(), folder))
            && file(&self.file_from, Ordering::is_le)
            && file(&self.file_to, Ordering::is_ge)
            && number(self.event_from, Ordering::is_le)
            && number(self.event_to, Ordering::is_ge)
    }

    /// Says whether some image could belong to both. Where one names only a site and the other only a deployment, or both name folders,
    /// the file alone cannot tell; [`apply`](super::apply) reports it when it happens.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let apart = |a: Option<DateTime>, b: Option<DateTime>| matches!((a, b), (Some(end), Some(start)) if end < start);
        let before =
            |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(end), Some(start)) if by_number(end, start).is_lt());
        let less = |a: Option<i64>, b: Option<i64>| matches!((a, b), (Some(end), Some(start)) if end < start);
        let differ = |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
        let unknown =
            |a: &Self, b: &Self| a.site.is_some() && a.deployment.is_none() && b.site.is_none() && b.deployment.is_some();
        !(differ(&self.site, &other.site)
            || differ(&self.deployment, &other.deployment)
            || differ(&self.season, &other.season)
            || differ(&self.folder, &other.folder)
            || apart(self.to, other.from)
            || apart(other.to, self.from)
            || before(&self.file_to, &other.file_from)
            || before(&other.file_to, &self.file_from)
            || less(self.event_to, other.event_from)
            || less(other.event_to, self.event_from)
            || unknown(self, other)
            || unknown(other, self))
    }
}

/// Says whether `folder`, one folder or several in a row, is among the folders of a path. Names must match whole.
fn lies_in(folders: &str, folder: &str) -> bool {
    let wanted: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    let there: Vec<&str> = folders.split('/').collect();
    wanted.is_empty() || there.windows(wanted.len()).any(|part| part == wanted)
}

/// Orders names as people count: `IMG_9` comes before `IMG_10`, and `img_0010` is the same as `IMG_10`.
#[must_use]
pub fn by_number(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (Some(first), Some(second)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len());
        };
        let order = if first.is_ascii_digit() && second.is_ascii_digit() {
            let (one, two) = (digits(left), digits(right));
            (left, right) = (&left[one.len()..], &right[two.len()..]);
            let (one, two) = (one.trim_start_matches('0'), two.trim_start_matches('0'));
            one.len().cmp(&two.len()).then_with(|| one.cmp(two))
        } else {
            (left, right) = (&left[first.len_utf8()..], &right[second.len_utf8()..]);
            first.to_lowercase().cmp(second.to_lowercase())
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The digits with which a text begins.
fn digits(text: &str) -> &str {
    &text[..text.bytes().take_while(u8::is_ascii_digit).count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_ordered_as_people_count() {
        let mut names = ["IMG_0010.JPG", "img_0009.jpg", "IMG_2.JPG", "IMG_0002.JPG", "IMG_00100.JPG", "A.JPG", "IMG.JPG"];
        names.sort_by(|a, b| by_number(a, b));
        assert!(by_number("IMG_0010.JPG", "img_10.jpg").is_eq());
        assert_eq!(names, ["A.JPG", "IMG.JPG", "IMG_2.JPG", "IMG_0002.JPG", "img_0009.jpg", "IMG_0010.JPG", "IMG_00100.JPG"]);
    }

    #[test]
    fn folders_match_whole_and_in_a_row() {
        for (folder, there) in [
            ("100RECNX", true),
            ("a/2024", true),
            ("/a/2024/", true),
            ("2024/100RECNX", true),
            ("a/100RECNX", false),
            ("00RECNX", false),
            ("2024", true),
            ("202", false),
        ] {
            assert_eq!(lies_in("north/a/2024/100RECNX", folder), there, "{folder}");
        }
    }
}
