//! `trapline labels relink`: labels of images whose bytes changed (rotated, tagged) find them again by their pixels.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use anyhow::bail;
use clap::Args;
use rayon::prelude::*;
use serde_json::json;

use super::ReviewArgs;
use super::desk;
use crate::cli::exit::Exit;
use crate::cli::options::Format;
use crate::cli::render::columns::{Align, Text, columns};
use crate::cli::render::style::STRONG;
use crate::cli::render::words::{counted, short};
use crate::cli::stored;
use crate::cli::terminal::Terminal;
use crate::id::ContentId;
use crate::labels::{self, Appender, Label};
use crate::moves::{Moves, Place};
use crate::photo::decode::Decoder;
use crate::review::desk::Desk;
use crate::review::pictures::{Pictures, text_of};
use crate::step::moved::moves_of;
use crate::store::Store;
use crate::table::Table;

/// Find images whose bytes changed by their pixels, and give them their labels again
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trapline labels relink qc_labels --dry-run
  trapline labels relink qc_labels

A label whose image is not among those of its site and season any more is looked for by its bytes under the other sites and seasons,
then by its pixels among the images of its own that have no label of this review. Where one image fits, a row is added that names the
new place and bytes and supersedes the old label; no row is changed. A file that was rotated by its EXIF tag keeps its pixels, one that
was compressed again does not.")]
pub(super) struct Relink {
    #[command(flatten)]
    review: ReviewArgs,

    /// Only say what would be added
    #[arg(long)]
    dry_run: bool,

    /// For people or for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// What became of a label whose image is gone.
struct Outcome {
    label: Label<'static>,
    found: Result<ContentId, &'static str>,
    /// Where the image lies now, if it is another place.
    place: Option<Place>,
}

pub(super) fn run(args: &Relink, terminal: Terminal) -> anyhow::Result<Exit> {
    let Some((desk, store)) = desk::open(&args.review, terminal)? else { return Ok(Exit::BadInput) };
    let images = images(&desk, &store)?;
    let labels = current(&desk, &moves_of(&desk.pipeline.project)?)?;
    let outcomes = search(&desk, &images, labels, terminal);
    let mut linked = 0;
    let mut appenders: BTreeMap<String, Appender> = BTreeMap::new();
    for outcome in &outcomes {
        let Ok(content) = outcome.found else { continue };
        linked += 1;
        if args.dry_run {
            continue;
        }
        let old = &outcome.label;
        let mut new = Label { observation: Some(content), supersedes: old.id.clone(), id: "".into(), ..old.clone() };
        if let Some(Place { season, site }) = outcome.place.clone() {
            (new.season, new.site) = (season.into(), site.into());
        }
        let appender = appenders.entry(old.reviewer.to_string()).or_insert_with(|| Appender::new(&desk.folder(), &old.reviewer));
        appender.append(std::slice::from_mut(&mut new))?;
    }
    match args.format {
        Format::Text => terminal.print(&render(&outcomes))?,
        Format::Json => terminal.print_json(&json!({
            "format": 1,
            "step": desk.step(),
            "dry_run": args.dry_run,
            "labels": outcomes.iter().map(|outcome| json!({
                "label": outcome.label.id,
                "reviewer": outcome.label.reviewer,
                "class": outcome.label.class,
                "site": outcome.label.site,
                "season": outcome.label.season,
                "file": outcome.label.file,
                "was": outcome.label.observation,
                "now": outcome.found.ok(),
                "now_site": outcome.place.as_ref().map(|place| &place.site),
                "now_season": outcome.place.as_ref().map(|place| &place.season),
                "why_not": outcome.found.err(),
            })).collect::<Vec<_>>(),
        }))?,
    }
    let (done, next) =
        if args.dry_run { ("would be linked again", "") } else { ("linked again", "; `trapline run` takes them up") };
    let lost = outcomes.len() - linked;
    let lost = if lost > 0 { format!(", {lost} not found") } else { String::new() };
    let next = if linked > 0 { next } else { "" };
    terminal.say(&format!("{} {done}{lost}{next}\n", counted(linked as u64, "label")));
    Ok(Exit::Ok)
}

/// All images that the review's inputs were made from: a sample would leave out whatever changed.
fn images(desk: &Desk, store: &Store) -> anyhow::Result<Vec<Table>> {
    let mut before: BTreeSet<usize> = BTreeSet::new();
    let mut open = vec![desk.index];
    while let Some(step) = open.pop() {
        for wire in desk.pipeline.steps[step].inputs.iter().flatten() {
            if before.insert(wire.step) {
                open.push(wire.step);
            }
        }
    }
    let mut tables = Vec::new();
    for step in before.into_iter().map(|at| &desk.pipeline.steps[at]).filter(|step| step.step.source().is_some()) {
        let result = stored::result(&desk.pipeline, store, &step.name.value)?;
        tables.push(stored::table(store, &result, None)?.read(None).map_err(stored::store_error)?);
    }
    if tables.is_empty() {
        bail!("step `{}` asks about no images of this project: there are no pixels to compare", desk.step());
    }
    Ok(tables)
}

/// The labels that no other supersedes.
fn current(desk: &Desk, moves: &Moves) -> anyhow::Result<Vec<Label<'static>>> {
    let mut all = Vec::new();
    for (name, bytes) in &desk.files {
        let path = format!("{}/{name}", desk.question.folder);
        let text = labels::decode(&path, bytes)?;
        let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
        let rows = labels::read(&path, stem, &text)?.labels;
        all.extend(rows.into_iter().map(Label::into_owned));
    }
    let superseded: HashSet<String> = all.iter().flat_map(|label| label.superseded().map(str::to_owned)).collect();
    let mut seen = HashSet::new();
    // Those that follow their images by themselves are not lost.
    for label in &mut all {
        let Some(content) = label.observation else { continue };
        if let Some(place) = moves.now(&Place::new(&label.season, &label.site), content) {
            (label.season, label.site) = (place.season.clone().into(), place.site.clone().into());
        }
    }
    all.retain(|label| !label.class.is_empty() && !superseded.contains(label.id.as_ref()) && seen.insert(label.id.to_string()));
    Ok(all)
}

