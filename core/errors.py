"""The exceptions of the domain; each says by its type what is to be done about it.

No message ever repeats a value of the input: it names the place instead.
"""

#: Categories of the exception queue, as the contract names them.
CATEGORIES = (
    "missing_payer",
    "authorization_gap",
    "stock_shortage",
    "invoice_mismatch",
    "payment_mismatch",
    "remittance_out_of_balance",
    "duplicate_service",
    "duplicate_patient",
    "delayed_payment",
    "unmapped_code",
    "schema_mismatch",
    "missing_dependency",
    "retry_exhausted",
    "delivery_failed",
    "source_silent",
)


class HealthcareError(Exception):
    """Base of all our exceptions."""


class InputError(HealthcareError):
    """The sender's mistake: answered with ``status``, never retried.

    :param code: stable machine-readable code, e.g. ``duplicate_key``
    :param detail: one sentence in plain words, without any value of the input
    :param pointer: JSON pointer to the place, ``""`` for the whole body
    :param status: HTTP status
    :param retry_after: seconds after which it may work, where waiting helps
    """

    def __init__(self, code, detail, pointer="", status=400, retry_after=None):
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.pointer = pointer
        self.status = status
        self.retry_after = retry_after

    def as_dict(self):
        """Return ``{"pointer", "code", "detail"}`` as receipts show it."""
        return {"pointer": self.pointer, "code": self.code, "detail": self.detail}


class KeyringError(HealthcareError):
    """Keys are missing, or what was sealed cannot be opened: for an administrator.

    Codes: ``keyring_missing, keyring_unreadable, keyring_invalid, keyring_exists,
    keyring_exposed, unknown_key, key_active, tampered, erased,
    secret_missing``.
    """

    def __init__(self, code, detail):
        super().__init__(detail)
        self.code = code
        self.detail = detail


class SignatureError(HealthcareError):
    """A webhook signature does not hold; ``code`` is for our log only.

    Codes: ``no_secret, missing_header, invalid_header, stale, mismatch``.
    """

    def __init__(self, code):
        super().__init__(f"Signature refused: {code}.")
        self.code = code


class ParkError(HealthcareError):
    """A business reason not to go on: for a person, never retried blindly.

    :param category: one of :data:`CATEGORIES`
    :param reason: plain words, without any value of the payload
    :param cause: key of what is missing, e.g. ``payer/PAYER-A``; once it is there
        everything parked for it runs again
    :param amount: what is at risk, in company currency
    """

    def __init__(self, category, reason, cause=None, amount=None):
        if category not in CATEGORIES:
            raise ValueError("Unknown exception category.")
        super().__init__(reason)
        self.category = category
        self.reason = reason
        self.cause = cause
        self.amount = amount


class TechnicalError(HealthcareError):
    """Something that may well work later: retried with jitter.

    :param retry_after: seconds the other side asked us to wait, or ``None``
    :param final: the other side said that the same will never be taken
    """

    def __init__(self, detail, retry_after=None, final=False):
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        self.final = final
