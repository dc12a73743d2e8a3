"""ClickHouse's HTTP interface, as far as facts need it, around chdb.

A program of its own, as the library takes 250 MB and is never unloaded::

    python chdb_shim.py FOLDER PORT USER    # the password comes in CHDB_PASSWORD

Texts and codes of errors are the library's own, statuses those of a current server.
"""

import base64
import gzip
import http.server
import os
import re
import sys
import urllib.parse

from chdb import ChdbError
from chdb.session import Session

_CODE = re.compile(r"Code: ([0-9]+)")
#: What a current server answers to the codes of errors; 500 to all others.
STATUSES = {
    400: {6, 26, 27, 36, 38, 41, 44, 53, 62, 69, 72, 117},
    403: {192, 193, 516},
    404: {46, 47, 50, 56, 60, 73, 81, 115},
}


def status_of(code):
    """Return the HTTP status of a ClickHouse error."""
    return next((status for status, ones in STATUSES.items() if code in ones), 500)


class Handler(http.server.BaseHTTPRequestHandler):
    """One session for all; each request in the database it names."""

    session = credentials = None
    timeout = 20  # nobody may keep the others waiting

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        if self.headers["Authorization"] != self.credentials:
            self.answer(b"Code: 516. DB::Exception: Authentication failed", 516)
            return
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        # as the server does: the body goes on where the address ends
        statement = "\n".join(filter(None, [asked.get("query"), body.decode()]))
        try:
            self.session.query(f"USE {asked.get('database', 'default')}")
            found = self.session.query(statement, "TabSeparated").bytes()
        except ChdbError as error:
            code = _CODE.search(str(error))
            self.answer(str(error).encode(), int(code[1]) if code else 1001)
        else:
            self.answer(found)

    def answer(self, text, code=None):
        """Send an answer, or an error with its code."""
        self.send_response(status_of(code) if code else 200)
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_args):
        """Say nothing on stderr."""


def main(folder, port, user):
    """Serve what is kept in a folder until somebody ends the process."""
    pair = f"{user}:{os.environ.pop('CHDB_PASSWORD')}".encode()
    Handler.credentials = f"Basic {base64.b64encode(pair).decode()}"
    Handler.session = Session(folder)
    Handler.session.query("CREATE DATABASE IF NOT EXISTS default")
    address = ("127.0.0.1", int(port))
    # one at a time: to each new thread the library takes 50 ms to get used
    http.server.HTTPServer(address, Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
