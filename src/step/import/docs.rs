//! The documentation page of `import`.

pub(super) const DOCS: &str = "\
# import

Reads images, predictions or labels that another tool wrote: a CSV of any make, the files of the Böhner workflow, the results of
MegaDetector and SpeciesNet, a table of Timelapse, a data package of Camtrap DP.

## Why
A programme has years behind it: seasons classified elsewhere, labels in spreadsheets, a data set that is published. Imported, they
stand beside what the pipeline makes itself, joined by observation and never by the order of rows.

## Example
```yaml
predictions_2020:
  uses: import
  from: names                       # finds the images by site, season and name
  with: { files: automatic_classification, format: bohner, what: predictions }
labels_2020:
  uses: import
  from: names
  with: { files: [quality_check, manual_classification], format: bohner, what: labels }
elsewhere:
  uses: import
  with:
    files: spreadsheets/*.csv
    what: labels
    columns: { site: Station, name: Photo, class: Species, reviewer: Observer }
    values: { season: \"2020\", type: random }
    classes: { \"Mustela erminea\": stoat, nothing: empty }
detected:
  uses: import
  from: names
  with: { files: results.json, format: megadetector, what: predictions, detection_threshold: 0.2 }
named:
  uses: import
  from: names
  with:
    files: speciesnet.json
    format: speciesnet
    what: predictions
    classes: { cricetidae: vole, \"mustela erminea\": stoat, aves: bird }
```

## What it yields
One row per row of the files, in the order of the files' paths.

| `what` | columns beside those of the observation |
|---|---|
| `images` | all of the file; in metadata files those of the step `metadata` |
| `predictions` | `label`, `confidence`, `model`, `problem`; `p_CLASS`, `label_2` ... where given. Without a label, the class of the highest `p_CLASS` is it |
| `labels` | `class`, `type`, `reviewer`, `time`, `shown`, `comment`; `type` is `other` where nothing says it |

The observation is `site`, `season` and one of `name`, `path`, `file` or `content`. With the port `images`, each row is found among
them by name, path or file, within its site and season, and carries their `content`. Rows that are found nowhere are kept, counted
(`unresolved`) and named; one that fits several images is an error. `carry` names columns of the images that the rows take over:
`carry: [locality, camera_type]`, to evaluate by them. Other columns of text in a CSV of predictions come along; times and numbers
where `columns` names them.

## Folders
Results are often made elsewhere: on another disk, for the folder above, or folder by folder. A path is that of one image, as it stands
(`\\` counts as `/`). Where no path of a file is, and all of them are without the same number of first folders, or below the same number
of folders of the images, each then naming one image, they are taken so, and that is said (`other_folders`): make sure that the file is
about these images. Anything less is an error that counts. Say it yourself, for all files or by file, folder, or name with `*`:

```yaml
    with:
      files: results
      format: megadetector
      what: predictions
      strip: \"E:/archive/2025\"                                  # folders that the images' paths do not have
      prefix: { results/s1.json: north/s1, results/s2.json: north/s2 }   # folders below which a file's paths begin
```

Paths that do not begin with `strip` belong to no image here. Where a file says when its images were taken, as MegaDetector's do, times that
differ by more than a day are counted (`other_time`); where the folders were not said and no time agrees, the files are about other
images, and that is an error. Images to which no row belongs are counted too: `expect: { without_result: 0 }`. Of an image that lies in
several copies one row counts, and the others are left out and counted (`copies`).

## Options
- `columns` says for our columns what the file calls them; a column that has our name already need not be given. `values` are the same
  for all rows and stand above the file.
- `classes` says for a value of the file which class it is. Names of the programme's classes count in any case and with spaces for `_`
  (`bad quality`), and so do the ids of the taxonomy (`species_id`). Any other value is an error that names file, line and column.
- Separators, quotes, a byte order mark and line ends are recognised; an empty field and an unquoted `NA` are missing, and so are the
  words of `missing`.
- All that is wrong is said at once, with file, line and column: the first 20 faults and how many there are.
- A row for an image that has one already is an error that names both lines; labels of several types are not. With
  `rows: multilabel` the column `item` numbers them.

## The Böhner workflow
Files are recognised by their columns; a folder is searched for `metadata_*.txt`, `classification_*.txt`, `quality_check_*.txt` and
`manual_classification_*.txt`, by `what`. Manual labels are of type `corrected`, checked ones of the file's type. Where a folder has none
of these, its final files `image_classification_*.txt` are read instead: predictions where `presence_automatic` is 1, labels where
somebody looked and `presence_manual` is 1. Codes 0 to 7 and the ids of the published tables are known.

## MegaDetector and SpeciesNet
One row per image, found by its path. The files are read image by image; a field that is not what it should be is an error that names
file, image and field, such as `images[12].detections[0].conf`. So is a category that the file does not declare: what was seen there is
not known, and not nothing. Fields that the format does not know are passed over.

- `megadetector`: the JSON of MegaDetector 1.2 to 1.6 and of all tools that write it; another version is read and said. The surest
  detection counts: where a classifier ran behind it, `label` and `confidence` are its surest class; where none did, the category
  (`animal`, `person`, `vehicle`) and the confidence of the detection. `label_2` to `label_5` are the next classes, or categories. An
  image without a detection is `empty` (the programme's class for that, where it has one), with 1 less the highest confidence of what
  does not count. Detectors list even what they hardly believe in: `detection_threshold` says what counts.
- `speciesnet`: what the ensemble says (`prediction`); else the classifier's surest class; else the surest detection. `classes` may
  name any rank of a class, and the most exact counts: its whole text, its id, the common name, `genus species`, genus, family, order,
  class. `blank` is the programme's class for an empty image.
- An image that was not processed has no label; `problem` says why (`failure`, `failures`, no result).
- With `rows: multilabel` an image has one row for each class that its detections show (category, where no classifier ran), with the
  highest confidence of that class; the column `item` numbers them.
- `label` must mean a class of the programme; of the second to fifth labels those that do are kept.

## Timelapse
`format: timelapse` makes `path` of `RelativePath` and `File`, and of images `datetime` of `DateTime`. The other fields are the
template's: `columns` says what they are (`columns: { class: Animal, reviewer: Analyst }`); `Species` is the class or label where nothing
else is.

## Camtrap DP
`format: camtrap_dp` reads the packages of Camtrap DP 1.0; `files` names their folder, or their `datapackage.json`.

- `what: labels` reads the observations of people, `what: predictions` those of models. Observations of single images count; one of an
  event counts for those images taken while it lasted that have none of their own, and lie in no shorter event. A time-lapse image is
  not part of an event of motion (`captureMethod`). Images of which nobody can tell the event are left out and counted (`unclear_event`).
- `path` is `filePath`; `name` is `fileName` where no two images have one. `site` and `season` are known where all deployments tell them
  in `deploymentGroups`, as in the packages of `export`; else `values` may say them.
- A class is known by the tag `class:NAME`, by its scientific name (`scientific_name` of the taxonomy, or `classes: { Mustela erminea: stoat }`),
  or by the type of observation: `blank` is the class for what is empty, `unknown` with the tag `quality:bad` that of bad quality, `human` and
  `vehicle` those with the roles `person` and `vehicle`. `unclassified` is not a label.
- Images of several classes need `rows: multilabel`; several individuals of one class are one label.
- The tables are checked first: a wrong field is an error that names file, row and column.

## References
Böhner et al. 2023, Ecological Informatics 76, 102150. <https://lila.science/megadetector-output-format>. Gadot et al. 2024, IET
Computer Vision (SpeciesNet).
";
