//! Optimizers whose state can be written down: libtorch's own keep theirs to themselves, and a training could not go on from it.
//!
//! The formulas, and the order of operations in them, are PyTorch's, so that one step agrees with it to rounding.

use tch::{Kind, TchError, Tensor};

use crate::model::torch::TorchError;
use crate::model::weights::{Array, Weights};
use crate::train::Optimizer;

const BETAS: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;

/// Steps of one phase over the parameters that are learned in it.
pub(super) struct Stepper {
    rule: Optimizer,
    parameters: Vec<Parameter>,
    /// Steps made.
    steps: i32,
}

struct Parameter {
    name: String,
    tensor: Tensor,
    /// Running mean of the gradient (Adam), or the last step (SGD).
    first: Tensor,
    /// Running mean of the squared gradient (Adam alone).
    second: Option<Tensor>,
}

impl Stepper {
    pub(super) fn new(rule: Optimizer, learned: Vec<(&str, Tensor)>) -> Result<Self, TchError> {
        let mut parameters = Vec::with_capacity(learned.len());
        for (name, tensor) in learned {
            let zeros = || tch::no_grad(|| tensor.f_zeros_like());
            let second = if matches!(rule, Optimizer::Sgd { .. }) { None } else { Some(zeros()?) };
            parameters.push(Parameter { name: name.to_owned(), first: zeros()?, second, tensor });
        }
        Ok(Self { rule, parameters, steps: 0 })
    }

    /// Forgets the gradients of the step before.
    pub(super) fn clear(&mut self) {
        for parameter in &mut self.parameters {
            parameter.tensor.zero_grad();
        }
    }

    /// Divides all gradients by `scale`; false where one of them is not finite.
    pub(super) fn unscale(&mut self, scale: f64) -> Result<bool, TchError> {
        let mut finite = true;
        for parameter in &self.parameters {
            let mut grad = parameter.tensor.f_grad()?;
            if grad.defined() {
                finite &= bool::try_from(grad.f_isfinite()?.f_all()?)?;
                let _same = grad.f_divide_scalar_(scale)?;
            }
        }
        Ok(finite)
    }

    /// One step of length `rate` with weight decay `decay`.
    pub(super) fn step(&mut self, rate: f64, decay: f64) -> Result<(), TchError> {
        self.steps += 1;
        let (rule, steps) = (self.rule, self.steps);
        tch::no_grad(|| {
            for parameter in &mut self.parameters {
                let grad = parameter.tensor.f_grad()?;
                if grad.defined() {
                    parameter.step(rule, &grad, steps, rate, decay)?;
                }
            }
            Ok(())
        })
    }

    /// Adds the state to `arrays`, and gives the number of steps made.
    pub(super) fn save(&self, arrays: &mut Weights) -> Result<i32, TchError> {
        for parameter in &self.parameters {
            for (which, state) in [("first", Some(&parameter.first)), ("second", parameter.second.as_ref())] {
                if let Some(state) = state {
                    let shape = state.size().into_iter().map(|side| usize::try_from(side).unwrap_or(0)).collect();
                    let values = crate::model::torch::values(state)?;
                    arrays.insert(format!("optimizer.{which}.{}", parameter.name), Array { shape, values });
                }
            }
        }
        Ok(self.steps)
    }

    /// Takes up the state that [`Stepper::save`] wrote.
    pub(super) fn load(&mut self, arrays: &Weights, steps: i32) -> Result<(), TorchError> {
        self.steps = steps;
        for parameter in &mut self.parameters {
            for (which, state) in [("first", Some(&mut parameter.first)), ("second", parameter.second.as_mut())] {
                let Some(state) = state else { continue };
                let name = format!("optimizer.{which}.{}", parameter.name);
                let array = arrays.get(&name).ok_or(TorchError::Missing(name))?;
                let values = Tensor::f_from_slice(&array.values)?.f_reshape(state.size().as_slice())?;
                tch::no_grad(|| state.f_copy_(&values))?;
            }
        }
        Ok(())
    }
}

impl Parameter {
    fn step(&mut self, rule: Optimizer, grad: &Tensor, steps: i32, rate: f64, decay: f64) -> Result<(), TchError> {
        let mut grad = grad.f_to_kind(Kind::Float)?;
        if decay != 0.0 && rule != Optimizer::AdamW {
            grad = grad.f_add(&self.tensor.f_mul_scalar(decay)?)?;
        }
        match (rule, &mut self.second) {
            (Optimizer::Sgd { momentum }, _) => {
                let _same = if steps == 1 {
                    self.first.f_copy_(&grad)?;
                    self.first.shallow_clone()
                } else {
                    self.first.f_mul_scalar_(momentum)?.f_add_(&grad)?
                };
                let _same = self.tensor.f_add_(&self.first.f_mul_scalar(-rate)?)?;
            }
            (_, Some(second)) => {
                if rule == Optimizer::AdamW {
                    let _same = self.tensor.f_mul_scalar_(1.0 - rate * decay)?;
                }
                let _same = self.first.f_lerp_(&grad, 1.0 - BETAS.0)?;
                let square = grad.f_mul(&grad)?.f_mul_scalar_(1.0 - BETAS.1)?;
                let _same = second.f_mul_scalar_(BETAS.1)?.f_add_(&square)?;
                let corrections = (1.0 - BETAS.0.powi(steps), 1.0 - BETAS.1.powi(steps));
                let root = second.f_sqrt()?.f_divide_scalar_(corrections.1.sqrt())?.f_add_scalar_(EPSILON)?;
                let step = self.first.f_div(&root)?.f_mul_scalar_(-rate / corrections.0)?;
                let _same = self.tensor.f_add_(&step)?;
            }
            (_, None) => {}
        }
        Ok(())
    }
}
