//! The generations.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::generations::generation::GenerationInfo;

/// All generations of the views, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct GenerationsAnswer {
    pub generations: Vec<GenerationInfo>,
}

impl From<Vec<GenerationInfo>> for GenerationsAnswer {
    fn from(generations: Vec<GenerationInfo>) -> GenerationsAnswer {
        GenerationsAnswer { generations }
    }
}
