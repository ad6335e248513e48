//! `Debug` that does not show a secret.

use proc_macro2::TokenStream;
use quote::quote;

use super::tokens::ident;

/// `Debug` of a struct by its fields: their names, and which hold a secret.
///
/// ```text
/// impl fmt::Debug for Login {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.debug_struct("Login")
///             .field("username", &self.username)
///             .field("password", &format_args!("(hidden)"))
///             .finish()
///     }
/// }
/// ```
pub(super) fn structure<'a>(
    name: &str,
    fields: impl IntoIterator<Item = (&'a str, bool)>,
) -> TokenStream {
    let structure = ident(name);
    let fields = fields.into_iter().map(|(text, secret)| {
        let field = ident(text);
        if secret {
            quote!(.field(#text, &format_args!("(hidden)")))
        } else {
            quote!(.field(#text, &self.#field))
        }
    });
    quote! {
        impl fmt::Debug for #structure {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(#name) #(#fields)* .finish()
            }
        }
    }
}

/// `Debug` of a struct that wraps a secret.
pub(super) fn wrapper(name: &str) -> TokenStream {
    let ident = ident(name);
    quote! {
        impl fmt::Debug for #ident {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(#name).field(&format_args!("(hidden)")).finish()
            }
        }
    }
}
