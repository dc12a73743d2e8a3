"""What stands between us and a warehouse in tests, and misbehaves as told."""

import gzip
import http.client
import http.server
import threading
import time
import urllib.parse


class Relay:
    """Passes requests on to a server; see :attr:`mischief`.

    :param url: address of the server behind it
    """

    def __init__(self, url):
        self.host = urllib.parse.urlsplit(url).netloc
        #: What to do with the next requests, one each; then they are passed on:
        #: ``busy`` (429 with Retry-After), ``broken`` (500), ``drop`` (no answer),
        #: ``slow`` (passed on, answered too late), ``stored`` (passed on, answered
        #: with 500), ``half`` (half of it passed on, answered with 500)
        self.mischief = []
        self.seen = []  # what was done, in order
        self.patience = 3.5  # seconds that ``slow`` takes
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                how = relay.mischief.pop(0) if relay.mischief else "passed"
                relay.seen.append(how)
                relay.act(self, how, body)

            def log_message(self, *_args):
                """Say nothing on stderr."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def act(self, handler, how, body):
        if how == "drop":
            handler.close_connection = True
            return
        status, text, headers = 500, b"", {}
        if how == "busy":
            status, headers = 429, {"Retry-After": "2"}
        elif how in ("passed", "slow", "stored"):
            answer = self.forward(handler, body)
            if how != "stored":
                status, text = answer
        elif how == "half":
            lines = gzip.decompress(body).splitlines(keepends=True)
            self.forward(handler, gzip.compress(b"".join(lines[: len(lines) // 2])))
        if how == "slow":
            time.sleep(self.patience)
        try:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(text)))
            handler.end_headers()
            handler.wfile.write(text)
        except OSError:
            handler.close_connection = True  # nobody waits any more

    def forward(self, handler, body):
        names = ("Content-Type", "Content-Encoding", "Authorization")
        headers = {
            name: handler.headers[name] for name in names if name in handler.headers
        }
        connection = http.client.HTTPConnection(self.host, timeout=20)
        try:
            connection.request("POST", handler.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 502, b""
        finally:
            connection.close()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
