//! The loss of a batch and its gradients.

use tch::{Kind, Reduction, TchError, Tensor};

/// How a batch's loss is made of its images'.
pub(super) struct Loss {
    /// Share of the target that is spread over all classes.
    pub smoothing: f64,
    /// None where all classes weigh the same.
    pub weights: Option<ClassWeights>,
    /// The gradient with respect to the class scores is kept within this, either way, before the weights' scale.
    pub clamp: Option<f64>,
}

/// What an image of each class weighs.
pub(super) struct ClassWeights {
    /// By class; they sum to 1.
    pub of_class: Tensor,
    /// One over the mean weight of a training image: loss and gradients are brought to the size that they have without weights, so that
    /// learning rates mean what they say.
    pub scale: f64,
}

impl Loss {
    /// The mean over a batch of its images' losses, each times its class's weight. (Divided by the weights of the batch itself, as
    /// PyTorch's weighted mean is, one rare image would outweigh all others of its batch, and a batch without one none.)
    fn of(&self, logits: &Tensor, labels: &Tensor) -> Result<Tensor, TchError> {
        // A class of no number is left out of the mean: there is none.
        const IGNORED: i64 = -100;
        let weights = self.weights.as_ref().map(|weights| &weights.of_class);
        let reduction = if weights.is_some() { Reduction::Sum } else { Reduction::Mean };
        let loss = logits.f_cross_entropy_loss(labels, weights, reduction, IGNORED, self.smoothing)?;
        let images = labels.size1()?;
        if weights.is_some() { loss.f_div_scalar(images) } else { Ok(loss) }
    }

    /// Adds the gradients of a batch to those of the parameters, times `scale`, and gives the loss.
    pub(super) fn backward(&self, logits: &Tensor, labels: &Tensor, scale: f64) -> Result<f64, TchError> {
        let logits = logits.f_to_kind(Kind::Float)?;
        let size = self.weights.as_ref().map_or(1.0, |weights| weights.scale);
        let scale = scale * size;
        let Some(clamp) = self.clamp else {
            let loss = self.of(&logits, labels)?;
            loss.f_mul_scalar(scale)?.f_backward()?;
            return Ok(f64::try_from(&loss.f_detach()?)? * size);
        };
        // The gradient at the scores first, by themselves; clamped, it goes on as the gradient of a sum of products.
        let scores = logits.f_detach()?.f_set_requires_grad(true)?;
        let loss = self.of(&scores, labels)?;
        loss.f_backward()?;
        let gradient = scores.f_grad()?.f_clamp(-clamp, clamp)?.f_mul_scalar(scale)?;
        logits.f_mul(&gradient)?.f_sum(Kind::Float)?.f_backward()?;
        Ok(f64::try_from(&loss.f_detach()?)? * size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(loss: &Loss) -> Vec<f32> {
        let logits = Tensor::from_slice(&[1.0_f32, -0.5, 0.2, 0.3, 0.1, -2.0]).reshape([2, 3]).set_requires_grad(true);
        loss.backward(&logits, &Tensor::from_slice(&[0_i64, 2]), 1.0).unwrap();
        Vec::try_from(logits.grad().reshape([-1])).unwrap()
    }

    #[test]
    fn an_image_weighs_what_its_class_does_whatever_else_is_in_the_batch() {
        let plain = gradient(&Loss { smoothing: 0.0, weights: None, clamp: None });
        let of_class = Tensor::from_slice(&[0.2_f32, 0.5, 0.3]);
        let weighted = gradient(&Loss { smoothing: 0.0, weights: Some(ClassWeights { of_class, scale: 4.0 }), clamp: None });
        for (at, (plain, weighted)) in plain.iter().zip(weighted).enumerate() {
            // The first image is of the first class, the second of the third.
            let weight = if at < 3 { 0.2 } else { 0.3 };
            assert!((plain * weight * 4.0 - weighted).abs() < 1e-6, "{plain} {weighted}");
        }
    }

    #[test]
    fn a_clamp_that_never_binds_changes_nothing_and_one_that_does_binds_at_the_output() {
        let plain = gradient(&Loss { smoothing: 0.1, weights: None, clamp: None });
        assert_eq!(plain, gradient(&Loss { smoothing: 0.1, weights: None, clamp: Some(10.0) }));
        let clamped = gradient(&Loss { smoothing: 0.1, weights: None, clamp: Some(0.01) });
        for (plain, clamped) in plain.iter().zip(clamped) {
            assert!((plain.clamp(-0.01, 0.01) - clamped).abs() < 1e-7, "{plain} {clamped}");
        }
    }
}
