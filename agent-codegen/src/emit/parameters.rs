//! The parameters of each action, as a struct.
//!
//! ```text
//! /// Writes a file of a server
//! ///
//! /// Action `write_file`: `WriteFile::new(server).content(…).path(…)`.
//! #[doc(alias = "write_file")]
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
//! ```
//!
//! Every parameter but the subject is set by its name, so that a new catalogue cannot swap what old
//! source says. Only the struct with everything that is required is an action.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{
    Home, complete, docs,
    imports::Imports,
    required,
    rust_types::{self, argument, field},
    tokens::ident,
};
use crate::model::{Action, Model, Parameter, Role};

/// What precedes the actions.
pub(super) fn emit(home: &Home, model: &Model) -> Vec<TokenStream> {
    let docs = quote! {
        //! The parameters of each action.
    };
    [docs].into_iter().chain(imports(home, model).blocks()).collect()
}

/// The imports that the structs need, so that none is unused.
fn imports<'a>(home: &'a Home, model: &Model) -> Imports<'a> {
    let mut imports = Imports::new(home);
    let actions: Vec<_> = model.callable().collect();
    let any = |test: &dyn Fn(&Action) -> bool| actions.iter().any(|action| test(action));
    imports.prelude();
    imports.std("fmt");
    imports.sdk(["Action", "generated_code::debug"]);
    if any(&|action| !action.parameters.is_empty()) {
        imports.sdk(["Parameters"]);
    }
    if any(&|action| action.output.is_none()) {
        imports.sdk(["Reply"]);
    }
    if any(&|action| action.timeout.is_some()) {
        imports.std("time::Duration");
    }
    imports.sibling("replies", actions.iter().filter_map(|action| action.output.as_deref()));
    imports.sibling("required", required::by_name(model).into_keys());
    let parameters = || actions.iter().flat_map(|action| &action.parameters);
    rust_types::import(&mut imports, parameters().map(|parameter| &parameter.param_type));
    let types = model.types.iter().map(|declared| declared.name.as_str());
    let is_used =
        |name: &&str| parameters().any(|parameter| parameter.param_type.name() == Some(name));
    imports.sibling("types", types.filter(is_used));
    imports
}

/// Everything of one action.
pub(super) fn action(action: &Action) -> Vec<TokenStream> {
    let mut blocks = vec![structure(action)];
    blocks.extend(functions(action));
    blocks.extend(complete::implementations(action));
    blocks
}

fn structure(action: &Action) -> TokenStream {
    let name = ident(&action.name.camel);
    let docs = docs::action(action);
    let deprecated = docs::deprecated(action);
    let alias = docs::alias(&action.wire, &action.name.camel);
    let derive = complete::derive(action);
    let slots = action.required().map(|(parameter, slot)| {
        let (name, set) = (ident(&slot.type_parameter), value_type(parameter));
        quote!(#name = #set)
    });
    let slots = brackets(slots);
    let fields = action.parameters.iter().map(|parameter| {
        let name = ident(&parameter.field);
        let docs = docs::field(parameter);
        let rust_type = stored(parameter);
        quote!(#docs pub #name: #rust_type)
    });
    quote! {
        #docs
        #deprecated
        #alias
        #derive
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

fn functions(action: &Action) -> Vec<TokenStream> {
    let name = ident(&action.name.camel);
    let new = new(action);
    let setters = action.parameters.iter().filter_map(|parameter| setter(action, parameter));
    match brackets(slots(action)) {
        None => vec![quote!(impl #name { #new #(#setters)* })],
        slots => {
            vec![quote!(impl #name { #new }), quote!(impl #slots #name #slots { #(#setters)* })]
        }
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
    let docs = docs::setter(parameter);
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
