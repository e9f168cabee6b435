"""A shop with Tornado, which asks itself for prices: the id goes along.

BLUEOX_HOST=127.0.0.1:3514 python tornado_shop.py 8888
curl http://127.0.0.1:8888/cart/7
"""

import asyncio
import sys

import tornado.netutil
import tornado.web
from tornado.httpserver import HTTPServer

import blueox
import blueox.tornado_utils


class Cart(blueox.tornado_utils.SampleRequestHandler):
    async def get(self, number: str) -> None:
        blueox.set("cart", int(number))
        url = f"{self.request.protocol}://{self.request.host}/price/{number}"
        price = await blueox.tornado_utils.AsyncHTTPClient().fetch(url)
        self.write({"cart": int(number), "worth": int(price.body)})


class Price(blueox.tornado_utils.SampleRequestHandler):
    def get(self, number: str) -> None:
        self.write(str(10 * int(number)))


async def main() -> None:
    blueox.default_configure()
    blueox.tornado_utils.install()
    server = HTTPServer(tornado.web.Application([(r"/cart/(\d+)", Cart), (r"/price/(\d+)", Price)]))
    sockets = tornado.netutil.bind_sockets(int(sys.argv[1]), "127.0.0.1")
    server.add_sockets(sockets)
    print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