/// Looks for the images of labels that are gone.
fn search(desk: &Desk, images: &[Table], labels: Vec<Label<'static>>, terminal: Terminal) -> Vec<Outcome> {
    let kept = |text: &str| labels::kept(text).into_owned();
    let place = |table: &Table, row: usize| (kept(text_of(table, "site", row)), kept(text_of(table, "season", row)));
    let mut there: HashMap<(String, String), Vec<(usize, usize)>> = HashMap::new();
    let mut contents: HashSet<((String, String), ContentId)> = HashSet::new();
    for (at, table) in images.iter().enumerate() {
        for row in 0..table.rows {
            let Some(content) = table.column("content").and_then(|column| column.content(row)) else { continue };
            let place = place(table, row);
            contents.insert((place.clone(), content));
            there.entry(place).or_default().push((at, row));
        }
    }
    let of = |label: &Label<'_>| (kept(&label.site), kept(&label.season));
    let labelled: HashSet<_> = labels.iter().filter_map(|label| Some((of(label), label.observation?))).collect();
    let anywhere: HashSet<ContentId> = contents.iter().map(|(_, content)| *content).collect();
    let is_there = |label: &Label<'_>, content: ContentId| {
        let has_place = !label.site.is_empty() || !label.season.is_empty();
        if has_place { contents.contains(&(of(label), content)) } else { anywhere.contains(&content) }
    };
    let is_gone = |label: &Label<'_>| label.observation.is_some_and(|content| !is_there(label, content));
    let gone: Vec<Label<'static>> = labels.into_iter().filter(is_gone).collect();
    let places: BTreeSet<(String, String)> = gone.iter().filter(|label| !label.pixels.is_empty()).map(of).collect();
    let candidates: Vec<(&(String, String), usize, usize)> = (places.iter())
        .flat_map(|place| there.get(place).into_iter().flatten().map(move |(at, row)| (place, *at, *row)))
        .filter(|(place, at, row)| {
            let content = images[*at].column("content").and_then(|column| column.content(*row));
            content.is_some_and(|content| !labelled.contains(&((*place).clone(), content)))
        })
        .collect();
    if !candidates.is_empty() {
        terminal.say(&format!("comparing the pixels of {}\n", counted(candidates.len() as u64, "image")));
    }
    let pictures = Pictures::of(&desk.pipeline);
    let hashes: Vec<Option<String>> = (candidates.par_iter())
        .map_init(Decoder::default, |decoder, (_, at, row)| pictures.hash(&images[*at], *row, decoder))
        .collect();
    let unreadable = hashes.iter().filter(|hash| hash.is_none()).count();
    if unreadable > 0 {
        terminal.say(&format!("{} cannot be read here\n", counted(unreadable as u64, "image")));
    }
    let mut by_pixels: HashMap<(&(String, String), &str), BTreeSet<ContentId>> = HashMap::new();
    for ((place, at, row), hash) in candidates.iter().zip(&hashes) {
        let content = images[*at].column("content").and_then(|column| column.content(*row));
        if let (Some(hash), Some(content)) = (hash, content) {
            by_pixels.entry((place, hash)).or_default().insert(content);
        }
    }
    let mut lies: HashMap<ContentId, BTreeSet<&(String, String)>> = HashMap::new();
    let lost: HashSet<ContentId> = gone.iter().filter_map(|label| label.observation).collect();
    for (place, content) in
        contents.iter().filter(|(place, content)| lost.contains(content) && !labelled.contains(&(place.clone(), *content)))
    {
        lies.entry(*content).or_default().insert(place);
    }
    let find = |label: Label<'static>| {
        let place = of(&label);
        // The bytes say more than the pixels: the folder has another name.
        let elsewhere = label.observation.and_then(|content| lies.get(&content)).filter(|places| places.len() == 1);
        if let (Some(content), Some((site, season))) = (label.observation, elsewhere.and_then(|places| places.first().copied())) {
            return Outcome { label, found: Ok(content), place: Some(Place::new(season, site)) };
        }
        let found = by_pixels.get(&(&place, label.pixels.as_ref()));
        let found = match found.map(|contents| contents.iter().collect::<Vec<_>>()).as_deref() {
            _ if label.pixels.is_empty() => Err("the label names no pixels"),
            None | Some([]) => Err("no image there has these pixels"),
            Some([only]) => Ok(**only),
            Some(_) => Err("several images have these pixels"),
        };
        Outcome { label, found, place: None }
    };
    gone.into_iter().map(find).collect()
}

fn render(outcomes: &[Outcome]) -> String {
    let names = ["label", "reviewer", "site", "season", "file", "class", "was", "now"];
    let header = names.map(|name| (name, Align::Left));
    let rows: Vec<Vec<Text>> = (outcomes.iter())
        .map(|Outcome { label, found, place }| {
            let was = label.observation.map(|id| short(&id.to_string())).unwrap_or_default();
            let now = match place {
                Some(place) => format!("{} {}", place.site, place.season).trim().to_owned(),
                None => found.map_or_else(str::to_owned, |id| short(&id.to_string())),
            };
            let own = [&label.id, &label.reviewer, &label.site, &label.season, &label.file, &label.class];
            own.into_iter().map(Text::from).chain([was.into(), now.into()]).collect()
        })
        .collect();
    if rows.is_empty() { String::new() } else { columns(&header, &rows, STRONG) + "\n" }
}
