//! The documentation page of `compare`.

pub(super) const DOCS: &str = "\
# compare

Says whether a candidate model is better than the one in use: both classify the same images, people have looked at some of them
without knowing what any model said, and the two are held against each other image by image.

## Why
Two accuracies from two evaluations can differ by chance, by what was sampled, or because the candidate has seen the very images it is
asked about. Here both answer for the same images, only the random sample counts (the samples per class and per confidence bin are
drawn by what *one* model said, and would favour the other), and images used in training are left out.

## Example
```yaml
verdict:
  uses: compare
  stage: retrain
  from:
    candidate: candidate_predictions   # classify, its model from `train`
    current: predictions               # classify, the model in use
    labels: qc_labels                  # review of the random sample
    exclude: split                     # the images that the candidate was trained on
  with: { by: [locality] }
  expect: { gain_lower: \">= -0.02\", images: \">= 300\" }
```
`promote` makes the candidate a named model, if this comparison was made with exactly this candidate and passes.

## What counts
- Labels whose `type` holds `random`, given blind. Others are counted under `other_labels`; those given with a model's answer on screen
  under `labels_with_model_shown`; of images whose labels differ none counts.
- Labels `unknown` (nobody can tell what there is) make neither model right; they are left out and counted, unless the programme or a model
  has such a class.
- Images of `exclude` are left out by content, at whatever site; whole trigger events too where both tables have `event_id`: let
  both come from one `events` step over the whole archive. Rows whose `split` is `test` were not trained on and stay. `leaked` says how many checked images that cost.
- Images that one of the models could not classify, or that only one was given, are left out and counted.

## What it yields
| output | rows | columns |
|---|---|---|
| `comparison` | all images (`scope` = `all`), then each group of `by` (`scope` = `group`) | `images` that both classified, `compared` ones, `leaked`, `both_right`, `only_candidate_right`, `only_current_right`, `both_wrong`, `accuracy_candidate`, `accuracy_current` and `gain`, each with `_lower` and `_upper` |
| `classes` | the same, by class | `compared` images that people say are of the class, how many each model calls so, recall of both with the paired difference `recall_gain`, precision of both |
| `disagreements` | image with two different labels | columns of the image, `candidate` and `current` label with confidences, the manual `class` where the random sample has one, which is `right`, and whether the image was `trained` on |

Figures of `classes` are those of the compared images as they are; where groups were sampled at different rates, look at the rows of
the groups. Over groups, accuracy and gain weigh by the images of each. In which groups the sample was drawn follows from the
`sample` step behind the labels; only where labels come from elsewhere, `sampled_by` says it.

## Which gate
`gain_lower: \">= 0\"` proves that the candidate is better, and asks for many labels: with 500 images of which one model alone gets 20 right
and the other alone 10, the gain of 2 % lies within -0.2 % and 4.3 %. `gain_lower: \">= -0.02\"` says that it is not worse by more than 2 %:
for a model that was retrained on new cameras or sites that is often the question. Add `min_recall_gain` so that a rare class does
not pay for common ones, and `images`, so that nothing passes for want of labels.

## Intervals
The gain has Tango's score interval of two paired proportions, from the images that only one model gets right (McNemar); over
groups at the size of a simple random sample that says as much as the stratified one. No finite-population correction: the question is about images to come. Accuracy and
precision have Wilson's interval. How often an interval at 95 % holds the truth, computed exactly over all that can be seen:

| images | only candidate right | only current right | Tango | Newcombe 10 | Bonett and Price | normal |
|---|---|---|---|---|---|---|
| 50 | 2 % | 1 % | 99.7 % | 100 % | 100 % | 77.5 % |
| 50 | 10 % | 5 % | 95.5 % | 96.5 % | 97.3 % | 94.2 % |
| 200 | 3 % | 1 % | 94.0 % | 97.2 % | 96.9 % | 94.0 % |
| 200 | 6 % | 6 % | 94.7 % | 95.6 % | 95.6 % | 94.6 % |
| 500 | 2 % | 1 % | 95.0 % | 96.5 % | 96.4 % | 94.9 % |
| 500 | 5 % | 2 % | 95.0 % | 95.6 % | 95.6 % | 95.0 % |

## References
Tango 1998, Statistics in Medicine 17, 891-908. McNemar 1947, Psychometrika 12, 153-157. Fagerland, Lydersen and Laake 2014, Statistics
in Medicine 33, 2850-2875 (the intervals compared). Newcombe 1998, Statistics in Medicine 17, 2635-2650. Zou and Donner 2008,
Statistics in Medicine 27, 1693-1702 (over groups). Wilson 1927, JASA 22, 209-212.
";
