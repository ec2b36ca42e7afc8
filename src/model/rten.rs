//! The embedded engine: pure-Rust inference, one network shared by single-threaded sessions.
//!
//! Whole images on N single-threaded sessions are faster than one session on N threads (the layers of a small network do not
//! feed two threads), and make each result independent of how many there are.

use std::sync::Arc;

use rten::{Dimension, Model, ModelOptions, NodeId, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensorView, Tensor};

use super::bundle::{Bundle, ChannelOrder, OutputKind};
use super::engine::{Engine, EngineError, to_probabilities};
use super::found;
use crate::recipe::Numerics;

/// Enters the key of every prediction. The epoch is raised when decoder, resizer or engine change outputs beyond 1e-4.
pub const NUMERICS: Numerics = Numerics { engine: "rten", epoch: 1 };

/// A loaded network, shared by any number of sessions.
pub struct Network {
    model: Model,
    input: NodeId,
    output: NodeId,
    layout: ChannelOrder,
    kind: OutputKind,
    temperature: f32,
    classes: usize,
    width: usize,
    height: usize,
}

impl Network {
    /// Loads `bytes`, the ONNX file of `bundle`, and checks its declared shapes against `model.yaml`.
    ///
    /// # Errors
    /// When it is no network that the engine runs, or not the one that `model.yaml` describes.
    pub fn load(bundle: &Bundle, bytes: Vec<u8>) -> Result<Arc<Self>, EngineError> {
        let model = load_model(bytes)?;
        let (&[input], &[output]) = (model.input_ids(), model.output_ids()) else {
            let (inputs, outputs) = (model.input_ids().len(), model.output_ids().len());
            if inputs == 1 && outputs > 1 {
                return Err(EngineError::Detector(format!("{outputs} outputs")));
            }
            let found = format!("{inputs} inputs and gives {outputs} outputs");
            return Err(EngineError::Input { expected: "one image and one list of classes".into(), found });
        };
        let (width, height) = (bundle.input.width as usize, bundle.input.height as usize);
        let Bundle { layout, output: kind, temperature, .. } = *bundle;
        let network = Self { model, input, output, layout, kind, temperature, classes: bundle.classes.len(), width, height };
        network.check_input()?;
        network.check_output()?;
        Ok(Arc::new(network))
    }

    /// A session on a thread of its own.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn session(self: &Arc<Self>) -> Result<Session, EngineError> {
        let pool = std::panic::catch_unwind(|| Arc::new(ThreadPool::with_num_threads(1)));
        let pool = pool.map_err(|_| EngineError::Failed("no thread to run it".into()))?;
        Ok(Session { network: Arc::clone(self), options: RunOptions::default().with_thread_pool(Some(pool)) })
    }

    /// The value called `name`.
    fn node(&self, name: &str) -> Result<NodeId, EngineError> {
        self.model.find_node(name).ok_or_else(|| EngineError::Node(name.to_owned()))
    }

    /// The sizes that the network takes.
    const fn input_sizes(&self) -> [usize; 4] {
        match self.layout {
            ChannelOrder::Nchw => [1, 3, self.height, self.width],
            ChannelOrder::Nhwc => [1, self.height, self.width, 3],
        }
    }

    /// Declared sizes must be those of one image in the described layout; named ones fit anything.
    fn check_input(&self) -> Result<(), EngineError> {
        let Some(shape) = self.model.input_shape(0) else { return Ok(()) };
        let expected = self.input_sizes();
        let fits = shape.len() == 4
            && shape.iter().zip(expected).all(|(found, expected)| match found {
                Dimension::Fixed(found) => *found == expected,
                Dimension::Symbolic(_) => true,
            });
        let hint = match (found::layout(&shape), self.layout) {
            (Some(ChannelOrder::Nhwc), ChannelOrder::Nchw) => " (channels last: write `layout: nhwc`)",
            (Some(ChannelOrder::Nchw), ChannelOrder::Nhwc) => " (channels first: write `layout: nchw`)",
            _ => "",
        };
        let expected = expected.map(|size| size.to_string()).join(" x ");
        if fits { Ok(()) } else { Err(EngineError::Input { expected, found: describe(&shape) + hint }) }
    }

    /// The last declared size of the output is the number of classes; where it is not declared, each result is checked.
    fn check_output(&self) -> Result<(), EngineError> {
        let shape = self.model.node_info(self.output).and_then(|node| node.shape());
        let Some(shape) = shape else { return Ok(()) };
        let fixed = |dimension: &Dimension| if let Dimension::Fixed(size) = dimension { Some(*size) } else { None };
        match shape.iter().skip(1).map(fixed).product::<Option<usize>>() {
            Some(found) if found != self.classes && shape.len() > 2 => Err(EngineError::Detector(describe(&shape) + " numbers")),
            Some(found) if found != self.classes => Err(EngineError::Classes { expected: self.classes, found }),
            _ => Ok(()),
        }
    }
}

/// Reads an ONNX file. A damaged one must end as an error; the engine takes some of them for impossible.
pub(super) fn load_model(bytes: Vec<u8>) -> Result<Model, EngineError> {
    let mut options = ModelOptions::with_all_ops();
    options.prepack_weights(true);
    let loaded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| options.load(bytes)));
    let loaded = loaded.map_err(|_| EngineError::Load("the engine gave up on it".into()))?;
    loaded.map_err(|error| EngineError::Load(error.to_string()))
}

pub(super) fn describe(shape: &[Dimension]) -> String {
    let part = |dimension: &Dimension| match dimension {
        Dimension::Fixed(size) => size.to_string(),
        Dimension::Symbolic(name) => name.clone(),
    };
    shape.iter().map(part).collect::<Vec<_>>().join(" x ")
}

