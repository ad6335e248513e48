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
use tokio::task::JoinSet;

use crate::{
    measure::{Measured, Stop, Watch},
    process::Server,
    work::{ACTION, Metrics, PARAMETERS, Parameters},
};

impl ToRpcParams for Parameters {
    fn to_rpc_params(self) -> serde_json::Result<Option<Box<RawValue>>> {
        to_raw_value(&self).map(Some)
    }
}

/// Keeps so many calls in flight, each by a task of its own.
pub async fn run(server: &Server, in_flight: usize, time: Duration) -> Measured {
    let url = format!("ws://127.0.0.1:{}", server.ready.port);
    let url = Url::parse(&url).expect("a good URL");
    let transport = WsTransportClientBuilder::default().build(url).await;
    let (sender, receiver) = transport.expect("the server accepts");
    let client: Client = ClientBuilder::default().build_with_tokio(sender, receiver);
    let client = Arc::new(client);
    let stop = Stop::after(time);
    let watch = Watch::of_this_thread();
    let mut lanes = JoinSet::new();
    for _ in 0..in_flight {
        let (client, stop) = (Arc::clone(&client), stop.clone());
        lanes.spawn(async move {
            let mut calls = 0;
            while !stop.is_set() {
                let metrics = client.request::<Metrics, _>(ACTION, PARAMETERS).await;
                metrics.expect("a good reply").check();
                calls += 1;
            }
            calls
        });
    }
    let calls = lanes.join_all().await.into_iter().sum();
    let measured = watch.measured(calls);
    // Its tasks end, and the connection with them, once nobody holds the client.
    drop(client);
    measured
}
