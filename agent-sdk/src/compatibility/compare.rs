//! What an SDK made from one catalogue meets at an agent that has another one.

use std::fmt;

use super::catalogue::{Action, Parameter};
use crate::{
    action::{ActionInfo, ParameterInfo},
    text::excerpt,
};

/// How well an action of the generated table works at the connected agent, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fit {
    /// The agent says the same of it.
    Identical,
    /// It has changed, and whatever worked works.
    Compatible,
    /// Some calls that worked may be rejected, or a part of them ignored.
    Partly,
    /// Calls that worked are rejected.
    Incompatible,
    /// The agent does not have it any more, or not for clients.
    Gone,
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identical => "identical",
            Self::Compatible => "compatible",
            Self::Partly => "compatible in part",
            Self::Incompatible => "incompatible",
            Self::Gone => "gone",
        })
    }
}

/// What has changed of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ActionChange {
    /// The agent does not have the action any more.
    Removed,
    /// Only the vendor's cloud may call it now.
    CloudOnly,
    /// Its parameters are written in a form that is not understood.
    Unreadable,
    /// The agent demands a parameter that the SDK does not have.
    RequiredParameterAdded {
        /// The parameter's name.
        parameter: String,
    },
    /// The agent describes a parameter that the SDK does not have, and does not demand it.
    OptionalParameterAdded {
        /// The parameter's name.
        parameter: String,
    },
    /// The agent does not have a parameter any more.
    ParameterRemoved {
        /// The parameter's name.
        parameter: String,
    },
    /// The agent demands a parameter that was optional.
    ParameterBecameRequired {
        /// The parameter's name.
        parameter: String,
    },
    /// The agent does not demand a parameter any more.
    ParameterBecameOptional {
        /// The parameter's name.
        parameter: String,
    },
    /// The agent has another word for a parameter's type; empty where it has none.
    TypeChanged {
        /// The parameter's name.
        parameter: String,
        /// The word that the SDK was made from.
        before: String,
        /// The agent's word.
        after: String,
    },
}

impl ActionChange {
    /// Returns how well calls work in spite of the change.
    #[must_use]
    pub fn fit(&self) -> Fit {
        match self {
            Self::Removed | Self::CloudOnly => Fit::Gone,
            Self::RequiredParameterAdded { .. } => Fit::Incompatible,
            Self::Unreadable
            | Self::ParameterRemoved { .. }
            | Self::ParameterBecameRequired { .. } => Fit::Partly,
            Self::OptionalParameterAdded { .. } | Self::ParameterBecameOptional { .. } => {
                Fit::Compatible
            }
            Self::TypeChanged { before, after, .. } => fit_of_types(before, after),
        }
    }
}

impl ActionChange {
    /// Returns whether a table of several versions says that not all of them agree here.
    pub(super) fn is_foreseen(&self, table: &ActionInfo) -> bool {
        let parameter = |name: &str| table.parameters.iter().find(|it| it.name == name);
        let is_in_some = |it: &ParameterInfo| it.since.is_some() || it.until.is_some();
        match self {
            Self::Removed | Self::CloudOnly => table.since.is_some() || table.until.is_some(),
            Self::ParameterRemoved { parameter: name } => parameter(name).is_some_and(is_in_some),
            Self::ParameterBecameRequired { parameter: name } => {
                parameter(name).is_some_and(|it| it.required_by_some || is_in_some(it))
            }
            Self::TypeChanged { before, after, .. } => {
                before.split(" | ").any(|word| word == after)
            }
            _ => false,
        }
    }
}

impl fmt::Display for ActionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed => write!(f, "the agent does not have it any more"),
            Self::CloudOnly => write!(f, "only the vendor's cloud may call it now"),
            Self::Unreadable => write!(f, "its parameters are not understood"),
            Self::RequiredParameterAdded { parameter } => {
                write!(f, "`{}` is required, and new", excerpt(parameter.as_bytes()))
            }
            Self::OptionalParameterAdded { parameter } => {
                write!(f, "`{}` is optional, and new", excerpt(parameter.as_bytes()))
            }
            Self::ParameterRemoved { parameter } => {
                write!(f, "`{}` does not exist any more", excerpt(parameter.as_bytes()))
            }
            Self::ParameterBecameRequired { parameter } => {
                write!(f, "`{}` has become required", excerpt(parameter.as_bytes()))
            }
            Self::ParameterBecameOptional { parameter } => {
                write!(f, "`{}` has become optional", excerpt(parameter.as_bytes()))
            }
            Self::TypeChanged { parameter, before, after } => write!(
                f,
                "the type of `{}` was `{before}`, and is `{}`",
                excerpt(parameter.as_bytes()),
                excerpt(after.as_bytes())
            ),
        }
    }
}

