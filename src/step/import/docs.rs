//! The documentation page of `import`.

pub(super) const DOCS: &str = "\
# import

Reads images, predictions or labels that another tool wrote: a CSV of any make, or the files of the Böhner workflow.

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
```

## What it yields
One row per row of the files, in the order of the files' paths.

| `what` | columns beside those of the observation |
|---|---|
| `images` | all of the file; in metadata files those of the step `metadata` |
| `predictions` | `label`, `confidence`, `model`, `problem`; `p_CLASS`, `label_2` ... where given. Without a label, the class of the highest `p_CLASS` is it |
| `labels` | `class`, `type`, `reviewer`, `time`, `shown`, `comment`; `type` is `other` where nothing says it |

The observation is `site`, `season` and one of `name`, `path`, `file` or `content`. With the port `images`, each row is found among
them by name, path (its last folders are enough) or file, within its site and season, and carries their `content`. Rows that are found
nowhere are kept, counted (`unresolved`) and named; one that fits several images is an error. `carry` names columns of the images that
the rows take over: `carry: [locality, camera_type]`, to evaluate by them.

## Options
- `columns` says for our columns what the file calls them; a column that has our name already need not be given. `values` are the same
  for all rows and stand above the file.
- `classes` says for a value of the file which class it is. Names of the programme's classes count in any case and with spaces for `_`
  (`bad quality`), and so do the ids of the taxonomy (`species_id`). Any other value is an error that names file, line and column.
- Separators, quotes, a byte order mark and line ends are recognised; an empty field and an unquoted `NA` are missing, and so are the
  words of `missing`.
- A row for an image that has one already is an error that names both lines; labels of several types are not. With
  `rows: multilabel` the column `item` numbers them.

## The Böhner workflow
Files are recognised by their columns; a folder is searched for `metadata_*.txt`, `classification_*.txt`, `quality_check_*.txt` and
`manual_classification_*.txt`, by `what`. Manual labels are of type `corrected`, checked ones of the file's type. Where a folder has none
of these, its final files `image_classification_*.txt` are read instead: predictions where `presence_automatic` is 1, labels where
somebody looked and `presence_manual` is 1. Codes 0 to 7 and the ids of the published tables are known.

## References
Böhner et al. 2023, Ecological Informatics 76, 102150.
";
