//! The per-image function of `classify`: bytes to class confidences, or to the reason why there are none.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::seasons::SeasonModels;
use super::{CLASS_PREFIX, KIND, ROWS_REVISION, class_columns, programme_columns};
use crate::diagnostic::Spanned;
use crate::id::ContentId;
use crate::model::engine::Engine;
use crate::model::engines::{self, EngineKind};
use crate::model::packed::unpack;
use crate::model::preprocess::Preprocessor;
use crate::model::signature::ModelSignature;
use crate::model::{Bundle, Input};
use crate::recipe::Recipe;
use crate::step::networks::{named_weights, open_named, unusable};
use crate::step::{Context, RowMapper, RowRecipe, RowWorker, StepError, with_causes};
use crate::table::{Cell, Field, Schema, Type};

/// The mapper: one row recipe per distinct model. Networks are loaded by the first worker and shared by all.
pub(super) struct Predictor {
    engine: EngineKind,
    seasons: SeasonModels,
    schema: Schema,
    recipes: Vec<RowRecipe>,
    /// The signature behind each recipe.
    signatures: Vec<ModelSignature>,
    /// For each model of `seasons`, the place of its recipe.
    recipe_of: Vec<usize>,
    loaded: Mutex<Vec<Option<Arc<Loaded>>>>,
    /// The model itself, where it came through a port and lies in no folder of the project.
    packed: Option<Arc<Vec<u8>>>,
}

/// A model ready to run, shared by all workers.
struct Loaded {
    network: engines::Loaded,
    input: Input,
    /// The place of each output of the network among the predicted classes.
    places: Vec<usize>,
    predicted: usize,
}

impl Predictor {
    /// Plans with signatures alone; no weights are read.
    pub(super) fn new(
        engine: EngineKind,
        seasons: SeasonModels,
        models: &BTreeMap<String, ModelSignature>,
    ) -> Result<Self, StepError> {
        let mut signatures: Vec<ModelSignature> = Vec::new();
        let mut recipe_of = Vec::new();
        for model in seasons.models() {
            let signature = models.get(&model.value).ok_or_else(|| {
                StepError::Data(format!("model `{}` is not known; `trapline model add FOLDER` lists it", model.value))
            })?;
            // Two names for one model share their rows.
            let known = signatures.iter().position(|known| known.id == signature.id);
            recipe_of.push(known.unwrap_or(signatures.len()));
            if known.is_none() {
                signatures.push(signature.clone());
            }
        }
        let classes = class_columns(&signatures.iter().collect::<Vec<_>>());
        Ok(Self::with(engine, seasons, signatures, recipe_of, classes, None))
    }

    /// Plans with a model that another step made.
    pub(super) fn of_port(engine: EngineKind, packed: &Arc<Vec<u8>>, context: &Context<'_>) -> Result<Self, StepError> {
        let signature = unpack(packed).map_err(|error| StepError::Data(with_causes(&error)))?.signature();
        let foreign: Vec<&str> =
            signature.classes.iter().filter(|class| context.classes.class(class).is_none()).map(String::as_str).collect();
        if !foreign.is_empty() {
            let (model, foreign) = (&signature.model, foreign.join("`, `"));
            return Err(StepError::Data(format!("model `{model}` predicts `{foreign}`, which the programme's classes lack")));
        }
        let seasons = SeasonModels::only(Spanned { value: signature.model.clone(), span: context.span });
        Ok(Self::with(engine, seasons, vec![signature], vec![0], programme_columns(context), Some(Arc::clone(packed))))
    }

    fn with(
        engine: EngineKind,
        seasons: SeasonModels,
        signatures: Vec<ModelSignature>,
        recipe_of: Vec<usize>,
        classes: Vec<String>,
        packed: Option<Arc<Vec<u8>>>,
    ) -> Self {
        let problem = Field { name: "problem".to_owned(), ty: Type::Text };
        let confidences = classes.into_iter().map(|name| Field { name, ty: Type::Float32 });
        let schema = Schema { fields: std::iter::once(problem).chain(confidences).collect() };
        let recipes = signatures.iter().map(|signature| row_recipe(engine, signature, &schema)).collect();
        let loaded = Mutex::new(vec![None; signatures.len()]);
        Self { engine, seasons, schema, recipes, signatures, recipe_of, loaded, packed }
    }

    /// The seasons as planned.
    pub(super) fn seasons(&self) -> &SeasonModels {
        &self.seasons
    }

    /// The `p_CLASS` columns of the mapper, in order.
    pub(super) fn class_columns(&self) -> Vec<String> {
        self.schema.fields.iter().skip(1).map(|field| field.name.clone()).collect()
    }

    /// The classes that the recipe at `recipe` predicts, in the model's order.
    pub(super) fn classes(&self, recipe: usize) -> &[String] {
        &self.signatures[recipe].classes
    }

    /// The place of the recipe of the model at `place` of [`SeasonModels::models`].
    pub(super) fn recipe_of(&self, place: usize) -> usize {
        self.recipe_of[place]
    }

