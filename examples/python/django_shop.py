"""A shop with Django, in one file.

BLUEOX_HOST=127.0.0.1:3514 python django_shop.py runserver
curl http://127.0.0.1:8000/cart/7
"""

import asyncio
import sys

import django
from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import HttpRequest, JsonResponse
from django.urls import path

import blueox

settings.configure(
    DEBUG=True,
    MIDDLEWARE=["blueox.contrib.django.middleware.Middleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for an example",
    BLUEOX_NAME="shop",
)
django.setup()


def cart(request: HttpRequest, number: int) -> JsonResponse:
    blueox.set("cart", number)
    return JsonResponse({"cart": number})


async def price(request: HttpRequest, number: int) -> JsonResponse:
    async with blueox.Context(".price"):
        blueox.set("item", number)
        await asyncio.sleep(0.001)
    return JsonResponse({"price": 10 * number})


urlpatterns = [path("cart/<int:number>", cart), path("price/<int:number>", price)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
