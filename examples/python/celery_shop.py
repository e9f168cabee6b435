"""Tasks with Celery: worker and sender, the broker is a folder.

BLUEOX_HOST=127.0.0.1:3514 celery -A celery_shop worker &
BLUEOX_HOST=127.0.0.1:3514 python celery_shop.py
"""

import os
import pathlib

import celery

import blueox
import blueox.contrib.celery

FOLDER = pathlib.Path(os.environ.get("SHOP_FOLDER", "/tmp/celery_shop"))

app = celery.Celery("celery_shop", broker="filesystem://")
app.conf.broker_transport_options = {
    name: str(FOLDER / folder)
    for name, folder in (("data_folder_in", "queue"), ("data_folder_out", "queue"), ("control_folder", "control"))
}
for folder in ("queue", "control"):
    (FOLDER / folder).mkdir(parents=True, exist_ok=True)


@app.task
def charge(cart: int) -> None:
    blueox.set("cart", cart)
    receipt.delay(cart)


@app.task
def receipt(cart: int) -> None:
    with blueox.Context(".mail"):
        blueox.set("subject", f"Your cart {cart}")


if __name__ == "__main__":
    blueox.default_configure()
    with blueox.Context("request"):
        for number in range(3):
            charge.delay(number)
