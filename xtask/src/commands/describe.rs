//! `describe`: one action, and how to call it.

use std::fmt::Write as _;

use agent_codegen::{KnownAction, KnownParameter, types::ParamType};
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;

use crate::{
    completion, failure::Failure, known::Known, output::FormatOption, program::Program,
    project::ProjectOption, spelling, text::printable,
};

/// Show one action: its parameters, its reply, and lines to paste
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Describe {
    /// The action's name
    #[arg(add = ArgValueCompleter::new(completion::actions))]
    action: String,

    #[command(flatten)]
    format: FormatOption,

    #[command(flatten)]
    project: ProjectOption,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask describe server_start
  cargo xtask describe create_user --format json";

/// The result for a machine.
#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    description: &'a str,
    parameters: Vec<Parameter<'a>>,
    /// The Rust type of the reply; `null` where it is not described.
    reply: Option<&'a str>,
    timeout_seconds: Option<u64>,
    reads: bool,
    cloud_controller_only: bool,
    deprecated: Option<&'a str>,
    shell: String,
    rust: &'a str,
    snapshot: &'a str,
}

#[derive(Serialize)]
struct Parameter<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    param_type: String,
    required: bool,
    description: &'a str,
}

impl Describe {
    pub fn run(self) -> Result<(), Failure> {
        let known = Known::find(&self.project)?;
        let action = known
            .action(&self.action)
            .ok_or_else(|| spelling::unknown_action(&known, &self.action))?;
        let shown = describe(&action, known.snapshot.name());
        self.format.result(&shown, || text(&shown))
    }
}

fn describe<'a>(action: &'a KnownAction, snapshot: &'a str) -> Shown<'a> {
    Shown {
        name: &action.name,
        description: &action.description,
        parameters: action.parameters.iter().map(parameter).collect(),
        reply: action.reply.as_deref(),
        timeout_seconds: action.timeout.map(|timeout| timeout.as_secs()),
        reads: action.reads,
        cloud_controller_only: action.cloud_controller_only,
        deprecated: action.deprecated.as_deref(),
        shell: shell(action),
        rust: &action.rust,
        snapshot,
    }
}

fn parameter(parameter: &KnownParameter) -> Parameter<'_> {
    Parameter {
        name: &parameter.name,
        param_type: parameter.param_type.to_string(),
        required: parameter.required,
        description: &parameter.description,
    }
}

/// A line to paste, with a placeholder for each required parameter.
fn shell(action: &KnownAction) -> String {
    let mut line = format!("{} call {}", Program::running().name(), action.name);
    if action.required().any(|parameter| parameter.secret) {
        // What is secret must not stand in an argument.
        line.push_str(" --parameters - < parameters.json");
        return line;
    }
    for parameter in action.required() {
        // Writing to a string cannot fail.
        let _ = write!(line, " {}={}", parameter.name, placeholder(parameter));
    }
    line
}

fn placeholder(parameter: &KnownParameter) -> String {
    match &parameter.param_type {
        ParamType::Boolean => "false".to_owned(),
        ParamType::List(_) => "'[]'".to_owned(),
        ParamType::Map(_) => "'{}'".to_owned(),
        ParamType::Integer
        | ParamType::Unsigned
        | ParamType::LongInteger
        | ParamType::LongUnsigned
        | ParamType::Float
        | ParamType::Number => "0".to_owned(),
        _ => parameter.name.to_uppercase(),
    }
}

fn text(it: &Shown) -> String {
    let mut lines = vec![it.name.to_owned()];
    lines.extend(it.description.lines().map(|line| format!("  {}", printable(line))));
    if let Some(why) = it.deprecated {
        lines.push(format!("  Deprecated: {}", printable(why)));
    }
    if it.cloud_controller_only {
        lines.push("  Only the vendor's cloud may call it.".to_owned());
    }
    lines.push(String::new());
    let column = it.parameters.iter().map(|it| it.name.chars().count()).max().unwrap_or_default();
    for parameter in &it.parameters {
        let optional = if parameter.required { "" } else { ", optional" };
        let name = printable(parameter.name);
        lines.push(format!("  {name:column$}  {}{optional}", parameter.param_type));
        let about = parameter.description.lines();
        lines.extend(about.map(|line| format!("  {:column$}    {}", "", printable(line))));
    }
    if it.parameters.is_empty() {
        lines.push("  It takes no parameters that are known.".to_owned());
    }
    lines.push(String::new());
    lines.push(match it.reply {
        Some(reply) => format!("  reply    {reply}"),
        None => "  reply    not described; it is kept whole".to_owned(),
    });
    lines.push(match it.timeout_seconds {
        Some(seconds) => format!("  timeout  {seconds} s"),
        None => "  timeout  that of the client, 10 s unless configured".to_owned(),
    });
    if it.reads {
        lines.push("  It only reads: calling it twice does no harm.".to_owned());
    } else {
        lines.push("  A reply means that it was accepted, not that it is done.".to_owned());
    }
    lines.extend([String::new(), format!("  {}", it.shell), format!("  {}", it.rust)]);
    lines.extend([String::new(), format!("  Source: {}", printable(it.snapshot))]);
    lines.join("\n")
}
