//! A review as a folder that can be sent to somebody: the page with everything in it, and the images beside it.
//!
//! Its answers come back as a CSV in the form of a label file: `trapline labels add STEP --reviewer NAME answers.csv`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::office::{MOST_ITEMS, Office, OfficeError};
use super::page::standalone;
use super::showing::{Unshowable, show};
use super::wire::{FramesShown, Item, Session};
use crate::id::ContentId;

/// The file to open.
pub const PAGE: &str = "review.html";
/// The folder of images.
pub const IMAGES: &str = "images";

/// Everything that the page would ask a server for.
#[derive(Serialize)]
struct Data {
    session: Session,
    items: Vec<Item>,
    frames: BTreeMap<String, FramesShown>,
    images: BTreeMap<String, String>,
    /// What is wrong with files that were sent all the same.
    damaged: BTreeMap<String, String>,
}

/// What was written.
#[derive(Debug, Default)]
pub struct Exported {
    /// Images that are asked about.
    pub asked: usize,
    /// Image files, those around them included.
    pub images: usize,
    /// Bytes of images.
    pub bytes: u64,
    /// Images that cannot be shown, and why.
    pub unshown: Vec<String>,
}

/// Why nothing, or not everything, was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The folder is not empty.
    #[error("`{}` is there already: choose another name, or remove it", .0.display())]
    There(PathBuf),
    /// The disk.
    #[error("cannot write `{}`", .path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The review.
    #[error(transparent)]
    Office(#[from] OfficeError),
    /// The data.
    #[error("the questions cannot be written")]
    Json(#[from] serde_json::Error),
}

/// Writes the review for `reviewer` into `folder`, which must not be there yet. `advance` hears of each image.
///
/// # Errors
/// [`ExportError`].
pub fn export(
    office: &mut Office,
    reviewer: &str,
    folder: &Path,
    advance: &(dyn Fn(u64) + Sync),
) -> Result<Exported, ExportError> {
    if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) || folder.is_file() {
        return Err(ExportError::There(folder.to_owned()));
    }
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| ExportError::Write { path, source }
    };
    let pictures = folder.join(IMAGES);
    std::fs::create_dir_all(&pictures).map_err(write(&pictures))?;
    let items = left(office, reviewer)?;
    let mut frames = BTreeMap::new();
    let mut names: BTreeSet<String> = items.iter().map(|item| item.image.clone()).collect();
    for item in &items {
        let around = office.frames(&item.image, reviewer)?;
        names.extend(around.event.iter().map(|frame| frame.image.clone()).chain(around.previous.clone()));
        frames.insert(item.image.clone(), around);
    }
    renumber(&mut frames, &items);
    let files: Vec<(String, ContentId, Option<PathBuf>)> =
        names.into_iter().filter_map(|name| office.file(&name).ok().map(|(content, path)| (name, content, path))).collect();
    let copied: Vec<Result<(String, Copied), String>> = files
        .par_iter()
        .map(|(name, content, path)| {
            let copied = copy(*content, path.as_deref(), &pictures);
            advance(copied.as_ref().map_or(0, |copied| copied.bytes));
            copied.map(|copied| (name.clone(), copied))
        })
        .collect();
    let mut exported = Exported { asked: items.len(), ..Exported::default() };
    let (mut images, mut damaged) = (BTreeMap::new(), BTreeMap::new());
    for one in copied {
        match one {
            Ok((name, copied)) => {
                exported.images += 1;
                exported.bytes += copied.bytes;
                damaged.extend(copied.damage.map(|damage| (name.clone(), damage)));
                images.insert(name, format!("{IMAGES}/{}", copied.file));
            }
            Err(reason) => exported.unshown.push(reason),
        }
    }
    let session = Session { reviewer: Some(reviewer.to_owned()), asked: items.len(), ..office.session() };
    let page = folder.join(PAGE);
    std::fs::write(&page, standalone(&serde_json::to_string(&Data { session, items, frames, images, damaged })?))
        .map_err(write(&page))?;
    Ok(exported)
}

/// What is left to the reviewer, numbered anew.
fn left(office: &mut Office, reviewer: &str) -> Result<Vec<Item>, OfficeError> {
    let mut items = Vec::new();
    let mut from = 0;
    loop {
        let part = office.queue(reviewer, from, MOST_ITEMS)?;
        from += part.items.len();
        let is_last = part.items.is_empty() || from >= part.total;
        items.extend(part.items.into_iter().filter(|item| item.answer.is_none() && !item.done_by_others));
        if is_last {
            break;
        }
    }
    for (at, item) in (0_u32..).zip(&mut items) {
        item.at = at;
    }
    Ok(items)
}

/// Gives the frames the places that their images have in the folder.
fn renumber(frames: &mut BTreeMap<String, FramesShown>, items: &[Item]) {
    let places: BTreeMap<&str, u32> = items.iter().map(|item| (item.image.as_str(), item.at)).collect();
    for frame in frames.values_mut().flat_map(|around| &mut around.event) {
        frame.asked_at = places.get(frame.image.as_str()).copied();
    }
}

/// An image in the folder.
struct Copied {
    file: String,
    bytes: u64,
    damage: Option<String>,
}

/// Copies an image; its new name tells nothing, neither of the place nor of what somebody saw there.
fn copy(content: ContentId, path: Option<&Path>, folder: &Path) -> Result<Copied, String> {
    let path = path.ok_or_else(|| format!("the disk with {} is not there", &content.hex()[..12]))?;
    let picture = show(path, content, None).map_err(|reason: Unshowable| reason.to_string())?;
    let ending = if picture.kind == "image/png" { "png" } else { "jpg" };
    let file = format!("{}.{ending}", &content.hex()[..16]);
    let path = folder.join(&file);
    std::fs::write(&path, &picture.bytes).map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
    Ok(Copied { file, bytes: picture.bytes.len() as u64, damage: picture.damage.map(|damage| damage.to_string()) })
}
