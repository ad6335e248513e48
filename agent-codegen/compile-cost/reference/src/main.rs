//! Writes what progenitor generates for COUNT operations, and the seconds that it took.

use serde_json::{Map, json};

fn main() {
    let count: usize = std::env::args().nth(1).expect("how many operations").parse().expect("a number");
    let mut paths = Map::new();
    for n in 0..count {
        paths.insert(format!("/entity_{n}_update"), json!({ "post": {
            "operationId": format!("entity_{n}_update"),
            "description": format!("Updates the entity number {n}"),
            "requestBody": { "required": true, "content": { "application/json": { "schema": {
                "type": "object",
                "required": ["server", "name", "enabled", "limit"],
                "properties": {
                    "server": { "type": "string" },
                    "name": { "type": "string" },
                    "enabled": { "type": "boolean" },
                    "limit": { "type": "integer", "format": "int64" },
                },
            } } } },
            "responses": { "200": { "description": "the reply", "content": { "application/json": { "schema": {} } } } },
        } }));
    }
    let document = json!({ "openapi": "3.0.3", "info": { "title": "reference", "version": "1.0.0" }, "paths": paths });
    let document: openapiv3::OpenAPI = serde_json::from_value(document).expect("a document");
    let start = std::time::Instant::now();
    let tokens = progenitor_impl::Generator::default().generate_tokens(&document).expect("code");
    let text = prettyplease::unparse(&syn::parse2(tokens).expect("Rust"));
    eprintln!("{:.3}", start.elapsed().as_secs_f64());
    println!("{text}");
}
