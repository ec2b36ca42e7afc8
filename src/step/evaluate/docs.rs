//! The documentation page of `evaluate`.

pub(super) const DOCS: &str = "\
# evaluate

Says how good the predictions are for *all* images, from the few that people checked: precision, recall and F1 of each class,
accuracy, how many images of each class there are, each within an interval.

## Why
Images are not checked in proportion: 100 of 300 predicted stoats, 100 of 80 000 predicted empty images. Counting the checked images as
they are answers the wrong question. Here each checked image counts for as many as it was drawn from. What cannot be known from
the labels is missing, never 0 and never left out.

## Example
```yaml
quality:
  uses: evaluate
  from: { predictions: predictions, labels: [qc_random_labels, qc_class_labels] }
  with: { by: [season, locality] }
  expect: { accuracy_lower: \">= 0.93\", unassessed_classes: 0 }
```

## Cutoffs
`cutoffs: { animal: 0.25 }` asks how good the predictions are when an image counts as `animal` from a confidence `p_animal` of 0.25 on, and
not only where that class is the most confident. Of several classes that reach theirs the most confident is it; where none does, the
most confident of the classes without a cutoff. So the same labels tell what each cutoff would mean: more animals found, or more work
saved. (`threshold` with `on: p_empty` leaves the blanks out of what people see.) Samples per class are still drawn by the label
itself, and count as such; `confidence` and its bins stay those of the label.

## Prevalence
Where the labelled images were drawn by what they show, such as as many animals as blanks, the share of each class among the
predictions says nothing. `prevalence: { empty: 0.75 }` says it instead: three of four images are blank, and the other classes share the rest
as they do among the labels. Labels of type `random` are then taken as drawn at random within each true class, and no other label counts.
Recall is that of the labelled images; precision, F1, accuracy and the numbers of images follow from the shares, for as many images as
there are predictions in the group. The set stands for very many images (no finite-population correction); `checked` has the type `class`,
so that `threshold` does not take it for a random sample, and accuracy by confidence is missing.

```yaml
on_the_test_set:                          # a folder per class, as many images in each
  uses: evaluate
  from: { predictions: test_predictions, labels: test_set.test }
  with: { cutoffs: { animal: 0.25 }, prevalence: { empty: 0.75 } }
```

## What counts
- Labels are joined by site, season and image (`content`, else `name`, `path` or `file`), never by position. A repeated image is an error
  that names it.
- By their `type`, labels of the random sample and of the sample per class count for the classes; random and per-bin labels for
  the confidence bins; random labels alone for `random_accuracy`. `corrected` and `other` never count.
- A label with `shown` = `model` never counts: the person saw the answer. Where `shown` is missing it counts as blind. A `review` of a sample
  must be `blind: true`.
- Labels of one image that agree are one label, that of all their samples; of images whose labels differ none counts, and they are listed.
- Labels of no image of the predictions are counted as `unmatched_labels`, of whatever type they are.
- A label `unknown` (nobody can tell what there is) makes the model neither right nor wrong: such images count nowhere, as if they were like
  the other checked images of their predicted class, and are counted as `undecidable_labels`. Where the programme declares a class
  `unknown`, or the model gives it, it is a class like any other.
- Images that the model could not classify are outside all figures and counted as `unclassified`.

## Groups
`by` makes the groups that are reported: finer or coarser than those of the samples, or others. In which groups the samples were drawn follows
from the `sample` steps behind the labels, and each of these groups weighs by its images, so that 100 checked images of a small locality do
not count as much as 100 of a large one. The predictions must carry the columns of these groups. Labels that come from elsewhere
(`import`, `command`) do not say how they were drawn: name the columns under `sampled_by`, or write `sampled_by: []` where they were drawn
among all images at once, or where every image has a label. A class without a checked image in one
sampling group is taken to be as in the others; without any, it is *unassessed*: its figures are missing, accuracy is that of
`assessed_share`, and every bound allows for any truth among the images that nobody checked.

