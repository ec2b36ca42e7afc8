//! The documentation page of `heatmap`.

pub(super) const DOCS: &str = "\
# heatmap

Draws where in an image a network finds the evidence for a class: a picture per image, the evidence in colour over it.

## Why
A network may be right for the wrong reason: the snow pole at the site where most foxes come by, the rim of the tunnel, the date strip. A
glance at a few dozen pictures shows it; numbers do not. Where the colour lies beside the animal, add images of the same
background without it to the training.

## Example
```yaml
where_it_looks:
  uses: heatmap
  from: accepted.to_review
  with: { model: small_mammals@2026.1, into: published/heatmaps, limit: 60 }
```

## What it yields
In the folder `into`, `NAME_CLASS_CONFIDENCE.jpg` for each image: upright as its EXIF orientation says, in its proportions, at most 640 pixels long,
without the strip that the model's `crop_bottom_px` cuts off. No colour is no evidence, bright yellow the most in this image; pictures say nothing of strength between
images. The first output has the images drawn, and

| column | what it holds |
|---|---|
| `heatmap` | the picture, relative to the project |
| `heatmap_class`, `heatmap_confidence` | the class drawn, and how confident the model is of it (0-1) |
| `focus_x`, `focus_y` | the centre of the evidence, 0-1 from the left and from the top of the upright image |
| `focus_share` | the smallest share of the image that holds half of the evidence: near 0.5 where it is everywhere, small where it is one place |

An image that cannot be read keeps its row, without a picture. Where no place speaks for the class, the picture is plain and
the focus is missing.

A run removes only pictures that an earlier run of this step wrote and nobody changed (`.trapline.csv` lists them). Originals are
only read.

## Options
- `model` is a model of the project; one that another step made arrives through the port `model`.
- `for` is the class to draw; `predicted` draws the one that the network says.
- `limit`: the first so many images. Choose them before: `sample`, `threshold.to_review`, `compare.disagreements`.
- `map` and `node` are for networks of other makers: the names of the value [batch, channels, height, width] before the average over the image,
  and of the value [batch, channels] behind it.

## How
The network must end in an average over the image and one layer of class scores, as residual networks do; that is checked. The
gradient of a class score with respect to the last map is then the layer's weight at every place, and Grad-CAM becomes the
class activation map, `relu(sum of weight times channel)`: exact, and no backward pass. The map is coarse (7 x 7 for an input of 224):
it shows a place, not an outline. Where several of the network's classes are one of the programme, their weights are added.

## References
Selvaraju et al. 2017, ICCV, 618-626 (Grad-CAM). Zhou et al. 2016, CVPR, 2921-2929 (class activation maps). Beery, Van Horn and Perona 2018,
ECCV, 456-473 (why the background matters).
";
