//! One side of a comparison, as the catalogue tells it and as the code that it becomes.

use std::collections::BTreeSet;

use super::Side;
use crate::{
    Report, Snapshot,
    model::{Action, Model},
    snapshot,
};

/// One side, and the code that it becomes.
pub(super) struct Lowered<'a> {
    pub side: Side<'a>,
    pub model: Model,
}

/// An action as the catalogue and the model have it.
#[derive(Clone, Copy)]
pub(super) struct Both<'a> {
    pub told: &'a snapshot::Action,
    pub made: &'a Action,
}

impl<'a> Lowered<'a> {
    pub fn new(side: Side<'a>, snapshot: &Snapshot) -> Self {
        // What is wrong with either side is for those who generate.
        Self { side, model: Model::new(snapshot, side.overlay, &mut Report::new()) }
    }

    pub fn action(&self, wire: &str) -> Option<Both<'_>> {
        let told = self.side.snapshot.actions().get(wire)?;
        let made = &self.model.actions;
        let index = made.binary_search_by(|action| action.wire.as_str().cmp(wire)).ok()?;
        Some(Both { told, made: made.get(index)? })
    }

    pub fn names(&self) -> BTreeSet<&'a str> {
        self.side.snapshot.actions().keys().map(String::as_str).collect()
    }
}

/// A text, if it says something.
pub(super) fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