    /// The model behind the recipe at `place`, loaded once for all workers.
    fn load(&self, place: usize, context: &Context<'_>) -> Result<Arc<Loaded>, StepError> {
        // Workers start together: the first loads while the others wait, instead of each loading the same weights.
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = &loaded[place] {
            return Ok(Arc::clone(model));
        }
        let model = Arc::new(match &self.packed {
            Some(packed) => load_packed(self.engine, packed)?,
            None => load(self.engine, &self.signatures[place], context)?,
        });
        loaded[place] = Some(Arc::clone(&model));
        Ok(model)
    }
}

fn row_recipe(engine: EngineKind, signature: &ModelSignature, schema: &Schema) -> RowRecipe {
    // libtorch runs the weights by name, the embedded engine does not look at them.
    let weights = signature.weights.filter(|_| matches!(engine, EngineKind::Torch(_)));
    let recipe = Recipe {
        kind: KIND.name,
        revision: ROWS_REVISION,
        params: weights.map(|weights| ("weights".to_owned(), weights.to_string())).into_iter().collect(),
        model: Some(signature.id),
        numerics: Some(engine.numerics()),
        rows: Vec::new(),
    };
    let classes = signature.classes.iter().filter_map(|class| schema.index(&format!("{CLASS_PREFIX}{class}")));
    RowRecipe { key: recipe.row_key(), recipe, columns: std::iter::once(0).chain(classes).collect() }
}

/// Loads a model that came through a port: its bytes are the identity that was planned with.
fn load_packed(engine: EngineKind, packed: &[u8]) -> Result<Loaded, StepError> {
    let mut unpacked = unpack(packed).map_err(|error| StepError::Data(with_causes(&error)))?;
    let network = std::mem::take(&mut unpacked.network);
    start(engine, &unpacked.bundle, network, unpacked.named_weights())
}

/// Loads a model and makes sure that it is the one planned with.
fn load(engine: EngineKind, signature: &ModelSignature, context: &Context<'_>) -> Result<Loaded, StepError> {
    let (bundle, network) = open_named(signature, context)?;
    let weights = match engine {
        EngineKind::Embedded => None,
        EngineKind::Torch(_) => named_weights(signature, &bundle)?,
    };
    start(engine, &bundle, network, weights.as_deref())
}

/// Makes a model ready to run, and tries it once.
fn start(engine: EngineKind, bundle: &Bundle, network: Vec<u8>, weights: Option<&[u8]>) -> Result<Loaded, StepError> {
    let network = engines::Loaded::load(engine, bundle, network, weights).map_err(|error| unusable(&bundle.model(), &error))?;
    let predicted = bundle.predicted_classes();
    let place = |class: &str| predicted.iter().position(|known| known == class);
    let places = bundle.programme_classes().into_iter().filter_map(place).collect();
    Ok(Loaded { network, input: bundle.input, places, predicted: predicted.len() })
}

impl RowMapper for Predictor {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn recipes(&self) -> &[RowRecipe] {
        &self.recipes
    }

    fn chooses_by(&self) -> Option<&str> {
        self.seasons.chooses_by()
    }

    fn choose(&self, value: Option<&Cell>) -> Option<usize> {
        self.seasons.choose(value).map(|place| self.recipe_of[place])
    }

    fn worker(&self, context: &Context<'_>) -> Result<Box<dyn RowWorker>, StepError> {
        let mut models = Vec::new();
        for (place, signature) in self.signatures.iter().enumerate() {
            let loaded = self.load(place, context)?;
            let session = loaded.network.session();
            let session = session.map_err(|error| StepError::Data(format!("model `{}`: {error}", signature.model)))?;
            models.push((loaded, session));
        }
        Ok(Box::new(Worker { preprocessor: Preprocessor::default(), models, outputs: Vec::new(), sums: Vec::new() }))
    }
}

/// Classifies on one thread.
struct Worker {
    preprocessor: Preprocessor,
    models: Vec<(Arc<Loaded>, Box<dyn Engine>)>,
    outputs: Vec<f32>,
    sums: Vec<f64>,
}

impl RowWorker for Worker {
    fn map(&mut self, recipe: usize, image: &[u8], _content: ContentId) -> Vec<Cell> {
        let predicted = self.models[recipe].0.predicted;
        match self.classify(recipe, image) {
            Ok(()) => std::iter::once(Cell::Null).chain(self.sums.iter().map(|sum| Cell::Float32(confidence(*sum)))).collect(),
            Err(reason) => std::iter::once(Cell::Text(reason)).chain(std::iter::repeat_n(Cell::Null, predicted)).collect(),
        }
    }
}

impl Worker {
    /// Fills `sums` with one confidence per predicted class.
    fn classify(&mut self, recipe: usize, image: &[u8]) -> Result<(), String> {
        let (model, engine) = &mut self.models[recipe];
        let input = self.preprocessor.prepare(&model.input, image).map_err(|error| error.to_string())?;
        engine.classify(input, &mut self.outputs).map_err(|error| error.to_string())?;
        self.sums.clear();
        self.sums.resize(model.predicted, 0.0);
        for (place, output) in model.places.iter().zip(&self.outputs) {
            self.sums[*place] += f64::from(*output);
        }
        Ok(())
    }
}

/// A sum of confidences as one; exactly the network's number where there is a single one.
#[expect(clippy::cast_possible_truncation, reason = "the sum of f32 is rounded to f32")]
fn confidence(sum: f64) -> f32 {
    sum.min(1.0) as f32
}
