//! Source as the owner of generated code writes it: each item is used by a file of its own.

use std::collections::{BTreeMap, BTreeSet};

use agent_codegen::Code;
use quote::ToTokens;
use syn::{FnArg, GenericParam, ImplItem, Item, ItemImpl, ItemStruct, ReturnType};

use crate::crates::Crate;

/// A file that uses some items, which are called as a difference calls them.
pub struct Source {
    pub text: String,
    pub uses: BTreeSet<String>,
}

/// What a source needs to name whatever is generated.
const IMPORTS: &str = "use agent_sdk::{Error, Reply, generated_code::serde_json::{Map, Number, \
                       Value}};\nuse std::collections::BTreeMap;\nuse crate::actions::*;\n";

/// A file for each use of each item, by the name of its module.
pub fn sources(code: &Code) -> BTreeMap<String, Source> {
    let uses = Uses::read(code);
    let mut sources = BTreeMap::new();
    for action in uses.actions.values() {
        uses.of_action(action, &mut sources);
    }
    uses.of_types(&mut sources);
    uses.of_replies(&mut sources);
    sources
}

/// A crate of generated code with sources beside it.
pub fn crate_of(name: &str, code: &Code, sources: &BTreeMap<String, Source>) -> Crate {
    let crate_ = Crate::new(name);
    crate_.generate("src/actions", code);
    let modules: Vec<_> = sources.keys().map(|name| format!("pub mod {name};")).collect();
    let modules = modules.join("\n");
    crate_.write("src/lib.rs", &format!("#![allow(warnings)]\npub mod actions;\n{modules}"));
    for (name, source) in sources {
        crate_.write(&format!("src/{name}.rs"), &source.text);
    }
    crate_
}

/// What generated code defines.
#[derive(Default)]
struct Uses {
    actions: BTreeMap<String, Action>,
    /// Types that the overlay declares: how a value of each is made, and the type of what it holds.
    declared: BTreeMap<String, (Vec<String>, String)>,
    /// The fields of each type of a reply.
    replies: BTreeMap<String, Vec<(String, String)>>,
}

/// A struct of parameters and its method.
struct Action {
    structure: String,
    /// The argument of `new`, and its type.
    subject: Option<(String, String)>,
    fields: Vec<Field>,
    method: String,
    takes_argument: bool,
    output: String,
}

struct Field {
    name: String,
    /// The type of the value, without the `Option` around it.
    value: String,
    required: bool,
}

impl Uses {
    fn read(code: &Code) -> Self {
        let mut uses = Self::default();
        let items = |name: &str| -> Vec<Item> {
            let text = code.files().get(name).map_or("", String::as_str);
            syn::parse_file(text).expect("it is Rust").items
        };
        let parameters = items("parameters.rs");
        for item in &parameters {
            if let Item::Struct(item) = item {
                let action = Action::of_struct(item);
                uses.actions.insert(action.structure.clone(), action);
            }
        }
        for item in parameters.iter().filter_map(own_functions) {
            let name = text(&item.self_ty);
            let name = name.split('<').next().unwrap_or_default();
            let action = uses.actions.get_mut(name).expect("it has a struct");
            action.subject = action.subject.take().or_else(|| subject(item));
        }
        for function in items("methods.rs").iter().filter_map(own_functions).flat_map(functions) {
            let ReturnType::Type(_, output) = &function.sig.output else { continue };
            let call = text(&function.block);
            let called = uses.actions.values_mut().find(|it| {
                let argument = function.sig.inputs.iter().nth(1).map(typed);
                argument.is_some_and(|(_, kind)| kind == it.structure)
                    || call.contains(&format!(".call({}::new())", it.structure))
            });
            let action = called.expect("it takes a struct");
            action.method = function.sig.ident.to_string();
            action.takes_argument = function.sig.inputs.len() > 1;
            let output = text(output);
            let (_, output) = output.split_once(',').expect("it is a call of something");
            output.trim_end_matches('>').clone_into(&mut action.output);
        }
        for item in items("types.rs") {
            uses.declare(&item);
        }
        for item in items("replies.rs") {
            if let Item::Struct(item) = item {
                let named = item
                    .fields
                    .iter()
                    .filter_map(|it| Some((it.ident.as_ref()?.to_string(), text(&it.ty))));
                uses.replies.insert(item.ident.to_string(), named.collect());
            }
        }
        uses
    }

