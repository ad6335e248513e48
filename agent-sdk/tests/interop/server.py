"""A small agent, made of the `websockets` library.

The environment says how: AGENT_USERNAME, AGENT_PASSWORD, AGENT_CERTIFICATE and AGENT_KEY (files, for
wss). Writes its port on one line when it is ready, and serves until it is killed.

Besides what every agent has: `echo` answers after a random while, out of order; `binary` and
`fragments` answer in those frames; `bare` answers without a status; `fail` answers an error; `leave`
closes the connection; `subscribe` brings one event.
"""

import asyncio
import json
import os
import random
import ssl

from websockets.asyncio.server import serve

LOGIN = ["SMP1.0", os.environ["AGENT_USERNAME"], os.environ["AGENT_PASSWORD"]]
ACTIONS = ["list_actions", "whoami", "subscribe", "echo", "binary", "fragments", "bare", "fail", "leave"]
HEALTH = {
    "agent": {"version": "0.0.1", "ssl": "AGENT_KEY" in os.environ},
    "system": {"hostname": "python"},
    "status": "running",
}


def tls():
    if "AGENT_KEY" not in os.environ:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["AGENT_CERTIFICATE"], os.environ["AGENT_KEY"])
    return context


def check(connection, request):
    if request.path == "/":
        answer = connection.respond(200, json.dumps(HEALTH))
        del answer.headers["Content-Type"]
        answer.headers["Content-Type"] = "application/json"
        return answer
    login = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    if [item.strip() for item in login] != LOGIN:
        return connection.respond(401, "wrong credentials\n")
    return None


def write(request, parameters, **more):
    reply = {"parameters": parameters, **more, "idempotence": request["idempotence"]}
    return json.dumps(reply, ensure_ascii=False)


async def answer(socket, request):
    parameters = request["parameters"]
    match request["action"]:
        case "list_actions":
            actions = {name: {"required_parameters": None} for name in ACTIONS}
            await socket.send(write(request, {"actions": actions}, status="ok"))
        case "whoami":
            who = {"username": LOGIN[1], "permissions": ["*"]}
            await socket.send(write(request, who, status="ok"))
        case "subscribe":
            await socket.send(write(request, {}, status="ok"))
            event = {"type": "server_state", "parameters": {"server": parameters["topic"]}}
            await socket.send(json.dumps(event))
        case "echo":
            await asyncio.sleep(random.uniform(0, 0.05))
            await socket.send(write(request, parameters, status="ok"))
        case "binary":
            await socket.send(write(request, parameters, status="ok").encode())
        case "fragments":
            text = write(request, parameters, status="ok")
            await socket.send(text[at : at + 5] for at in range(0, len(text), 5))
        case "bare":
            await socket.send(write(request, parameters))
        case "leave":
            await socket.close(1001)
        case action:
            await socket.send(write(request, {"reason": f"no {action}"}, status="error"))


async def session(socket):
    async with asyncio.TaskGroup() as tasks:
        async for message in socket:
            tasks.create_task(answer(socket, json.loads(message)))


async def main():
    async with serve(
        session,
        "127.0.0.1",
        0,
        ssl=tls(),
        process_request=check,
        select_subprotocol=lambda connection, offered: "SMP1.0",
        max_size=None,
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
