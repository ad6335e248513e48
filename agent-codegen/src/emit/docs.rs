//! The agent's words as documentation: shown as text, whatever is in them.

use proc_macro2::TokenStream;
use quote::quote;

use crate::text::{code_span, markdown};

/// Lines of documentation; an empty one separates paragraphs.
pub(super) fn lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> TokenStream {
    let lines = lines.into_iter().map(|line| {
        let line = if line.is_empty() { String::new() } else { format!(" {line}") };
        quote!(#[doc = #line])
    });
    quote!(#(#lines)*)
}

/// The agent's description, and the name on the wire.
pub(super) fn action(wire: &str, description: &str) -> TokenStream {
    let name = format!("Action {}.", code_span(wire));
    match markdown(description).as_str() {
        "" => lines([name.as_str()]),
        description => lines([description, "", &name]),
    }
}

/// The description of a parameter; its name on the wire where there is none.
pub(super) fn parameter(wire: &str, description: &str) -> TokenStream {
    let name = code_span(wire);
    match markdown(description).as_str() {
        "" => lines([name.as_str()]),
        description => lines([format!("{name}: {description}").as_str()]),
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