## What it yields
| output | rows | columns behind those of the group |
|---|---|---|
| `classes` | group and class | images called so (`automatic`), `checked`, checked images that are so (`manual`), `tp`, `fp`, `fn`, `precision`, `recall`, `f1`, `abundance` with `_lower` and `_upper`, `raw_` figures without correction, `warning` |
| `overall` | group | `images`, `unclassified`, `checked`, `accuracy` with `_se`, `_lower`, `_upper`, `raw_accuracy`, `random_checked`, `random_accuracy`, `random_lower`, `random_upper`, `assessed_share`, `unassessed_classes` |
| `confusion` | group, `manual` and `automatic` class | checked images (`count`, `percent_of_manual`), all images (`corrected`, `corrected_percent`) |
| `bins` | group and bin `(bin_from, bin_to]` | `images`, `checked`, `correct`, `accuracy`, `lower`, `upper` |
| `checked` | checked image | the observation, its groups, `label`, `confidence`, `class`, `type`, `correct` |

Classes are those of `classes` (else the programme's), of the model (`p_CLASS` columns), and all that the model or a person names. One that the model
lacks (mink, difficult) has recall 0, and no precision.

## Intervals
Precision, accuracy and bins: Wilson, with finite-population correction. Recall, F1 and abundance: Jeffreys' bounds, the ratio bounded as
Donner and Zou do. The groups in which samples were drawn are put together for each predicted class first, with bounds at the size of
a simple random sample that has the variance of the stratified one (effective size, Franco et al.); over predicted classes squared distances
to the bounds add up. `accuracy_se` is the
standard error of the stratified sample. No chance is involved. Measured with 1 000 samples (500 at random, 100 per class) from a census of
9 058 images whose truth is known, at 95 %:

| class | images | precision | recall | F1 | recall, linearised normal |
|---|---|---|---|---|---|
| person | 5164 | 96.5 % | 95.2 % | 96.2 % | 95.5 % |
| vehicle | 1038 | 94.8 % | 94.7 % | 95.6 % | 91.8 % |
| dog | 725 | 95.3 % | 94.7 % | 95.1 % | 92.7 % |
| roe deer | 420 | 95.4 % | 94.0 % | 94.1 % | 94.0 % |
| rider | 369 | 95.0 % | 93.7 % | 93.5 % | 91.9 % |
| fox | 356 | 94.2 % | 94.0 % | 95.2 % | 86.4 % |
| badger | 243 | 95.3 % | 96.4 % | 96.0 % | 89.9 % |
| wild boar | 229 | 94.6 % | 95.6 % | 95.6 % | 92.2 % |
| hunter | 214 | 94.3 % | 94.7 % | 94.3 % | 93.5 % |
| lynx | 101 | 100 % | 94.5 % | 94.5 % | 82.7 % |
| hare | 86 | 100 % | 95.5 % | 95.5 % | 93.4 % |
| cat | 68 | 100 % | 92.0 % | 92.0 % | 88.3 % |

The interval of accuracy held the truth in 95.3 % of the samples, without bias (-0.0001, standard error 0.0003). Of the methods compared
(linearised normal and logit, draws from Dirichlet posteriors, the same sums with Wilson's bounds, a bootstrap with a prior) this one alone
needs no chance and kept 92 % for recall and F1 of every class, however rare; the bootstrap, which needs chance, held the truth in
94 to 100 %.

A `warning` stands where a class rests on few missed images (all of about 100 images or fewer here): there the interval is wide, and
may hold the truth less often elsewhere.

## References
Böhner et al. 2023, Ecological Informatics 76, 102150 (correction, samples). Wilson 1927, JASA 22, 209-212. Brown, Cai and DasGupta
2001, Statistical Science 16, 101-133. Zou and Donner 2008, Statistics in Medicine 27, 1693-1702; Donner and Zou 2012,
Statistical Methods in Medical Research 21, 347-359. Franco et al. 2019, Journal of Survey Statistics and Methodology 7, 334-364. Cochran 1977, Sampling Techniques, chapter 5.
";
