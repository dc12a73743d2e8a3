"""Whatever comes: an answer or a refusal of ours, at a cost in line with size."""

import random
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.contract import samples
from odoo.addons.healthcare_connector.core.errors import InputError
from odoo.addons.healthcare_connector.core.mapping import bench as mapping_bench
from odoo.addons.healthcare_connector.core.mapping import mapping
from odoo.addons.healthcare_connector.formats import cloudevents, fhir_r4, hl7v2, x12

from ..dev import corpora

FORMATS = ("hl7v2", "fhir", "x12", "cloudevents")
PER_SENDER = 2  # files of each sender that are mutated
MUTANTS = 3  # of each file
LARGEST = 40_000  # bytes; the others are left to the tests of cost


def take(format_, body):
    """Read a body, map it and validate its events, as an endpoint would."""
    shipped = {}
    if format_ == "cloudevents":
        return [
            item.errors for item in cloudevents.read("application/json", {}, body)[0]
        ]
    if format_ == "hl7v2":
        reading = hl7v2.read(body)
        reading.answer([m.ack("AE", m.errors) for m in reading.messages])
        messages = [m for m in reading.messages if m.supported and not m.errors]
        shipped = mapping.shipped("hl7v2")
    elif format_ == "fhir":
        messages = [m for m in fhir_r4.read(body).messages if not m.errors]
        shipped = mapping.shipped("fhir_r4")
    else:
        messages = [m for t in x12.read(body).transactions for m in t.messages]
        shipped = mapping.shipped("x12")
    return [
        mapping_bench.run(
            shipped[message.kind], message.document, defaults=corpora.DEFAULTS
        )
        for message in messages
    ]


def seeds():
    """Return ``[(format, body)]``: our own samples, and real files where there are."""
    found = [(sample.format, sample.body.encode()) for sample in samples.make()]
    counts = {}
    for format_, sender, path in corpora.files():
        key = format_, sender
        if counts.get(key, 0) < PER_SENDER and path.stat().st_size <= LARGEST:
            counts[key] = counts.get(key, 0) + 1
            name = "cloudevents" if format_ == "json" else format_
            found.append((name, path.read_bytes()))
    return found


def mutated(body, chance):
    """Return a body with a few faults that transport and hands make."""
    body = bytearray(body)
    for _turn in range(chance.randint(1, 6)):
        start = chance.randrange(len(body) + 1)
        end = min(len(body), start + chance.choice((1, 1, 2, 8, 60)))
        part = bytes(body[start:end])
        body[start:end] = chance.choice(
            (
                b"",
                part * 2,
                part[::-1],
                part.swapcase(),
                chance.randbytes(len(part)),
                chance.choice(
                    (b"\x00", b"\xff\xfe", b"\r", b"\n", b'"', b"|^~\\&", b"~")
                ),
                chance.choice((b"null", b"[]", b"{}", b"-1", b"1e999", b"true", b'""')),
                body[chance.randrange(len(body) + 1) :][:60],
            )
        )
    return bytes(
        body[: chance.randrange(len(body) + 1)] if chance.random() < 0.1 else body
    )


class TestRobustness(BaseCase):
    def _survives(self, format_, body):
        try:
            take(format_, body)
        except InputError as error:
            self.assertIn(error.status, (400, 413, 415, 422))

    @settings(max_examples=400, deadline=None)
    @given(st.sampled_from(FORMATS), st.binary(max_size=400))
    def test_any_bytes(self, format_, body):
        self._survives(format_, body)

    @settings(max_examples=300, deadline=None)
    @given(
        st.sampled_from(
            [(s.format, s.body.encode()) for s in samples.make()],
        ),
        st.randoms(use_true_random=False),
    )
    def test_any_mutation_of_a_sample(self, sample, chance):
        format_, body = sample
        self._survives(format_, mutated(body, chance))

    def test_mutations_of_real_messages(self):
        """Always the same ones, so that what fails once can be looked at."""
        tried = 0
        for number, (format_, body) in enumerate(seeds()):
            for turn in range(MUTANTS):
                chance = random.Random(f"{number}.{turn}")
                with self.subTest(format=format_, number=number, turn=turn):
                    self._survives(format_, mutated(body, chance))
                    tried += 1
        self.assertGreaterEqual(tried, len(samples.make()) * MUTANTS)

    def test_each_format_is_read_by_every_other_reader(self):
        for sample in samples.make():
            for format_ in FORMATS:
                with self.subTest(sample=sample.title, format=format_):
                    self._survives(format_, sample.body.encode())


def steps(function, *arguments):
    """Return how many lines and calls, of Python or C, a function runs: no clock."""
    count = 0

    def trace(_frame, _event, _argument):
        nonlocal count
        count += 1
        return trace

    def profile(_frame, event, _argument):
        nonlocal count
        count += event == "c_call"

    before = sys.gettrace(), sys.getprofile()
    sys.settrace(trace)
    sys.setprofile(profile)
    try:
        function(*arguments)
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])
    return count


class TestCost(BaseCase):
    """Twice the size, about twice the work."""

    def _grows_linearly(self, format_, make, small=100):
        take(format_, make(2))  # what is made once: mappings, schemas
        first, second, third = (
            steps(take, format_, make(size)) for size in (small, 2 * small, 4 * small)
        )
        self.assertGreater(first, 0)
        # A part does not grow at all; nothing may grow faster than the size.
        self.assertLess(second, 2.2 * first, format_)
        self.assertLess(third, 2.2 * second, format_)
        self.assertGreater(third, 1.5 * first, format_)

    def _sample(self, format_, name):
        (found,) = [
            sample.body
            for sample in samples.make()
            if (sample.format, sample.name) == (format_, name)
        ]
        return found

    def test_hl7v2(self):
        adt = self._sample("hl7v2", "registration")
        siu = self._sample("hl7v2", "appointment")
        makers = (
            lambda n: adt * n,
            lambda n: siu + "AIS|2|A|ECHO\n" * n,
            lambda n: adt + "NTE|1||\\T\\\\X41\\\n" * n,
            lambda n: adt.replace("^MR|", "^MR" + "~1^^^X^MR" * n + "|"),
        )
        for make in makers:
            self._grows_linearly("hl7v2", lambda n, make=make: make(n).encode())

    def test_fhir(self):
        entry = self._sample("fhir", "registration")

        def bundle(size):
            entries = ",".join(
                f'{{"resource": {entry.replace("test-1", f"test-{number}")}}}'
                for number in range(size)
            )
            head = '{"resourceType": "Bundle", "type": "collection", "entry": ['
            return f"{head}{entries}]}}".encode()

        self._grows_linearly("fhir", bundle)

    def test_x12(self):
        text = self._sample("x12", "remittance")
        start, end = text.index("CLP*"), text.index("SE*")
        self._grows_linearly(
            "x12", lambda n: (text[:start] + text[start:end] * n + text[end:]).encode()
        )

    def test_cloudevents(self):
        one = self._sample("cloudevents", "registration")
        self._grows_linearly(
            "cloudevents", lambda n: ("[" + ",".join([one] * n) + "]").encode()
        )
