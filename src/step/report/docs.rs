//! The documentation page of `report`.

pub(super) const DOCS: &str = "\
# report

Writes the quality report: one HTML file with figures, tables, errors and methods that can be published with the data.

## Why
A data set that a model helped to make is worth as much as what is known of its errors. The report says it with the numbers that the
pipeline made on its way, and with where each of them comes from. It is a single file that needs no network, and prints.

## Example
```yaml
report:
  uses: report
  from: [names, predictions, qc_labels, quality, accepted, corrected, final, site_days]
  with: { into: published/report.html, title: Small mammals of Varanger }
```

## What it shows
`from` lists steps; each brings all of its tables, and each makes what it can of the report:

| step | what the report shows of it |
|---|---|
| `metadata`, `rename` | activity of each camera by site and day, doubtful clocks, what is odd about files |
| `classify`, `import`, `ensemble` | classes by group, histogram of confidence with its cumulative curve, shares by confidence |
| `evaluate` | accuracy; precision, recall and F1, corrected and raw; who is taken for whom; accuracy by confidence; all with intervals |
| `threshold` | coverage against accuracy with the threshold in force, rules, hours |
| `review` | who answered, agreement and kappa |
| `merge` (`form: wide`) | classes by group as people and model say together, the gallery of errors, what changed since the season before |
| `heatmap` | a second picture beside each error: where the network looked |
| `summarise` | days of sites with each class by month, gaps, days of bad quality |
| `train`, `compare` | training history, calibration, the candidate against the model in use |
| any other | its tables, as they are |

- Groups are `season` and `locality` where the images have them, and those of `evaluate`. The last season is open, earlier ones are folded.
- Each figure has its table beside it, with a CSV inside the file. A click on a mark or a row shows the command that lists the images,
  labels, model and parameters behind that number: `trapline explain STEP --where class=stoat`.
- The gallery shows images that people named otherwise than the model, `gallery` of each class, the surest first. Images of classes
  with the roles `person`, `vehicle` and `other` are not shown: a report is published.
- The methods list every step before the report with its parameters, the models, seeds and identities.

## Templates
`templates: FOLDER` replaces built-in templates (minijinja) by files of the same name: `report.html.jinja` for the page,
`figures/theme.css.jinja` for its colours, `figures/bars.svg.jinja` and others for figures. `trapline help figures/theme.css` prints
one to start from. A name that a template uses and that does not exist is an error that names file and line.

## When it is made anew
When anything before it changes: a number, a parameter of any step before it, a template. What somebody changed in the file by hand is
not overwritten: then the step stops and says so.

## References
B\u{f6}hner et al. 2023, Ecological Informatics 76, 102150 (quality report, samples, correction). Norouzzadeh et al. 2018, PNAS 115: E5716
(coverage against accuracy). Okabe and Ito 2008, Color Universal Design (colours).
";
