//! The documentation page of `export`.

pub(super) const DOCS: &str = "\
# export

Writes a table as CSV or Parquet, as it is or in the form of another program, a data package, or the images themselves under their
new names, to a path in the project.

## Why
The data set leaves the pipeline here: for R, for a portal, for a colleague. What an export wrote, it may replace or remove;
what anybody else wrote or changed, it never touches: then it stops and says which files are in the way.

## Example
```yaml
table:
  uses: export
  from: final
  with: { into: published/observations.csv }
by_class:
  uses: export
  from: predictions
  with: { into: published/images, images: reflink, folders: label }    # published/images/stoat/NAME.JPG ...
records:
  uses: export
  from: final
  with: { into: published/records.csv, form: camtrapr }
elsewhere:
  uses: export
  from: final
  with:
    into: published/images.csv
    form: wildlife_insights
    values: { project_id: \"2001\", license: CC-BY }
    taxa: { stoat: \"ID;Mammalia;Carnivora;Mustelidae;Mustela;erminea;Stoat\" }    # ID: of the taxon, from Wildlife Insights
package:
  uses: export
  from: { table: per_image, events: events, labels: [qc_labels, corrected] }
  with: { into: published/camtrap_dp, form: camtrap_dp }
```

## Tables
- `.csv`: commas, LF, quotes where needed; an empty field is missing, `\"\"` an empty text; dates `YYYY-MM-DDThh:mm:ss`, identities
  `b3:...`. `.parquet`: typed columns, the same bytes for the same table.
- `columns` chooses and orders the columns; without it all are written.
- Other programs want other text: `separator: semicolon` for a portal or a spreadsheet of Central Europe (numbers keep their decimal
  point), `missing: NA` and `quote: text` for files as R's `write.table` makes them. With `separator: space` a missing value needs
  such a word. A quote within a text is doubled: in R, read with `sep = \" \"`.
- `spreadsheet_safe: true` is for a CSV that somebody opens in a spreadsheet: a comment such as `=HYPERLINK(...)` would be computed there,
  so texts that begin with `=`, `+`, `-` or `@` get an apostrophe in front. Leave it out for files that programs read.

- One file each for some values: `into: \"published/coat/V_rodents_image_metadata_{locality}_{year}.txt\"`. Columns in braces stand in the
  name of the file; `{year}` is that of the column `year` or `t_year`, or of the dates. Files that an earlier export wrote and that
  no row belongs to any more are removed, unless somebody changed them.

## Forms of other programs
`form` makes our table one that another program reads:

- `megadetector`: the JSON of MegaDetector 1.6, which Timelapse, AddaxAI and others read, of predictions. An image has one box, the
  whole frame, with all classes, the label first; the box is `animal`, `empty`, `person` or `vehicle` by the class's role, else the
  class. Images without a label are failures with their `problem`.
- `camtrapr`: the record table of the R package camtrapR: station, species, time, and the time since the record before of the same
  species at the same station (in seconds; minutes, hours and days with one decimal, each from the unit before). It needs `site` and
  `datetime`. Empty images and those of bad quality are no records; images without a class, site or time are left out and counted. No
  record is dropped for following another too soon.
- `timelapse`: for Timelapse's import: `File`, `RelativePath`, `DateTime` where there is one, then `columns`, or else all that says
  what an image shows. The fields of the template must be called like the columns.
- `wildlife_insights`: `images.csv`, with the taxa of `taxa`, empty images as blank, and as `identified_by` the person who said it or
  else the model. `deployment_id` is the column of that name, or site and season.
- `coat_metadata`: the metadata table of the COAT portal, with semicolons between the fields. Its classification table is `merge` with
  `form: coat`, exported with `separator: semicolon`, and the abundance of weeks the output `weeks` of `summarise`. The portal wants one file
  per locality and year, as above.

- `camtrap_dp`: see below.
- What an image shows stands in the column that `class` names; without it `final`, `class` or `label`, the first that is there.
- `values` fills columns that are the same for all rows, such as `project_id` or `sn_region`, and stands above ours.
- `import` reads `megadetector`, `timelapse` and `camtrap_dp` back: the same labels, and the same confidences bit by bit.

