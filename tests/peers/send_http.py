"""An application that sends over HTTP. What was answered 200 is acked; what got no answer is never sent again."""

from __future__ import annotations

import contextlib
import http.client
import json
import time

import msgpack

from application import Application
from numbered import numbered

SECONDS_FOR_AN_ANSWER = 5.0


def main() -> None:
    application = Application()
    connection = http.client.HTTPConnection(*application.address, timeout=SECONDS_FOR_AN_ANSWER)
    while not application.finishing:
        if not application.due():
            time.sleep(0.002)
            continue
        numbers = application.make(application.rng.choice((1, 1, 5, 20, 50)))
        made = [numbered(number) for number in numbers]
        if application.rng.random() < 0.5:
            body = b"".join(json.dumps(event).encode() + b"\n" for event in made)
        else:
            body = b"".join(msgpack.packb(event) for event in made)
        try:
            connection.request("POST", "/v1/events", body)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            # it cannot be known whether they arrived
            connection.close()
            time.sleep(0.05)
            continue
        if response.status == 200:
            assert answer == {"accepted": len(made), "rejected": 0, "durable": True}, answer
            application.journal.acked(numbers[0].n, numbers[-1].n)
        else:
            assert response.status == 503, (response.status, answer)
            connection.close()
            time.sleep(0.05)
    with contextlib.suppress(OSError):
        connection.close()


if __name__ == "__main__":
    main()
