//! The generations, the oldest first.

use serde::Serialize;

use crate::domain::generations::generation::GenerationInfo;

#[derive(Debug, Serialize)]
pub struct GenerationsAnswer {
    pub generations: Vec<GenerationInfo>,
}

impl From<Vec<GenerationInfo>> for GenerationsAnswer {
    fn from(generations: Vec<GenerationInfo>) -> GenerationsAnswer {
        GenerationsAnswer { generations }
    }
}
