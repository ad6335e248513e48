//! How a mock agent reads the parameters of each action back, behind the feature `mock` of the SDK.
//!
//! ```text
//! impl crate::mock::FromParameters for super::parameters::WriteFile {
//!     fn from_parameters(
//!         parameters: &crate::mock::ParameterReader<'_>,
//!     ) -> Result<Self, crate::mock::ParameterError> {
//!         Ok(Self {
//!             server: parameters.required("server")?,
//!             limit: parameters.optional("limit")?,
//!         })
//!     }
//! }
//! ```

use proc_macro2::TokenStream;
use quote::quote;

use super::{Home, tokens::ident};
use crate::model::{Action, Model, Role};

/// What precedes the actions. Everything is named by its path: an action may have any name.
pub(super) fn emit(_: &Home, _: &Model) -> Vec<TokenStream> {
    vec![quote! {
        //! How the mock agent reads the parameters of each action.
    }]
}

/// The implementation for one action.
pub(super) fn action(action: &Action) -> Vec<TokenStream> {
    let name = ident(&action.name.camel);
    let fields = action.parameters.iter().map(|parameter| {
        let (field, wire) = (ident(&parameter.field), &parameter.wire);
        match parameter.role {
            Role::Subject | Role::Required(_) => quote!(#field: parameters.required(#wire)?),
            Role::Optional => quote!(#field: parameters.optional(#wire)?),
        }
    });
    let reader = if action.parameters.is_empty() { quote!(_) } else { quote!(parameters) };
    vec![quote! {
        impl crate::mock::FromParameters for super::parameters::#name {
            fn from_parameters(
                #reader: &crate::mock::ParameterReader<'_>,
            ) -> Result<Self, crate::mock::ParameterError> {
                Ok(Self { #(#fields),* })
            }
        }
    }]
}
