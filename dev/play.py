"""Sends events to a server as a vendor would, and sees every one accepted.

Standard library only. An event counts as sent when its receipt was read: lost
connections, restarts of the server and 5xx answers are survived by sending again,
which the receiver must take as a duplicate.
"""

import http.client
import itertools
import json
import queue
import random
import threading
import time
import urllib.parse
from dataclasses import dataclass, field

from .common import DevError

PATH = "/healthcare/v1/events"
ONE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


@dataclass
class Sent:
    """What became of a feed at the door.

    ``receipts`` are ``(event, receipt)`` in the order of answers, ``latencies`` are
    seconds per request, ``retries`` counts requests that had to be repeated,
    ``errors`` are the bodies of refusals (for a look at what they reveal).
    """

    events: list
    receipts: list = field(default_factory=list)
    latencies: list = field(default_factory=list)
    retries: int = 0
    errors: list = field(default_factory=list)
    seconds: float = 0.0

    def count(self, status):
        """Return how many receipts say ``accepted``, ``duplicate`` or ``rejected``."""
        return sum(receipt["status"] == status for _event, receipt in self.receipts)


def play(
    base_url,
    key,
    events,
    *,
    batch=0,
    connections=1,
    shuffle=None,
    rate=None,
    patience=60.0,
    on_answer=None,
):
    """Send events and return :class:`Sent`.

    :param base_url: e.g. ``http://127.0.0.1:8069``
    :param batch: events per request; 0 sends single events
    :param connections: so many at once; with one, order is kept
    :param shuffle: seed of a random order; None keeps the given one
    :param rate: events per second in all; None is as fast as answers come
    :param patience: seconds to go on trying while the server does not answer
    :param on_answer: called with the number of events answered so far
    :raises DevError: the server stayed away, or refused the key
    """
    events = list(events)
    if shuffle is not None:
        random.Random(shuffle).shuffle(events)
    sent = Sent(events)
    size = batch or 1
    work = queue.SimpleQueue()
    for number in range(0, len(events), size):
        work.put((number, events[number : number + size]))
    player = _Player(base_url, key, bool(batch), sent, patience)
    player.work, player.rate, player.on_answer = work, rate, on_answer
    started = player.started = time.monotonic()
    threads = [threading.Thread(target=player.run) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent.seconds = time.monotonic() - started
    if player.failure:
        raise player.failure
    return sent


class _Player:
    """What the connections of one run share."""

    def __init__(self, base_url, key, as_batch, sent, patience):
        self.host = urllib.parse.urlsplit(base_url).netloc
        self.key, self.as_batch, self.sent = key, as_batch, sent
        self.patience = patience
        self.lock = threading.Lock()
        self.failure = None

    def run(self):
        """Work through the queue on one kept connection."""
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            while not self.failure:
                try:
                    number, events = self.work.get_nowait()
                except queue.Empty:
                    return
                if self.rate:
                    due = self.started + number / self.rate
                    time.sleep(max(due - time.monotonic(), 0))
                self._send(connection, events)
        except (DevError, ValueError, KeyError) as error:
            self.failure = error
        finally:
            connection.close()

    def _send(self, connection, events):
        content = events if self.as_batch else events[0]
        body = json.dumps(content, ensure_ascii=False).encode()
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": BATCH if self.as_batch else ONE,
        }
        deadline = time.monotonic() + self.patience
        for attempt in itertools.count():
            started = time.monotonic()
            try:
                connection.request("POST", PATH, body, headers)
                response = connection.getresponse()
                status, text = response.status, response.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                status, text, wait = 0, type(error).__name__.encode(), None
            else:
                wait = response.headers.get("Retry-After")
            answer = document(text)
            if answer and status not in (429, 500, 502, 503, 504):
                seconds = time.monotonic() - started
                return self._note(events, status, answer, text, seconds)
            if time.monotonic() > deadline or self.failure:
                raise DevError(f"not taken: {status or text.decode()}")
            with self.lock:
                self.sent.retries += 1
                if status:
                    self.sent.errors.append(text.decode(errors="replace"))
            pause = random.uniform(0.5, 1) * min(0.05 * 2 ** min(attempt, 6), 2)
            time.sleep(min(float(wait), 5) if wait else pause)

    def _note(self, events, status, answer, text, seconds):
        receipts = answer.get("receipts")
        if not receipts:
            raise DevError(f"refused with {status}: {answer.get('title')}")
        with self.lock:
            self.sent.latencies.append(seconds)
            self.sent.receipts += zip(events, receipts, strict=True)
            if answer.get("rejected"):
                self.sent.errors.append(text.decode(errors="replace"))
            count = len(self.sent.receipts)
        if self.on_answer:
            self.on_answer(count)


def document(text):
    """Return a JSON object; None for what is none of our answers.

    Without its database Odoo answers with pages of its own, 404 among them.
    """
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


# -- waiting --------------------------------------------------------------------

_UNSETTLED = """
SELECT (SELECT count(*) FROM healthcare_event
         WHERE state IN ('received', 'processing', 'retrying')),
       (SELECT count(*) FROM healthcare_delivery d
          JOIN healthcare_target t ON t.id = d.target_id
         WHERE d.state = 'pending' AND t.active AND t.paused IS NOT TRUE)
"""


def wait_settled(dev, database, seconds=300, deliver=True):
    """Wait until nothing is left to process or deliver.

    Looks twice, since what one event releases may follow a moment later.

    :param seconds: how long nothing may become less: a slow machine has its time
    :param deliver: False waits for processing only
    :raises DevError: nothing moved for so many seconds; says what was left
    """
    deadline = time.monotonic() + seconds
    quiet, fewest = 0, None
    left = "no answer of the database"
    while time.monotonic() < deadline:
        try:
            [[events, deliveries]] = dev.cluster.psql(database, _UNSETTLED)
        except DevError:
            quiet = 0  # it may be restarting
        else:
            left = f"{events} events, {deliveries} deliveries left"
            busy = int(events) + (int(deliveries) if deliver else 0)
            quiet = 0 if busy else quiet + 1
            if quiet == 3:
                return
            if fewest is None or busy < fewest:
                fewest, deadline = busy, time.monotonic() + seconds
        time.sleep(0.3)
    raise DevError(f"not settled, nothing moved for {seconds} s: {left}")
