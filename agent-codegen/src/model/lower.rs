//! From a snapshot and its overlay to the model.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::{
    Action, Declared, Model, Parameter, Role, Selection, Slot, TypedBy, doubts, groups,
    reply::{self, ReplyType},
    secret::{holds_secret, is_secret},
};
use crate::{
    Overlay, Snapshot,
    diagnostic::{Diagnostic, Place, Report, Severity},
    naming::{self, Change, Name, Scope},
    overlay::{ActionEntry, ParameterEntry, ValueEntry},
    snapshot::{self, Availability},
    text::{Quoted, code_span, markdown, prose, prose_lines},
    types::ParamType,
};

impl Model {
    /// Lowers a snapshot; the report has each decision.
    pub fn new(snapshot: &Snapshot, overlay: &Overlay, report: &mut Report) -> Self {
        Self::selected(snapshot, overlay, Selection(None), report)
    }

    /// Lowers some actions of a snapshot. Names are those that they have among all actions, so that
    /// they are the same whatever is selected; what has to be said of other actions is not.
    pub fn selected(
        snapshot: &Snapshot,
        overlay: &Overlay,
        selection: Selection<'_>,
        report: &mut Report,
    ) -> Self {
        overlay.check(snapshot, report);
        selection.check(snapshot, report);
        let slots = slots(snapshot);
        let mut unasked = Report::new();
        // Actions outrank everything, then the replies to them; what the overlay declares has to
        // keep out of their way, since its name was chosen by hand and can be chosen anew.
        let mut lowering = Lowering { snapshot, overlay, slots: &slots, report: &mut *report };
        let names = lowering.names();
        let mut types = lowering.types();
        if !selection.is_all() {
            lowering.report = &mut unasked;
        }
        let mut replies = lowering.replies(&names, Selection(None));
        lowering.judge_declared(&names, &replies.types, &replies.enums);
        let mut actions = Vec::new();
        for (wire, action) in snapshot.actions() {
            let report = if selection.holds(wire) { &mut *report } else { &mut unasked };
            let mut lowering = Lowering { snapshot, overlay, slots: &slots, report };
            let (name, output) = (names.get(wire.as_str()), replies.outputs.get(wire.as_str()));
            actions.push(lowering.action(wire, name.cloned(), output.cloned(), action));
        }
        overlay.check_types(&used(&actions, &replies.types), report);
        let mut callable = actions.iter().filter(|action| !action.cloud_controller_only);
        overlay.check_subject(callable.any(|action| action.subject().is_some()), report);
        if !selection.is_all() {
            let mut lowering = Lowering { snapshot, overlay, slots: &slots, report: &mut *report };
            replies = lowering.replies(&names, selection);
        }
        types.extend(replies.enums);
        actions.retain(|action| selection.holds(&action.wire));
        selection.retain_types(&mut types, &used(&actions, &replies.types));
        relate(&mut actions, overlay);
        let groups = groups::read(&actions, snapshot, overlay, report);
        doubts::report(snapshot, overlay, selection, report);
        let version = snapshot.version().map(str::to_owned);
        let compared = snapshot.compared().map(|(old, new)| (old.to_owned(), new.to_owned()));
        Self { version, compared, actions, types, replies: replies.types, groups }
    }
}

/// The types that parameters and replies are written with.
fn used<'t>(actions: &'t [Action], replies: &'t [ReplyType]) -> Vec<&'t ParamType> {
    let parameters = actions.iter().flat_map(|action| &action.parameters);
    let parameters = parameters.map(|parameter| &parameter.param_type);
    parameters.chain(replies.iter().flat_map(ReplyType::types)).collect()
}

/// Says of each action which ones are related, both ways.
fn relate(actions: &mut [Action], overlay: &Overlay) {
    let callable = actions.iter().filter(|action| !action.cloud_controller_only);
    let methods: BTreeMap<_, _> =
        callable.map(|action| (action.wire.clone(), action.name.snake.clone())).collect();
    let mut related: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (key, entry) in &overlay.content.actions {
        for other in &entry.related {
            let (one, other) = (key.get_ref().as_str(), other.get_ref().as_str());
            related.entry(one).or_default().insert(other);
            related.entry(other).or_default().insert(one);
        }
    }
    for action in actions {
        let others = related.get(action.wire.as_str()).into_iter().flatten();
        action.related = others.filter_map(|wire| methods.get(*wire).cloned()).collect();
    }
}