    fn declare(&mut self, item: &Item) {
        match item {
            Item::Struct(item) => {
                let inner = item.fields.iter().next().map(|it| text(&it.ty)).expect("it holds one");
                let name = item.ident.to_string();
                let made = format!("{name}::from({})", self.value(&inner));
                self.declared.insert(name, (vec![made], inner));
            }
            Item::Enum(item) => {
                let name = item.ident.to_string();
                let variants = item.variants.iter().filter(|it| it.fields.is_empty());
                let made = variants.map(|it| format!("{name}::{}", it.ident)).collect();
                self.declared.insert(name, (made, "String".to_owned()));
            }
            _ => {}
        }
    }

    /// A value for a setter: of a declared type what it holds, which becomes one.
    fn value(&self, kind: &str) -> String {
        match kind {
            "String" => "String::from(\"a\")".to_owned(),
            "bool" => "true".to_owned(),
            "f64" => "1.5_f64".to_owned(),
            "i64" | "u64" | "i128" | "u128" => format!("1_{kind}"),
            "Value" => "Value::Null".to_owned(),
            "Number" => "Number::from(1_i64)".to_owned(),
            _ => match self.declared.get(kind) {
                Some((_, inner)) => self.value(inner),
                None => format!("<{kind}>::default()"),
            },
        }
    }

    /// The declared types and those of replies whose names a text holds.
    fn named(&self, text: &str) -> BTreeSet<String> {
        let names = self.declared.keys().chain(self.replies.keys());
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let words: BTreeSet<_> = text.split(|c| !is_part(c)).collect();
        let found = names.filter(|name| words.contains(name.as_str()));
        found.map(|name| format!("name of `{name}`")).collect()
    }

    fn source(&self, text: &str, uses: impl IntoIterator<Item = String>) -> Source {
        let mut uses: BTreeSet<_> = uses.into_iter().collect();
        uses.extend(self.named(text));
        Source { text: format!("{IMPORTS}{text}\n"), uses }
    }

    fn of_action(&self, action: &Action, sources: &mut BTreeMap<String, Source>) {
        let Action { structure, method, .. } = action;
        let made = vec![format!("struct `{structure}`")];
        let mut begun = made.clone();
        let mut new = format!("{structure}::new()");
        if let Some((argument, kind)) = &action.subject {
            begun.push(format!("argument `{argument}` of `{structure}::new`"));
            new = format!("{structure}::new({})", self.value(kind));
        }
        let (mut whole, mut complete) = (new.clone(), begun.clone());
        complete.push(format!("required of `{structure}`"));
        let is_subject =
            |field: &&Field| action.subject.as_ref().is_some_and(|it| it.0 == field.name);
        for field in &action.fields {
            let (name, kind) = (&field.name, &field.value);
            let stored = if field.required { kind.clone() } else { format!("Option<{kind}>") };
            let text = format!("pub fn f(it: &{structure}) -> &{stored} {{ &it.{name} }}");
            let uses = made.iter().cloned().chain([format!("field `{structure}::{name}`")]);
            sources.insert(format!("{method}_{name}_field"), self.source(&text, uses));
            if is_subject(&field) {
                continue;
            }
            let setter = format!("setter `{structure}::{name}`");
            let set = format!(".{name}({})", self.value(kind));
            let text = format!("pub fn f() {{ let _ = {new}{set}; }}");
            let uses = begun.iter().cloned().chain([setter.clone()]);
            sources.insert(format!("{method}_{name}_setter"), self.source(&text, uses));
            if field.required {
                whole += &set;
                complete.push(setter);
            }
        }
        let text = format!("pub fn f(agent: &Agent) {{ let _ = agent.call({whole}); }}");
        sources.insert(format!("{method}_call"), self.source(&text, complete.clone()));
        let argument = if action.takes_argument { whole.as_str() } else { "" };
        complete.push(format!("method `Agent::{method}`"));
        let text = format!("pub fn f(agent: &Agent) {{ let _ = agent.{method}({argument}); }}");
        sources.insert(format!("{method}_method"), self.source(&text, complete.clone()));
        let output = &action.output;
        complete.push(format!("reply of `Agent::{method}`"));
        let text = format!(
            "pub async fn f(agent: &Agent) -> Result<{output}, Error> {{ agent.{method}({argument}).await }}"
        );
        sources.insert(format!("{method}_reply"), self.source(&text, complete));
    }

