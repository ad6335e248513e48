//! `describe`: one action, and how to call it.

mod layout;

use std::fmt;

use agent_codegen::{KnownAction, KnownParameter, types::ParamType};
use clap_complete::engine::ArgValueCompleter;
use serde::{Serialize, Serializer};

use self::layout::Layout;
use crate::{
    completion,
    connection::Connection,
    failure::Failure,
    fleet,
    known::Known,
    live,
    output::FormatOption,
    program::Program,
    project::ProjectOption,
    spelling,
    text::{printable, shell_word},
};

/// Types and what is said of a parameter begin no further to the right.
const LONGEST_NAME: usize = 32;

/// Show one action: its parameters, its reply, and lines to paste
///
/// Without `--live` nothing is connected to: the action is that of the project's newest snapshot, or
/// outside of a project of the one that this program was built with.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Describe {
    /// The action's name
    #[arg(add = ArgValueCompleter::new(completion::actions))]
    action: String,

    /// Ask the agent for its catalogue; several agents are each asked
    #[arg(long)]
    live: bool,

    #[command(flatten)]
    format: FormatOption,

    #[command(flatten)]
    project: ProjectOption,

    #[command(flatten)]
    connection: Connection,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask describe server_start
  cargo xtask describe create_user --format json
  cargo xtask describe create_user --live --agent eu-1";

/// The result for a machine.
#[derive(Serialize)]
struct Shown {
    name: String,
    description: String,
    parameters: Vec<Parameter>,
    /// The Rust type of the reply; `null` where it is not described.
    reply: Option<String>,
    timeout_seconds: Option<u64>,
    reads: bool,
    cloud_controller_only: bool,
    deprecated: Option<String>,
    /// The first known version of the agent that has it; `null` where the oldest one does.
    since: Option<String>,
    /// The last known version that has it; `null` where the newest one does.
    until: Option<String>,
    /// Which known versions have it, as a sentence.
    #[serde(skip)]
    versions: String,
    shell: Line,
    rust: String,
    snapshot: String,
}

/// The words of a line for a shell; for machines the whole line.
struct Line(Vec<String>);

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.join(" "))
    }
}

#[derive(Serialize)]
struct Parameter {
    name: String,
    #[serde(rename = "type")]
    param_type: String,
    required: bool,
    description: String,
    /// The known values; the agent may know more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
    /// As of the action, among the versions that have it.
    since: Option<String>,
    until: Option<String>,
    #[serde(skip)]
    versions: String,
}

impl Describe {
    pub async fn run(self) -> Result<(), Failure> {
        if !self.live {
            self.connection.refuse_agent("add --live")?;
            let shown = self.look_up(&Known::find(&self.project)?)?;
            return self.format.result(&shown, || shown.to_string());
        }
        let known = Known::find_if_any(&self.project)?;
        let overlay = known.map(|known| known.overlay).unwrap_or_default();
        let (this, overlay) = (&self, &overlay);
        let ask = async |target| this.look_up(&live::known(&target, overlay.clone()).await?);
        fleet::run(self.connection.targets()?, &self.format, ask).await
    }

    fn look_up(&self, known: &Known) -> Result<Shown, Failure> {
        let action = known.action(&self.action);
        let action = action.ok_or_else(|| spelling::unknown_action(known, &self.action))?;
        Ok(Shown::new(action, known.snapshot.name()))
    }
}

impl Shown {
    fn new(action: KnownAction, snapshot: &str) -> Self {
        Self {
            shell: Line(shell(&action)),
            name: action.name,
            description: action.description,
            parameters: action.parameters.into_iter().map(Parameter::from).collect(),
            reply: action.reply,
            timeout_seconds: action.timeout.map(|timeout| timeout.as_secs()),
            reads: action.reads,
            cloud_controller_only: action.cloud_controller_only,
            deprecated: action.deprecated,
            since: action.since,
            until: action.until,
            versions: action.versions,
            rust: action.rust,
            snapshot: snapshot.to_owned(),
        }
    }
}

impl From<KnownParameter> for Parameter {
    fn from(parameter: KnownParameter) -> Self {
        Self {
            name: parameter.name,
            param_type: parameter.param_type.to_string(),
            required: parameter.required,
            description: parameter.description,
            values: parameter.values,
            since: parameter.since,
            until: parameter.until,
            versions: parameter.versions,
        }
    }
}

