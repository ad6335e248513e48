//! The parameters of each action, as a struct.
//!
//! ```text
//! /// Sends a command over RCON
//! ///
//! /// Action `server_rcon_send`.
//! #[doc(alias = "server_rcon_send")]
//! #[derive(Clone, Debug, PartialEq)]
//! #[non_exhaustive]
//! pub struct ServerRconSend {
//!     /// `server`
//!     pub server: String,
//!     /// `payload`
//!     pub payload: String,
//! }
//! impl ServerRconSend {
//!     /// With everything that the agent demands.
//!     #[must_use]
//!     pub fn new(server: impl Into<String>, payload: impl Into<String>) -> Self {
//!         Self { server: server.into(), payload: payload.into() }
//!     }
//! }
//! impl Action for ServerRconSend {
//!     const NAME: &'static str = "server_rcon_send";
//!     type Output = Reply;
//!     fn write(&self, parameters: &mut Parameters) {
//!         parameters.add("server", &self.server);
//!         parameters.add("payload", &self.payload);
//!     }
//! }
//! ```

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    Home, docs,
    rust_types::{argument, field, holds, ident},
};
use crate::{
    model::{Action, Model, Parameter},
    types::ParamType,
};

/// Above this many arguments clippy wants fewer; the agent decides how many there are.
const MANY_ARGUMENTS: usize = 7;

pub(super) fn emit(home: Home, model: &Model) -> TokenStream {
    let lints = home.lints();
    let imports = imports(home, model);
    let actions = model.callable().map(action);
    quote! {
        //! The parameters of each action.
        #lints

        #imports
        #(#actions)*
    }
}

