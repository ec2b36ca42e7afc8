//! The per-image function of `features`.

use std::sync::{Arc, Mutex, PoisonError};

use super::projection::Projection;
use super::{Features, KIND};
use crate::id::ContentId;
use crate::model::Input;
use crate::model::preprocess::Preprocessor;
use crate::model::rten::{NUMERICS, Network, Session};
use crate::recipe::Recipe;
use crate::step::networks::Source;
use crate::step::{Context, RowMapper, RowRecipe, RowWorker, StepError};
use crate::table::{Cell, Field, Schema, Type};

/// The column that says why an image has no numbers.
pub(super) const PROBLEM: &str = "problem";

/// The mapper: one recipe, one network that all workers share.
pub(super) struct Looker {
    source: Source,
    node: String,
    dimensions: usize,
    schema: Schema,
    recipes: [RowRecipe; 1],
    loaded: Mutex<Option<Arc<Loaded>>>,
}

struct Loaded {
    network: Arc<Network>,
    input: Input,
    projection: Projection,
}

impl Looker {
    pub fn new(step: &Features, context: &Context<'_>) -> Result<Self, StepError> {
        let source = Source::of(step.model.as_ref().map(|model| model.value.as_str()), context)?;
        let problem = Field { name: PROBLEM.to_owned(), ty: Type::Text };
        let made = step.columns_made().into_iter().map(|name| Field { name, ty: Type::Float32 });
        let schema = Schema { fields: std::iter::once(problem).chain(made).collect() };
        let recipe = Recipe {
            kind: KIND.name,
            revision: KIND.revision,
            params: vec![("dimensions".into(), step.dimensions.to_string()), ("node".into(), step.node.clone())],
            model: Some(source.signature.id),
            numerics: Some(NUMERICS),
            rows: Vec::new(),
        };
        let recipes = [RowRecipe { key: recipe.row_key(), recipe, columns: (0..schema.fields.len()).collect() }];
        let (node, dimensions) = (step.node.clone(), step.dimensions);
        Ok(Self { source, node, dimensions, schema, recipes, loaded: Mutex::new(None) })
    }

    /// The network, loaded by the first worker: what it cannot do at all shows before the first image.
    fn load(&self, context: &Context<'_>) -> Result<Arc<Loaded>, StepError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = &*loaded {
            return Ok(Arc::clone(loaded));
        }
        let (bundle, network) = self.source.open(context)?;
        let unusable = |error: crate::model::engine::EngineError| {
            StepError::Data(format!("model `{}` cannot be looked into: {error}", self.source.signature.model))
        };
        let network = Network::load(&bundle, network).map_err(unusable)?;
        let black = vec![0.0; 3 * bundle.input.width as usize * bundle.input.height as usize];
        let (_, row) = network.session().and_then(|mut session| session.look(&black, &self.node)).map_err(unusable)?;
        let projection = Projection::new(row.len(), self.dimensions);
        let made = Arc::new(Loaded { network, input: bundle.input, projection });
        *loaded = Some(Arc::clone(&made));
        Ok(made)
    }
}

impl RowMapper for Looker {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn recipes(&self) -> &[RowRecipe] {
        &self.recipes
    }

    fn worker(&self, context: &Context<'_>) -> Result<Box<dyn RowWorker>, StepError> {
        let loaded = self.load(context)?;
        let session = loaded.network.session().map_err(|error| StepError::Data(error.to_string()))?;
        let (node, dimensions) = (self.node.clone(), self.dimensions);
        Ok(Box::new(Worker { preprocessor: Preprocessor::default(), loaded, session, node, dimensions }))
    }
}

/// Looks at images on one thread.
struct Worker {
    preprocessor: Preprocessor,
    loaded: Arc<Loaded>,
    session: Session,
    node: String,
    dimensions: usize,
}

impl RowWorker for Worker {
    fn map(&mut self, _recipe: usize, image: &[u8], _content: ContentId) -> Vec<Cell> {
        match self.look(image) {
            Ok(row) => std::iter::once(Cell::Null).chain(row.into_iter().map(Cell::Float32)).collect(),
            Err(problem) => {
                std::iter::once(Cell::Text(problem)).chain(std::iter::repeat_n(Cell::Null, self.dimensions)).collect()
            }
        }
    }
}

impl Worker {
    fn look(&mut self, image: &[u8]) -> Result<Vec<f32>, String> {
        let input = self.preprocessor.prepare(&self.loaded.input, image).map_err(|error| error.to_string())?;
        let (_, row) = self.session.look(input, &self.node).map_err(|error| error.to_string())?;
        let row = self.loaded.projection.of(&row);
        if row.iter().all(|value| value.is_finite()) { Ok(row) } else { Err("the network's numbers are not finite".into()) }
    }
}
