//! Sealed seasons: `seasons/SEASON.csv` in the project, committed by the user. The file is the seal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::lockfile::LockFile;
use crate::id::ContentId;
use crate::observation::ids::normal;
use crate::step::StepError;

/// One file of a sealed season.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedFile {
    /// The root it lies under.
    pub root: String,
    /// Root-relative path.
    pub path: String,
    /// Its content.
    pub content: ContentId,
    /// Its size.
    pub bytes: u64,
}

/// A row that a step yielded for a sealed season: an image of a sample, a label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin {
    /// Where the observation was made; empty where the table does not say.
    pub site: String,
    /// Which image: its content, else its name.
    pub observation: String,
    /// The pinned value: the type of a sample, the class of a label.
    pub value: String,
}

/// What a season is sealed with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seal {
    /// Its files, sorted by root and path.
    pub files: Vec<SealedFile>,
    /// Its rows of samples and labels by step, sorted. A step that had none is there with none: new ones would be a change.
    pub pins: BTreeMap<String, Vec<Pin>>,
}

impl Seal {
    fn sort(&mut self) {
        self.files.sort_by(|a, b| (&a.root, &a.path).cmp(&(&b.root, &b.path)));
        self.pins.values_mut().for_each(|pins| pins.sort());
    }

    /// How many rows of samples and labels it holds.
    pub fn pinned(&self) -> u64 {
        self.pins.values().map(|pins| pins.len() as u64).sum()
    }
}

/// The sealed seasons of a project, by name.
pub type Sealed = BTreeMap<String, Seal>;

/// Why a seal cannot be read, made or broken.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The file cannot be read or written.
    #[error("cannot {action} `{path}`")]
    Io {
        /// `list`, `read`, `write`, `remove`.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line is damaged.
    #[error("`{path}` line {line}: {what}; restore the file from version control, or reopen the season and seal it again")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: u64,
        /// What is wrong.
        what: String,
    },
    /// There is nothing to seal.
    #[error("no image of season `{0}` is known; run the pipeline first, with its root connected")]
    Nothing(String),
    /// It is sealed already.
    #[error("season `{0}` is sealed already; `trapline season reopen {0} --because \"...\"` opens it")]
    Already(String),
    /// It is not sealed.
    #[error("season `{0}` is not sealed; sealed seasons: {1}")]
    NotSealed(String, String),
    /// A season's name that cannot be a file's name.
    #[error("`{0}` cannot name a season's file; use letters, digits, `-`, `_` and `.`")]
    Name(String),
}

/// The header of a seal of files alone.
const FILES_HEADER: &str = "root,path,content,bytes";

/// The header of a seal with samples and labels: lines of files leave the last four fields empty, those of steps the first four.
const HEADER: &str = "root,path,content,bytes,step,site,observation,value";

fn file_of(project: &Path, season: &str) -> Result<PathBuf, SealError> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if season.is_empty() || season.starts_with('.') || !season.chars().all(plain) {
        return Err(SealError::Name(season.to_owned()));
    }
    Ok(project.join("seasons").join(format!("{season}.csv")))
}

/// Reads all seals of a project.
///
/// # Errors
/// When one cannot be read: a seal that is damaged must not count as an open season.
pub fn read(project: &Path) -> Result<Sealed, SealError> {
    let folder = project.join("seasons");
    let io = |source| SealError::Io { action: "list", path: folder.clone(), source };
    let mut sealed = Sealed::new();
    for path in crate::file::reading::entries(&folder).map_err(io)? {
        if path.extension().is_none_or(|ending| ending != "csv") {
            continue;
        }
        match path.file_stem().and_then(|stem| stem.to_str()) {
            Some(season) => drop(sealed.insert(normal(season).into_owned(), read_one(&path)?)),
            // A seal that nobody could match with a season must not count as an open one.
            None => return Err(SealError::Name(crate::path::display(&crate::path::to_text(Path::new(&entry_name(&path)))))),
        }
    }
    Ok(sealed)
}

