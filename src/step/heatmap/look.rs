//! One image through the network: class, confidence, evidence, picture.

use std::sync::Arc;

use super::Heatmap;
use super::cam::{CamError, Head};
use super::paint::picture;
use super::view::{Focus, View};
use crate::model::Input;
use crate::model::preprocess::Preprocessor;
use crate::model::rten::{Network, Session};
use crate::photo::{Decoder, Orientation, Resizer};
use crate::step::networks::Source;
use crate::step::{Context, StepError, with_causes};

/// What is seen in an image.
#[derive(Debug)]
pub(super) struct Seen {
    /// The class drawn.
    pub class: String,
    /// Of that class.
    pub confidence: f32,
    /// `None` where nothing speaks for the class.
    pub focus: Option<Focus>,
    pub jpeg: Vec<u8>,
}

/// A network with what is known of its head, shared by all threads.
pub(super) struct Look {
    network: Arc<Network>,
    input: Input,
    head: Head,
    map: String,
    /// Predicted classes, each with the outputs of the network that mean it.
    classes: Vec<(String, Vec<usize>)>,
    /// The place in `classes` to draw; `None` for the predicted one.
    wanted: Option<usize>,
}

impl Look {
    pub fn new(step: &Heatmap, source: &Source, context: &Context<'_>) -> Result<Self, StepError> {
        let (bundle, network) = source.open(context)?;
        let model = &source.signature.model;
        let unusable = |error: &dyn std::error::Error| {
            StepError::Data(format!("model `{model}` cannot be looked into: {}", with_causes(error)))
        };
        let network = Network::load(&bundle, network).map_err(|error| unusable(&error))?;
        let mut session = network.session().map_err(|error| unusable(&error))?;
        let numbers = 3 * bundle.input.width as usize * bundle.input.height as usize;
        let head = Head::of(&mut session, numbers, &step.map, &step.node).map_err(|error: CamError| unusable(&error))?;
        let outputs = bundle.programme_classes();
        let places = |class: &String| (0..outputs.len()).filter(|at| outputs[*at] == class.as_str()).collect();
        let classes: Vec<(String, Vec<usize>)> =
            bundle.predicted_classes().into_iter().map(|class| (class.clone(), places(&class))).collect();
        let wanted = match &step.class {
            None => None,
            Some(wanted) => Some(
                classes
                    .iter()
                    .position(|(class, _)| *class == wanted.value)
                    .ok_or_else(|| StepError::Data(format!("model `{model}` does not know the class `{}`", wanted.value)))?,
            ),
        };
        Ok(Self { network, input: bundle.input, head, map: step.map.clone(), classes, wanted })
    }

    /// One for each thread.
    pub fn worker(&self) -> Result<Worker<'_>, StepError> {
        let session = self.network.session().map_err(|error| StepError::Data(error.to_string()))?;
        Ok(Worker {
            look: self,
            session,
            preprocessor: Preprocessor::default(),
            decoder: Decoder::default(),
            resizer: Resizer::default(),
            outputs: Vec::new(),
        })
    }
}

/// Looks at images on one thread.
pub(super) struct Worker<'l> {
    look: &'l Look,
    session: Session,
    preprocessor: Preprocessor,
    decoder: Decoder,
    resizer: Resizer,
    outputs: Vec<f32>,
}

impl Worker<'_> {
    /// What is seen in an image, or why nothing is.
    pub fn look(&mut self, image: &[u8]) -> Result<Seen, String> {
        let look = self.look;
        let input = self.preprocessor.prepare(&look.input, image).map_err(|error| error.to_string())?;
        let looked = self.session.classify_and_look(input, &mut self.outputs, &look.map);
        let (shape, values) = looked.map_err(|error| error.to_string())?;
        let confidence = |places: &[usize]| places.iter().filter_map(|at| self.outputs.get(*at)).sum::<f32>().min(1.0);
        let confidences: Vec<f32> = look.classes.iter().map(|(_, places)| confidence(places)).collect();
        // The first of equals, as `classify` does.
        let best = (0..confidences.len()).rev().max_by(|a, b| confidences[*a].total_cmp(&confidences[*b]));
        let drawn = look.wanted.or(best).ok_or("the model has no classes")?;
        let (class, places) = &look.classes[drawn];
        let map = look.head.cam(&shape, &values, places).ok_or("the network's numbers are not finite")?;
        // The evidence lies where the network saw it; people see image and evidence upright.
        let (decoded, turn) = if look.input.upright {
            (self.decoder.decode_upright(image), Orientation::UPRIGHT)
        } else {
            (self.decoder.decode(image), Orientation::of(image))
        };
        let decoded = decoded.map_err(|error| error.to_string())?;
        let view = View::of(&look.input, decoded.width_px, decoded.height_px);
        let jpeg = picture(&mut self.resizer, decoded, look.input.crop_bottom_px, turn, view, &map)?;
        let focus = view.focus(&map).map(|focus| {
            let (x, y) = turn.place(focus.x, focus.y);
            Focus { x, y, ..focus }
        });
        Ok(Seen { class: class.clone(), confidence: confidences[drawn], focus, jpeg })
    }
}
