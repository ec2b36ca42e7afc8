//! Class activation maps: how much each place of the last feature map speaks for a class.
//!
//! For a network whose head averages the map `A` over its places and multiplies by a matrix, the score of class `c` is
//! `sum over k of w[c][k] mean(A[k]) + b[c]`: its gradient with respect to every place of `A[k]` is `w[c][k] / (h w)`, the same
//! everywhere. Grad-CAM, `relu(sum over k of gradient * A[k])`, is then the class activation map up to a factor, and needs no backward
//! pass. That the head is of this form is checked, not believed.
//!
//! *Source*: Selvaraju et al. 2017, ICCV, 618-626 (Grad-CAM, and this case of it); Zhou et al. 2016, CVPR, 2921-2929.

use crate::model::engine::EngineError;
use crate::model::rten::Session;

/// How far a score may be from what the matrix says, as a share of the range of scores.
const TOLERANCE: f32 = 1e-3;

/// The last layer of a network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    /// By class of the network, then by channel.
    weights: Vec<Vec<f32>>,
}

/// A map of numbers over an image.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Map {
    pub width: usize,
    pub height: usize,
    /// Rows from the top.
    pub values: Vec<f32>,
}

/// Why there is no map.
#[derive(Debug, thiserror::Error, PartialEq)]
pub(super) enum CamError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("`{0}` is not a map [batch, channels, height, width]")]
    NotAMap(String),
    #[error(
        "what stands behind `{map}` is not an average over the image and one layer of class scores (`output: logits`): such networks \
         have no map without a backward pass"
    )]
    OtherHead { map: String },
}

impl Head {
    /// Learns the last layer from what it makes of single channels, and checks that it is one, on an image of stripes.
    pub fn of(session: &mut Session, input_numbers: usize, map: &str, node: &str) -> Result<Self, CamError> {
        let other = || CamError::OtherHead { map: map.to_owned() };
        let image: Vec<f32> = (0..input_numbers).map(|at| if at % 7 < 3 { 1.0 } else { -0.5 }).collect();
        let (shape, values) = session.look(&image, map)?;
        let [1, channels, height, width] = shape[..] else { return Err(CamError::NotAMap(map.to_owned())) };
        let (_, features) = session.look(&image, node)?;
        #[expect(clippy::cast_precision_loss, reason = "a map has few places")]
        let places = (height * width) as f32;
        let means = values.chunks_exact(height * width).map(|channel| channel.iter().sum::<f32>() / places);
        let largest = features.iter().fold(1e-3_f32, |largest, value| largest.max(value.abs()));
        if features.len() != channels || means.zip(&features).any(|(mean, found)| (mean - found).abs() > TOLERANCE * largest) {
            return Err(other());
        }
        let bias = session.behind(node, &vec![0.0; channels])?;
        let mut weights = vec![vec![0.0; channels]; bias.len()];
        let mut one = vec![0.0; channels];
        for channel in 0..channels {
            one[channel] = 1.0;
            let scores = session.behind(node, &one)?;
            one[channel] = 0.0;
            for (class, (score, bias)) in scores.iter().zip(&bias).enumerate() {
                weights[class][channel] = score - bias;
            }
        }
        let head = Self { weights };
        let scores = session.behind(node, &features)?;
        let range = scores.iter().fold(1.0_f32, |range, score| range.max(score.abs()));
        let expected =
            head.weights.iter().zip(&bias).map(|(row, bias)| bias + row.iter().zip(&features).map(|(w, f)| w * f).sum::<f32>());
        // Twice a row of features must be twice the score: a softmax behind the layer would not be.
        let doubled = session.behind(node, &features.iter().map(|value| 2.0 * value).collect::<Vec<_>>())?;
        let linear = scores.iter().zip(&bias).map(|(score, bias)| 2.0 * score - bias);
        let far = |found: &f32, expected: f32| (found - expected).abs() > TOLERANCE * range;
        if scores.iter().zip(expected).any(|(found, expected)| far(found, expected))
            || doubled.iter().zip(linear).any(|(found, expected)| far(found, expected))
        {
            return Err(other());
        }
        Ok(head)
    }

    /// Where the evidence for some classes of the network, taken together, lies.
    pub fn cam(&self, shape: &[usize], values: &[f32], classes: &[usize]) -> Option<Map> {
        let [1, channels, height, width] = *shape else { return None };
        let mut map = vec![0.0_f32; height * width];
        for (channel, values) in values.chunks_exact(height * width).take(channels).enumerate() {
            let weight: f32 = classes.iter().filter_map(|class| self.weights.get(*class)?.get(channel)).sum();
            map.iter_mut().zip(values).for_each(|(sum, value)| *sum += weight * value);
        }
        for value in &mut map {
            *value = value.max(0.0);
        }
        map.iter().all(|value| value.is_finite()).then_some(Map { width, height, values: map })
    }
}
