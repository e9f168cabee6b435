"""An application that sends as the original's clients do, by libzmq's PUSH: nothing is ever acked to it."""

from __future__ import annotations

import time

import msgpack
import zmq

from application import Application
from events import header
from numbered import numbered

LINGER_MS = 20_000


def main() -> None:
    application = Application()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.PUSH)
    socket.linger = LINGER_MS
    socket.sndhwm = 1_000
    socket.reconnect_ivl = 50
    socket.connect("tcp://{}:{}".format(*application.address))
    while not application.finishing:
        if not application.due():
            time.sleep(0.002)
            continue
        if not socket.poll(100, zmq.POLLOUT):
            continue
        for number in application.make(1):
            event = numbered(number)
            packed = msgpack.packb(event, use_bin_type=False)
            socket.send_multipart([header(event["type"], event["end"], event["host"]), packed])
    socket.close()
    context.term()


if __name__ == "__main__":
    main()