fn entry_name(path: &Path) -> std::ffi::OsString {
    path.file_name().unwrap_or_default().to_owned()
}

fn read_one(path: &Path) -> Result<Seal, SealError> {
    let bytes = fs::read(path).map_err(|source| SealError::Io { action: "read", path: path.to_owned(), source })?;
    let bad = |line: u64, what: String| SealError::Line { path: path.to_owned(), line, what };
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count() as u64;
        let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        bad(line, format!("the byte {byte:02X} is not UTF-8 (a spreadsheet saves `CSV UTF-8` when asked)"))
    })?;
    if let Some(line) = crate::merging::first_mark(text) {
        return Err(bad(line, format!("{}: take one of the two versions", crate::merging::WHAT)));
    }
    let text = text.trim_start_matches('\u{feff}');
    // A spreadsheet may have saved it with semicolons.
    let delimiter = if text.lines().next().is_some_and(|line| line.contains(';')) { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
    let header: Vec<_> = reader.headers().map_err(|error| bad(1, error.to_string()))?.iter().map(str::to_owned).collect();
    if ![FILES_HEADER, HEADER].contains(&header.join(",").as_str()) {
        return Err(bad(1, format!("the header must be `{FILES_HEADER}` or `{HEADER}`")));
    }
    let mut seal = Seal::default();
    for record in reader.records() {
        let record = record.map_err(|error| bad(error.position().map_or(0, csv::Position::line), error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let field = |at: usize| record.get(at).unwrap_or_default();
        if !field(4).is_empty() {
            let pins = seal.pins.entry(field(4).to_owned()).or_default();
            // A line without an observation says that the step had none.
            if !field(6).is_empty() {
                let (site, observation, value) = (field(5).to_owned(), field(6).to_owned(), field(7).to_owned());
                pins.push(Pin { site, observation, value });
            }
            continue;
        }
        let content = field(2).parse().map_err(|error: crate::id::ParseIdError| bad(line, error.to_string()))?;
        let bytes = field(3).parse().map_err(|_| bad(line, format!("`{}` is not a size in bytes", field(3))))?;
        seal.files.push(SealedFile { root: field(0).to_owned(), path: field(1).to_owned(), content, bytes });
    }
    seal.sort();
    Ok(seal)
}

/// Writes the text of a seal: one line a file, then one a pinned row, sorted.
fn write(seal: &Seal, out: impl std::io::Write) -> Result<(), csv::Error> {
    let mut writer = csv::WriterBuilder::new().buffer_capacity(1 << 16).from_writer(out);
    let with_steps = !seal.pins.is_empty();
    writer.write_record(if with_steps { HEADER } else { FILES_HEADER }.split(','))?;
    for file in &seal.files {
        let (content, bytes) = (file.content.to_string(), file.bytes.to_string());
        let fields = [&file.root, &file.path, &content, &bytes].map(String::as_str);
        let rest: &[&str] = if with_steps { &["", "", "", ""] } else { &[] };
        writer.write_record(fields.iter().chain(rest))?;
    }
    for (step, pins) in &seal.pins {
        if pins.is_empty() {
            writer.write_record(["", "", "", "", step, "", "", ""])?;
        }
        for pin in pins {
            writer.write_record(["", "", "", "", step, &pin.site, &pin.observation, &pin.value])?;
        }
    }
    Ok(writer.flush()?)
}

/// Seals a season: writes `seasons/SEASON.csv`.
///
/// # Errors
/// When it is sealed already, when no image of it is known, or when the file cannot be written.
pub fn seal(project: &Path, season: &str, mut seal: Seal) -> Result<PathBuf, SealError> {
    let path = file_of(project, season)?;
    let look = |source| SealError::Io { action: "read", path: path.clone(), source };
    if crate::file::reading::is_there(&path).map_err(look)? {
        return Err(SealError::Already(season.to_owned()));
    }
    if seal.files.is_empty() && seal.pinned() == 0 {
        return Err(SealError::Nothing(season.to_owned()));
    }
    seal.sort();
    let io = |source| SealError::Io { action: "write", path: path.clone(), source };
    let mut bytes = Vec::new();
    write(&seal, &mut bytes).map_err(|error| io(std::io::Error::other(error)))?;
    crate::file::replace(&path, &bytes).map_err(io)?;
    Ok(path)
}

/// Reopens a sealed season: removes its file and notes the reason beside it in `seasons/reopened.log`.
///
/// # Errors
/// When it is not sealed, or when the files cannot be written.
pub fn reopen(project: &Path, season: &str, because: &str, time: &str) -> Result<PathBuf, SealError> {
    use std::io::Write as _;
    let path = file_of(project, season)?;
    // A seal whose file somebody deleted is reopened too: the lock knows what it was.
    let locked = LockFile::read_if_there(project).ok().flatten().and_then(|lock| lock.seals.get(season).copied());
    let look = |source| SealError::Io { action: "read", path: path.clone(), source };
    let is_there = crate::file::reading::is_there(&path).map_err(look)?;
    let seal = if is_there { read_one(&path).ok().and_then(|seal| manifest_id(&seal).ok()) } else { locked };
    if !is_there && locked.is_none() {
        let sealed = read(project)?.into_keys().collect::<Vec<_>>();
        let list = if sealed.is_empty() { "none".to_owned() } else { sealed.join(", ") };
        return Err(SealError::NotSealed(season.to_owned(), list));
    }
    let log = project.join("seasons").join("reopened.log");
    let io = |action, path: &Path| {
        let path = path.to_owned();
        move |source| SealError::Io { action, path, source }
    };
    let mut file = fs::File::options().append(true).create(true).open(&log).map_err(io("write", &log))?;
    // One line a reason, whatever the person typed.
    let because = because.split_whitespace().collect::<Vec<_>>().join(" ");
    let id = seal.map(|id| format!("\t{id}")).unwrap_or_default();
    writeln!(file, "{time}\t{season}\t{because}{id}").map_err(io("write", &log))?;
    file.sync_all().map_err(io("write", &log))?;
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io("remove", &path)(error)),
        _ => Ok(path),
    }
}