    fn of_types(&self, sources: &mut BTreeMap<String, Source>) {
        for (name, (values, _)) in &self.declared {
            let values = values.join(", ");
            let text = format!("pub fn f() -> Vec<{name}> {{ vec![{values}] }}");
            let uses = [format!("type `{name}`")];
            sources.insert(format!("type_{}", name.to_lowercase()), self.source(&text, uses));
        }
    }

    /// Every field of each whole reply, and of what it is made of.
    fn of_replies(&self, sources: &mut BTreeMap<String, Source>) {
        let outputs = self.actions.values().map(|action| &action.output);
        for reply in outputs.filter(|output| self.replies.contains_key(*output)) {
            let mut within = vec![reply.clone()];
            let mut lines = String::new();
            while let Some(name) = within.pop() {
                for (field, kind) in &self.replies[&name] {
                    let function = format!("{}_{field}", name.to_lowercase());
                    let body = format!("&{kind} {{ &it.{field} }}\n");
                    lines.extend(["pub fn ", &function, "(it: &", &name, ") -> ", &body]);
                    let inner = self.replies.keys().filter(|it| kind.contains(it.as_str()));
                    within.extend(inner.filter(|it| !lines.contains(&format!("&{it})"))).cloned());
                }
            }
            let uses = [format!("type `{reply}`")];
            sources.insert(format!("reply_{}", reply.to_lowercase()), self.source(&lines, uses));
        }
    }
}

impl Action {
    fn of_struct(item: &ItemStruct) -> Self {
        let slots: BTreeMap<_, _> = item
            .generics
            .params
            .iter()
            .filter_map(|parameter| match parameter {
                GenericParam::Type(it) => {
                    Some((it.ident.to_string(), text(&it.default.as_ref()?.1)))
                }
                _ => None,
            })
            .collect();
        let fields = item.fields.iter().filter_map(|field| {
            let (name, kind) = (field.ident.as_ref()?.to_string(), text(&field.ty));
            let optional = kind.strip_prefix("Option<").and_then(|it| it.strip_suffix('>'));
            let value = slots.get(&kind).cloned().or(optional.map(str::to_owned));
            let required = optional.is_none();
            Some(Field { name, value: value.unwrap_or(kind), required })
        });
        Self {
            structure: item.ident.to_string(),
            subject: None,
            fields: fields.collect(),
            method: String::new(),
            takes_argument: false,
            output: String::new(),
        }
    }
}

/// The functions that a type has by itself.
fn own_functions(item: &Item) -> Option<&ItemImpl> {
    match item {
        Item::Impl(item) if item.trait_.is_none() => Some(item),
        _ => None,
    }
}

fn functions(item: &ItemImpl) -> impl Iterator<Item = &syn::ImplItemFn> {
    item.items.iter().filter_map(|item| match item {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    })
}

/// What `new` takes.
fn subject(item: &ItemImpl) -> Option<(String, String)> {
    let new = functions(item).find(|it| it.sig.ident == "new")?;
    let (name, kind) = typed(new.sig.inputs.first()?);
    let kind = kind.strip_prefix("implInto<").and_then(|it| it.strip_suffix('>')).unwrap_or(&kind);
    Some((name, kind.to_owned()))
}

/// The name of an argument and its type.
fn typed(argument: &FnArg) -> (String, String) {
    match argument {
        FnArg::Typed(it) => (text(&it.pat), text(&it.ty)),
        FnArg::Receiver(_) => ("self".to_owned(), "Self".to_owned()),
    }
}

/// Tokens as a text without spaces.
fn text(tokens: &impl ToTokens) -> String {
    tokens.to_token_stream().to_string().split_whitespace().collect()
}
