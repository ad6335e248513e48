//! The catalogue of a running agent.

use agent_codegen::{Overlay, Report, Severity, Snapshot};
use agent_sdk::{Agent, Reply};

use crate::{
    connection::Target, failure::Failure, known::Known, output, program::Program, progress,
};

/// Asks for the catalogue; the reply as it came.
pub async fn catalogue(agent: &Agent) -> Result<Reply, Failure> {
    let call = agent.call_raw("list_actions", ());
    let what = format!("waiting for the catalogue of {}", agent.url());
    Ok(progress::with_progress(&what, call).await?)
}

/// What an agent says of its actions, with what an overlay knows beyond that.
pub async fn known(target: &Target, overlay: Overlay) -> Result<Known, Failure> {
    let agent = target.connect().await?;
    let reply = catalogue(&agent).await;
    agent.close().await;
    let (snapshot, _) = snapshot(&agent, &reply?)?;
    Ok(Known { snapshot, overlay })
}

/// Reads the catalogue out of the reply; the report has errors if parts of it were not understood.
pub fn snapshot(agent: &Agent, reply: &Reply) -> Result<(Snapshot, Report), Failure> {
    let name = format!("the reply of {}", agent.url());
    let mut report = Report::new();
    let snapshot = Snapshot::from_bytes(&name, reply.message(), &mut report);
    // What is less than an error concerns those who generate code from it.
    let errors = report.iter().filter(|finding| finding.severity() == Severity::Error);
    errors.for_each(output::print_message);
    let keeps = match Program::running() {
        Program::Xtask => "`cargo xtask fetch --raw-out FILE` keeps it as it came",
        Program::Agentctl => "`agentctl call list_actions` prints it",
    };
    let snapshot = snapshot.ok_or_else(|| {
        Failure::failed(format!(
            "{name} to `list_actions` is no catalogue that is understood; {keeps}, to be reported"
        ))
    })?;
    Ok((snapshot, report))
}
