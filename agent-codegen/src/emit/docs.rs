//! Documentation of what is generated.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{model::Action, text::code_span};

/// Lines of documentation, some of which may hold several; an empty one separates paragraphs.
pub(super) fn lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> TokenStream {
    let lines = lines.into_iter().flat_map(|lines| lines.split('\n')).map(|line| {
        let line = if line.is_empty() { String::new() } else { format!(" {line}") };
        quote!(#[doc = #line])
    });
    quote!(#(#lines)*)
}

/// The agent's description, and the name on the wire.
pub(super) fn action(action: &Action) -> TokenStream {
    let mut name = match usage(action) {
        Some(usage) => format!("Action {}: `{usage}`.", code_span(&action.wire)),
        None => format!("Action {}.", code_span(&action.wire)),
    };
    if let Some(seconds) = action.timeout {
        name = format!("{name} A call waits {seconds} s for its reply unless told otherwise.");
    }
    match action.docs.as_str() {
        "" => lines([name.as_str()]),
        docs => lines([docs, "", &name]),
    }
}

/// How to say what the agent requires: `WriteFile::new(server).content(…).path(…)`.
fn usage(action: &Action) -> Option<String> {
    action.demands_anything().then(|| {
        let subject = action.subject().map_or("", |subject| &subject.field);
        let setters = action.required().map(|(parameter, _)| format!(".{}(…)", parameter.field));
        format!("{}::new({subject}){}", action.name.camel, setters.collect::<String>())
    })
}

/// What `new` of an action leaves to the setters.
pub(super) fn new(action: &Action) -> String {
    let subject = action.subject().map(|subject| code_span(&subject.wire));
    let required: Vec<_> = action.required().map(|(it, _)| code_span(&it.wire)).collect();
    match (subject, required.is_empty()) {
        (None, true) => "Without any parameter.".to_owned(),
        (None, false) => format!("Without any parameter yet; required: {}.", required.join(", ")),
        (Some(subject), true) => format!("With {subject}, which is all that is required."),
        (Some(subject), false) => {
            format!("With {subject}; required as well: {}.", required.join(", "))
        }
    }
}

/// What the overlay says of an action that should not be used any more.
pub(super) fn deprecated_note(action: &Action) -> Option<TokenStream> {
    let why = &action.deprecated;
    (!why.is_empty()).then(|| lines(["", format!("Deprecated: {why}").as_str()]))
}

/// The description of a parameter; its name on the wire where there is none.
pub(super) fn parameter(wire: &str, docs: &str) -> TokenStream {
    let name = code_span(wire);
    match docs {
        "" => lines([name.as_str()]),
        docs => lines([format!("{name}: {docs}").as_str()]),
    }
}

/// `#[doc(alias = "…")]`, which makes a wire name searchable; nothing where rustdoc refuses it.
pub(super) fn alias(wire: &str, item: &str) -> Option<TokenStream> {
    let refused = |c: char| c == '"' || c == '\'' || (c.is_whitespace() && c != ' ');
    let usable = !wire.is_empty()
        && wire != item
        && !wire.contains(refused)
        && !wire.starts_with(' ')
        && !wire.ends_with(' ');
    usable.then(|| quote!(#[doc(alias = #wire)]))
}
