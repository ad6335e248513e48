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
//!     #[inline]
//!     fn write(&self, parameters: &mut Parameters) {
//!         parameters.add("server", &self.server);
//!         parameters.add("payload", &self.payload);
//!     }
//! }
//! ```

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::{
    Home, docs,
    rust_types::{argument, field, ident, json_imports, output},
};
use crate::model::{Action, Model, Parameter};

/// What stands before the actions.
pub(super) fn emit(home: Home, model: &Model) -> TokenStream {
    let lints = home.lints();
    let imports = imports(home, model);
    quote! {
        //! The parameters of each action.
        #lints

        #imports
    }
}

/// The imports that the structs need, so that none is unused.
fn imports(home: Home, model: &Model) -> TokenStream {
    let sdk = home.sdk();
    let parameters: Vec<_> = model.callable().flat_map(|action| &action.parameters).collect();
    let json = json_imports(home, parameters.iter().map(|parameter| &parameter.param_type));
    let types = used(model.types.iter().map(|declared| &declared.name), |name| {
        parameters.iter().any(|parameter| parameter.param_type.names(name))
    });
    let types = (!types.is_empty()).then(|| quote!(use super::types::{#(#types),*};));
    let replies = model.callable().filter_map(|action| action.output.as_ref()).map(|it| ident(it));
    let replies: Vec<_> = replies.collect();
    let replies = (!replies.is_empty()).then(|| quote!(use super::replies::{#(#replies),*};));
    let duration = model.callable().any(|action| action.timeout.is_some());
    let duration = duration.then(|| {
        quote!(
            use std::time::Duration;
        )
    });
    let reply = model.callable().any(|action| action.output.is_none()).then(|| quote!(Reply,));
    let fmt = model.callable().any(hides).then(|| {
        quote!(
            use std::fmt;
        )
    });
    let any = model.callable().any(|action| !action.parameters.is_empty());
    let writer = any.then(|| quote!(Parameters,));
    let actions =
        model.callable().next().is_some().then(|| quote!(use #sdk::{Action, #writer #reply};));
    quote!(#json #fmt #duration #replies #types #actions)
}

/// The names that a test finds, as identifiers.
fn used<'a>(
    names: impl Iterator<Item = &'a String>,
    test: impl Fn(&str) -> bool,
) -> Vec<proc_macro2::Ident> {
    names.filter(|name| test(name)).map(|name| ident(name)).collect()
}

/// Everything of one action.
pub(super) fn action(action: &Action) -> TokenStream {
    let structure = structure(action);
    let functions = functions(action);
    let debug = hides(action).then(|| debug(action));
    let implementation = implementation(action);
    quote!(#structure #functions #debug #implementation)
}

fn structure(action: &Action) -> TokenStream {
    let name = ident(&action.name.camel);
    let docs = docs::action(action);
    let deprecated = docs::deprecated_note(action);
    let alias = docs::alias(&action.wire, &action.name.camel);
    // A secret must not be shown, so that struct's `Debug` is written out.
    let debug = (!hides(action)).then(|| quote!(Debug,));
    let default = action.arguments().next().is_none().then(|| quote!(Default,));
    let fields = action.parameters.iter().map(|parameter| {
        let name = ident(&parameter.field);
        let docs = docs::parameter(&parameter.wire, &parameter.docs);
        let rust_type = stored(parameter);
        quote!(#docs pub #name: #rust_type)
    });
    quote! {
        #docs
        #deprecated
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
    quote! {
        #docs
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
            #[inline]
            fn write(&self, parameters: &mut Parameters) {
                #(#entries)*
            }
        }
    });
    let timeout = action.timeout.map(Literal::u64_unsuffixed).map(
        |seconds| quote!(const TIMEOUT: Option<Duration> = Some(Duration::from_secs(#seconds));),
    );
    let reads = action.reads.then(|| {
        quote!(
            const READS: bool = true;
        )
    });
    let output = output(action);
    quote! {
        impl Action for #name {
            const NAME: &'static str = #wire;
            #timeout
            #reads
            type Output = #output;
            #write
        }
    }
}
