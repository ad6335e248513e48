//! A first client of one's own: a map of the calls that wait, a tree of values for each message, and a
//! flush for each call. It has no timeouts, no errors and no second connection.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use serde_json::{Value, json};
use tokio::{
    sync::{self, oneshot},
    task::JoinSet,
};
use tungstenite::Message;
use uuid::Uuid;

use crate::{
    floor::{self, Socket},
    measure::{Caller, Measured, Watch, keep_in_flight},
    process::Server,
    work::{ACTION, Metrics, PARAMETERS},
};

/// The callers, by the tokens of their calls.
type Waiting = Arc<Mutex<HashMap<String, oneshot::Sender<Value>>>>;

struct Client<S> {
    waiting: Waiting,
    writer: sync::Mutex<SplitSink<S, Message>>,
    calls: AtomicU64,
}

impl<S: Socket + Send> Client<S> {
    async fn call(&self, action: &str, parameters: Value) -> Value {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let token = Uuid::from_u128(number.into()).simple().to_string();
        let (sender, reply) = oneshot::channel();
        self.waiting.lock().expect("no panic").insert(token.clone(), sender);
        let request = json!({ "action": action, "parameters": parameters, "idempotence": token });
        let message = Message::text(request.to_string());
        self.writer.lock().await.send(message).await.expect("the server reads");
        reply.await.expect("the server answers")
    }
}

impl<S: Socket + Send + 'static> Caller for Arc<Client<S>> {
    async fn call(&self) -> Metrics {
        let parameters = serde_json::to_value(PARAMETERS).expect("it can be written");
        let mut reply = Client::call(self, ACTION, parameters).await;
        serde_json::from_value(reply["parameters"].take()).expect("a good reply")
    }
}

/// Keeps so many calls in flight.
pub async fn run(server: &Server, in_flight: usize, time: Duration) -> Measured {
    let (writer, mut messages) = floor::connect(&server.ready, None).await.split();
    let waiting = Waiting::default();
    let callers = Arc::clone(&waiting);
    // The task ends with this function.
    let mut reading = JoinSet::new();
    reading.spawn(async move {
        while let Some(Ok(Message::Text(text))) = messages.next().await {
            let reply: Value = serde_json::from_str(&text).expect("the server writes JSON");
            let caller = reply["idempotence"]
                .as_str()
                .and_then(|token| callers.lock().expect("no panic").remove(token));
            if let Some(caller) = caller {
                // A caller that has left needs no reply.
                let _ = caller.send(reply);
            }
        }
    });
    let (writer, calls) = (sync::Mutex::new(writer), AtomicU64::new(0));
    let client = Arc::new(Client { waiting, writer, calls });
    keep_in_flight(&client, in_flight, time, Watch::of_this_thread).await
}
