"""How targets know us: tokens, passwords, client certificates."""

import base64
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from odoo.exceptions import ValidationError
from odoo.tests import tagged

from .delivery_common import DeliveryCase, Endpoint


def certificate(name, issuer=None, signer=None):
    """Return (certificate, its key) in PEM, and both as objects."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(not issuer, None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(signer or key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    return pem, secret, made, key


@tagged("post_install", "-at_install")
class TestDeliveryAuthentication(DeliveryCase):
    def header(self):
        self.emit()
        self.deliver()
        return self.endpoint.requests[-1][0].get("Authorization")

    def test_token(self):
        self.assertIsNone(self.header())
        self.target.write({"authentication": "bearer", "token": "s3cret-token"})
        self.assertEqual(self.header(), "Bearer s3cret-token")
        self.target.invalidate_recordset()
        self.assertFalse(self.target.token)
        self.assertTrue(self.target.has_token)
        self.assertFalse(self.target.has_password)

    def test_user_and_password(self):
        self.target.write(
            {"authentication": "basic", "username": "odoo", "password": "pä:ss"}
        )
        header = self.header()
        self.assertEqual(base64.b64decode(header.split()[1]).decode(), "odoo:pä:ss")

    def test_secrets_are_kept_apart_and_sealed(self):
        self.target.write({"authentication": "bearer", "token": "s3cret-token"})
        self.target.write({"password": "s3cret-password"})
        self.assertEqual(
            self.target._open_sealed(),
            {"token": "s3cret-token", "password": "s3cret-password"},
        )
        self.env.flush_all()
        self.env.cr.execute("SELECT t::text FROM healthcare_target t")
        rows = "".join(row[0] for row in self.env.cr.fetchall())
        self.assertNotIn("s3cret", rows)
        self.assertNotIn(b"s3cret".hex(), rows)
        messages = self.target.message_ids
        said = " ".join(
            f"{value.old_value_char}{value.new_value_char}"
            for value in messages.sudo().tracking_value_ids
        )
        self.assertNotIn("s3cret", said)

    def test_client_certificate(self):
        root, _key, issuer, signer = certificate("Root")
        served, served_key, *_rest = certificate("127.0.0.1", issuer, signer)
        mine, my_key, *_rest = certificate("odoo", issuer, signer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=root)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(served + served_key)
            file.flush()
            context.load_cert_chain(file.name)
        secure = Endpoint(context)
        self.addCleanup(secure.close)
        self.target.write({"url": secure.url, "authority": root})
        fact = self.emit()
        self.deliver()
        self.assertEqual(fact.state, "pending", "it shows no certificate")
        self.target.write(
            {
                "authentication": "certificate",
                "client_certificate": mine,
                "client_key": my_key,
            }
        )
        self.probe_now()
        self.deliver()
        self.assertEqual(fact.state, "delivered", self.target.last_error)
        self.target.authority = False
        self.emit()
        self.deliver()
        self.assertIn("Error", self.target.last_error, "an authority nobody knows")

    def test_what_cannot_be_read_is_refused(self):
        _pem, key, *_rest = certificate("odoo")
        other, *_rest = certificate("another")
        self.target.url = "https://127.0.0.1:9/facts"
        for values in (
            {"authority": "no certificate"},
            {
                "authentication": "certificate",
                "client_certificate": other,
                "client_key": key,  # of another certificate
            },
            {"secret": "whsec_short"},
        ):
            with self.subTest(list(values)), self.assertRaises(ValidationError):
                self.target.write(values)
                self.env.flush_all()
