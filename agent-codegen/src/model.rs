//! The small form between reading and writing: the wire names and the Rust names side by side,
//! everything decided, nothing yet in tokens.

mod doubts;
pub(crate) mod groups;
mod lower;
pub(crate) mod reply;
mod secret;
mod selection;

pub(crate) use self::{secret::is_secret, selection::Selection};
use crate::{naming::Name, snapshot::Availability, types::ParamType};

/// Everything that is to be written.
#[derive(Debug)]
pub(crate) struct Model {
    /// The version of the agent, where it is known.
    pub version: Option<String>,
    /// The oldest and the newest version with which the actions were compared.
    pub compared: Option<(String, String)>,
    /// By wire name.
    pub actions: Vec<Action>,
    /// The types that the overlay declares, and those of replies that are texts with known values.
    pub types: Vec<Declared>,
    /// The types of replies.
    pub replies: Vec<reply::ReplyType>,
    /// The actions that have a method, by group.
    pub groups: Vec<groups::Group>,
}

#[derive(Debug)]
pub(crate) struct Action {
    pub wire: String,
    /// The method and the struct.
    pub name: Name,
    /// The agent's own words.
    pub description: String,
    /// What is shown as documentation: lines of Markdown, or nothing.
    pub docs: String,
    /// Those that the agent requires first, and its subject before them; otherwise by wire name.
    pub parameters: Vec<Parameter>,
    pub cloud_controller_only: bool,
    /// Which versions have it.
    pub availability: Availability,
    /// In seconds.
    pub timeout: Option<u64>,
    /// Whether it changes nothing on the agent's side.
    pub reads: bool,
    /// Why it should not be used any more; nothing if it may be.
    pub deprecated: String,
    /// The type of the reply, if it is described.
    pub output: Option<String>,
    /// The methods of related actions.
    pub related: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    pub wire: String,
    pub field: String,
    /// The catalogue's word for the type.
    pub word: String,
    pub param_type: ParamType,
    /// Whether it may not be left out of the message.
    pub required: bool,
    /// Lines of Markdown, or nothing.
    pub docs: String,
    /// Who says of what type it is.
    pub typed_by: TypedBy,
    /// Whether it must not be shown.
    pub secret: bool,
    /// Which versions that have the action have it.
    pub availability: Availability,
    /// Which of those require it, where it need not be given.
    pub requiring: Availability,
    pub role: Role,
}

/// Who says of what type a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypedBy {
    Catalogue,
    Overlay,
    /// Neither: any JSON value is taken.
    Neither,
}

/// How a caller gives a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// By position: `new` takes it. The wire name is the same in all actions, so that an argument
    /// can never come to mean another parameter.
    Subject,
    /// By a setter that has to be called before there is an action.
    Required(Slot),
    /// By a setter that may be called.
    Optional,
}

/// What tells in a struct's type whether a parameter is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The struct's parameter for the type of the field.
    pub type_parameter: String,
    /// The type of the field until it is set.
    pub missing: String,
}

/// A type that the overlay declares, or a text with known values in a reply.
#[derive(Debug)]
pub(crate) struct Declared {
    pub name: String,
    /// Lines of Markdown, or nothing.
    pub docs: String,
    pub inner: ParamType,
    /// The known values of a text and their variants; empty if any value is as good as another.
    pub values: Vec<(String, String)>,
    /// Whether a value must not be shown.
    pub secret: bool,
}

impl Model {
    /// The actions of a group, by wire name.
    pub fn members<'a>(&'a self, group: &'a groups::Group) -> impl Iterator<Item = &'a Action> {
        self.callable().filter(|action| group.actions.contains(&action.wire))
    }

    /// The actions that get a method.
    pub fn callable(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().filter(|action| !action.cloud_controller_only)
    }
}

impl Action {
    /// The parameter that `new` takes.
    pub fn subject(&self) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.role == Role::Subject)
    }

    /// The parameters that have to be set by name, and what tells whether they are.
    pub fn required(&self) -> impl Iterator<Item = (&Parameter, &Slot)> {
        self.parameters.iter().filter_map(|parameter| match &parameter.role {
            Role::Required(slot) => Some((parameter, slot)),
            _ => None,
        })
    }

    /// The parameters that may be set by name.
    pub fn options(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| parameter.role == Role::Optional)
    }

    /// Returns whether there is something that a caller has to say.
    pub fn demands_anything(&self) -> bool {
        self.parameters.iter().any(|parameter| parameter.role != Role::Optional)
    }
}

impl Parameter {
    /// The type of the value, without the `Option` around it.
    pub fn value_type(&self) -> &ParamType {
        match &self.param_type {
            ParamType::Nullable(inner) if self.required => inner,
            other => other,
        }
    }
}
