//! Documentation of what is generated.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    model::{Action, Model, Parameter, TypedBy},
    text::{Visible, code_span},
};

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
    if let Some(versions) = action.availability.sentence("") {
        name = format!("{name} {versions}");
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

/// Links to the methods of related actions.
pub(super) fn related(action: &Action) -> Option<TokenStream> {
    let links = action.related.iter().map(|method| format!("[`{method}`](Agent::{method})"));
    let links: Vec<_> = links.collect();
    (!links.is_empty()).then(|| lines(["", &format!("See also {}.", links.join(", "))]))
}

/// All methods by group, if there are groups; `agent` is the path of the type that has them.
pub(super) fn index(model: &Model, agent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for group in model.groups.iter().filter(|group| !group.title.is_empty()) {
        lines.extend([String::new(), format!("# {}", group.title), String::new()]);
        if !group.docs.is_empty() {
            lines.extend([group.docs.clone(), String::new()]);
        }
        lines.extend(model.members(group).map(|action| {
            let method = &action.name.snake;
            let link = format!("- [`{method}`]({agent}::{method})");
            // The first line is enough, without the mark that would join it to the next.
            match action.docs.lines().next().map(|line| line.trim_end_matches('\\')) {
                Some(docs) if !docs.is_empty() => format!("{link}: {docs}"),
                _ => link,
            }
        }));
    }
    lines
}

/// `#[deprecated = "…"]` with what the overlay says.
pub(super) fn deprecated(action: &Action) -> Option<TokenStream> {
    let why = Visible(&action.deprecated).to_string();
    (!why.is_empty()).then(|| quote!(#[deprecated = #why]))
}

/// What a parameter is, its name on the wire, and who says of what type it is.
pub(super) fn field(parameter: &Parameter) -> TokenStream {
    let name = code_span(&parameter.wire);
    let word = code_span(&parameter.word);
    let source = match (parameter.typed_by, parameter.word.is_empty()) {
        (TypedBy::Catalogue, _) => format!("{name}: {word} in the catalogue."),
        (TypedBy::Overlay, false) => {
            format!("{name}: {word} in the catalogue, typed by the overlay.")
        }
        (TypedBy::Overlay, true) => format!("{name}: typed by the overlay."),
        (TypedBy::Neither, false) => {
            format!("{name}: {word} in the catalogue, which is any value.")
        }
        (TypedBy::Neither, true) => format!("{name}: any value, the catalogue has no type."),
    };
    let source = source + &versions(parameter);
    match parameter.docs.as_str() {
        "" => lines([source.as_str()]),
        docs => lines([docs, "", &source]),
    }
}

/// Which versions of the agent have a parameter, and which require it, after a space.
fn versions(parameter: &Parameter) -> String {
    let having = parameter.availability.sentence("");
    let requiring = parameter.requiring.sentence("Required");
    let sentences = [having, requiring].into_iter().flatten();
    sentences.flat_map(|sentence| [" ".to_owned(), sentence]).collect()
}

/// What a setter sets.
pub(super) fn setter(parameter: &Parameter) -> TokenStream {
    let sets = format!("Sets {}.{}", code_span(&parameter.wire), versions(parameter));
    match parameter.docs.as_str() {
        "" => lines([sets.as_str()]),
        docs => lines([&sets, "", docs]),
    }
}

/// The description of a field of a reply; its name on the wire where there is none.
pub(super) fn member(wire: &str, docs: &str) -> TokenStream {
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
