//! `call`: one action.

use std::io::{self, Read};

use agent_codegen::{KnownAction, Overlay, Report, Snapshot, types::ParamType};
use serde_json::{Map, Value, value::RawValue};

use super::PASSWORD_HELP;
use crate::{
    connection::Connection, failure::Failure, json, output, progress, project::ProjectOption,
};

/// Call one action and print the reply as JSON
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{REPLY_HELP}\n\n{PASSWORD_HELP}\n\n{EXAMPLES}"))]
pub struct Call {
    /// The action's name, as in the snapshot
    action: String,

    /// Parameters, read by the snapshot's types: a number, `true` or `false`, a text as it
    /// stands, lists and maps as JSON; JSON, or else a text, where the type is not known
    #[arg(value_name = "KEY=VALUE")]
    pairs: Vec<String>,

    /// More parameters, as one JSON object; `-` reads it from standard input, for values that
    /// `ps` must not show
    #[arg(long, value_name = "JSON")]
    parameters: Option<String>,

    #[command(flatten)]
    project: ProjectOption,

    #[command(flatten)]
    connection: Connection,
}

const REPLY_HELP: &str = "\
The reply goes to standard output. Exit code 1 means that the agent rejected
the call, 3 that there is no reply; the text says whether the agent may have
executed it. Actions that are known to take minutes are given them.";

const EXAMPLES: &str = "\
Examples:
  cargo xtask call servers
  cargo xtask call server_filetree server=survival root=/ levels=2
  cargo xtask call create_backup server=survival --timeout 3600
  cargo xtask call task_create --parameters - < task.json";

impl Call {
    pub async fn run(self) -> Result<(), Failure> {
        let known = self.known();
        let parameters = self.read_parameters(&known)?;
        let agent = self.connection.connect().await?;
        let mut call = agent.call_raw(self.action, parameters);
        if let Some(timeout) = self.connection.timeout().or(known.timeout()) {
            call = call.timeout(timeout);
        }
        let result = progress::with_progress("waiting for the reply", call).await;
        agent.close().await;
        let reply: Box<RawValue> = result?.decode()?;
        output::result(&json::pretty(reply.get()))
    }

    fn read_parameters(&self, known: &KnownAction) -> Result<Map<String, Value>, Failure> {
        let mut parameters = self.read_object()?;
        for (number, pair) in self.pairs.iter().enumerate() {
            // The text is not repeated: it may be a secret.
            let (key, value) =
                pair.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
                    Failure::usage(format!("parameter {} is not of the form KEY=VALUE", number + 1))
                })?;
            let value = known
                .parameter(key)
                .unwrap_or(&ParamType::Any)
                .value(value)
                .map_err(|error| Failure::usage(format!("parameter `{key}`: {error}")))?;
            if parameters.insert(key.to_owned(), value).is_some() {
                return Err(Failure::usage(format!("parameter `{key}` is given twice")));
            }
        }
        Ok(parameters)
    }

    fn read_object(&self) -> Result<Map<String, Value>, Failure> {
        let text = match self.parameters.as_deref() {
            None => return Ok(Map::new()),
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
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).map_err(|error| {
            Failure::failed(format!("the parameters cannot be read from stdin: {error}"))
        })?;
        Ok(text)
    }

    /// What the project's snapshot and overlay know of the action: without a project, or for an
    /// action that it does not know, values are read as JSON or text.
    fn known(&self) -> KnownAction {
        let mut report = Report::new();
        let known = self.project.find().ok().and_then(|project| {
            let snapshot = Snapshot::read(&project.newest_snapshot().ok()?, &mut report)?;
            let overlay = Overlay::read(&project.overlay(), &mut report).unwrap_or_default();
            KnownAction::find(&snapshot, &overlay, &self.action)
        });
        known.unwrap_or_default()
    }
}
