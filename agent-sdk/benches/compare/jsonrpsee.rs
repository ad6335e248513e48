//! jsonrpsee: a widely used client of the same kind, for JSON-RPC over a WebSocket.

use std::{sync::Arc, time::Duration};

use jsonrpsee::{
    client_transport::ws::{Url, WsTransportClientBuilder},
    core::{
        client::{Client, ClientBuilder, ClientT},
        traits::ToRpcParams,
    },
};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    measure::{Caller, Measured, Watch, keep_in_flight},
    process::Server,
    work::{ACTION, Metrics, PARAMETERS, Parameters},
};

impl ToRpcParams for Parameters {
    fn to_rpc_params(self) -> serde_json::Result<Option<Box<RawValue>>> {
        to_raw_value(&self).map(Some)
    }
}

impl Caller for Arc<Client> {
    async fn call(&self) -> Metrics {
        self.request(ACTION, PARAMETERS).await.expect("a good reply")
    }
}

/// Keeps so many calls in flight.
pub async fn run(server: &Server, in_flight: usize, time: Duration) -> Measured {
    let url = format!("ws://127.0.0.1:{}", server.ready.port);
    let url = Url::parse(&url).expect("a good URL");
    let transport = WsTransportClientBuilder::default().build(url).await;
    let (sender, receiver) = transport.expect("the server accepts");
    let client: Client = ClientBuilder::default().build_with_tokio(sender, receiver);
    let client = Arc::new(client);
    let measured = keep_in_flight(&client, in_flight, time, Watch::of_this_thread).await;
    // Its tasks end, and the connection with them, once the client is dropped.
    drop(client);
    measured
}
