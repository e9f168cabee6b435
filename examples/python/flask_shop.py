"""A shop with Flask.

BLUEOX_HOST=127.0.0.1:3514 flask --app flask_shop run
curl http://127.0.0.1:5000/cart/7
"""

import flask
import sqlalchemy

import blueox
import blueox.contrib.flask
import blueox.contrib.sqlalchemy

app = flask.Flask(__name__)
blueox.contrib.flask.BlueOxMiddleware(app)

engine = blueox.contrib.sqlalchemy.record(sqlalchemy.create_engine("sqlite://"))


@app.get("/cart/<int:number>")
def cart(number: int) -> dict[str, int]:
    blueox.set("cart", number)
    with engine.connect() as connection:
        items: int = connection.execute(sqlalchemy.text("SELECT :number + 1"), {"number": number}).scalar_one()
    return {"cart": number, "items": items}