struct Lowering<'a, 'r> {
    snapshot: &'a Snapshot,
    overlay: &'a Overlay,
    /// The type names of parameters, by wire name.
    slots: &'a BTreeMap<&'a str, Name>,
    report: &'r mut Report,
}

/// The type names of all parameters, one for each wire name.
fn slots(snapshot: &Snapshot) -> BTreeMap<&str, Name> {
    let actions = snapshot.actions().values().filter(|action| !action.cloud_controller_only());
    let names = actions.flat_map(snapshot::Action::parameters).map(snapshot::Parameter::name);
    naming::assign(Scope::Slot, names.map(|wire| (wire, None)))
}

impl<'a> Lowering<'a, '_> {
    fn types(&mut self) -> Vec<Declared> {
        let types = &self.overlay.content.types;
        let lower = |(key, entry): (&Spanned<String>, &crate::overlay::TypeEntry)| {
            let variant = |value: &ValueEntry| Some((value.value().to_owned(), value.variant()?));
            // An unknown word was told when the overlay was read.
            let word = entry.is.as_ref();
            Declared {
                name: key.get_ref().clone(),
                docs: prose_lines(&entry.description),
                inner: word
                    .map_or(ParamType::String, |it| self.overlay.word(it, &mut Report::new())),
                values: entry.values.iter().filter_map(variant).collect(),
                secret: is_secret(key.get_ref()),
            }
        };
        types.iter().map(lower).collect()
    }

    /// The types of the replies that are described, and which action gets which.
    fn replies(
        &mut self,
        names: &BTreeMap<&'a str, Name>,
        selection: Selection<'_>,
    ) -> reply::Replies {
        let selected = names.iter().filter(|(wire, _)| selection.holds(wire));
        let actions = selected.map(|(wire, name)| (*wire, name.camel.clone())).collect();
        let structs = names.values().map(|name| name.camel.clone());
        let missing = self.slots.values().map(|slot| format!("Missing{}", slot.camel));
        let taken = structs.chain(missing).collect();
        reply::Replies::read(self.overlay, &actions, &taken, self.report)
    }

    /// Reports each declared type whose name an action or a reply has.
    fn judge_declared(
        &mut self,
        names: &BTreeMap<&'a str, Name>,
        replies: &[ReplyType],
        enums: &[Declared],
    ) {
        let replies = replies.iter().map(|it| &it.name).chain(enums.iter().map(|it| &it.name));
        let replies: BTreeSet<_> = replies.collect();
        for key in self.overlay.content.types.keys() {
            let name = key.get_ref();
            let mut actions = names.iter().filter(|(_, it)| it.camel == *name);
            let owner = match actions.next() {
                Some((wire, _)) => format!("it is the type of the action {}", Quoted(wire)),
                None if replies.contains(name) => "it is a type of a reply".to_owned(),
                None => continue,
            };
            let message = format!("{} cannot be declared: {owner}", Quoted(name));
            let help = "declare the type by another name";
            self.report.push(self.overlay.error(message, key.span()).help(help));
        }
    }

    fn names(&mut self) -> BTreeMap<&'a str, Name> {
        let snapshot = self.snapshot;
        let actions = snapshot.actions().iter();
        let callable = actions.filter(|(_, action)| !action.cloud_controller_only());
        let mut used = BTreeSet::new();
        let wires: Vec<_> = callable
            .map(|(wire, _)| {
                let chosen = self.entry(wire).and_then(|entry| entry.name.as_ref());
                (wire.as_str(), self.chosen(Scope::Action, chosen, &mut used))
            })
            .collect();
        naming::assign(Scope::Action, wires)
    }

    /// A name that the overlay chose, if it can be had.
    fn chosen<'n>(
        &mut self,
        scope: Scope,
        name: Option<&'n Spanned<String>>,
        used: &mut BTreeSet<&'n str>,
    ) -> Option<&'n str> {
        let spanned = name?;
        let name = spanned.get_ref().as_str();
        let help = if !naming::can_be_chosen(scope, name) {
            "a name is written `like_this`, and not one of Rust or of the SDK"
        } else if !used.insert(name) {
            "it is chosen twice"
        } else {
            return Some(name);
        };
        let message = format!("the name {} cannot be chosen", Quoted(name));
        self.report.push(self.overlay.error(message, spanned.span()).help(help));
        None
    }

    fn entry(&self, wire: &str) -> Option<&'a ActionEntry> {
        self.overlay.content.actions.get(wire)
    }

    fn action(
        &mut self,
        wire: &str,
        name: Option<Name>,
        output: Option<String>,
        action: &snapshot::Action,
    ) -> Action {
        // An action of the cloud has no Rust name; the table of actions shows its wire name alone.
        let name = name.unwrap_or(Name {
            snake: String::new(),
            camel: String::new(),
            changes: Vec::new(),
        });
        let method = format!("the action {} is the method `{}`", Quoted(wire), name.snake);
        self.tell(&name, &method, &action.place);
        let nothing = ActionEntry::default();
        let entry = self.entry(wire).unwrap_or(&nothing);
        let mut parameters = self.parameters(wire, action, entry);
        for parameter in &mut parameters {
            parameter.role = self.role(parameter, &name.camel);
        }
        // Whatever order the catalogue has, so that it cannot matter.
        parameters.sort_by(|one, other| sort_key(one).cmp(&sort_key(other)));
        Action {
            wire: wire.to_owned(),
            name,
            description: action.description().to_owned(),
            docs: first_said([prose_lines(&entry.description), markdown(action.description())]),
            parameters,
            cloud_controller_only: action.cloud_controller_only(),
            availability: action.availability.clone(),
            timeout: entry.timeout,
            reads: entry.reads,
            deprecated: prose(&entry.deprecated),
            output,
            related: Vec::new(),
        }
    }

    /// The parameters of the catalogue, then those that the overlay adds.
    fn parameters(
        &mut self,
        wire: &str,
        action: &snapshot::Action,
        entry: &ActionEntry,
    ) -> Vec<Parameter> {
        let listed = action.parameters().iter().map(|parameter| parameter.name.as_str());
        let listed: BTreeSet<_> = listed.collect();
        let is_added =
            |name: &str, entry: &ParameterEntry| entry.optional && !listed.contains(name);
        let added: Vec<_> = entry
            .parameters
            .iter()
            .filter(|(key, entry)| is_added(key.get_ref(), entry))
            .map(|(key, _)| snapshot::Parameter {
                name: key.get_ref().clone(),
                word: String::new(),
                param_type: ParamType::Any,
                doubt: None,
                required: false,
                description: String::new(),
                values: Vec::new(),
                metadata: String::new(),
                availability: Availability::default(),
                requiring: Availability::default(),
                place: action.place.clone(),
            })
            .collect();
        let all = || action.parameters().iter().chain(&added);
        let mut used = BTreeSet::new();
        let wires: Vec<_> = all()
            .map(|parameter| {
                let chosen = entry.parameters.get(parameter.name.as_str());
                let chosen = chosen.and_then(|entry| entry.name.as_ref());
                (parameter.name.as_str(), self.chosen(Scope::Parameter, chosen, &mut used))
            })
            .collect();
        let names = naming::assign(Scope::Parameter, wires);
        let mut parameters = Vec::new();
        for parameter in all() {
            let Some(name) = names.get(parameter.name.as_str()) else { continue };
            if !action.cloud_controller_only() {
                let of = format!("the parameter {} of {}", Quoted(&parameter.name), Quoted(wire));
                self.tell(name, &format!("{of} is `{}`", name.snake), &parameter.place);
            }
            let entry = entry.parameters.get(parameter.name.as_str());
            parameters.push(self.parameter(parameter, name, entry));
        }
        parameters
    }

    fn parameter(
        &mut self,
        parameter: &snapshot::Parameter,
        name: &Name,
        entry: Option<&ParameterEntry>,
    ) -> Parameter {
        let nothing = ParameterEntry::default();
        let entry = entry.unwrap_or(&nothing);
        let by_name = self.overlay.content.parameters.get(parameter.name.as_str());
        let described = by_name.map_or("", |entry| entry.description.as_str());
        let docs = first_said([
            prose_lines(&entry.description),
            markdown(&parameter.description),
            prose_lines(described),
        ]);
        let secret = entry.secret.or_else(|| by_name?.secret);
        let param_type = match (&entry.word, by_name.and_then(|entry| entry.word.as_ref())) {
            (Some(word), _) => self.overlay.word(word, self.report),
            (None, Some(word)) => self.by_name(parameter, word),
            (None, None) => parameter.param_type.clone(),
        };
        let typed_by = match &parameter.doubt {
            _ if param_type != parameter.param_type => TypedBy::Overlay,
            None if parameter.word.is_empty() => TypedBy::Neither,
            None => TypedBy::Catalogue,
            Some(_) => TypedBy::Neither,
        };
        let secret =
            secret.unwrap_or_else(|| is_secret(&parameter.name) || holds_secret(&param_type));
        Parameter {
            wire: parameter.name.clone(),
            field: name.snake.clone(),
            word: parameter.word.clone(),
            param_type,
            // What the agent requires may not be left out.
            required: parameter.required,
            docs: with_values(docs, &parameter.values),
            typed_by,
            availability: parameter.availability.clone(),
            requiring: parameter.requiring.clone(),
            secret,
            role: Role::Optional,
        }
    }

    /// How a caller gives a parameter. One that may be `null` is `null` until it is set.
    fn role(&self, parameter: &Parameter, structure: &str) -> Role {
        if !parameter.required || matches!(parameter.param_type, ParamType::Nullable(_)) {
            return Role::Optional;
        }
        if self.overlay.subject() == Some(&parameter.wire) {
            return Role::Subject;
        }
        let slot = self.slots.get(parameter.wire.as_str());
        let slot = slot.map(|name| name.camel.as_str()).unwrap_or_default();
        let is_taken = |name: &str| name == structure || self.overlay.declares(name);
        Role::Required(Slot {
            type_parameter: naming::type_parameter(slot, is_taken),
            missing: format!("Missing{slot}"),
        })
    }

    /// The type for every parameter of a name, where the catalogue does not say something else.
    fn by_name(&mut self, parameter: &snapshot::Parameter, word: &Spanned<String>) -> ParamType {
        let better = self.overlay.word(word, self.report);
        let catalogue = &parameter.param_type;
        let nullable = better.clone().nullable();
        if let Some(fitting) = [better, nullable].into_iter().find(|it| it.is_made_of(catalogue)) {
            return fitting;
        }
        let message = format!(
            "the overlay says that {} is {}, and the catalogue says {} here",
            Quoted(&parameter.name),
            Quoted(word.get_ref()),
            Quoted(&parameter.word)
        );
        self.report.push(
            Diagnostic::warning("overlay-type", message)
                .at_place(&parameter.place)
                .help("the catalogue counts; say it for this action alone to overrule it"),
        );
        catalogue.clone()
    }

    /// Tells of a name that is not the wire name: a collision loudly, since it can be resolved.
    fn tell(&mut self, name: &Name, message: &str, place: &Place) {
        for change in &name.changes {
            let severity = match change {
                Change::Chosen => continue,
                Change::Collision(_) => Severity::Warning,
                _ => Severity::Note,
            };
            let message = format!("{message}: {change}");
            let found = match severity {
                Severity::Warning => Diagnostic::warning("name-collision", message),
                _ => Diagnostic::note("renamed", message),
            };
            let found = found.help("choose another by `name` in the overlay");
            self.report.push(found.at_place(place));
        }
    }
}

/// Those that are required first, and the subject before them; then by name.
fn sort_key(parameter: &Parameter) -> (bool, bool, &str) {
    (!parameter.required, parameter.role != Role::Subject, &parameter.wire)
}

/// The first text that says something.
fn first_said<const N: usize>(texts: [String; N]) -> String {
    texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

/// Documentation, and the values that the catalogue lists. They stay texts: an agent may take more
/// tomorrow, and the overlay makes an enum of them for those who want one.
fn with_values(docs: String, values: &[String]) -> String {
    if values.is_empty() {
        return docs;
    }
    let values: Vec<_> = values.iter().map(|value| code_span(value)).collect();
    let separator = match docs.lines().count() {
        0 => "",
        1 => " ",
        // Its last line may be the end of code or of a list.
        _ => "\n\n",
    };
    format!("{docs}{separator}One of {}.", values.join(", "))
}
