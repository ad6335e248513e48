"""A client of the agent, made of the `websockets` library. It tells one story and checks each step.

The environment says where to: AGENT_URL, AGENT_USERNAME, AGENT_PASSWORD, AGENT_CA (PEM, for wss),
AGENT_ACTIONS (how many actions the catalogue has), AGENT_ANSWER (whether the agent's answer names
the protocol: `named` or `absent`).
"""

import asyncio
import json
import os
import ssl
import urllib.request
import uuid

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

URL = os.environ["AGENT_URL"]
LIMIT = 20


def tls():
    if not URL.startswith("wss:"):
        return None
    return ssl.create_default_context(cadata=os.environ["AGENT_CA"])


def dial(password):
    login = ["SMP1.0", os.environ["AGENT_USERNAME"], password]
    return connect(URL, subprotocols=login, ssl=tls(), proxy=None, max_size=None)


class Client:
    """Requests and replies are matched by `idempotence`; whatever belongs to no request is an event."""

    def __init__(self, socket):
        self.socket = socket
        self.waiting = {}
        self.events = asyncio.Queue()
        self.reader = asyncio.create_task(self.read())

    async def read(self):
        async for message in self.socket:
            message = json.loads(message)
            waiting = self.waiting.pop(message.get("idempotence"), None)
            if waiting is None:
                await self.events.put(message)
            else:
                waiting.set_result(message)

    async def call(self, action, parameters=None):
        token = uuid.uuid4().hex
        reply = self.waiting[token] = asyncio.get_running_loop().create_future()
        request = {"action": action, "parameters": parameters or {}, "idempotence": token}
        await self.socket.send(json.dumps(request))
        return await asyncio.wait_for(reply, LIMIT)

    async def event(self):
        return await asyncio.wait_for(self.events.get(), LIMIT)


async def story(client):
    reply = await client.call("list_actions")
    assert reply["status"] == "ok", reply
    assert len(reply["parameters"]["actions"]) == int(os.environ["AGENT_ACTIONS"])

    reply = await client.call("whoami")
    assert reply["parameters"]["username"] == os.environ["AGENT_USERNAME"], reply

    calls = [client.call("echo", {"n": n, "text": "ä🦀" * n}) for n in range(500)]
    for n, reply in enumerate(await asyncio.gather(*calls)):
        assert reply["parameters"] == {"n": n, "text": "ä🦀" * n}, reply

    reply = await client.call("echo", {"n": 1})
    assert reply["status"] == "error" and "text" in reply["parameters"]["error"], reply
    reply = await client.call("no_such_action")
    assert reply["status"] == "error", reply

    await client.call("subscribe", {"topic": "survival"})
    reply = await client.call("server_start", {"server": "survival"})
    assert reply["status"] == "ok", reply
    states = [(await client.event())["parameters"]["after"] for _ in range(2)]
    assert states == ["server.starting", "server.running"], states
    reply = await client.call("server", {"server": "survival"})
    assert reply["parameters"]["state"] == "server.running", reply


async def main():
    async with dial(os.environ["AGENT_PASSWORD"]) as socket:
        expected = "SMP1.0" if os.environ["AGENT_ANSWER"] == "named" else None
        assert socket.subprotocol == expected, socket.subprotocol
        client = Client(socket)
        await story(client)
        await asyncio.wait_for(await socket.ping(), LIMIT)
    assert socket.close_code == 1000, socket.close_code
    await client.reader

    try:
        async with dial("wrong"):
            raise AssertionError("a wrong password was let in")
    except InvalidStatus as error:
        assert error.response.status_code == 401, error

    health = URL.replace("ws", "http", 1).removesuffix("/ws") + "/"
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls())
    )
    with opener.open(health, timeout=LIMIT) as answer:
        health = json.load(answer)
    assert health["status"] == "running", health
    assert health["agent"]["ssl"] == URL.startswith("wss:"), health


asyncio.run(main())
