"""A run of Odoo with faults, and the ledger that proves what came of it."""

import argparse
import datetime
import json
import os
import threading
import time

from . import lint, play
from .common import REPO, WORK, DevError, say
from .fault_kinds import Faults
from .fault_ledger import Answers, compare
from .fault_senders import Ledger, Senders
from .feed import SHORT
from .instance import Dev
from .receiver import Receiver
from .server import Server

SECRET = "whsec_" + "ZmF1bHRz" * 5
GAP = 8.0  # mean seconds between faults; less when the run is short
SHOWN = 60
SETTLE = 600  # seconds for the rest when nothing breaks any more
SAVED = REPO / "benchmarks" / "FAULTS.md"

SETUP = """
env["healthcare.target"].create(
    {{"name": "Receiver", "url": {url!r}, "secret": {secret!r}}})
source = env["healthcare.source"].search([("code", "=", "demo-access")])
# No day of the feed may use up what another needs: what is short is short for all.
short = {short!r}
for facility in env["healthcare.facility"].search([]):
    for supply in env["healthcare.service.supply"].search([]).product_id:
        if (facility.code, supply.default_code) not in short:
            env["stock.quant"]._update_available_quantity(
                supply, facility.warehouse_id.lot_stock_id, 10**7)
print(source._issue_key(["healthcare.events"], "faults", 1))
env.cr.commit()
"""

RESUME = """
from odoo.service.model import retrying
retrying(env["healthcare.target"].search([]).action_reset_breaker, env)
issues = env["healthcare.exception"].search(
    [("category", "=", "retry_exhausted"), ("is_open", "=", True)])
retrying(issues.action_retry, env) if issues else None
# the sweep comes every minute; a server that was just killed woke nobody
retrying(env["healthcare.engine"]._cron_sweep, env)
print(len(issues))
"""

WAITING = """
SELECT count(*) FROM healthcare_event
 WHERE state IN ('received', 'processing', 'retrying')"""


def main(arguments, description=None):
    """The command ``dev/faults``; returns 1 when anything is lost or doubled."""
    options = _options(arguments, description)
    with World(options.seed, most=options.backlog) as world:
        summary, problems = world.run(options.minutes * 60)
        if problems:
            print("kept: dev/scratch", world.keep().removeprefix("scratch_"), "psql")
    for problem in problems[:SHOWN]:
        print("PROBLEM:", problem)
    if problems[SHOWN:]:
        print(f"and {len(problems) - SHOWN} more")
    print(json.dumps(summary, indent=2))
    print("ledger:", world.ledger.path)
    if options.save:
        save(summary)
        lint.tidy(world.dev.environment, SAVED)
    return int(bool(problems))


def _options(arguments, description):
    parser = argparse.ArgumentParser("dev/faults", description=description)
    parser.add_argument("--minutes", type=float, default=1.0, help="of faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--backlog", type=int, default=600, help="senders wait at so many events"
    )
    parser.add_argument("--save", action="store_true")
    return parser.parse_args(arguments)


