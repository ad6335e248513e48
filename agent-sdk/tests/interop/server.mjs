// A small agent, made of the `ws` library.
//
// The environment says how: AGENT_USERNAME, AGENT_PASSWORD, AGENT_CERTIFICATE and AGENT_KEY (files,
// for wss), INTEROP_NODE_MODULES (where `ws` is). Writes its port on one line when it is ready, and
// serves until it is killed.
//
// Besides what every agent has: `echo` answers after a random while, out of order; `binary` and
// `fragments` answer in those frames; `bare` answers without a status; `fail` answers an error;
// `leave` closes the connection; `subscribe` brings one event.

import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const env = process.env;
const { WebSocketServer } = createRequire(join(env.INTEROP_NODE_MODULES, "here.js"))("ws");
const login = ["SMP1.0", env.AGENT_USERNAME, env.AGENT_PASSWORD];
const names = ["list_actions", "whoami", "subscribe", "echo", "binary", "fragments", "bare", "fail", "leave"];
const health = {
  agent: { version: "0.0.1", ssl: Boolean(env.AGENT_KEY) },
  system: { hostname: "node" },
  status: "running",
};

function answerHealth(request, response) {
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify(health));
}

function write(request, parameters, more = { status: "ok" }) {
  return JSON.stringify({ parameters, ...more, idempotence: request.idempotence });
}

const answers = {
  list_actions(socket, request) {
    const actions = Object.fromEntries(names.map((name) => [name, { required_parameters: null }]));
    socket.send(write(request, { actions }));
  },
  whoami(socket, request) {
    socket.send(write(request, { username: login[1], permissions: ["*"] }));
  },
  subscribe(socket, request) {
    socket.send(write(request, {}));
    const event = { type: "server_state", parameters: { server: request.parameters.topic } };
    socket.send(JSON.stringify(event));
  },
  async echo(socket, request) {
    await sleep(Math.random() * 50);
    socket.send(write(request, request.parameters));
  },
  binary(socket, request) {
    socket.send(Buffer.from(write(request, request.parameters)), { binary: true });
  },
  fragments(socket, request) {
    const text = Buffer.from(write(request, request.parameters));
    for (let at = 0; at < text.length; at += 5) {
      socket.send(text.subarray(at, at + 5), { binary: false, fin: at + 5 >= text.length });
    }
  },
  bare(socket, request) {
    socket.send(write(request, request.parameters, {}));
  },
  leave(socket) {
    socket.close(1001);
  },
};

function fail(socket, request) {
  socket.send(write(request, { reason: `no ${request.action}` }, { status: "error" }));
}

const sessions = new WebSocketServer({ noServer: true, handleProtocols: () => "SMP1.0" });
sessions.on("connection", (socket) => {
  socket.on("message", (data) => {
    const request = JSON.parse(data);
    (answers[request.action] ?? fail)(socket, request);
  });
});

const server = env.AGENT_KEY
  ? https.createServer({ cert: readFileSync(env.AGENT_CERTIFICATE), key: readFileSync(env.AGENT_KEY) }, answerHealth)
  : http.createServer(answerHealth);
server.on("upgrade", (request, socket, head) => {
  const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((item) => item.trim());
  if (JSON.stringify(offered) !== JSON.stringify(login)) {
    socket.end("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    return;
  }
  sessions.handleUpgrade(request, socket, head, (client) => sessions.emit("connection", client));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
