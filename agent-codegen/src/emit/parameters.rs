//! The parameters of each action, as a struct.
//!
//! ```text
//! /// Writes a file of a server
//! ///
//! /// Action `write_file`: `WriteFile::new(server).content(…).path(…)`.
//! #[doc(alias = "write_file")]
//! #[derive(Clone, Debug, PartialEq)]
//! #[must_use]
//! #[non_exhaustive]
//! pub struct WriteFile<Content = String, Path = String> {
//!     /// `server`
//!     pub server: ServerId,
//!     /// `content`
//!     pub content: Content,
//!     /// `path`
//!     pub path: Path,
//! }
//! impl WriteFile {
//!     pub fn new(server: impl Into<ServerId>) -> WriteFile<MissingContent, MissingPath>;
//! }
//! impl<Content, Path> WriteFile<Content, Path> {
//!     pub fn content(self, value: impl Into<String>) -> WriteFile<String, Path>;
//!     pub fn path(self, value: impl Into<String>) -> WriteFile<Content, String>;
//! }
//! impl Action for WriteFile {
//!     const NAME: &'static str = "write_file";
//!     type Output = Reply;
//!     #[inline]
//!     fn write_parameters(&self, parameters: &mut Parameters) {
//!         parameters.add("server", &self.server);
//!         parameters.add("content", &self.content);
//!         parameters.add("path", &self.path);
//!     }
//! }
//! ```
//!
//! Every parameter but the subject is set by its name, so that a new catalogue cannot swap what old
//! source says. Only the struct with everything that is required is an action.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::{
    Home, docs, required,
    rust_types::{argument, field, ident, json_imports, output},
};
use crate::{
    model::{Action, Model, Parameter, Role},
    text::code_span,
};

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
        parameters.iter().any(|parameter| parameter.param_type.name() == Some(name))
    });
    let types = (!types.is_empty()).then(|| quote!(use super::types::{#(#types),*};));
    let replies = model.callable().filter_map(|action| action.output.as_ref()).map(|it| ident(it));
    let replies: Vec<_> = replies.collect();
    let replies = (!replies.is_empty()).then(|| quote!(use super::replies::{#(#replies),*};));
    let missing: Vec<_> = required::by_name(model).into_keys().map(ident).collect();
    let missing = (!missing.is_empty()).then(|| quote!(use super::required::{#(#missing),*};));
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
    quote!(#json #fmt #duration #replies #missing #types #actions)
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
    let default = (!action.demands_anything()).then(|| quote!(Default,));
    let slots = action.required().map(|(parameter, slot)| {
        let (name, set) = (ident(&slot.type_parameter), value_type(parameter));
        quote!(#name = #set)
    });
    let slots = brackets(slots);
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
        #[must_use]
        #[non_exhaustive]
        pub struct #name #slots { #(#fields,)* }
    }
}

/// `<A, B>`, or nothing.
fn brackets(list: impl IntoIterator<Item = TokenStream>) -> Option<TokenStream> {
    let list: Vec<_> = list.into_iter().collect();
    (!list.is_empty()).then(|| quote!(<#(#list),*>))
}

/// The type of a parameter's value.
fn value_type(parameter: &Parameter) -> TokenStream {
    field(parameter.value_type())
}

/// The type in which the struct holds a parameter.
fn stored(parameter: &Parameter) -> TokenStream {
    match &parameter.role {
        Role::Subject => value_type(parameter),
        Role::Required(slot) => {
            let name = ident(&slot.type_parameter);
            quote!(#name)
        }
        Role::Optional => {
            let value = value_type(parameter);
            quote!(Option<#value>)
        }
    }
}

fn functions(action: &Action) -> TokenStream {
    let name = ident(&action.name.camel);
    let new = new(action);
    let setters = action.parameters.iter().filter_map(|parameter| setter(action, parameter));
    match brackets(slots(action)) {
        None => quote!(impl #name { #new #(#setters)* }),
        slots => quote! {
            impl #name { #new }
            impl #slots #name #slots { #(#setters)* }
        },
    }
}

/// The type parameters of a struct.
fn slots(action: &Action) -> impl Iterator<Item = TokenStream> {
    action.required().map(|(_, slot)| {
        let name = ident(&slot.type_parameter);
        quote!(#name)
    })
}

/// ```text
/// /// Begins with `server`; `content` and `path` have to be set, too.
/// pub fn new(server: impl Into<ServerId>) -> WriteFile<MissingContent, MissingPath> {
///     WriteFile { server: server.into(), content: MissingContent, path: MissingPath }
/// }
/// ```
fn new(action: &Action) -> TokenStream {
    let subject = action.subject().map(|subject| {
        let name = variable(&subject.field);
        let (rust_type, value) = argument(subject.value_type(), &name);
        (quote!(#name: #rust_type), value)
    });
    let (subject, value_of_subject) = subject.unzip();
    let missing: Vec<_> = action.required().map(|(_, slot)| ident(&slot.missing)).collect();
    let (name, output) = if missing.is_empty() {
        (ident("Self"), quote!(Self))
    } else {
        let name = ident(&action.name.camel);
        let output = quote!(#name<#(#missing),*>);
        (name, output)
    };
    let fields = action.parameters.iter().map(|parameter| {
        let name = ident(&parameter.field);
        let value = match &parameter.role {
            Role::Subject => quote!(#value_of_subject),
            Role::Required(slot) => {
                let missing = ident(&slot.missing);
                quote!(#missing)
            }
            Role::Optional => quote!(None),
        };
        field_of(&name, &value)
    });
    let docs = docs::lines([docs::new(action).as_str()]);
    quote! {
        #docs
        pub fn new(#subject) -> #output {
            #name { #(#fields),* }
        }
    }
}

/// The name of a variable for a field: an upper-case one could be a constant.
fn variable(field: &str) -> Ident {
    ident(if field.contains(|c: char| c.is_ascii_uppercase()) { "value" } else { field })
}

/// `name: value`, or `name` alone where that says the same.
fn field_of(name: &Ident, value: &TokenStream) -> TokenStream {
    if *name == value.to_string() { quote!(#name) } else { quote!(#name: #value) }
}

/// ```text
/// /// Sets `content`.
/// pub fn content(self, value: impl Into<String>) -> WriteFile<String, Path> {
///     WriteFile { server: self.server, content: value.into(), path: self.path }
/// }
/// /// Sets `limit`.
/// pub fn limit(mut self, value: i64) -> Self {
///     self.limit = Some(value);
///     self
/// }
/// ```
fn setter(action: &Action, parameter: &Parameter) -> Option<TokenStream> {
    let name = ident(&parameter.field);
    let (rust_type, value) = argument(parameter.value_type(), &ident("value"));
    let docs = docs::lines([format!("Sets {}.", code_span(&parameter.wire)).as_str()]);
    match &parameter.role {
        Role::Subject => None,
        Role::Required(slot) => {
            let structure = ident(&action.name.camel);
            let slots = action.required().map(|(other, of_other)| {
                if of_other == slot {
                    value_type(other)
                } else {
                    let name = ident(&of_other.type_parameter);
                    quote!(#name)
                }
            });
            let slots = brackets(slots);
            let fields = action.parameters.iter().map(|other| {
                let field = ident(&other.field);
                if field == name { quote!(#name: #value) } else { quote!(#field: self.#field) }
            });
            Some(quote! {
                #docs
                pub fn #name(self, value: #rust_type) -> #structure #slots {
                    #structure { #(#fields),* }
                }
            })
        }
        Role::Optional => Some(quote! {
            #docs
            pub fn #name(mut self, value: #rust_type) -> Self {
                self.#name = Some(#value);
                self
            }
        }),
    }
}

fn hides(action: &Action) -> bool {
    action.parameters.iter().any(|parameter| parameter.secret)
}

/// `Debug` that shows every field except those that hold a secret.
fn debug(action: &Action) -> TokenStream {
    let name = ident(&action.name.camel);
    let shown = action.required().map(|(parameter, slot)| {
        let name = ident(&slot.type_parameter);
        if parameter.secret { quote!(#name) } else { quote!(#name: fmt::Debug) }
    });
    let (shown, slots) = (brackets(shown), brackets(slots(action)));
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
        impl #shown fmt::Debug for #name #slots {
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
            quote!(parameters.add_optional(#wire, self.#field.as_ref());)
        }
    });
    let write = (!action.parameters.is_empty()).then(|| {
        quote! {
            #[inline]
            fn write_parameters(&self, parameters: &mut Parameters) {
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
