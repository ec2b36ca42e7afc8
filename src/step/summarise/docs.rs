//! The documentation page of `summarise`.

pub(super) const DOCS: &str = "\
# summarise

Makes site-days, camera gaps and weekly abundance out of trigger events: what analyses of occupancy and abundance start from.

## Why
A day without a vole and a day of which nobody knows anything are not the same. Snow before the lens, an empty battery, a card that was
full: such days are *missing*, and never a zero. Only a table that has a row for every day tells them apart.

## Example
```yaml
per_image: { uses: merge, from: { images: names, predictions: predictions, labels: [qc_labels, corrected] } }
passes: { uses: events, from: per_image }
site_days: { uses: summarise, from: passes }
days: { uses: export, from: site_days, with: { into: published/site_days.csv } }
weeks:
  uses: export
  from: site_days.weeks
  with: { into: published/abundance.txt, format: csv, separator: semicolon, missing: NA, quote: text }
```

## Days
An event belongs to the day of its first image, by the corrected clock. Each day of a site and season has a row per class, with a `status`:

| status | when | `events`, `present` |
|---|---|---|
| `observed` | there are images, and labels | the number of events, 0 where there is none |
| `bad_quality` | all time-lapse images of the day are of bad quality, as `events` found (`day_missing`) | missing |
| `unlabelled` | images, and no label at all: not classified yet, or all damaged | missing |
| `gap` | a camera that stood there took no image (see `alive`) | missing |

- A day without time-lapse images cannot be judged by them and counts as observed.
- On an observed day, single events without a label are not counted; they are reported.
- All events count, those of time-lapse images too: an animal on a time-lapse image was there, and COAT counts it. `count: motion`
  leaves them out.
- `classes` are all animals of the programme where none are listed. Of a class of bad quality, when it is listed, a day of status
  `bad_quality` has all of its events, as in COAT's scripts.

## Cameras that wait for a trigger
A daily time-lapse image shows that a camera works. Without one, a day without an image may be a day without animals or one on which the
camera had failed: no table tells. `alive` says how to take it:
- `alive: images`: a camera worked on the days of which it has images; all others of its deployment are `gap`, missing. So it is where
  nothing is said; sites without any time-lapse image are then named, so that somebody chooses.
- `alive: deployment`: a camera worked from the start to the end of its deployment, as camtrapR's camera operation has it. A day without an
  image is `observed`, without animals, and is counted in `quiet_days`. Two rows of the table, one until the day on which the camera had
  failed and one from the day on which it worked again, leave such a time out. A deployment without any image stays a gap, since its camera
  took not even the picture of the person who set it up. Sites without a row in the table go by their images.

## Several cameras at a site
Events with a column `camera` (the capture `{camera}` of the path, or a column of the deployment table) are counted by camera: each has days,
gaps and deployments of its own, and `days` and `gaps` have the column `camera` at their end. A camera has the deployments that name it, else
those of its site that name none. `weeks` stay those of the site: the sum over its cameras, missing where one of them is. With `unit: site`
cameras are not told apart: a day is observed when any of them took an image.

## Gaps
A gap is a run of days of which a site has no image, of any season and trigger, while its camera stood there:
- a site with rows in the deployment table: from `from` to `to`. A day that a deployment covers only in part, because `from` or `to` has
  a time, is a row where there are images, and no gap where there are none; a date without a time covers its whole day. An open `from` or
  `to` reaches as far as there are images, and no further than the next deployment. A deployment without any image is one gap. Seasons
  of which there is no image at all are left out: the table is often ahead of the cards.
- any other site: from the first image of a season to its last. With `between_seasons: true` the camera is taken to stay until the first
  image of the next season, as COAT's cameras do that stand all year. More than 366 days without an image are no gap then, but are
  reported: most often a clock began again.

Days outside these times have rows where there are images, and none where there are none. Where one camera followed another without a deployment
table, the days between them are a gap without a camera. `why` says where a gap lies: `before_first_image`, `between_images` or `after_last_image` of the deployment (or
season), or `no_images` at all. Where the deployment table names no season, a gap has that of the image before it, else of the next.

## Weeks
COAT's abundance table: `sn_region`, `sn_locality`, `sc_type_of_sites_ecological`, `sn_site`, `t_year`, `t_week`, `v_class_id`,
`v_abundance`.
- `v_abundance` is the number of events (passings) of all days of the week, of whichever season. It is missing as soon as one day of
  the week is missing, as in COAT's scripts; `missing_days: 2` bears two, and then sums the others. Days before the camera came and after
  it went are not missing: the first and the last week are shorter.
- `weeks: coat` counts as COAT's scripts do (`week` of lubridate): week 1 is 1 to 7 January, week 53 the last day or two of the year, and
  `t_year` the calendar year, so that no week lies in two years. `weeks: iso` takes the weeks of ISO 8601, from Monday to Sunday, and
  `t_year` is the year of the week: 30 December 2019 is in week 1 of 2020.
- `v_class_id` is the `species_id` of the taxonomy, or the class's name; classes with one id are added up.
- Region, locality and habitat come from the events, else from the deployment table: columns of COAT's names, or `region`, `locality`,
  `habitat`.

## What it yields
`days`: `site`, `season` (where events have one), `date` (YYYY-MM-DD), `class`, `events`, `present`, `status`, by site, season, date.
`gaps`: `site`, `season`, `from`, `to` (both included), `days`, `why`. Both end with `camera` where cameras are counted. `weeks`: as above, by site, week, class.

## References
Niedballa et al. 2016, Methods in Ecology and Evolution 7, 1457 (camtrapR: camera operation);
Boehner et al. 2023, Ecological Informatics 76, 102150; the public scripts of the COAT programme that make its state variables
(`preprocess_classifications`, `filter_bad_quality`, `add_cameras`, and the weekly number of passings).
";
