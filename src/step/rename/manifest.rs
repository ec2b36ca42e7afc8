//! The manifest: every name ever given, in the user's project, one line per observation.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::id::ContentId;
use crate::observation::ids::normal;
use crate::table::records::Value;
use crate::table::{Reading, TableError, csv};

/// The columns, in the order written.
pub const COLUMNS: [&str; 5] = ["season", "site", "name", "content", "path"];

/// One image in the data set and the name it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Season, as in the path; empty where the pattern has none.
    pub season: Cow<'a, str>,
    /// Site, as in the path; empty where the pattern has none.
    pub site: Cow<'a, str>,
    /// The name given.
    pub name: Cow<'a, str>,
    /// The image.
    pub content: ContentId,
    /// Where it lay when it was named.
    pub path: Cow<'a, str>,
}

impl Entry<'_> {
    fn place(&self) -> (&str, &str, &str, &ContentId) {
        (&self.season, &self.site, &self.name, &self.content)
    }
}

/// An identity is a hash already: its first bytes serve.
#[derive(Debug, Default)]
struct ContentHasher(u64);

impl Hasher for ContentHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.0 ^= u64::from_le_bytes(*first);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

/// Names by observation.
#[derive(Debug, Default)]
pub struct Manifest<'a> {
    /// In the order of the file, then as added.
    pub entries: Vec<Entry<'a>>,
    /// First entry of a content; further ones of the same content (at other sites) follow in `next`.
    by_content: HashMap<ContentId, u32, BuildHasherDefault<ContentHasher>>,
    next: Vec<u32>,
    /// Lines whose `name` somebody emptied, to have another given.
    pub emptied: Vec<Entry<'a>>,
}

const END: u32 = u32::MAX;

fn in_normal_form(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => normal(text),
        Cow::Owned(text) => Cow::Owned(normal(&text).into_owned()),
    }
}

impl<'a> Manifest<'a> {
    /// Reads a manifest file; `file` is named in errors.
    ///
    /// # Errors
    /// [`TableError::Text`] naming the line and the way out.
    pub fn read(bytes: &'a [u8], file: &'a str) -> Result<Self, TableError> {
        let mut manifest = Self::default();
        let reading = Reading { na_is_missing: false, ..Reading::tolerant(file) };
        let error = |line: u64, column: Option<&str>, message: String| TableError::Text {
            file: file.to_owned(),
            line: Some(line),
            column: column.map(str::to_owned),
            message,
        };
        let mut records = reading.records(bytes)?;
        let mut fields = Vec::new();
        let Some(line) = records.next(&mut fields)? else { return Ok(manifest) };
        let header: Vec<String> = fields.iter().map(|field| field.text.trim().to_owned()).collect();
        let mut order = [0; 5];
        for (place, name) in order.iter_mut().zip(COLUMNS) {
            *place = header.iter().position(|column| column == name).ok_or_else(|| {
                error(line, Some(name), format!("the column is missing; a manifest has `{}`", COLUMNS.join("`, `")))
            })?;
        }
        if let Some(other) = header.iter().find(|column| !COLUMNS.contains(&column.as_str())) {
            let message = "a manifest keeps no other columns; put yours into a table of your own".to_owned();
            return Err(error(line, Some(other), message));
        }
        let expected = bytes.len() / 160;
        manifest.entries.reserve(expected);
        manifest.next.reserve(expected);
        manifest.by_content.reserve(expected);
        while let Some(line) = records.next(&mut fields)? {
            // Spreadsheets leave rows of separators behind.
            if fields.iter().all(|field| field.text.trim().is_empty()) {
                continue;
            }
            if fields.len() != COLUMNS.len() {
                let message =
                    format!("{} fields under a header of {}; two versions merged by hand?", fields.len(), COLUMNS.len());
                return Err(error(line, None, message));
            }
            let mut take = |place: usize| std::mem::replace(&mut fields[order[place]], EMPTY).text;
            let (season, site, name, content, path) = (take(0), take(1), take(2), take(3), take(4));
            let content = content.parse().map_err(|cause| error(line, Some("content"), format!("{cause}")))?;
            if name.is_empty() {
                manifest.emptied.push(Entry { season, site, name, content, path });
                continue;
            }
            // The ids of images come in their normal form, whatever an earlier version wrote.
            let (season, site) = (in_normal_form(season), in_normal_form(site));
            let entry = Entry { season, site, name: name.clone(), content, path };
            if let Some(other) = manifest.add(entry)
                && manifest.entries[other].name != name
            {
                let message = format!("the image is also called `{}`; keep one of the two lines", manifest.entries[other].name);
                return Err(error(line, Some("name"), message));
            }
        }
        Ok(manifest)
    }

    /// The place among [`Manifest::entries`] of an observation. `guess` is looked at first: images mostly come in the order of the
    /// manifest, and a neighbour costs no search.
    pub fn find(&self, season: &str, site: &str, content: ContentId, guess: usize) -> Option<usize> {
        let fits = |entry: &Entry<'_>| entry.content == content && entry.season == season && entry.site == site;
        if self.entries.get(guess).is_some_and(fits) {
            return Some(guess);
        }
        let mut at = *self.by_content.get(&content)? as usize;
        loop {
            if fits(self.entries.get(at)?) {
                return Some(at);
            }
            at = self.next[at] as usize;
        }
    }