class World:
    """Two servers on one database, senders, a receiver, and who keeps them running.

    :param seed: of the feed, of the senders and of the faults
    :param large: patients of the batches in whose middle a server is killed
    :param load: ``connections``, ``most`` of :class:`~.fault_senders.Senders`
    """

    def __init__(self, seed, large=45, **load):
        self.seed, self.large, self.load = seed, large, load
        self.name = f"faults_{os.getpid()}"
        self.receiver = Receiver(secret=SECRET)
        self.ledger = Ledger(WORK / "faults" / f"{self.name}.jsonl")
        self.dev, self.servers, self.senders = None, [], None
        self._due = {}  # number of a server: when it may start again
        self._closing = threading.Event()
        self._background = []
        self._failures = []
        self._keeper = threading.Thread(target=self._keep_running, daemon=True)

    @property
    def cluster(self):
        """The database server that may be crashed."""
        return self.dev.cluster

    def psql(self, query):
        """Ask the database."""
        return self.cluster.psql(self.name, query)

    # -- the run ----------------------------------------------------------------

    def __enter__(self):
        main = Dev()
        self.dev = Dev(cluster=f"faults-{os.getpid()}")
        try:
            self._prepare(main)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exception):
        self.close()

    def _prepare(self, main):
        copied = main.clone(f"source_{self.name}")
        try:
            self.cluster.copy_from(main.cluster, copied, self.name)
        finally:
            main.cluster.drop(copied)
        self.receiver.start()
        values = {"url": self.receiver.url, "secret": SECRET, "short": SHORT}
        key = self.dev.script(self.name, SETUP.format(**values)).strip()
        # Threads in one process, and processes of their own: they die differently.
        for number, workers in enumerate((0, 2)):
            log = WORK / "logs" / f"{self.name}-{number}.log"
            log.unlink(missing_ok=True)
            options = {"workers": workers, "cron_threads": 2, "node": f"-{number}"}
            self.servers.append(Server(self.dev, self.name, log=log, **options))
        for server in self.servers:
            server.start(wait=0)
        for server in self.servers:
            server.wait_ready()
        urls = [server.url for server in self.servers]
        self.senders = Senders(
            urls, key, self.ledger, self.seed, self._waiting, **self.load
        )
        self._keeper.start()

    def run(self, seconds):
        """Send and break for so long, then compare.

        :return: ``(summary, problems)``
        """
        gap = min(GAP, seconds / 9)
        faults = Faults(self, self.seed, seconds, gap)
        say(f"{len(faults.plan)} faults in {seconds:.0f} s, seed {self.seed}")
        started = time.monotonic()
        self.senders.start()
        faults.start()
        while time.monotonic() - started < seconds or faults.is_alive():
            time.sleep(0.2)
            self._check(faults)
        say("no more faults: the rest is sent, processed and delivered")
        self.receiver.fail(None)
        self.senders.finish()
        for thread in self._background:
            thread.join()
        self._check(faults)
        by_person = self._settle()
        ended = time.monotonic()
        say("comparing the ledger with what exists")
        answers = Answers(self.ledger.path)
        events = [one for some in self.senders.answered for one in some]
        counts, problems = compare(answers, self.dev, self.name, events, self.receiver)
        if (sent := len(answers.receipts)) != len(events):
            problems.append(f"{sent} receipts for {len(events)} events")
        summary = {
            "day": datetime.date.today().isoformat(),
            "seed": self.seed,
            "minutes": round(seconds / 60, 2),
            "seconds in all": round(ended - started),
            "sent": answers.counts(),
            "faults": dict(answers.faults),
            "replayed by a person": by_person,
            "found": counts,
            "problems": len(problems),
        }
        return summary, problems

    def _settle(self):
        """Wait for the end of all work; returns what a person had to replay.

        Who was there too often when its worker ended is left to a person, and the
        target whose breaker is open is told that it is up again.
        """
        self._wait_for_servers()
        replayed = 0
        for _turn in range(5):
            play.wait_settled(self.dev, self.name, SETTLE, deliver=False)
            count = int(self.dev.script(self.name, RESUME))
            replayed += count
            if not count:
                break
        play.wait_settled(self.dev, self.name, SETTLE)
        return replayed

    def _check(self, faults):
        for failure in (faults.failure, self.senders.failure, *self._failures):
            if failure:
                raise failure

    # -- what faults use --------------------------------------------------------

    def background(self, function, *arguments):
        """Run something meanwhile; the run waits for its end."""

        def run():
            try:
                function(*arguments)
            except Exception as error:  # the run ends with it
                self._failures.append(error)

        thread = threading.Thread(target=run, daemon=True)
        self._background.append(thread)
        thread.start()

    def kill(self, number, down):
        """End a server at once; it starts again after some seconds."""
        self._due[number] = time.monotonic() + down
        self.servers[number].kill()

    def _keep_running(self):
        """Start servers that have ended, as a service manager does."""
        while not self._closing.wait(0.2):
            for number, server in enumerate(self.servers):
                due = self._due.get(number, 0)
                if not server.running() and time.monotonic() >= due:
                    server.start(wait=0)

    def _wait_for_servers(self):
        """Wait until all are there; one that a fault met at its start comes again."""
        deadline = time.monotonic() + SETTLE
        for server in self.servers:
            while True:
                try:
                    server.wait_ready()
                    break
                except DevError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(1)

    def _waiting(self):
        """Return how many events wait to be processed; very many if nobody knows."""
        try:
            return int(self.psql(WAITING)[0][0])
        except (DevError, IndexError):
            return 10**9

    def keep(self):
        """Copy the database to where it can be looked at; returns its name there."""
        self._end_servers()
        kept = f"scratch_{self.name}"
        Dev().cluster.copy_from(self.cluster, self.name, kept)
        return kept

    def _end_servers(self):
        self._closing.set()  # nobody starts them again
        if self._keeper.is_alive():
            self._keeper.join()
        for server in self.servers:
            server.kill()

    def close(self):
        """End everything and delete the cluster; the ledger stays."""
        if self.senders and not self.senders.failure:
            self.senders.failure = DevError("the run ended early")
        self._end_servers()
        self.receiver.stop()
        self.ledger.close()
        if self.dev:
            self.cluster.remove()


# -- the record -----------------------------------------------------------------

HEAD = """# Runs with faults

Each row is a run of `dev/faults --minutes M --seed S --save`, which repeats it. Two
Odoo processes on one database, four senders that resend, reorder and hang up, a target,
and faults drawn from the seed. At the end the ledger of what was sent and answered is
compared with the event store, with the documents, and with the facts at the target.
"Different" counts kinds of documents or exceptions of which there are more or fewer
than the events lead to: on 2026-11-24 exceptions that stayed open though their cause
had gone, mended that day.

"""
COLUMNS = ("day", "seed", "minutes", "events", "receipts", "answers not read")
COLUMNS += ("faults", "documents", "facts", "replayed by a person")
COLUMNS += ("lost", "doubled", "different")
LAST = "\n## Faults of the last run\n\n"


def save(summary, path=SAVED):
    """Add a run to benchmarks/FAULTS.md; one of the same seed and length goes."""
    lines = path.read_text().split(LAST)[0].splitlines() if path.exists() else []
    sent, found = summary["sent"], summary["found"]
    mark = f"| {summary['seed']} | {summary['minutes']} |"
    kept = [line for line in lines if line.startswith("| 2") and mark not in line]
    row = (
        f"| {summary['day']} {mark} {sent['events']:,} | {sent['receipts']:,} "
        f"| {sent['answers not read']:,} | {sum(summary['faults'].values())} "
        f"| {found['documents']:,} | {found['facts']:,} "
        f"| {summary['replayed by a person']} | {found['lost']} | {found['doubled']} "
        f"| {found['different']} |"
    )
    faults = [f"- {name}: {count}" for name, count in summary["faults"].items()]
    table = [f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|", *kept, row]
    path.write_text(HEAD + "\n".join(table) + "\n" + LAST + "\n".join(faults) + "\n")
