//! Names and paths as tokens.

use proc_macro2::{Ident, Span, TokenStream};

/// A name that `naming` made, as an identifier.
pub(super) fn ident(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

/// A path that is known to be one.
pub(super) fn path(text: &str) -> TokenStream {
    text.parse().unwrap_or_default()
}