## Data packages: Camtrap DP
`form: camtrap_dp` writes a package of Camtrap DP 1.0.2 into the folder `into`: `datapackage.json`, `deployments.csv`, `media.csv`,
`observations.csv`. It is checked against the rules of the standard first; a package that is none is an error that names file, row
and column, and nothing is written.

- The description is the block `dataset:` of the pipeline. `created`, `contributors` and a project with `title` and `sampling_design` are
  needed; what the package covers in space, time and taxa is computed.

```yaml
dataset:
  title: Small mammals of the Varanger peninsula
  created: 2026-01-31                   # you say it: the same data are the same bytes
  licences: { data: CC0-1.0, media: CC-BY-4.0 }
  contributors:
    - { title: NAME, role: contact, email: NAME@example.org, organization: A university }
  project: { title: ..., acronym: ..., sampling_design: systematicRandom }
  timezone: Europe/Oslo                 # where the deployments have no column `timezone`
```

- Deployments are the rows of the table `deployments:`: `site`, `latitude`, `longitude`, `from`, `to`, `timezone` and whatever else is called
  as in the standard (`cameraHeight` or `camera_height`, `habitat`, `baitUse`). Open ends are those of the first and last image. Times of
  a package are never without an offset: `timezone` is a zone (`Europe/Oslo`), or `+01:00` for cameras that keep winter time. In the hour
  that clocks show twice in autumn, `datetime_offset` of `metadata` (`first_offset`, `last_offset` of `events`) says which is meant; where it
  does not, or where clocks skip an hour in spring, the images, events and deployments are counted.
- Media are the images, by `name` or else `path`; `filePath` is their path in the archive. What the camera wrote beside (temperature, moon,
  event) is in `exifData`. `values: { filePublic: \"true\" }` says that everybody may open them.
- Observations are one per image and label, of the person where one labelled the image, else of the model with its confidence;
  classes joined by `+` are several. With the input `events` each event has one more, of level `event`.
  The input `labels` says when people answered (`from: { table: per_image, labels: [qc_labels, corrected] }`): a data set keeps who, and
  not when. A time without an offset is left out and counted.
- An animal has the scientific name that the taxonomy gives its class (columns `scientific_name`, `taxon_rank`, `taxon_id`), or `taxa`:
  `taxa: { stoat: Mustela erminea }`. Empty is `blank`; bad quality is `unknown` with the tag `quality:bad`, since nobody knows that
  nothing was there. The class itself is the tag `class:NAME`; type of label and what was shown are tags as well.
- Images of no deployment, or without time, are left out and counted: also those of a site with one deployment only that was not there
  yet, or no longer, when they were taken.

## Images
- `images: reflink` makes copies that share the disk's blocks where the disk can (APFS, Btrfs, XFS, ReFS) and plain copies
  elsewhere; `copy` always copies; `hardlink` gives the original a second name and `symlink` points to it, also on another disk: they
  need no space, but whoever rotates or tags the exported file alters the original too.
- Files are called by the column `name` (see `rename`), in `folders` by a column such as `label` where given. Every file is
  read back and compared with the identity of its image. Originals are never altered.
- New files are made aside, forced to the disk and moved into place, some hundred at a time. An export that breaks off leaves whole
  files, and the next run goes on from there; a repeated one touches nothing. Images that are no longer wanted are removed, unless
  somebody changed them.
- The hidden `.trapline.csv` lists what the export wrote, with content and size. Keep it: without it the files count as yours. An
  exported file that is gone or empty is made again by the next run; `trapline verify` says where one has another size, and
  `trapline verify --level all` where it has other bytes.

## References
RFC 4180 (CSV); Apache Parquet; <https://lila.science/megadetector-output-format>; Niedballa et al. 2016, Methods in Ecology and
Evolution 7, 1457 (camtrapR); Bubnicki et al. 2024, Remote Sensing in Ecology and Conservation 10, 283 and <https://camtrap-dp.tdwg.org>; the public scripts of the COAT programme for its column names.
";
