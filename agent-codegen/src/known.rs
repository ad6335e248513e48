//! What is known of an action, for those who call it by its name instead of by generated code.

use std::time::Duration;

use crate::{
    Overlay, Report, Snapshot,
    model::{self, Declared, Model},
    text::nearest,
    types::ParamType,
};

/// What snapshot and overlay know of one action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownAction {
    /// The name on the wire.
    pub name: String,
    /// The documentation: lines of Markdown, or nothing.
    pub description: String,
    /// The parameters, those that the agent requires first.
    pub parameters: Vec<KnownParameter>,
    /// How long a call takes at most, where the overlay says it.
    pub timeout: Option<Duration>,
    /// Whether it changes nothing on the agent's side.
    pub reads: bool,
    /// Whether only the vendor's cloud may call it.
    pub cloud_controller_only: bool,
    /// Why it should not be used any more; `None` if it may be.
    pub deprecated: Option<String>,
    /// The first known version of the agent that has it; `None` where the oldest one does.
    pub since: Option<String>,
    /// The last known version that has it; `None` where the newest one does.
    pub until: Option<String>,
    /// Which of the known versions have it, as a sentence; nothing where all do.
    pub versions: String,
    /// The Rust type of the reply, where the overlay describes it.
    pub reply: Option<String>,
    /// The call in Rust, with a placeholder for each parameter that the agent requires.
    pub rust: String,
}

/// What is known of one parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownParameter {
    /// The name on the wire.
    pub name: String,
    /// The type, that of the overlay before that of the catalogue.
    pub param_type: ParamType,
    /// Whether the agent requires it.
    pub required: bool,
    /// The documentation: lines of Markdown, or nothing.
    pub description: String,
    /// Whether its value must not be shown.
    pub secret: bool,
    /// The known values of a text, where the overlay lists them; the agent may know more.
    pub values: Vec<String>,
    /// The first known version of those that have the action which has it; `None` where the oldest
    /// one does.
    pub since: Option<String>,
    /// The last of them that has it; `None` where the newest one does.
    pub until: Option<String>,
    /// Which of them have it, and which require it, as sentences; nothing where all do.
    pub versions: String,
}

/// Returns whether a name speaks of a value that must not be shown, where nothing else is known of it.
///
/// # Examples
///
/// ```
/// assert!(agent_codegen::is_secret_name("rcon_password"));
/// assert!(!agent_codegen::is_secret_name("server"));
/// ```
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    model::is_secret(name)
}

impl KnownAction {
    /// All actions by name.
    ///
    /// # Examples
    ///
    /// ```
    /// use agent_codegen::{KnownAction, Overlay, Report, Snapshot};
    ///
    /// let catalogue = br#"{ "server_start": { "required_parameters": { "server": "str" } } }"#;
    /// let snapshot = Snapshot::from_bytes("catalogue", catalogue, &mut Report::new()).unwrap();
    /// let all = KnownAction::all(&snapshot, &Overlay::default());
    /// assert_eq!(all[0].name, "server_start");
    /// assert_eq!(all[0].rust, r#"agent.server_start(ServerStart::new().server("SERVER")).await?"#);
    /// ```
    #[must_use]
    pub fn all(snapshot: &Snapshot, overlay: &Overlay) -> Vec<Self> {
        // What is wrong with either is reported when code is generated.
        let model = Model::new(snapshot, overlay, &mut Report::new());
        model.actions.into_iter().map(|action| Self::of(action, &model.types)).collect()
    }

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
    /// assert_eq!(known.parameter("server").unwrap().param_type, ParamType::String);
    /// assert_eq!(known.parameter("wings"), None);
    /// ```
    #[must_use]
    pub fn find(snapshot: &Snapshot, overlay: &Overlay, action: &str) -> Option<Self> {
        Self::all(snapshot, overlay).into_iter().find(|known| known.name == action)
    }

    /// A parameter by its name on the wire, optional ones of the overlay among them.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&KnownParameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// The parameters that the agent requires.
    pub fn required(&self) -> impl Iterator<Item = &KnownParameter> {
        self.parameters.iter().filter(|parameter| parameter.required)
    }

    /// The parameter whose name is most like this one, if any is much like it.
    #[must_use]
    pub fn nearest_parameter(&self, name: &str) -> Option<&str> {
        nearest(name, self.parameters.iter().map(|parameter| parameter.name.as_str()))
    }
}

