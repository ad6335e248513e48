//! `call`: one action.

use std::{collections::BTreeMap, fmt::Display, io, time::Duration};

use agent_codegen::{KnownAction, is_secret_name, types::ParamType};
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use super::PASSWORD_HELP;
use crate::{
    completion,
    connection::{Connection, Target, Targets},
    failure::Failure,
    fleet::{self, Outcome},
    input::read_text,
    json,
    known::Known,
    output,
    program::Program,
    project::ProjectOption,
};

/// Call one action and print the reply as JSON
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{REPLY_HELP}\n\n{PASSWORD_HELP}\n\n{EXAMPLES}"))]
pub struct Call {
    /// The action's name, as in the snapshot
    #[arg(add = ArgValueCompleter::new(completion::actions))]
    action: String,

    /// Parameters, read by the types of the project's newest snapshot, or outside of a project of
    /// the one that this program was built with: a number, `true` or `false`, a text as it stands,
    /// lists and maps as JSON. Where the type is not known, the value is a text, unless it is JSON
    /// in braces, brackets or quotes; `KEY:=VALUE` is JSON in any case
    #[arg(value_name = "KEY=VALUE", add = ArgValueCompleter::new(completion::parameters))]
    pairs: Vec<String>,

    /// More parameters, as one JSON object; `-` reads it from standard input, for values that
    /// `ps` must not show
    #[arg(long, value_name = "JSON")]
    parameters: Option<String>,

    /// Print the request, secrets masked, and connect to nothing
    #[arg(long)]
    dry_run: bool,

    /// Send it without the parameters that the catalogue known here requires: the agent may be
    /// another version
    #[arg(long)]
    no_check: bool,

    #[command(flatten)]
    project: ProjectOption,

    #[command(flatten)]
    connection: Connection,
}

/// The agent takes no longer request.
const LONGEST: u64 = 32 << 20;

const REPLY_HELP: &str = "\
The reply goes to standard output. Exit code 1 means that the agent rejected
the call, 3 that there is no reply; the text says whether the agent may have
executed it. Actions that are known to take minutes are given them.";

const EXAMPLES: &str = "\
Examples:
  cargo xtask call servers
  cargo xtask call server_filetree server=survival root=/ levels=2
  cargo xtask call brand_new_action limit:=5
  cargo xtask call create_backup server=survival --timeout 3600
  cargo xtask call task_create --parameters - < task.json
  cargo xtask call restart server=survival --tag eu --one-by-one

With several agents the result is one line of JSON for each, with the keys
`agent`, and `reply` or `error`; an agent that is named alone is answered for
as one that is named by --url.";

/// Parameters by name, as they were typed: a large number is not rounded.
type Parameters = BTreeMap<String, Box<RawValue>>;

impl Call {
    pub async fn run(self) -> Result<(), Failure> {
        let known = self.known()?;
        let parameters = self.read_parameters(&known)?;
        if !self.no_check {
            known.require(&self.action, &parameters)?;
        }
        if self.dry_run {
            return self.show(&known, parameters);
        }
        let timeout = self.connection.timeout()?.or(known.timeout());
        let call = |target: Target| call(target, self.action.clone(), &parameters, timeout);
        match self.connection.targets()? {
            Targets::One(target) => output::raw(&json::pretty(call(*target).await?.get())),
            Targets::Several { all, one_by_one } => {
                let print = |outcome: Outcome<_>| fleet::print_line("reply", &outcome);
                fleet::each(all, one_by_one, call, print).await
            }
        }
    }

    /// Shows the request in place of sending it.
    fn show(&self, known: &KnownCall, parameters: Parameters) -> Result<(), Failure> {
        if self.connection.is_by_name() {
            let names = self.connection.targets()?.shown_names().join(", ");
            output::note(format!("the agents that are meant: {names}"));
        }
        output::json(&known.shown(&self.action, parameters)?)
    }

