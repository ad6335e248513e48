//! Types that an earlier catalogue told and this one does not.

use super::{Doubt, Snapshot};
use crate::{
    diagnostic::{Diagnostic, Report},
    text::Quoted,
};

impl Snapshot {
    /// Returns whether there is a parameter for which it has no type.
    #[must_use]
    pub fn lacks_types(&self) -> bool {
        let parameters = self.actions.values().flat_map(|action| &action.parameters);
        parameters.into_iter().any(|it| matches!(it.doubt, Some(Doubt::NoType(_))))
    }

    /// Takes over the type of each parameter for which this catalogue has none and an earlier one
    /// has: an agent that stops telling types does not untype an application.
    ///
    /// A word that is not understood is no reason: the agent said something else. The canonical text
    /// stays as the agent wrote it. What was taken over is one note in the report.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_codegen::{Report, Snapshot, types::ParamType};
    ///
    /// let mut report = Report::new();
    /// let mut read = |text: &str| {
    ///     Snapshot::from_bytes("catalogue", text.as_bytes(), &mut report).unwrap()
    /// };
    /// let old = read(r#"{"actions": {"lift": {"required_parameters": {"height": "int"}}}}"#);
    /// let mut new = read(r#"{"actions": {"lift": {"required_parameters": ["height"]}}}"#);
    /// new.carry_types(&old, &mut report);
    /// assert_eq!(new.parameter_type("lift", "height"), Some(&ParamType::Integer));
    /// ```
    pub fn carry_types(&mut self, earlier: &Self, report: &mut Report) {
        let mut carried = 0;
        for (name, action) in &mut self.actions {
            let Some(before) = earlier.actions.get(name) else { continue };
            for parameter in &mut action.parameters {
                let before = before.parameters.iter().find(|it| it.name == parameter.name);
                let Some(before) = before.filter(|it| it.doubt.is_none()) else { continue };
                if matches!(parameter.doubt, Some(Doubt::NoType(_))) {
                    parameter.word.clone_from(&before.word);
                    parameter.param_type = before.param_type.clone();
                    parameter.doubt = None;
                    carried += 1;
                }
            }
        }
        if carried > 0 {
            let (own, other) = (self.name().to_owned(), earlier.name());
            let message = format!(
                "{} has no type for {carried} parameters; they keep that of {}",
                Quoted(&own),
                Quoted(other)
            );
            report.push(Diagnostic::note("types-carried", message));
        }
    }
}
