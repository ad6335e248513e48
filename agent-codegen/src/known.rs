//! What is known of an action, for whoever calls it by its name instead of by generated code.

use std::{collections::BTreeMap, time::Duration};

use crate::{Overlay, Report, Snapshot, model::Model, text::nearest, types::ParamType};

/// What snapshot and overlay know of one action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownAction {
    parameters: BTreeMap<String, ParamType>,
    timeout: Option<Duration>,
}

impl KnownAction {
    /// Looks an action up by its name on the wire; `None` if the snapshot does not have it.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_codegen::{KnownAction, Overlay, Report, Snapshot, types::ParamType};
    ///
    /// let catalogue = br#"{ "server_start": { "required_parameters": { "server": "str" } } }"#;
    /// let snapshot = Snapshot::from_bytes("catalogue", catalogue, &mut Report::new()).unwrap();
    /// let known = KnownAction::find(&snapshot, &Overlay::default(), "server_start").unwrap();
    /// assert_eq!(known.parameter("server"), Some(&ParamType::String));
    /// assert_eq!(known.parameter("wings"), None);
    /// ```
    #[must_use]
    pub fn find(snapshot: &Snapshot, overlay: &Overlay, action: &str) -> Option<Self> {
        // What is wrong with either is told to those who generate.
        let model = Model::new(snapshot, overlay, &mut Report::new());
        let action = model.actions.into_iter().find(|known| known.wire == action)?;
        let parameters = action.parameters.into_iter();
        Some(Self {
            parameters: parameters.map(|known| (known.wire, known.param_type)).collect(),
            timeout: action.timeout.map(Duration::from_secs),
        })
    }

    /// The type of a parameter, optional ones of the overlay among them.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&ParamType> {
        self.parameters.get(name)
    }

    /// The parameter whose name is most like this one, if any is much like it.
    #[must_use]
    pub fn nearest_parameter(&self, name: &str) -> Option<&str> {
        nearest(name, self.parameters.keys().map(String::as_str))
    }

    /// How long a call takes at most, where the overlay says it.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overlay_adds_what_the_catalogue_does_not_say() {
        let mut report = Report::new();
        let catalogue = br#"{ "lift": { "required_parameters": { "height": "int" } } }"#;
        let snapshot = Snapshot::from_bytes("catalogue", catalogue, &mut report).unwrap();
        let overlay = "[actions.lift]\ntimeout = 600\n[actions.lift.parameters.speed]\ntype = \"str\"\noptional = true";
        let overlay = Overlay::from_text("overlay", overlay, &mut report).unwrap();
        let known = KnownAction::find(&snapshot, &overlay, "lift").unwrap();
        assert_eq!(known.parameter("height"), Some(&ParamType::Integer));
        assert_eq!(known.parameter("speed"), Some(&ParamType::String), "{report}");
        assert_eq!(known.timeout(), Some(Duration::from_secs(600)));
        assert_eq!(KnownAction::find(&snapshot, &overlay, "sink"), None);
    }
}