/// The words of a line to paste, with a placeholder for each required parameter.
fn shell(action: &KnownAction) -> Vec<String> {
    let mut words = vec![Program::running().name().to_owned(), "call".to_owned()];
    words.push(shell_word(&action.name));
    if action.required().any(|parameter| parameter.secret) {
        // What is secret must not be in an argument.
        words.extend(["--parameters", "-", "<", "parameters.json"].map(str::to_owned));
        return words;
    }
    let pair = |it: &KnownParameter| shell_word(&format!("{}={}", it.name, placeholder(it)));
    words.extend(action.required().map(pair));
    words
}

fn placeholder(parameter: &KnownParameter) -> String {
    match &parameter.param_type {
        ParamType::Boolean => "false".to_owned(),
        ParamType::List(_) => "[]".to_owned(),
        ParamType::Map(_) => "{}".to_owned(),
        ParamType::Integer
        | ParamType::Unsigned
        | ParamType::LongInteger
        | ParamType::LongUnsigned
        | ParamType::Float
        | ParamType::Number => "0".to_owned(),
        _ => parameter.name.to_uppercase(),
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut layout = Layout::default();
        layout.text("", &printable(&self.name));
        foreign(&mut layout, "  ", &self.description);
        if let Some(why) = &self.deprecated {
            foreign(&mut layout, "  ", &format!("Deprecated: {why}"));
        }
        if self.cloud_controller_only {
            layout.text("  ", "Only the vendor's cloud may call it.");
        }
        foreign(&mut layout, "  ", &self.versions);
        layout.blank();
        self.show_parameters(&mut layout);
        layout.blank();
        let reply = self.reply.as_deref().unwrap_or("not described; it is kept whole");
        layout.text("  reply    ", reply);
        let timeout = self.timeout_seconds.map(|seconds| format!("{seconds} s"));
        let of_client = "that of the client, 10 s unless configured";
        layout.text("  timeout  ", timeout.as_deref().unwrap_or(of_client));
        layout.text(
            "  ",
            if self.reads {
                "It only reads: calling it twice does no harm."
            } else {
                "A reply means that it was accepted, not that it is done."
            },
        );
        layout.blank();
        layout.shell(&self.shell.0.iter().map(|word| printable(word)).collect::<Vec<_>>());
        layout.rust(&self.rust);
        layout.blank();
        foreign(&mut layout, "  ", &format!("Source: {}", self.snapshot));
        f.write_str(&layout.into_text())
    }
}

impl Shown {
    fn show_parameters(&self, layout: &mut Layout) {
        if self.parameters.is_empty() {
            layout.text("  ", "It takes no parameters that are known.");
        }
        let names = self.parameters.iter().map(|it| printable(&it.name).chars().count());
        let column = names.max().unwrap_or_default().min(LONGEST_NAME);
        let indent = " ".repeat(column + 6);
        for parameter in &self.parameters {
            let optional = if parameter.required { "" } else { ", optional" };
            let name = printable(&parameter.name);
            let param_type = printable(&parameter.param_type);
            layout.text(&format!("  {name:column$}  "), &format!("{param_type}{optional}"));
            foreign(layout, &indent, &parameter.versions);
            foreign(layout, &indent, &parameter.description);
            if !parameter.values.is_empty() {
                let values = parameter.values.join(", ");
                foreign(layout, &indent, &format!("Known values: {values}"));
            }
        }
    }
}

/// Adds the agent's words, of several lines or none.
fn foreign(layout: &mut Layout, indent: &str, text: &str) {
    text.lines().for_each(|line| layout.text(indent, &printable(line)));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line of Rust had up to 115 columns, and some of the agent's words more than 80.
    #[test]
    fn every_action_is_described_in_80_columns() {
        let known = Known::embedded().unwrap();
        for action in known.actions() {
            let code = action.rust.clone();
            let text = Shown::new(action, known.snapshot.name()).to_string();
            let wide: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(wide.is_empty(), "{wide:?}");
            // Nothing is lost by breaking it: only a comma after an argument is added.
            let bare = |text: &str| -> String {
                text.split_whitespace().collect::<String>().replace(",)", ")")
            };
            assert!(bare(&text).contains(&bare(&code)), "{text}");
        }
    }
}
