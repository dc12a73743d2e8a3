"""Vendors in trouble: they resend, reorder, hang up, and write everything down.

Each request and each answer is a line of the ledger, written before the request goes
out and after the answer was read. Standard library only.
"""

import hashlib
import http.client
import itertools
import json
import queue
import random
import threading
import time
import urllib.parse

from . import feed, play

PATIENTS, MOST_PATIENTS = 14, 50  # per wave of the feed: at least 12
SIZES = (1, 1, 1, 5, 20, 60)
RESENT, HUNG_UP = 0.12, 0.04  # shares of requests
AGAIN = (429, 500, 502, 503, 504)


class Ledger:
    """JSON lines of what was sent, what was answered, and what was broken.

    Lines have ``at`` (seconds) and one of: ``request`` with ``events``
    (``[[id, hash]]``), ``request`` with ``status`` and ``receipts``
    (``[[status, uuid]]``, in the order of events), ``request`` with ``lost`` (no
    answer was read, and why), ``fault``.
    """

    def __init__(self, path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "w", encoding="utf-8")
        self._lock = threading.Lock()
        self._started = None

    def note(self, **values):
        """Write a line."""
        with self._lock:
            self._started = self._started or time.monotonic()
            at = round(time.monotonic() - self._started, 3)
            self._file.write(json.dumps({"at": at, **values}) + "\n")
            self._file.flush()

    def close(self):
        """Write no more."""
        self._file.close()


def content_hash(envelope):
    """Return the hash under which the ledger knows what was sent.

    All but how the data is written, which is always JSON once it is stored.
    """
    content = {k: v for k, v in envelope.items() if k != "datacontenttype"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Waves:
    """One day of a clinic after another, each of other patients.

    :param seed: of all that is drawn
    """

    def __init__(self, seed):
        self.seed = seed
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def next(self, patients=PATIENTS):
        """Return the events of some fresh patients, in the order of a feed."""
        with self._lock:
            number = next(self._numbers)
        name = f"{self.seed}-{number}"
        events = feed.generate(name, patients, first=number * MOST_PATIENTS)
        for event in events:
            if event["id"] == feed.MALFORMED:
                event["id"] = f"{feed.MALFORMED}-{number}"
        return events


class Senders:
    """Several connections that send waves until told to finish.

    :param urls: addresses of the servers; each request goes to one of them
    :param key: vendor key
    :param ledger: :class:`Ledger`
    :param seed: of batches, resends and disorder
    :param backlog: function; the number of events still to be processed
    :param most: waves wait while so many events are to be processed
    """

    def __init__(self, urls, key, ledger, seed, backlog, connections=4, most=1500):
        self.urls, self.key, self.ledger = urls, key, ledger
        self.backlog, self.most = backlog, most
        self.waves = Waves(seed)
        self.failure = None
        self.answered = []  # submissions that were answered
        self._seed = seed
        self._numbers = itertools.count(1)
        self._queue = queue.Queue(maxsize=connections * 2)
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._feed)]
        self._threads += [
            threading.Thread(target=self._send, args=(number,))
            for number in range(connections)
        ]

    def start(self):
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def finish(self):
        """Send what has begun to its end, and stop."""
        self._done.set()
        for thread in self._threads:
            thread.join()
        if self.failure:
            raise self.failure

    # -- what is sent -----------------------------------------------------------

    def _feed(self):
        rng = random.Random(f"{self._seed} feed")
        while not self._done.is_set() and not self.failure:
            if self.backlog() > self.most:
                self._done.wait(0.5)
                continue
            for submission in self._submissions(rng, self.waves.next()):
                self._put(submission)
        for _thread in self._threads[1:]:
            self._put(None)

    def _submissions(self, rng, events):
        """Return batches of a wave: out of order, of any size, some of them twice."""
        events = list(events)
        reach = rng.choice((0, 10, len(events)))  # how far out of order
        placed = [
            (number + rng.uniform(0, reach), event)
            for number, event in enumerate(events)
        ]
        events = [event for _place, event in sorted(placed, key=_first)]
        submissions, at = [], 0
        while at < len(events):
            size = rng.choice(SIZES)
            submissions.append(events[at : at + size])
            at += size
        for submission in list(submissions):
            if rng.random() < RESENT:
                submissions.insert(rng.randint(0, len(submissions)), submission)
        return submissions

    def _put(self, submission):
        while not self.failure:
            try:
                return self._queue.put(submission, timeout=1)
            except queue.Full:
                continue

    # -- sending ----------------------------------------------------------------

    def _send(self, number):
        rng = random.Random(f"{self._seed} sender {number}")
        try:
            while (submission := self._queue.get()) is not None:
                self.submit(submission, rng)
        except Exception as error:  # the run ends with it
            self.failure = error

    def submit(self, events, rng, first_to=None):
        """Send until an answer was read; every attempt is in the ledger.

        :param first_to: number of the server that gets the first attempt
        """
        single = len(events) == 1 and rng.random() < 0.5
        body = json.dumps(events[0] if single else events).encode()
        listed = [[event["id"], content_hash(event)] for event in events]
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": play.ONE if single else play.BATCH,
        }
        for attempt in itertools.count():
            place = rng.randrange(len(self.urls)) if attempt else first_to
            place = rng.randrange(len(self.urls)) if place is None else place
            number = next(self._numbers)
            self.ledger.note(request=number, server=place, events=listed)
            hang_up = first_to is None and rng.random() < HUNG_UP
            status, answer, wait = self._post(place, body, headers, hang_up)
            if isinstance(answer, dict) and status not in AGAIN:
                receipts = answer.get("receipts")
                if not receipts:
                    raise ValueError(f"refused with {status}: {answer.get('title')}")
                told = [[one["status"], one.get("event")] for one in receipts]
                self.ledger.note(request=number, status=status, receipts=told)
                self.answered.append(events)
                return
            self.ledger.note(request=number, status=status, lost=str(answer))
            pause = rng.uniform(0.5, 1) * min(0.05 * 2 ** min(attempt, 6), 2)
            time.sleep(min(wait, 3) if wait else pause)

    def _post(self, place, body, headers, hang_up):
        """Return ``(status, document or why there is none, seconds to wait)``."""
        host = urllib.parse.urlsplit(self.urls[place]).netloc
        connection = http.client.HTTPConnection(host, timeout=30)
        try:
            connection.request("POST", play.PATH, body, headers)
            if hang_up:  # as a proxy that has waited long enough
                time.sleep(random.uniform(0, 0.1))
                return 0, "hung up", None
            response = connection.getresponse()
            text = response.read()
            wait = response.headers.get("Retry-After")
            document = play.document(text)
            found = "no answer of ours" if document is None else document
            if response.status in AGAIN and document is not None:
                found = document.get("title")
            return response.status, found, float(wait) if wait else None
        except (OSError, http.client.HTTPException) as error:
            return 0, type(error).__name__, None
        finally:
            connection.close()


def _first(pair):
    return pair[0]
