//! Names that were typed and are not known: what was meant is proposed, never assumed.

use crate::{failure::Failure, known::Known, text::printable};

/// An action that the catalogue does not have, where nothing can be done without it.
pub fn unknown_action(known: &Known, action: &str) -> Failure {
    let nearest = known.snapshot.nearest_action(action);
    let proposal =
        nearest.map(|nearest| format!("; the nearest is `{nearest}`")).unwrap_or_default();
    Failure::usage(format!(
        "`{}` has no action `{}`{proposal}",
        printable(known.snapshot.name()),
        printable(action)
    ))
}
