//! The small form between reading and writing: the wire names and the Rust names side by side,
//! everything decided, nothing yet in tokens.

mod lower;
pub(crate) mod reply;

use crate::{naming::Name, types::ParamType};

/// Everything that is to be written.
#[derive(Debug)]
pub(crate) struct Model {
    /// By wire name.
    pub actions: Vec<Action>,
    /// The types that the overlay declares, by name.
    pub types: Vec<Declared>,
    /// The types of replies, each before those inside of it.
    pub replies: Vec<reply::ReplyType>,
}

#[derive(Debug)]
pub(crate) struct Action {
    pub wire: String,
    /// The method and the struct.
    pub name: Name,
    /// The agent's own words.
    pub description: String,
    /// What is shown as documentation: one line of Markdown, or nothing.
    pub docs: String,
    /// Those that the agent demands first.
    pub parameters: Vec<Parameter>,
    pub cloud_controller_only: bool,
    /// In seconds.
    pub timeout: Option<u64>,
    /// Whether it changes nothing on the agent's side.
    pub reads: bool,
    /// Why it should not be used any more; nothing if it may be.
    pub deprecated: String,
    /// The type of the reply, if somebody described it.
    pub output: Option<String>,
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
    /// One line of Markdown, or nothing.
    pub docs: String,
    /// Whether it must not be shown.
    pub secret: bool,
}

/// A type that the overlay declares.
#[derive(Debug)]
pub(crate) struct Declared {
    pub name: String,
    /// One line of Markdown, or nothing.
    pub docs: String,
    pub inner: ParamType,
    /// The known values of a text and their variants; empty if any value is as good as another.
    pub values: Vec<(String, String)>,
}

impl Model {
    /// The actions that get a method.
    pub fn callable(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().filter(|action| !action.cloud_controller_only)
    }
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