/// Compares an action of the table with that of the agent. `optional` are the parameters that people
/// added, which no catalogue describes.
pub(super) fn compare(
    table: &Action,
    optional: &[&str],
    live: Option<&Action>,
) -> Vec<ActionChange> {
    let Some(live) = live else { return vec![ActionChange::Removed] };
    if table.callable && !live.callable {
        return vec![ActionChange::CloudOnly];
    }
    let (Some(before), Some(after)) = (&table.parameters, &live.parameters) else {
        return vec![ActionChange::Unreadable];
    };
    let removed = before.keys().filter(|name| !after.contains_key(*name));
    let removed = removed.map(|name| ActionChange::ParameterRemoved { parameter: name.clone() });
    let others = after.iter().flat_map(|(name, parameter)| match before.get(name) {
        Some(known) => changes(name, known, parameter),
        None => vec![added(name, parameter.required, optional.contains(&name.as_str()))],
    });
    removed.chain(others).collect()
}

fn added(name: &str, required: bool, known: bool) -> ActionChange {
    let parameter = name.to_owned();
    match (required, known) {
        (true, true) => ActionChange::ParameterBecameRequired { parameter },
        (true, false) => ActionChange::RequiredParameterAdded { parameter },
        (false, _) => ActionChange::OptionalParameterAdded { parameter },
    }
}

fn changes(name: &str, before: &Parameter, after: &Parameter) -> Vec<ActionChange> {
    let parameter = || name.to_owned();
    let mut changes = Vec::new();
    match (before.required, after.required) {
        (false, true) => {
            changes.push(ActionChange::ParameterBecameRequired { parameter: parameter() });
        }
        (true, false) => {
            changes.push(ActionChange::ParameterBecameOptional { parameter: parameter() });
        }
        _ => {}
    }
    if before.word != after.word {
        let (before, after) = (before.word.clone(), after.word.clone());
        changes.push(ActionChange::TypeChanged { parameter: parameter(), before, after });
    }
    changes
}

/// What the words for types mean, as far as it can be said without a grammar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// No word, or one for anything.
    Any,
    Text,
    Whole,
    Number,
    Flag,
    List,
    Map,
}

/// Returns what a word means; none for one that is not known.
fn family(word: &str) -> Option<Family> {
    let word = word.trim().trim_start_matches('*').trim_end_matches('?').to_ascii_lowercase();
    let word = word.trim_start_matches("optional ").trim_end_matches(" optional");
    Some(match word {
        "" | "any" | "interface{}" | "interface {}" | "object?" => Family::Any,
        "str" | "string" | "text" => Family::Text,
        "float" | "float32" | "float64" | "double" | "number" => Family::Number,
        "bool" | "boolean" => Family::Flag,
        "list" | "array" | "slice" => Family::List,
        "map" | "object" | "dict" | "struct" => Family::Map,
        _ if word.starts_with("int") || word.starts_with("uint") => Family::Whole,
        _ if word.starts_with("[]") || word.starts_with("list[") => Family::List,
        _ if word.starts_with("map[") => Family::Map,
        _ => return None,
    })
}

fn fit_of_types(before: &str, after: &str) -> Fit {
    match (family(before), family(after)) {
        (_, Some(Family::Any)) | (Some(Family::Whole), Some(Family::Number)) => Fit::Compatible,
        (Some(before), Some(after)) if before == after => Fit::Compatible,
        // What was sent may be what the agent takes now, or not.
        (None | Some(Family::Any), _) | (_, None) | (Some(Family::Number), Some(Family::Whole)) => {
            Fit::Partly
        }
        _ => Fit::Incompatible,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A parameter that all versions have and only some require was taken for one that broke.
    #[test]
    fn what_only_some_versions_of_a_table_require_is_foreseen() {
        const PARAMETERS: &[ParameterInfo] = &[
            ParameterInfo::new("limit", "int", false).required_by_some(),
            ParameterInfo::new("level", "str", false),
            ParameterInfo::new("delay", "int", false).since("1.2.0"),
        ];
        let table = ActionInfo::new("audit_events", "", PARAMETERS, false);
        for (name, foreseen) in [("limit", true), ("level", false), ("delay", true), ("x", false)] {
            let change = ActionChange::ParameterBecameRequired { parameter: name.to_owned() };
            assert_eq!(change.is_foreseen(&table), foreseen, "{name}");
        }
        let gone = ActionChange::ParameterRemoved { parameter: "limit".to_owned() };
        assert!(!gone.is_foreseen(&table), "all versions have it");
    }

    #[test]
    fn another_type_is_judged_by_what_was_sent() {
        for (before, after, fit) in [
            ("str", "string", Fit::Compatible),
            ("str", "", Fit::Compatible),
            ("int", "float64", Fit::Compatible),
            ("map", "interface{}", Fit::Compatible),
            ("[]string", "list", Fit::Compatible),
            ("float", "int", Fit::Partly),
            ("", "int", Fit::Partly),
            ("str", "color", Fit::Partly),
            ("str", "int", Fit::Incompatible),
            ("list", "map", Fit::Incompatible),
        ] {
            assert_eq!(fit_of_types(before, after), fit, "{before} -> {after}");
        }
    }
}