    fn read_parameters(&self, known: &KnownCall) -> Result<Parameters, Failure> {
        let mut parameters = self.read_object()?;
        parameters.iter().try_for_each(|(key, value)| known.check(key, value))?;
        for (number, pair) in self.pairs.iter().enumerate() {
            // The text is not repeated: it may be a secret.
            let (key, value) =
                pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
                    Failure::usage(format!("parameter {} is not of the form KEY=VALUE", number + 1))
                })?;
            let (key, value) = match key.strip_suffix(':') {
                Some(key) => (key, known.read_json(key, value)?),
                None => (key, known.read_value(key, value)?),
            };
            if parameters.insert(key.to_owned(), value).is_some() {
                return Err(Failure::usage(format!("parameter `{key}` is given twice")));
            }
        }
        known.note_unknown(&self.action, parameters.keys());
        Ok(parameters)
    }

    fn read_object(&self) -> Result<Parameters, Failure> {
        let text = match self.parameters.as_deref() {
            None => return Ok(Parameters::new()),
            Some("-") => self.read_stdin()?,
            Some(text) => text.to_owned(),
        };
        // The error tells the place and never the text.
        serde_json::from_str(&text)
            .map_err(|error| Failure::usage(format!("--parameters is no JSON object: {error}")))
    }

    fn read_stdin(&self) -> Result<String, Failure> {
        if self.connection.password.is_stdin() {
            return Err(Failure::usage(
                "standard input cannot hold both the password and the parameters",
            ));
        }
        read_text(io::stdin().lock(), LONGEST).map_err(|error| {
            Failure::failed(format!("the parameters cannot be read from stdin: {error}"))
        })
    }

    /// What is known of the action; nothing where no catalogue is.
    fn known(&self) -> Result<KnownCall, Failure> {
        let Some(known) = Known::find_if_any(&self.project)? else {
            return Ok(KnownCall::default());
        };
        Ok(KnownCall {
            snapshot: known.snapshot.name().to_owned(),
            action: known.action(&self.action),
            nearest: known.snapshot.nearest_action(&self.action).map(ToOwned::to_owned),
        })
    }
}

async fn call(
    target: Target,
    action: String,
    parameters: &Parameters,
    timeout: Option<Duration>,
) -> Result<Box<RawValue>, Failure> {
    let agent = target.connect().await?;
    let mut call = agent.call_raw(action, parameters);
    if let Some(timeout) = timeout {
        call = call.timeout(timeout);
    }
    let result = target.while_it_takes("waiting for the reply", call).await;
    agent.close().await;
    Ok(result?.decode()?)
}

/// What is known of the action to be called.
#[derive(Default)]
struct KnownCall {
    /// The name of the snapshot that knows it.
    snapshot: String,
    /// `None` if the snapshot does not have it.
    action: Option<KnownAction>,
    /// The action whose name is most like the one that was typed.
    nearest: Option<String>,
}

impl KnownCall {
    fn timeout(&self) -> Option<Duration> {
        self.action.as_ref()?.timeout
    }

    fn param_type(&self, key: &str) -> Option<&ParamType> {
        Some(&self.action.as_ref()?.parameter(key)?.param_type)
    }

    /// The value of `KEY=VALUE`.
    fn read_value(&self, key: &str, text: &str) -> Result<Box<RawValue>, Failure> {
        let wrong = |why: &dyn Display| Failure::usage(format!("parameter `{key}`: {why}"));
        match self.param_type(key) {
            None | Some(ParamType::Any) => untyped(text).map_err(|error| wrong(&error)),
            Some(known) => {
                let value = known.value(text).map_err(|error| wrong(&error))?;
                to_raw_value(&value).map_err(|error| wrong(&error))
            }
        }
    }

    /// The value of `KEY:=VALUE`.
    fn read_json(&self, key: &str, text: &str) -> Result<Box<RawValue>, Failure> {
        let value: Box<RawValue> =
            serde_json::from_str(text).map_err(|error| no_json(key, &error))?;
        self.check(key, &value)?;
        Ok(value)
    }