/// The imports that the structs need, so that none is unused.
fn imports(home: Home, model: &Model) -> TokenStream {
    let (sdk, serde_json) = (home.sdk(), home.library("serde_json"));
    let uses = |test: &dyn Fn(&ParamType) -> bool| {
        let mut all = model.callable().flat_map(|action| &action.parameters);
        all.any(|parameter| holds(&parameter.param_type, &|it| test(it)))
    };
    let any_map = |it: &ParamType| *it == ParamType::any_map();
    let map = uses(&any_map).then(|| quote!(Map,));
    let number = uses(&|it| *it == ParamType::Number).then(|| quote!(Number,));
    let value = uses(&|it| *it == ParamType::Any).then(|| quote!(Value,));
    let tree = uses(&|it| matches!(it, ParamType::Map(_)) && !any_map(it));
    let tree = tree.then(|| {
        quote!(
            use std::collections::BTreeMap;
        )
    });
    let json = (map.is_some() || number.is_some() || value.is_some())
        .then(|| quote!(use #serde_json::{#map #number #value};));
    let fmt = model.callable().any(hides).then(|| {
        quote!(
            use std::fmt;
        )
    });
    let any = model.callable().any(|action| !action.parameters.is_empty());
    let writer = any.then(|| quote!(Parameters,));
    let actions =
        model.callable().next().is_some().then(|| quote!(use #sdk::{Action, #writer Reply};));
    quote!(#tree #fmt #actions #json)
}

fn action(action: &Action) -> TokenStream {
    let structure = structure(action);
    let functions = functions(action);
    let debug = hides(action).then(|| debug(action));
    let implementation = implementation(action);
    quote!(#structure #functions #debug #implementation)
}

fn structure(action: &Action) -> TokenStream {
    let name = ident(&action.name.camel);
    let docs = docs::action(&action.wire, &action.description);
    let alias = docs::alias(&action.wire, &action.name.camel);
    // A secret must not be shown, so that struct's `Debug` is written out.
    let debug = (!hides(action)).then(|| quote!(Debug,));
    let default = action.arguments().next().is_none().then(|| quote!(Default,));
    let fields = action.parameters.iter().map(|parameter| {
        let name = ident(&parameter.field);
        let docs = docs::parameter(&parameter.wire, &parameter.description);
        let rust_type = stored(parameter);
        quote!(#docs pub #name: #rust_type)
    });
    quote! {
        #docs
        #alias
        #[derive(Clone, #debug #default PartialEq)]
        #[non_exhaustive]
        pub struct #name { #(#fields,)* }
    }
}

/// The type in which the struct holds a parameter.
fn stored(parameter: &Parameter) -> TokenStream {
    let value = field(parameter.value_type());
    if parameter.is_argument() { value } else { quote!(Option<#value>) }
}

fn functions(action: &Action) -> TokenStream {
    let name = ident(&action.name.camel);
    let new = new(action);
    let setters = action.options().map(setter);
    quote! {
        impl #name {
            #new
            #(#setters)*
        }
    }
}

fn new(action: &Action) -> TokenStream {
    let mut parameters = Vec::new();
    let mut fields = Vec::new();
    for parameter in action.arguments() {
        let name = ident(&parameter.field);
        let (rust_type, value) = argument(parameter.value_type(), &name);
        let is_itself = value.to_string() == parameter.field;
        parameters.push(quote!(#name: #rust_type));
        fields.push(if is_itself { quote!(#name) } else { quote!(#name: #value) });
    }
    for parameter in action.options() {
        let name = ident(&parameter.field);
        fields.push(quote!(#name: None));
    }
    let docs = match parameters.len() {
        0 => docs::lines(["Without any parameter."]),
        _ => docs::lines(["With the parameters that the agent demands."]),
    };
    let many = (parameters.len() > MANY_ARGUMENTS).then(
        || quote!(#[allow(clippy::too_many_arguments, reason = "the agent demands them all")]),
    );
    quote! {
        #docs
        #many
        #[must_use]
        pub fn new(#(#parameters),*) -> Self {
            Self { #(#fields),* }
        }
    }
}

/// ```text
/// /// Sets `limit`.
/// #[must_use]
/// pub fn limit(mut self, limit: i64) -> Self {
///     self.limit = Some(limit);
///     self
/// }
/// ```
fn setter(parameter: &Parameter) -> TokenStream {
    let name = ident(&parameter.field);
    let (rust_type, value) = argument(parameter.value_type(), &name);
    let docs = docs::lines([format!("Sets {}.", crate::text::code_span(&parameter.wire)).as_str()]);
    quote! {
        #docs
        #[must_use]
        pub fn #name(mut self, #name: #rust_type) -> Self {
            self.#name = Some(#value);
            self
        }
    }
}

fn hides(action: &Action) -> bool {
    action.parameters.iter().any(|parameter| parameter.secret)
}

/// `Debug` that shows every field except those that hold a secret.
fn debug(action: &Action) -> TokenStream {
    let name = ident(&action.name.camel);
    let text = &action.name.camel;
    let fields = action.parameters.iter().map(|parameter| {
        let field = ident(&parameter.field);
        let text = &parameter.field;
        if parameter.secret {
            quote!(.field(#text, &format_args!("(hidden)")))
        } else {
            quote!(.field(#text, &self.#field))
        }
    });
    quote! {
        impl fmt::Debug for #name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(#text) #(#fields)* .finish()
            }
        }
    }
}

fn implementation(action: &Action) -> TokenStream {
    let name = ident(&action.name.camel);
    let wire = &action.wire;
    let entries = action.parameters.iter().map(|parameter| {
        let field = ident(&parameter.field);
        let wire = &parameter.wire;
        if parameter.required {
            quote!(parameters.add(#wire, &self.#field);)
        } else {
            quote!(parameters.add_some(#wire, self.#field.as_ref());)
        }
    });
    let write = (!action.parameters.is_empty()).then(|| {
        quote! {
            fn write(&self, parameters: &mut Parameters) {
                #(#entries)*
            }
        }
    });
    quote! {
        impl Action for #name {
            const NAME: &'static str = #wire;
            type Output = Reply;
            #write
        }
    }
}
