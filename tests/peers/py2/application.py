"""An application that uses the original library through its public API (Python 2.7, versions 0.4.2 and 0.11.3).

    application.py HOST PORT COPY

Each line `FIRST COUNT` on standard input runs that many requests; the number of events that they made is printed. All
that the library's encoder returned is also written to COPY. At the end of input the library is shut down.
"""
import sys

import blueox
import blueox.network


def run_request(seq, old):
    made = 2
    with blueox.Context("request"):
        blueox.set("seq", seq)
        blueox.set("request.headers", host="example.org", agent=u"caf\xe9")
        blueox.set("latin", b"caf\xe9")
        blueox.set("pair", 1, 2)
        blueox.add("count", 1)
        blueox.add("count", 41)
        blueox.append("tags", "a")
        blueox.append("tags", u"\u65e5\u672c")
        with blueox.timeit("render.time"):
            with blueox.Context(".sql"):
                blueox.set("seq", seq)
                blueox.set("query", "SELECT %d" % seq)
                if not old:
                    made += 2
                    with blueox.Context("^.cache"):
                        blueox.set("seq", seq)
                    with blueox.Context("request.sql.row"):
                        blueox.set("seq", seq)
    return made


def main():
    host, port, copy_path = sys.argv[1:]
    copy = open(copy_path, "wb")
    encode = blueox.network.msgpack.packb

    def encode_and_copy(*args, **kwargs):
        data = encode(*args, **kwargs)
        copy.write(data)
        return data

    blueox.network.msgpack.packb = encode_and_copy
    blueox.configure(host, int(port))
    old = blueox.__version__ == "0.4.2"
    while True:
        line = sys.stdin.readline()
        if not line:
            break
        first, count = map(int, line.split())
        made = sum(run_request(seq, old) for seq in range(first, first + count))
        copy.flush()
        sys.stdout.write("%d\n" % made)
        sys.stdout.flush()
    blueox.shutdown()


if __name__ == "__main__":
    main()
