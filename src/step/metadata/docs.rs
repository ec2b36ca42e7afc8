//! The documentation page of `metadata`.

pub(super) const DOCS: &str = "\
# metadata

Reads what the cameras wrote into the image files, puts wrong clocks right, and finds the deployment of each image.

## Why
A data set stands on its dates. Cameras lose theirs with their batteries, are set to the wrong year, or swap month and day; folders
are named after the download. So both times are kept: the raw one as the camera wrote it, which new file names use and which never
changes, and the corrected one, beside the id of the correction that made it. The images themselves are never touched.

## Example
```yaml
deployments: deployments.csv          # site, season, from, to, and whatever else describes a deployment
steps:
  metadata:
    uses: metadata
    from: images
    with: { corrections: clock.csv }
```

`clock.csv`:
```csv
id,site,season,from,to,kind,value,comment
c1,ko_ga_hu_1,2017,2017-01-01,2017-12-31,offset,-366d,2017 instead of 2016
c2,ko_ga_hu_2,,2016-07-01 12:00,2016-08-14,offset,-2h,
c3,*,,2016-01-01,2016-12-31,dst,Europe/Oslo,cameras stay on winter time
```

## Options
- `corrections`: a CSV of clock corrections. It has `id`, `kind` and `site` (`*` for every site) or `deployment`; other columns may be left
  out. `value`, the anchors (`anchor1_raw`, `anchor1_true`, `anchor2_raw`, `anchor2_true`) and `comment` say what is corrected and why.

| kind | value | what it does |
|---|---|---|
| `month_day_swap` | empty | month and day change places |
| `am_pm` | empty, `+12h`, `-12h` | empty: 3 o'clock becomes 15 o'clock of the same day and back; else a shift |
| `year` | `-1`, `+1`, `2016` | signed: a shift of calendar years; four digits: that year |
| `offset` | `+2h`, `-1d2h30m`, `-00:30:00`, `+366d` | a shift |
| `drift` | empty | a straight line through two anchors: what the camera showed, what the time was |
| `dst` | `+1h`, `Europe/Oslo` | a shift from `from` to `to`; or summer time wherever the zone has it, for a camera left on winter time |

  Corrections of several kinds that match one image are applied in the order of this table. Two of one kind may not overlap, and
  nothing but `dst` may stand beside a `drift`. A drift holds from its first anchor to its last, unless `from` and `to` say otherwise.

  Columns that limit a correction, all of which must fit:

| column | the images |
|---|---|
| `season`, `deployment` | of that season, of that deployment |
| `from`, `to` | whose raw time lies between them, both included; a date as `to` includes its whole day |
| `folder` | below a folder of that name, or below several in a row: `100RECNX`, `ko_ga_hu_1/2017` |
| `file_from`, `file_to` | with file names from one to the other, both included, ordered as people count: `IMG_0412.JPG` |
| `event_from`, `event_to` | with event numbers of the camera from one to the other |

  Raw times may come again: a camera that begins at 1 January 2006 whenever its batteries are changed shows the same dates in two years.
  Season, folder or files tell them apart.

- `kind: year` shifts by the calendar. A camera counts days: one that was set to a wrong year is a day off behind a 29 February that only
  one of the years has. That is said, with the offset in days that is right for all of its images.

A changed clock file or deployment table reads no image again: only the table is made anew.

## What it yields
The input's rows and columns, in the same order, and
- from the file: `make`, `model` as written, `camera_make`, `camera_model` as people know them (Browning writes `Prometheus`, Cuddeback swaps
  both), `serial`, `width_px`, `height_px`, exposure, GPS, comments, keywords, and of the Reconyx notes `trigger`, `sequence_n`,
  `sequence_of`, `event`, `moon`, `temperature_c`, `battery_mv` and others;
- `datetime_raw`, `time_source` (`exif`, `note`, `create_date`), and as text for file names `date_raw` (YYYY-MM-DD) and `time_raw` (hh-mm-ss);
- `datetime`, the corrected time, and `clock`, the ids of the corrections applied;
- `deployment`, `deployment_from`, `deployment_to`: of the row of the deployment table whose site is exactly the image's and whose period
  covers the corrected time. Its other columns (`locality`, `habitat`, `camera_type`, `timezone`) are carried as they stand, unless the
  image has a column of that name. Where no deployment covers an image, the values that all of its site's deployments share are carried;
- `datetime_offset`: what the corrected time is ahead of UTC (`+02:00`), where the time zone is known (below); missing for times that
  the zone's clocks show twice or never, unless a `dst` correction or the order of the files tells which it is;
- `repeated_hour`: 1 and 2 for images of the two passes of the hour that comes twice in autumn, where the order of the files tells them;
- `flags`: words for what is odd, such as `missing_exif`, `date_conflict`, `month_day_swap`, `unknown_site`, `no_deployment`,
  `clock_impossible`. No flag fails a run; each is counted and its first files are named.

## Deployments
A deployment table has at least `site`; `from` and `to` are dates or times (a date as `to` includes its whole day), open where empty.
`deployment` is its id for clock corrections; without that column it is `SITE/FIRST-DAY`.
- Times are local. One with an offset (`2024-07-01T10:00:00Z`, as Camtrap DP and others write it) becomes the local time of the
  deployment's zone; where that is not known it is an error.
- `timezone` is a zone (`Europe/Oslo`), or an offset (`+01:00`) for a camera that keeps winter time; else `timezone` of `dataset:`.
- `camera` names the camera, where several stand at one site. An image belongs to a deployment of its own camera: that of the capture
  `{camera}` in the path of the images, else the one whose name is the serial number in the image. Where deployments of several cameras
  cover an image and nothing tells its camera, it belongs to none, and is flagged `several_cameras`.

## Flags of clocks and places
| flag | when |
|---|---|
| `time_runs_backwards` | a corrected time lies before that of the file before it, or runs against event and sequence numbers |
| `year_not_advanced` | the clock went from December to January of the same year; until it is right again |
| `clock_reset` | the clock jumped by more than half a year among the files of one folder, as when it begins again at its factory's date |
| `outside_season` | the time is not in the years that the season's name states (2023-2024), or in one year and those beside it (2024) |
| `season_differs`, `locality_differs` | the deployment that covers the image is of another season or locality than its folder |
| `offset_contradicts_zone` | EXIF has an offset to UTC that is not that of the zone, and no correction makes up for it |
| `impossible_hour`, `repeated_hour` | the time is one that the zone's clocks skip in spring; one that they show twice, and nothing tells which |
| `outside_drift` | images of a camera with a drift before its first or after its last anchor |
| `several_cameras`, `unknown_camera` | several cameras stood there, and nothing tells which took the image; the table does not name its camera |

The order of the files is that of their numbers, within a folder and the numbered folders that cameras make (`100RECNX`).

## References
EXIF 2.32 (CIPA DC-008-2019); Reconyx notes after ExifTool; Meek et al. 2014, Biodiversity and Conservation 23, 2321-2343, on what to
record with camera traps.
";