/// Runs a [`Network`] on one thread.
pub struct Session {
    network: Arc<Network>,
    options: RunOptions,
}

impl Session {
    /// Classifies a black image: what the network cannot do at all shows here, before the first real one.
    ///
    /// # Errors
    /// As [`Engine::classify`].
    pub fn try_once(&mut self) -> Result<(), EngineError> {
        let input = vec![0.0; 3 * self.network.height * self.network.width];
        self.classify(&input, &mut Vec::new())
    }

    /// The network's output for one image, as it leaves the network.
    ///
    /// # Errors
    /// When the network fails.
    pub fn output(&mut self, input: &[f32]) -> Result<Vec<f32>, EngineError> {
        let [output] = self.run(input, [self.network.output])?;
        Ok(output.to_vec())
    }

    /// The value called `node` that the network computes on its way, for one image: its shape, and its numbers in row-major order.
    /// Networks that Trapline writes have [`FEATURES`](super::onnx::FEATURES) and [`FEATURE_MAP`](super::onnx::FEATURE_MAP).
    ///
    /// # Errors
    /// When the network computes no such value, or fails.
    pub fn look(&mut self, input: &[f32], node: &str) -> Result<(Vec<usize>, Vec<f32>), EngineError> {
        let [value] = self.run(input, [self.network.node(node)?])?;
        Ok((value.shape().to_vec(), value.to_vec()))
    }

    /// [`Engine::classify`] and [`Session::look`] at once, at the price of one.
    ///
    /// # Errors
    /// As those two.
    pub fn classify_and_look(
        &mut self,
        input: &[f32],
        probabilities: &mut Vec<f32>,
        node: &str,
    ) -> Result<(Vec<usize>, Vec<f32>), EngineError> {
        let [output, value] = self.run(input, [self.network.output, self.network.node(node)?])?;
        self.finish(&output, probabilities)?;
        Ok((value.shape().to_vec(), value.to_vec()))
    }

    /// The network's output as it leaves the last layer, where the value called `node` of one image is `row`: what the layers behind it
    /// make of numbers that no image has.
    ///
    /// # Errors
    /// When the network has no such value, or fails.
    pub fn behind(&mut self, node: &str, row: &[f32]) -> Result<Vec<f32>, EngineError> {
        let Network { model, output, .. } = &*self.network;
        let failed = |error: &dyn std::fmt::Display| EngineError::Failed(error.to_string());
        let view = NdTensorView::try_from_data([1, row.len()], row).map_err(|error| failed(&error))?;
        let inputs = vec![(self.network.node(node)?, ValueOrView::from(view.as_dyn()))];
        let values = model.run(inputs, &[*output], Some(self.options.clone())).map_err(|error| failed(&error))?;
        let value = values.into_iter().next().ok_or_else(|| failed(&"it gave no output"))?;
        Ok(Tensor::<f32>::try_from(value).map_err(|_| failed(&"its output is not in f32"))?.to_vec())
    }

    /// Computes the value `wanted`, or several, for one image.
    fn run<const N: usize>(&self, input: &[f32], wanted: [NodeId; N]) -> Result<[Tensor<f32>; N], EngineError> {
        let Network { model, input: input_id, layout, width, height, .. } = &*self.network;
        let pixels = height * width;
        if input.len() != 3 * pixels {
            let (expected, found) = (format!("{} numbers", 3 * pixels), format!("{} numbers", input.len()));
            return Err(EngineError::Input { expected, found });
        }
        let channels_last: Vec<f32>;
        let input = match layout {
            ChannelOrder::Nchw => input,
            ChannelOrder::Nhwc => {
                channels_last = (0..3 * pixels).map(|at| input[at % 3 * pixels + at / 3]).collect();
                &channels_last
            }
        };
        let view = NdTensorView::try_from_data(self.network.input_sizes(), input)
            .map_err(|error| EngineError::Failed(error.to_string()))?;
        let options = self.options.clone();
        let run = || model.run(vec![(*input_id, ValueOrView::from(view.as_dyn()))], &wanted, Some(options));
        let values = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        let values = values.map_err(|_| EngineError::Failed("the engine gave up on it".into()))?;
        let values = values.map_err(|error| EngineError::Failed(error.to_string()))?;
        let floats = values.into_iter().map(Tensor::<f32>::try_from).collect::<Result<Vec<_>, _>>();
        let floats = floats.map_err(|_| EngineError::Failed("its output is not in f32".into()))?;
        floats.try_into().map_err(|_| EngineError::Failed("it gave another number of outputs".into()))
    }

    /// Turns the network's output into probabilities.
    fn finish(&self, output: &Tensor<f32>, probabilities: &mut Vec<f32>) -> Result<(), EngineError> {
        let Network { kind, temperature, classes, .. } = &*self.network;
        if output.len() != *classes && output.ndim() > 2 {
            let shape: Vec<_> = output.shape().iter().map(ToString::to_string).collect();
            return Err(EngineError::Detector(format!("{} numbers", shape.join(" x "))));
        }
        if output.len() != *classes {
            return Err(EngineError::Classes { expected: *classes, found: output.len() });
        }
        probabilities.clear();
        probabilities.extend(output.iter());
        to_probabilities(*kind, *temperature, probabilities)
    }
}

impl Engine for Session {
    fn classify(&mut self, input: &[f32], probabilities: &mut Vec<f32>) -> Result<(), EngineError> {
        let [output] = self.run(input, [self.network.output])?;
        self.finish(&output, probabilities)
    }
}