impl KnownAction {
    fn of(action: model::Action, types: &[Declared]) -> Self {
        let parameter = |parameter| KnownParameter::of(parameter, types);
        Self {
            rust: rust(&action),
            name: action.wire,
            description: action.docs,
            parameters: action.parameters.into_iter().map(parameter).collect(),
            timeout: action.timeout.map(Duration::from_secs),
            reads: action.reads,
            cloud_controller_only: action.cloud_controller_only,
            deprecated: Some(action.deprecated).filter(|why| !why.is_empty()),
            since: action.availability.since().map(str::to_owned),
            until: action.availability.until().map(str::to_owned),
            versions: action.availability.sentence("").unwrap_or_default(),
            reply: action.output,
        }
    }
}

impl KnownParameter {
    fn of(parameter: model::Parameter, types: &[Declared]) -> Self {
        let name = parameter.param_type.name();
        let declared = types.iter().find(|declared| Some(&*declared.name) == name);
        let values = declared.into_iter().flat_map(|declared| &declared.values);
        let having = parameter.availability.sentence("");
        let requiring = parameter.requiring.sentence("Required");
        Self {
            since: parameter.availability.since().map(str::to_owned),
            until: parameter.availability.until().map(str::to_owned),
            versions: [having, requiring].into_iter().flatten().collect::<Vec<_>>().join(" "),
            values: values.map(|(value, _)| value.clone()).collect(),
            name: parameter.wire,
            param_type: parameter.param_type,
            required: parameter.required,
            description: parameter.docs,
            secret: parameter.secret,
        }
    }
}

/// `agent.server_start(ServerStart::new("SERVER")).await?`
fn rust(action: &model::Action) -> String {
    let (method, camel) = (&action.name.snake, &action.name.camel);
    if !action.demands_anything() {
        return format!("agent.{method}().await?");
    }
    let subject = action.subject().map(placeholder).unwrap_or_default();
    let setters = action
        .required()
        .map(|(parameter, _)| format!(".{}({})", parameter.field, placeholder(parameter)));
    format!("agent.{method}({camel}::new({subject}){}).await?", setters.collect::<String>())
}

/// A value that compiles in the place of the right one.
fn placeholder(parameter: &model::Parameter) -> String {
    match parameter.value_type() {
        ParamType::Named(_, inner) if matches!(**inner, ParamType::String) => text(&parameter.wire),
        ParamType::String => text(&parameter.wire),
        ParamType::Boolean => "false".to_owned(),
        ParamType::Float => "0.0".to_owned(),
        ParamType::Integer
        | ParamType::Unsigned
        | ParamType::LongInteger
        | ParamType::LongUnsigned => "0".to_owned(),
        ParamType::Named(..) | ParamType::Number => "0.into()".to_owned(),
        ParamType::List(_) => "vec![]".to_owned(),
        ParamType::Any | ParamType::Map(_) | ParamType::Nullable(_) => {
            "Default::default()".to_owned()
        }
    }
}

fn text(wire: &str) -> String {
    format!("{:?}", wire.to_uppercase())
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
        assert_eq!(known.parameter("height").unwrap().param_type, ParamType::Integer);
        let speed = known.parameter("speed").unwrap();
        assert_eq!((&speed.param_type, speed.required), (&ParamType::String, false), "{report}");
        assert_eq!(known.timeout, Some(Duration::from_secs(600)));
        assert_eq!(known.rust, "agent.lift(Lift::new().height(0)).await?");
        assert_eq!(KnownAction::find(&snapshot, &overlay, "sink"), None);
    }

    #[test]
    fn the_known_values_of_a_parameter_are_those_of_its_type() {
        let mut report = Report::new();
        let catalogue = br#"{ "lift": { "required_parameters": { "pace": "str", "to": "str" } } }"#;
        let snapshot = Snapshot::from_bytes("catalogue", catalogue, &mut report).unwrap();
        let overlay =
            "[types.Tempo]\nvalues = [\"slow\", \"fast\"]\n[parameters.pace]\ntype = \"Tempo\"";
        let overlay = Overlay::from_text("overlay", overlay, &mut report).unwrap();
        let known = KnownAction::find(&snapshot, &overlay, "lift").unwrap();
        assert_eq!(known.parameter("pace").unwrap().values, ["slow", "fast"], "{report}");
        assert!(known.parameter("to").unwrap().values.is_empty());
    }
}
