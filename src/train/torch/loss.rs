//! The loss of a batch and its gradients.

use tch::{Kind, Reduction, TchError, Tensor};

/// How a batch's loss is made of its images'.
pub(super) struct Loss {
    /// Share of the target that is spread over all classes.
    pub smoothing: f64,
    /// The weight of each class; none where all weigh the same.
    pub weights: Option<Tensor>,
    /// The gradient with respect to the class scores is kept within this, either way.
    pub clamp: Option<f64>,
}

impl Loss {
    /// The mean loss of a batch; with class weights, their weighted mean, as PyTorch has it.
    fn of(&self, logits: &Tensor, labels: &Tensor) -> Result<Tensor, TchError> {
        // A class of no number is left out of the mean: there is none.
        const IGNORED: i64 = -100;
        logits.f_cross_entropy_loss(labels, self.weights.as_ref(), Reduction::Mean, IGNORED, self.smoothing)
    }

    /// Adds the gradients of a batch to those of the parameters, times `scale`, and gives the loss.
    pub(super) fn backward(&self, logits: &Tensor, labels: &Tensor, scale: f64) -> Result<f64, TchError> {
        let logits = logits.f_to_kind(Kind::Float)?;
        let Some(clamp) = self.clamp else {
            let loss = self.of(&logits, labels)?;
            loss.f_mul_scalar(scale)?.f_backward()?;
            return f64::try_from(&loss.f_detach()?);
        };
        // The gradient at the scores first, by themselves; clamped, it goes on as the gradient of a sum of products.
        let scores = logits.f_detach()?.f_set_requires_grad(true)?;
        let loss = self.of(&scores, labels)?;
        loss.f_backward()?;
        let gradient = scores.f_grad()?.f_clamp(-clamp, clamp)?.f_mul_scalar(scale)?;
        logits.f_mul(&gradient)?.f_sum(Kind::Float)?.f_backward()?;
        f64::try_from(&loss.f_detach()?)
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
    fn a_clamp_that_never_binds_changes_nothing_and_one_that_does_binds_at_the_output() {
        let plain = gradient(&Loss { smoothing: 0.1, weights: None, clamp: None });
        assert_eq!(plain, gradient(&Loss { smoothing: 0.1, weights: None, clamp: Some(10.0) }));
        let clamped = gradient(&Loss { smoothing: 0.1, weights: None, clamp: Some(0.01) });
        for (plain, clamped) in plain.iter().zip(clamped) {
            assert!((plain.clamp(-0.01, 0.01) - clamped).abs() < 1e-7, "{plain} {clamped}");
        }
    }
}
