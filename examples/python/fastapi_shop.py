"""A shop with FastAPI; its log lines become events, too.

BLUEOX_HOST=127.0.0.1:3514 uvicorn fastapi_shop:app
curl http://127.0.0.1:8000/cart/7
"""

import asyncio
import logging

import fastapi

import blueox
import blueox.contrib.asgi

blueox.default_configure()
log = logging.getLogger("shop")
log.addHandler(blueox.LogHandler())

app = fastapi.FastAPI()
app.add_middleware(blueox.contrib.asgi.Middleware)


@app.get("/cart/{number}")
async def cart(number: int) -> dict[str, int]:
    blueox.set("cart", number)
    prices = await asyncio.gather(price(1), price(2))
    log.warning("cart %d is worth %d", number, sum(prices))
    return {"cart": number, "worth": sum(prices)}


async def price(item: int) -> int:
    async with blueox.Context(".price"):
        blueox.set("item", item)
        await asyncio.sleep(0.001)
        return 10 * item
