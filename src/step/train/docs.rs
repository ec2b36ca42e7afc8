//! The documentation page of `train`.

/// The page.
pub(super) const DOCS: &str = "\
# train

Lets a network learn from labelled images and makes a model of it, by one of four published recipes or by your own.

## Why
A model knows the cameras, sites and seasons it has learned from. New cameras or new sites lower its accuracy: in Böhner et al.
2023 to 90.7 % on new cameras, and 3 276 well chosen images brought it to 97.5 %. So labels that people give anyway become, now and
then, a better model. That is never done on the way: steps of the loop carry `stage: retrain` and run when asked.

## Example
```yaml
sides:
  uses: split
  stage: retrain
  from: labelled
train:
  uses: train
  stage: retrain
  from: sides
  with:
    preset: bohner
    crop_bottom_px: 32         # the strip with date and temperature
    imbalance: both            # stoats are rare
    cap: 5000
```
To go on from a model in use, with the new images beside the old ones:
```yaml
  with: { preset: bohner_transfer, start: small_mammals@2026.1 }
```

## Recipes
`preset` names where everything comes from that you do not give. Every option can be given.

| preset | network, input | epochs, batch | optimizer | learning rate |
|---|---|---|---|---|
| `bohner` | ResNet-50, 224 x 224 | 55, 64 | Adam | 1e-6 up to 1e-3, down to 1e-6 |
| `bohner_transfer` | ResNet-50, 224 x 224 | 30 and 30, 64 | Adam | the same, then up to 1e-4 |
| `norouzzadeh` | ResNet-50, 224 x 224 | 55, 128 | SGD, momentum .9 | .01 in steps to .0001 |
| `malik` | ResNet-18, 224 x 224 | 50 and 50, 64 | Adam | .001 |
| `small` | ResNet-20, 128 x 96 | 20, 64 | AdamW, decay .02 | 3e-5 up to 3e-3, down to 3e-5 |

- `bohner`: Böhner et al. 2023, from random weights, in one triangle of the rate over all steps. Images are turned by up to 40
  degrees, shifted by .2, sheared by .2 degrees (as Keras reads the published .2), zoomed by .2 and mirrored. The best epoch is kept.
- `bohner_transfer`: the same authors' transfer. First the last layer alone learns, a new one where the classes differ, then
  the last four of the network's five parts learn too (`free_parts`). It needs a model: `start`, or the port `model`.
- `norouzzadeh`: Norouzzadeh et al. 2018, whose ensemble had several networks: choose by `architecture`. Rates .01 (epochs 1-18),
  .005 (-29), .001 (-43), .0005 (-52), .0001; weight decay .0005 to epoch 29. Images are resized to 256 x 256, cropped at random and
  mirrored. The last epoch is kept. With other `epochs` give other `rate_steps`.
- `malik`: Malik et al. 2021. First the whole network on a set of at most 15 000 images per class, then the last layer alone on all
  images; each ends when the validation loss has not fallen for 5 epochs. Images are not varied. The best epoch is kept.
- `small`: for small images or few of them, and for a computer without a GPU. Label smoothing .02; images are mirrored, shifted by
  .04, changed a little in brightness and contrast. The last epoch is kept.

All of them normalise with the means and deviations of ImageNet, as public weights do.

## Options

**The network.** `architecture` is one of `resnet8`, `resnet20`, `resnet32` for small images, `resnet10_narrow` for photographs
on small computers, and `resnet18`, `resnet34`, `resnet50`, `resnet101`, `resnet152` for photographs. `start` names a model of
the project of the same architecture with weights in its bundle; classes that it knows keep their part of the last layer, and
stay in the model even without an image; new ones begin at random. `start: scratch` is the same as leaving it out. `free_parts:
2` lets only the last layer and the last two parts learn: a stem and three or four stages are the parts.

**The input.** `width`, `height`, `resize` (`squash` changes the proportions, `letterbox` keeps them), `crop_bottom_px`, `mean` and `std`
become part of the model: `classify` prepares images in the same way. `margin_px` resizes to more than the input on each side and cuts
that off; with `random_crop` at a random place while training.

