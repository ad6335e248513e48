//! The small form between reading and writing: the wire names and the Rust names side by side,
//! everything decided, nothing yet in tokens.

use std::collections::BTreeSet;

use crate::{
    Overlay, Snapshot,
    diagnostic::{Diagnostic, Report, Severity},
    naming::{self, Change, Name, Scope},
    snapshot,
    text::Quoted,
    types::ParamType,
};

/// Everything that is to be written.
#[derive(Debug)]
pub(crate) struct Model {
    /// By wire name.
    pub actions: Vec<Action>,
}

#[derive(Debug)]
pub(crate) struct Action {
    pub wire: String,
    /// The method and the struct.
    pub name: Name,
    pub description: String,
    pub parameters: Vec<Parameter>,
    pub cloud_controller_only: bool,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    pub wire: String,
    pub field: String,
    /// The catalogue's word for the type.
    pub word: String,
    pub param_type: ParamType,
    /// Whether it may be left out of the message.
    pub required: bool,
    pub description: String,
    /// Whether it must not be shown.
    pub secret: bool,
}

impl Action {
    /// The parameters that `new` takes, in its order.
    pub fn arguments(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| parameter.is_argument())
    }

    /// The parameters that have a setter.
    pub fn options(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| !parameter.is_argument())
    }
}

impl Parameter {
    /// Whether `new` takes it. One that may be `null` is `null` until it is set.
    pub fn is_argument(&self) -> bool {
        self.required && !matches!(self.param_type, ParamType::Nullable(_))
    }

    /// The type of the value, without the `Option` around it.
    pub fn value_type(&self) -> &ParamType {
        match &self.param_type {
            ParamType::Nullable(inner) if self.required => inner,
            other => other,
        }
    }
}

impl Model {
    /// Lowers a snapshot; what had to be decided is told.
    pub fn new(snapshot: &Snapshot, overlay: &Overlay, report: &mut Report) -> Self {
        let actions = snapshot.actions();
        let callable = actions.iter().filter(|(_, action)| !action.cloud_controller_only());
        let wires = callable.map(|(wire, _)| (wire.as_str(), None));
        let mut names = naming::assign(Scope::Action, wires, &BTreeSet::new());
        let lowering = &mut Lowering { snapshot, overlay, report };
        let lower = |(wire, action): (&String, &snapshot::Action)| {
            let name = names.remove(wire.as_str());
            lowering.action(wire, name, action)
        };
        Self { actions: actions.iter().map(lower).collect() }
    }

    /// The actions that get a method.
    pub fn callable(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().filter(|action| !action.cloud_controller_only)
    }
}

struct Lowering<'a> {
    snapshot: &'a Snapshot,
    overlay: &'a Overlay,
    report: &'a mut Report,
}

impl Lowering<'_> {
    fn action(&mut self, wire: &str, name: Option<Name>, action: &snapshot::Action) -> Action {
        // An action of the cloud has no Rust name; the table of actions shows its wire name alone.
        let name = name.unwrap_or(Name {
            snake: String::new(),
            camel: String::new(),
            changes: Vec::new(),
        });
        let method = format!("the action {} is the method `{}`", Quoted(wire), name.snake);
        self.tell(&name, &method, action.place.start);
        let wires = action.parameters().iter().map(|parameter| (parameter.name(), None));
        let names = naming::assign(Scope::Parameter, wires, &BTreeSet::new());
        let mut parameters = Vec::new();
        for parameter in action.parameters() {
            let Some(name) = names.get(parameter.name()) else { continue };
            if !action.cloud_controller_only() {
                let of = format!("the parameter {} of {}", Quoted(parameter.name()), Quoted(wire));
                self.tell(name, &format!("{of} is `{}`", name.snake), parameter.place.start);
            }
            parameters.push(Parameter {
                wire: parameter.name().to_owned(),
                field: name.snake.clone(),
                word: parameter.word().to_owned(),
                param_type: parameter.param_type().clone(),
                required: parameter.required(),
                description: parameter.description().to_owned(),
                secret: is_secret(parameter.name()),
            });
        }
        // The order of arguments must not hang on the alphabet alone: `new(server, payload)`.
        let first = &self.overlay.first;
        let rank = |name: &str| first.iter().position(|it| it == name).unwrap_or(first.len());
        parameters.sort_by_key(|parameter| (!parameter.required, rank(&parameter.wire)));
        Action {
            wire: wire.to_owned(),
            name,
            description: action.description().to_owned(),
            parameters,
            cloud_controller_only: action.cloud_controller_only(),
        }
    }

    /// Tells of a name that is not the wire name: a collision loudly, since it can be resolved.
    fn tell(&mut self, name: &Name, message: &str, place: usize) {
        for change in &name.changes {
            let severity = match change {
                Change::Chosen => continue,
                Change::Collision(_) => Severity::Warning,
                _ => Severity::Note,
            };
            let message = format!("{message}: {change}");
            let found = match severity {
                Severity::Warning => Diagnostic::warning("name-collision", message),
                _ => Diagnostic::note("renamed", message),
            };
            let found = found.help("choose another by `name` in the overlay");
            self.report.push(found.at(self.snapshot.source(), place..place));
        }
    }
}

/// Whether a parameter of this name is likely to hold what must not be shown.
fn is_secret(wire: &str) -> bool {
    let letters = wire.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    let telling = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "privatekey",
        "credential",
    ];
    telling.iter().any(|word| name.contains(word))
}
