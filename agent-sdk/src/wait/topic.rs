//! The subscription of one who waits.

use std::sync::Arc;

use tracing::debug;

use crate::{call::Call, connection::Shared, error::Error, reply::Reply, wire::Request};

/// A topic that is subscribed to as long as this lives; if it was before, it stays so afterwards.
pub(super) struct Topic {
    shared: Arc<Shared>,
    topic: String,
}

impl Topic {
    pub(super) fn new(shared: &Arc<Shared>, topic: String) -> Self {
        shared.begin_wait(&topic);
        Self { shared: Arc::clone(shared), topic }
    }

    /// Subscribes, unless that is done. Without a subscription, what is waited for is still found by
    /// asking.
    ///
    /// # Errors
    ///
    /// The connection is closed for good.
    pub(super) async fn subscribe(&self) -> Result<(), Error> {
        if !self.shared.lacks_topic(&self.topic) {
            return Ok(());
        }
        self.shared.note_wait_asking(&self.topic);
        let ended = self.call("subscribe").await;
        self.shared.note_wait_answer(&self.topic, ended.as_ref().err().map(Error::outcome));
        match ended {
            Err(error @ Error::Closed { .. }) => return Err(error),
            Err(error) => debug!(topic = self.topic, %error, "waiting without events"),
            Ok(_) => {}
        }
        Ok(())
    }

    fn call(&self, action: &'static str) -> Call<'static, Reply> {
        let request = Request::new(action, &serde_json::json!({ "topic": self.topic }));
        Call::of_connection(&self.shared, action, request)
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        if self.shared.end_wait(&self.topic) {
            // A lost connection has ended it already.
            self.call("unsubscribe").fail_fast(true).detach();
        }
    }
}