**The steps.** `schedule` is `constant`, `one_cycle` (from `lowest_rate` straight up to `learning_rate` and back, over the steps of
a phase) or `steps`, with `rate_steps: { 1: 0.01, 19: 0.005 }`: a rate from an epoch on, counted from 1. `weight_decay` is a number or
such a mapping. `label_smoothing: 0.1` asks for a confidence of .9 instead of 1.

**Rare classes.** `imbalance` is one of

| | what it does |
|---|---|
| `none` | nothing |
| `weighted` | an image weighs by how rare its class is; gradients at the output are clamped to `clamp` (.01) |
| `oversample` | images of a class with n < 5000 are repeated: 10 times (n < 100), 8 (n < 500), 6 (n < 1000) or 4, to 5000 at most |
| `undersample` | of a class with more than `cap` images (15 000) the rest is left out, drawn once for the whole training |
| `both` | first repeated, then cut to `cap` |
| `emphasis` | after a batch, with a chance of .20 (.35), one more of images whose first label was wrong (first five all wrong) |

`two_phase: true` adds a second phase to any of them, in which the last layer alone learns from all images: `second_epochs`,
`second_rate`. Malik et al. report a macro F1 of .4147 instead of .3944, at an accuracy of .8491 instead of .8527.

**Variation.** `flip`, `rotation_deg`, `shift`, `shear_deg`, `zoom`, `brightness`, `contrast`, `random_crop`, and `night`, the share of
images that become grey, dark and noisy. All but the mirroring are uniform between their value to either side. Pixels from outside
of the image repeat its edge. `augmentation: false` switches off what the preset varies.

**The end.** `keep: best` takes the weights of the epoch with the lowest validation loss, `last` those of the last one. `patience: 5` ends a
phase after five epochs without a lower one. Then a temperature is fitted on the validation images, by which the model's class scores are
divided: it changes no label, but brings confidences close to the share of labels that are right. `calibrate: false` leaves it out.

**The processor.** `threads: 4` shares the sums out among four threads, on every machine and whatever `--jobs` says: a sum in another
order has other last digits, and a training makes another model of them. A server may have more; the number is part of the recipe.

An option that has no effect beside the others, like `cap` without `undersample`, is refused: whoever wrote it believed otherwise.

## What it yields
- `model`, the first output: a model like any other, for a `classify` with `from: { images: sides.test, model: train }`. Once `compare`
  finds it better, `trapline promote train --as small_mammals@2026.2 --because \"...\"` gives it a name in the project. Until then it is called
  `name@version`: the step's name, `@candidate`.
- `history`: losses, accuracies and rate of every epoch.
- `validation`: the validation images with labels and confidences, as `classify` yields them. The weights were chosen by them, so that
  their accuracy is too good: measure on `sides.test`, or better on random samples of the programme.
- `calibration`: share of right labels by confidence, before and after the temperature.

## What is computed again
A training depends on the images and their labels and sides, the options (`threads` among them), the programme's classes and the
model to start from. The
same of all these gives, on the same kind of processor, the same weights to the last bit; on a GPU nearly the same. A training that was
interrupted goes on after its last whole epoch.

Training needs libtorch: `bash .cargo/libtorch` installs it, `cargo build --release --features tch` builds with it. The model made
needs none: it runs wherever Trapline runs.

## References
Böhner et al. 2023, Ecological Informatics 76, 102150. Norouzzadeh et al. 2018, PNAS 115: E5716 (also emphasis sampling). Malik et al.
2021, arXiv:2112.14491 (two phases, repeating and leaving out, weights). He et al. 2016, CVPR (residual networks). Smith 2018,
arXiv:1803.09820 (one cycle). Kingma and Ba 2015, ICLR (Adam). Loshchilov and Hutter 2019, ICLR (AdamW). Guo et al. 2017, ICML
(temperature).
";
