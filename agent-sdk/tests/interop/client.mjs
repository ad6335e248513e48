// A client of the agent, made of the `ws` library. It tells one story and checks each step.
//
// The environment says where to: AGENT_URL, AGENT_USERNAME, AGENT_PASSWORD, AGENT_CA (PEM, for wss),
// AGENT_ACTIONS (how many actions the catalogue has), INTEROP_NODE_MODULES (where `ws` is).

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { createRequire } from "node:module";
import { join } from "node:path";

const env = process.env;
const { WebSocket } = createRequire(join(env.INTEROP_NODE_MODULES, "here.js"))("ws");
const tls = env.AGENT_CA ? { ca: env.AGENT_CA } : {};

function dial(password) {
  return new WebSocket(env.AGENT_URL, ["SMP1.0", env.AGENT_USERNAME, password], { ...tls, maxPayload: 0 });
}

/** Requests and replies are matched by `idempotence`; whatever belongs to no request is an event. */
class Client {
  waiting = new Map();
  events = [];
  wanted = [];

  constructor(socket) {
    this.socket = socket;
    socket.on("message", (data) => this.receive(JSON.parse(data)));
  }

  receive(message) {
    const reply = this.waiting.get(message.idempotence);
    this.waiting.delete(message.idempotence);
    if (reply) reply(message);
    else if (this.wanted.length > 0) this.wanted.shift()(message);
    else this.events.push(message);
  }

  call(action, parameters = {}) {
    const idempotence = randomUUID().replaceAll("-", "");
    this.socket.send(JSON.stringify({ action, parameters, idempotence }));
    return new Promise((resolve) => this.waiting.set(idempotence, resolve));
  }

  event() {
    if (this.events.length > 0) return this.events.shift();
    return new Promise((resolve) => this.wanted.push(resolve));
  }
}

async function story(client) {
  let reply = await client.call("list_actions");
  assert.equal(reply.status, "ok");
  assert.equal(Object.keys(reply.parameters.actions).length, Number(env.AGENT_ACTIONS));

  reply = await client.call("whoami");
  assert.equal(reply.parameters.username, env.AGENT_USERNAME);

  const numbers = [...Array(500).keys()];
  const echo = (n) => client.call("echo", { n, text: "ä🦀".repeat(n) });
  for (const [n, answer] of (await Promise.all(numbers.map(echo))).entries()) {
    assert.deepEqual(answer.parameters, { n, text: "ä🦀".repeat(n) });
  }

  reply = await client.call("echo", { n: 1 });
  assert.equal(reply.status, "error");
  assert.match(reply.parameters.error, /text/);
  assert.equal((await client.call("no_such_action")).status, "error");

  await client.call("subscribe", { topic: "survival" });
  reply = await client.call("server_start", { server: "survival" });
  assert.equal(reply.status, "ok");
  const states = [(await client.event()).parameters.after, (await client.event()).parameters.after];
  assert.deepEqual(states, ["server.starting", "server.running"]);
  reply = await client.call("server", { server: "survival" });
  assert.equal(reply.parameters.state, "server.running");
}

async function health() {
  const url = `${env.AGENT_URL.replace(/^ws/, "http").replace(/\/ws$/, "")}/`;
  const [answer] = await once((env.AGENT_CA ? https : http).get(url, tls), "response");
  const chunks = await answer.toArray();
  return JSON.parse(Buffer.concat(chunks).toString());
}

const socket = dial(env.AGENT_PASSWORD);
const client = new Client(socket);
await once(socket, "open");
assert.equal(socket.protocol, "SMP1.0");
await story(client);
socket.ping("p");
await once(socket, "pong");
socket.close(1000);
assert.equal((await once(socket, "close"))[0], 1000);

const [refused] = await once(dial("wrong"), "error");
assert.match(refused.message, /401/);

const answer = await health();
assert.equal(answer.status, "running");
assert.equal(answer.agent.ssl, Boolean(env.AGENT_CA));