/// A season that was reopened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reopened {
    /// Which.
    pub season: String,
    /// The seal that was taken off; unknown where an earlier version wrote the line.
    pub seal: Option<ContentId>,
}

/// The seasons that were ever reopened, from `seasons/reopened.log`.
///
/// # Errors
/// When the log is there and cannot be read.
pub fn reopened(project: &Path) -> Result<Vec<Reopened>, StepError> {
    let path = project.join("seasons").join("reopened.log");
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(StepError::File { action: "read", path, source }),
    };
    let text = String::from_utf8_lossy(&bytes);
    let line = |line: &str| {
        let mut fields = line.split('\t').skip(1);
        let season = fields.next()?.to_owned();
        Some(Reopened { season, seal: fields.last().and_then(|id| id.trim().parse().ok()) })
    };
    Ok(text.lines().filter_map(line).collect())
}

/// The identity of a season's manifest: BLAKE3 of its canonical text, which is not kept in memory.
///
/// # Errors
/// When the text cannot be made.
pub fn manifest_id(seal: &Seal) -> Result<ContentId, csv::Error> {
    let mut hasher = blake3::Hasher::new();
    write(seal, &mut hasher)?;
    Ok(ContentId(*hasher.finalize().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> SealedFile {
        SealedFile { root: "archive".into(), path: path.into(), content: ContentId::of(path.as_bytes()), bytes: 7 }
    }

    fn files(paths: &[&str]) -> Seal {
        Seal { files: paths.iter().map(|path| file(path)).collect(), ..Seal::default() }
    }

    fn pin(site: &str, observation: &str, value: &str) -> Pin {
        Pin { site: site.into(), observation: observation.into(), value: value.into() }
    }

    #[test]
    fn samples_and_labels_are_sealed_with_the_files() {
        let project = tempfile::tempdir().unwrap();
        let mut whole = files(&["a.jpg"]);
        whole.pins.insert("drawn".into(), vec![pin("b", "b3:00", "class+confidence"), pin("a", "x, y.jpg", "random")]);
        whole.pins.insert("labelled".into(), Vec::new());
        seal(project.path(), "2019", whole.clone()).unwrap();
        whole.sort();
        let text = fs::read_to_string(project.path().join("seasons/2019.csv")).unwrap();
        assert!(
            text.ends_with(",,,,drawn,a,\"x, y.jpg\",random\n,,,,drawn,b,b3:00,class+confidence\n,,,,labelled,,,\n"),
            "{text}"
        );
        assert_eq!(read(project.path()).unwrap()["2019"], whole);
        assert_eq!(whole.pinned(), 2);
        // Every part counts for the identity; a seal of files alone has the one it always had.
        let mut other = whole.clone();
        other.pins.remove("labelled");
        assert_ne!(manifest_id(&whole).unwrap(), manifest_id(&other).unwrap());
        let alone = "root,path,content,bytes\narchive,a.jpg,b3:".to_owned();
        assert!(
            manifest_id(&files(&["a.jpg"])).unwrap()
                == ContentId::of(format!("{}{},7\n", &alone[..alone.len() - 3], file("a.jpg").content).as_bytes())
        );
    }

    #[test]
    fn a_seal_reads_back_sorted_and_reopens_with_its_reason() {
        let project = tempfile::tempdir().unwrap();
        seal(project.path(), "2019", files(&["b.jpg", "a, \"quoted\".jpg"])).unwrap();
        assert_eq!(read(project.path()).unwrap()["2019"], files(&["a, \"quoted\".jpg", "b.jpg"]));
        assert!(matches!(seal(project.path(), "2019", files(&["c.jpg"])), Err(SealError::Already(_))));
        reopen(project.path(), "2019", "late card\nfound", "2026-01-01T00:00:00Z").unwrap();
        assert!(read(project.path()).unwrap().is_empty());
        let log = fs::read_to_string(project.path().join("seasons/reopened.log")).unwrap();
        let id = manifest_id(&files(&["a, \"quoted\".jpg", "b.jpg"])).unwrap();
        assert_eq!(log, format!("2026-01-01T00:00:00Z\t2019\tlate card found\t{id}\n"));
        assert_eq!(reopened(project.path()).unwrap(), [Reopened { season: "2019".into(), seal: Some(id) }]);
    }

    #[test]
    fn a_damaged_seal_is_named_by_file_and_line() {
        let project = tempfile::tempdir().unwrap();
        seal(project.path(), "2019", files(&["a.jpg"])).unwrap();
        let path = project.path().join("seasons/2019.csv");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("b3:", "b3:zz")).unwrap();
        let error = read(project.path()).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("is not an identity"), "{error}");
    }

    #[test]
    fn a_seal_that_is_not_text_is_named_with_its_line_and_cause() {
        let project = tempfile::tempdir().unwrap();
        seal(project.path(), "2019", files(&["a.jpg"])).unwrap();
        let path = project.path().join("seasons/2019.csv");
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend(b"archive,k\xE5.jpg,b3:00,7\n");
        fs::write(&path, bytes).unwrap();
        let error = read(project.path()).unwrap_err().to_string();
        assert!(error.contains("2019.csv` line 3: the byte E5 is not UTF-8"), "{error}");
    }

    #[test]
    fn a_seal_saved_by_a_spreadsheet_still_reads() {
        let project = tempfile::tempdir().unwrap();
        seal(project.path(), "2019", files(&["a.jpg"])).unwrap();
        let path = project.path().join("seasons/2019.csv");
        let text = fs::read_to_string(&path).unwrap().replace(',', ";").replace('\n', "\r\n");
        fs::write(&path, format!("\u{feff}{text}")).unwrap();
        assert_eq!(read(project.path()).unwrap()["2019"], files(&["a.jpg"]));
    }

    #[test]
    fn a_season_cannot_name_a_file_elsewhere() {
        let project = tempfile::tempdir().unwrap();
        assert!(matches!(seal(project.path(), "../x", files(&["a.jpg"])), Err(SealError::Name(_))));
    }
}