    /// All entries of a content: an image may lie at several sites.
    pub fn of_content(&self, content: ContentId) -> impl Iterator<Item = usize> {
        let mut at = self.by_content.get(&content).copied().unwrap_or(END);
        std::iter::from_fn(move || {
            let here = at as usize;
            at = *self.next.get(here)?;
            Some(here)
        })
    }

    /// Makes the entry at `at` one of another content.
    pub fn set_content(&mut self, at: usize, content: ContentId) {
        self.entries[at].content = content;
        // Chains of contents are short and this is rare: all are made again.
        self.by_content.clear();
        self.next.clear();
        for (at, entry) in (0_u32..).zip(&self.entries) {
            self.next.push(self.by_content.insert(entry.content, at).unwrap_or(END));
        }
    }

    /// Adds an entry, unless its observation has one: then that one's place.
    pub fn add(&mut self, entry: Entry<'a>) -> Option<usize> {
        // Fewer than 2^32 - 1 rows: the limit of a table.
        let at = u32::try_from(self.entries.len()).unwrap_or(END);
        let earlier = self.by_content.insert(entry.content, at);
        if let Some(first) = earlier {
            self.by_content.insert(entry.content, first);
            if let Some(other) = self.find(&entry.season, &entry.site, entry.content, first as usize) {
                return Some(other);
            }
            self.by_content.insert(entry.content, at);
        }
        self.next.push(earlier.unwrap_or(END));
        self.entries.push(entry);
        None
    }

    /// The bytes of the file: sorted by season, site and name, so that a new season is a block of new lines.
    pub fn write(&self) -> Vec<u8> {
        let mut order: Vec<&Entry<'_>> = self.entries.iter().collect();
        order.sort_by(|a, b| a.place().cmp(&b.place()));
        let mut out = Vec::with_capacity(order.len() * 160);
        out.extend_from_slice(COLUMNS.join(",").as_bytes());
        out.push(b'\n');
        for entry in order {
            for text in [&entry.season, &entry.site, &entry.name] {
                // A missing season is an empty field, not an empty text: spreadsheets write it so.
                if !text.is_empty() {
                    csv::write_text(text, &mut out);
                }
                out.push(b',');
            }
            out.extend_from_slice(entry.content.to_string().as_bytes());
            out.push(b',');
            csv::write_text(&entry.path, &mut out);
            out.push(b'\n');
        }
        out
    }
}

const EMPTY: Value<'static> = Value { text: Cow::Borrowed(""), quoted: false };

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "names.csv";

    fn id(seed: &str) -> ContentId {
        ContentId::of(seed.as_bytes())
    }

    #[test]
    fn a_manifest_is_sorted_and_reads_back() {
        let text = format!(
            "content,site,season,path,name\n{},ko_2,2021,b.jpg,n2\n{},\"ko,1\",2021,a.jpg,n1\n{},ko_2,2020,b.jpg,n0\n",
            id("b"),
            id("a"),
            id("b"),
        );
        let manifest = Manifest::read(text.as_bytes(), FILE).unwrap();
        for guess in 0..4 {
            let name =
                |season, site, seed| manifest.find(season, site, id(seed), guess).map(|at| manifest.entries[at].name.as_ref());
            assert_eq!(name("2021", "ko_2", "b"), Some("n2"));
            assert_eq!(name("2020", "ko_2", "b"), Some("n0"));
            assert_eq!(name("2021", "ko,1", "a"), Some("n1"));
            assert_eq!(name("2021", "ko_2", "a"), None);
        }
        let written = manifest.write();
        assert_eq!(
            String::from_utf8(written.clone()).unwrap(),
            format!(
                "season,site,name,content,path\n2020,ko_2,n0,{},b.jpg\n2021,\"ko,1\",n1,{},a.jpg\n2021,ko_2,n2,{},b.jpg\n",
                id("b"),
                id("a"),
                id("b")
            )
        );
        assert_eq!(Manifest::read(&written, FILE).unwrap().write(), written);
    }

    #[test]
    fn mistakes_name_the_line_and_the_way_out() {
        let read = |text: String| Manifest::read(text.as_bytes(), FILE).unwrap_err().to_string();
        let header = "season,site,name,content,path\n";
        insta::assert_snapshot!(read("season,site,name\n".into()), @"`names.csv`, line 1, column `content`: the column is missing; a manifest has `season`, `site`, `name`, `content`, `path`");
        insta::assert_snapshot!(read("season,site,name,content,path,comment\n".into()), @"`names.csv`, line 1, column `comment`: a manifest keeps no other columns; put yours into a table of your own");
        insta::assert_snapshot!(read(format!("{header}2020,a,n,b3:12,p\n")), @"`names.csv`, line 2, column `content`: `b3:12` is not an identity: expected `b3:` and 64 hexadecimal digits");
        insta::assert_snapshot!(read(format!("{header}<<<<<<< HEAD\n")), @"`names.csv`, line 2: a merge is not finished here; keep what is right of both sides, and remove the lines that begin with `<<<<<<<`, `=======` and `>>>>>>>`");
        insta::assert_snapshot!(read(format!("{header}2020,a,n,{0},p\n2020,a,m,{0},p\n", id("a"))), @"`names.csv`, line 3, column `name`: the image is also called `n`; keep one of the two lines");
        assert!(Manifest::read(b"", FILE).unwrap().entries.is_empty());
    }
}
