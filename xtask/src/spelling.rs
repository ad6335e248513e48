//! Names that were typed and are not known: what was meant is proposed, never assumed.

use crate::{failure::Failure, known::Known, program::Program, text::printable};

/// An action that the catalogue does not have, where nothing can be done without it.
pub fn unknown_action(known: &Known, action: &str) -> Failure {
    let hint = match known.snapshot.nearest_action(action) {
        Some(nearest) => format!("the nearest is `{}`", printable(nearest)),
        None => format!("`{} actions` lists what there is", Program::running().name()),
    };
    Failure::usage(format!(
        "`{}` has no action `{}`; {hint}",
        printable(known.snapshot.name()),
        printable(action)
    ))
}
