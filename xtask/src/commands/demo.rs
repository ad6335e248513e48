//! `demo`: the whole story, on this machine.
#[derive(Debug, clap::Args)]
pub struct Demo {}
impl Demo {
    pub async fn run(self) -> Result<(), crate::failure::Failure> {
        Ok(())
    }
}
