import base64
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from odoo.tests import BaseCase

from odoo.addons.healthcare_connector.core.errors import SignatureError
from odoo.addons.healthcare_connector.core.protection import signatures

NOW = 1_780_000_000
BODY = '{"a": "é"}'.encode()


class TestSignatures(BaseCase):
    def setUp(self):
        super().setUp()
        self.old, self.new = signatures.generate_secret(), signatures.generate_secret()

    def _headers(self, secrets, message_id="msg_1", timestamp=NOW, body=BODY):
        return {
            "Webhook-Id": message_id,
            "Webhook-Timestamp": str(timestamp),
            "Webhook-Signature": signatures.sign(secrets, message_id, timestamp, body),
        }

    def _refused(self, code, secrets, headers, body=BODY, **options):
        with self.assertRaises(SignatureError) as caught:
            signatures.verify(secrets, headers, body, **{"now": NOW, **options})
        self.assertEqual(caught.exception.code, code)

    def test_agrees_with_the_library(self):
        """The reference implementation is the oracle, in both directions."""
        moment = datetime.now(UTC).replace(microsecond=0)
        theirs = Webhook(self.new).sign("msg_1", moment, BODY.decode())
        ours = signatures.sign([self.new], "msg_1", int(moment.timestamp()), BODY)
        self.assertEqual(ours, theirs)
        headers = self._headers([self.new], timestamp=int(moment.timestamp()))
        Webhook(self.new).verify(BODY, headers, json_parse=False)

    def test_published_example(self):
        # Test vector of the Standard Webhooks libraries.
        secret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        headers = {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }
        body = b'{"test": 2432232314}'
        self.assertEqual(
            signatures.verify([secret], headers, body, now=1614265330),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
        )

    def test_rotation(self):
        both = self._headers([self.old, self.new])
        for secrets in ([self.old], [self.new], [self.new, self.old]):
            self.assertEqual(signatures.verify(secrets, both, BODY, NOW), "msg_1")
        one = self._headers([self.old])
        signatures.verify([self.new, self.old], one, BODY, NOW)
        self._refused("mismatch", [self.new], one)

    def test_any_bytes_can_be_signed(self):
        body = bytes(range(256))
        signatures.verify([self.new], self._headers([self.new], body=body), body, NOW)

    def test_window(self):
        headers = self._headers([self.new])
        for off in (-300, 0, 300):
            signatures.verify([self.new], headers, BODY, NOW + off)
        for off in (-301, 301):
            self._refused("stale", [self.new], headers, now=NOW + off)
        signatures.verify([self.new], headers, BODY, NOW + 900, tolerance=900)

    def test_fails_closed(self):
        headers = self._headers([self.new])
        short = "whsec_" + base64.b64encode(b"x" * 8).decode()
        for secrets in (None, [], [""], ["whsec_"], ["whsec_*"], [short], [None]):
            self._refused("no_secret", secrets, headers)
            with self.assertRaises(SignatureError):
                signatures.sign(secrets, "msg_1", NOW, BODY)
        signatures.verify(["whsec_*", self.new], headers, BODY, NOW)

    def test_changed(self):
        good = self._headers([self.new])
        self._refused("mismatch", [self.new], good, BODY + b" ")
        for name, value, code in (
            ("Webhook-Id", "msg_2", "mismatch"),
            ("Webhook-Id", "msg.1", "invalid_header"),
            ("Webhook-Id", "", "missing_header"),
            ("Webhook-Timestamp", str(NOW + 1), "mismatch"),
            ("Webhook-Timestamp", "now", "invalid_header"),
            ("Webhook-Timestamp", "9" * 30, "invalid_header"),
            ("Webhook-Timestamp", "nan", "invalid_header"),
            ("Webhook-Signature", "", "missing_header"),
            ("Webhook-Signature", "v1", "mismatch"),
            ("Webhook-Signature", "v1,", "mismatch"),
            ("Webhook-Signature", "v1,*é\ud800", "mismatch"),
            ("Webhook-Signature", "v2," + good["Webhook-Signature"][3:], "mismatch"),
        ):
            with self.subTest(name=name, value=value):
                self._refused(code, [self.new], {**good, name: value})
        for name in good:
            headers = {key: value for key, value in good.items() if key != name}
            self._refused("missing_header", [self.new], headers)

    @settings(deadline=None, max_examples=200)
    @given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=60))
    def test_garbage_is_refused(self, message_id, timestamp, signature):
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature,
        }
        with self.assertRaises(SignatureError):
            signatures.verify([self.new], headers, BODY)
