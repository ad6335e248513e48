//! One method of the agent for each action.
//!
//! ```text
//! impl Agent {
//!     /// Starts a server
//!     ///
//!     /// Action `server_start`.
//!     pub fn server_start(&self, parameters: ServerStart) -> Call<'_, Reply> {
//!         self.call(parameters)
//!     }
//! }
//! ```

use proc_macro2::TokenStream;
use quote::quote;

use super::{docs, rust_types::ident};
use crate::model::{Action, Model};

pub(super) fn emit(model: &Model) -> TokenStream {
    let methods: Vec<_> = model.callable().map(method).collect();
    if methods.is_empty() {
        return TokenStream::new();
    }
    let types = model.callable().map(|action| ident(&action.name.camel));
    quote! {
        //! A method of the agent for each action.

        use super::parameters::{#(#types),*};
        use crate::{Agent, Call, Reply};

        impl Agent {
            #(#methods)*
        }
    }
}

/// An action that demands nothing has a method without an argument, so that a new optional
/// parameter breaks nobody: `agent.call(Servers::new().limit(5))` sets it.
fn method(action: &Action) -> TokenStream {
    let method = ident(&action.name.snake);
    let parameters = ident(&action.name.camel);
    let docs = docs::action(&action.wire, &action.description);
    let alias = docs::alias(&action.wire, &action.name.snake);
    let hint = hint(action);
    let (argument, value) = if action.arguments().next().is_none() {
        (None, quote!(#parameters::new()))
    } else {
        (Some(quote!(, parameters: #parameters)), quote!(parameters))
    };
    quote! {
        #docs
        #hint
        #alias
        pub fn #method(&self #argument) -> Call<'_, Reply> {
            self.call(#value)
        }
    }
}

/// How to set optional parameters, where the method takes no argument.
fn hint(action: &Action) -> Option<TokenStream> {
    let option = action.options().next().filter(|_| action.arguments().next().is_none())?;
    let (camel, field) = (&action.name.camel, &option.field);
    let text = format!("With optional parameters: `agent.call({camel}::new().{field}(…))`.");
    Some(docs::lines(["", &text]))
}