    /// Refuses a value that is not of the parameter's type.
    fn check(&self, key: &str, value: &RawValue) -> Result<(), Failure> {
        let Some(known) = self.param_type(key) else { return Ok(()) };
        let value = serde_json::from_str(value.get()).map_err(|error| no_json(key, &error))?;
        if known.admits(&value) {
            return Ok(());
        }
        Err(Failure::usage(format!("parameter `{key}`: this is not {known}")))
    }

    /// Refuses a call that lacks what the agent requires.
    fn require(&self, action: &str, given: &Parameters) -> Result<(), Failure> {
        let Some(known) = &self.action else { return Ok(()) };
        let missing: Vec<_> = known
            .required()
            .filter(|parameter| !given.contains_key(&parameter.name))
            .map(|parameter| format!("`{}`, {}", parameter.name, parameter.param_type))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "`{action}` was not sent, for the agent requires {}; `{} describe {action}` shows all, and \
             --no-check sends it as it is",
            missing.join(" and "),
            Program::running().name()
        )))
    }

    /// The request as it would be sent, without its token and what is secret.
    fn shown<'a>(
        &self,
        action: &'a str,
        mut parameters: Parameters,
    ) -> Result<Request<'a>, Failure> {
        let known = |name: &str| self.action.as_ref().and_then(|known| known.parameter(name));
        for (name, value) in &mut parameters {
            let is_secret =
                known(name).map_or_else(|| is_secret_name(name), |parameter| parameter.secret);
            let unreadable = |error| no_json(name, &error);
            let whole: Value = serde_json::from_str(value.get()).map_err(unreadable)?;
            let mut masked = whole.clone();
            mask(&mut masked, is_secret);
            if masked != whole {
                *value = to_raw_value(&masked).map_err(unreadable)?;
            }
        }
        Ok(Request { action, parameters })
    }

    /// Says what the catalogue does not have; the agent may be newer, so it is sent all the same.
    fn note_unknown<'a>(&self, action: &str, keys: impl Iterator<Item = &'a String>) {
        let Some(known) = &self.action else {
            if let Some(nearest) = &self.nearest {
                output::note(format!(
                    "`{}` has no action `{action}`; the nearest is `{nearest}`",
                    self.snapshot
                ));
            }
            return;
        };
        for key in keys.filter(|key| known.parameter(key).is_none()) {
            let nearest = known.nearest_parameter(key);
            let nearest = nearest.map(|it| format!("; the nearest is `{it}`")).unwrap_or_default();
            output::note(format!("`{action}` has no parameter `{key}`{nearest}"));
        }
    }
}

/// What is sent, as a dry run shows it.
#[derive(Serialize)]
struct Request<'a> {
    action: &'a str,
    parameters: Parameters,
}

/// The error tells the place and never the text.
fn no_json(key: &str, error: &serde_json::Error) -> Failure {
    Failure::usage(format!("parameter `{key}`: this is no JSON: {error}"))
}

/// Masks a value, or what is in it by a name that speaks of a secret.
fn mask(value: &mut Value, is_secret: bool) {
    match value {
        _ if is_secret => *value = "***".into(),
        Value::Array(values) => values.iter_mut().for_each(|value| mask(value, false)),
        Value::Object(map) => {
            map.iter_mut().for_each(|(name, value)| mask(value, is_secret_name(name)));
        }
        _ => {}
    }
}

/// A value whose type is not known: `123` and `true` may be names as well as anything else, and
/// texts are what most parameters take.
fn untyped(text: &str) -> serde_json::Result<Box<RawValue>> {
    let is_marked = text.trim_start().starts_with(['{', '[', '"']);
    let json = is_marked.then(|| serde_json::from_str(text).ok()).flatten();
    json.map_or_else(|| to_raw_value(text), Ok)
}
