"""First calls to try: a test patient and what follows, in each format we take.

Shown by the onboarding wizard, the documentation page and the vendor guide. The
patient is made up; its name says that it is a test.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from .. import strict_json

#: ``{format: how people call it}``
FORMATS = {
    "cloudevents": "CloudEvents (JSON)",
    "hl7v2": "HL7 v2",
    "fhir": "FHIR R4",
    "x12": "X12",
}
SYSTEM = "urn:example:mrn"
_FIRST_BIRTH = date(1950, 1, 1)
_BIRTH_DAYS = 20000


@dataclass(frozen=True, slots=True)
class Sample:
    """One call: ``format`` of :data:`FORMATS`, ``name`` within it, and its body."""

    format: str
    name: str
    title: str
    path: str
    content_type: str
    body: str


@dataclass(frozen=True, slots=True)
class _Case:
    """What the samples of one set are about."""

    facility: str
    service: str
    payer: str
    token: str
    now: datetime

    @property
    def start(self):
        """Three days from now, at nine."""
        day = self.now + timedelta(days=3)
        return day.replace(hour=9, minute=0, second=0, microsecond=0)

    @property
    def birth(self):
        """Different for each token, so that two test patients are not alike."""
        number = int(hashlib.sha256(self.token.encode()).hexdigest()[:8], 16)
        return _FIRST_BIRTH + timedelta(days=number % _BIRTH_DAYS)


def make(*, facility="NORTH", service="CONSULT", payer="PAYER-A", token="1", now=None):
    """Return the samples of all formats, all about the same test patient.

    :param str facility: code of the facility they speak for
    :param str service: code of the service that is booked
    :param str payer: code of the payer of the remittance
    :param str token: tells one set of samples apart from another
    :param datetime now: aware; the time of the calls
    :return: list of :class:`Sample`, by format, in the order to send them
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    token = re.sub(r"[^A-Za-z0-9-]+", "-", token)  # it stands in ids of all formats
    case = _Case(facility, service, payer, token, now)
    return [
        Sample(
            "cloudevents",
            "registration",
            "Register a test patient",
            "/healthcare/v1/events",
            "application/cloudevents+json",
            _pretty(_registration(case)),
        ),
        Sample(
            "cloudevents",
            "appointment",
            "Book an appointment",
            "/healthcare/v1/events",
            "application/cloudevents+json",
            _pretty(_appointment(case)),
        ),
        Sample(
            "hl7v2",
            "registration",
            "Register a test patient (ADT^A04)",
            "/healthcare/v1/hl7v2",
            "application/hl7-v2",
            _adt(case),
        ),
        Sample(
            "hl7v2",
            "appointment",
            "Book an appointment (SIU^S12)",
            "/healthcare/v1/hl7v2",
            "application/hl7-v2",
            _siu(case),
        ),
        Sample(
            "fhir",
            "registration",
            "Register a test patient (Patient)",
            "/healthcare/v1/fhir",
            "application/fhir+json",
            _pretty(_fhir_patient(case)),
        ),
        Sample(
            "fhir",
            "appointment",
            "Book an appointment (Bundle)",
            "/healthcare/v1/fhir",
            "application/fhir+json",
            _pretty(_fhir_bundle(case)),
        ),
        Sample(
            "x12",
            "remittance",
            "Send a remittance (835)",
            "/healthcare/v1/x12",
            "application/edi-x12",
            _remittance(case),
        ),
    ]


# Standard Webhooks by hand: openssl takes the key in hexadecimal.
_SIGNING = """\
ID=first-$(date +%s) STAMP=$(date +%s)
HEX=$(printf %s "${SECRET#whsec_}" | base64 -d | od -An -tx1 | tr -d ' \\n')
SIGNATURE=$(printf '%s.%s.%s' "$ID" "$STAMP" "$BODY" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$HEX" -binary | base64)
"""


def curl(sample, base_url, key, database=None, secret=None):
    """Return the shell command that sends a sample.

    :param str key: the source's key, or a shell variable such as ``$KEY``
    :param str database: to be named in a header, where a server has several
    :param str secret: ``whsec_…`` where the source requires signatures; the command
        needs openssl then
    """
    lines = [
        f"curl -i {_quoted(base_url + sample.path)}",
        f'-H "Authorization: Bearer {key}"',
        f'-H "Content-Type: {sample.content_type}"',
    ]
    if database:
        lines.append(f"-H {_quoted(f'X-Odoo-Database: {database}')}")
    body, before = _quoted(sample.body), ""
    if secret:
        before = f"SECRET={_quoted(secret)}\nBODY={body}\n{_SIGNING}"
        lines += [
            '-H "webhook-id: $ID" -H "webhook-timestamp: $STAMP"',
            '-H "webhook-signature: v1,$SIGNATURE"',
        ]
        body = '"$BODY"'
    lines.append(f"--data-binary {body}")
    return before + " \\\n  ".join(lines)


def _quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def _pretty(value):
    strict_json.dumps(value)  # what we show is what we would take
    return json.dumps(value, indent=2, ensure_ascii=False)


def _iso(moment):
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _hl7_time(moment):
    return moment.strftime("%Y%m%d%H%M%S+0000")


# -- CloudEvents ------------------------------------------------------------------


def _event(case, name, data):
    return {
        "specversion": "1.0",
        "id": f"first-{name.partition('.')[0]}-{case.token}",
        "source": "urn:example:vendor",
        "type": f"healthcare.{name}.v1",
        "time": _iso(case.now),
        "data": data,
    }


def _identifiers(case):
    return [{"system": SYSTEM, "value": f"TEST-{case.token}"}]


def _registration(case):
    return _event(
        case,
        "registration.created",
        {
            "facility": case.facility,
            "patient": {
                "identifiers": _identifiers(case),
                "name": {"family": f"Test-{case.token}", "given": ["Patient"]},
                "birth_date": case.birth.isoformat(),
            },
        },
    )


def _appointment(case):
    return _event(
        case,
        "appointment.booked",
        {
            "facility": case.facility,
            "patient": {"identifiers": _identifiers(case)},
            "appointment": {
                "id": f"TEST-A-{case.token}",
                "start": _iso(case.start),
                "services": [{"code": case.service, "quantity": 1}],
            },
        },
    )


# -- HL7 v2 -----------------------------------------------------------------------


def _escaped(text):
    """Return a text with HL7's delimiters escaped."""
    for mark, escape in (
        ("\\", "\\E\\"),
        ("|", "\\F\\"),
        ("^", "\\S\\"),
        ("&", "\\T\\"),
        ("~", "\\R\\"),
    ):
        text = text.replace(mark, escape)
    return text


def _header(case, kind, structure):
    code, trigger = kind
    return (
        f"MSH|^~\\&|VENDOR|{_escaped(case.facility)}|ODOO|ERP|{_hl7_time(case.now)}||"
        f"{code}^{trigger}^{structure}|{code}-{case.token}|P|2.5.1"
    )


def _patient_segment(case):
    return (
        f"PID|1||TEST-{case.token}^^^{SYSTEM}^MR||Test-{case.token}^Patient||"
        f"{case.birth:%Y%m%d}"
    )


def _adt(case):
    segments = (
        _header(case, ("ADT", "A04"), "ADT_A01"),
        f"EVN|A04|{_hl7_time(case.now)}",
        _patient_segment(case),
        "PV1|1|O",
    )
    return "\n".join(segments) + "\n"


def _siu(case):
    segments = (
        _header(case, ("SIU", "S12"), "SIU_S12"),
        f"SCH|TEST-A-{case.token}|TEST-A-{case.token}||||ROUTINE|||30|min|"
        f"^^^{_hl7_time(case.start)}",
        _patient_segment(case),
        "RGS|1|A",
        f"AIS|1|A|{_escaped(case.service)}",
    )
    return "\n".join(segments) + "\n"


# -- FHIR R4 ----------------------------------------------------------------------


def _fhir_patient(case):
    return {
        "resourceType": "Patient",
        "id": f"test-{case.token}",
        "meta": {"lastUpdated": _iso(case.now)},
        "identifier": _identifiers(case),
        "name": [{"family": f"Test-{case.token}", "given": ["Patient"]}],
        "birthDate": case.birth.isoformat(),
    }


def _fhir_bundle(case):
    base = "http://vendor.example.com/fhir"
    patient = _fhir_patient(case)
    appointment = {
        "resourceType": "Appointment",
        "id": f"test-a-{case.token}",
        "meta": {"lastUpdated": _iso(case.now)},
        "status": "booked",
        "serviceType": [{"coding": [{"code": case.service}]}],
        "start": _iso(case.start),
        "end": _iso(case.start + timedelta(minutes=30)),
        "participant": [
            {
                "actor": {"reference": f"Patient/{patient['id']}"},
                "status": "accepted",
            }
        ],
    }
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": _iso(case.now),
        "entry": [
            {"fullUrl": f"{base}/{one['resourceType']}/{one['id']}", "resource": one}
            for one in (patient, appointment)
        ],
    }


# -- X12 --------------------------------------------------------------------------


def _remittance(case):
    day, hour = case.now.strftime("%y%m%d"), case.now.strftime("%H%M")
    code = case.payer.replace("*", " ").replace("~", " ")
    lines = [
        "BPR*I*80*C*ACH*CCP*01*999999992*DA*1*1999999999**01*999999992*DA*2"
        f"*{case.now:%Y%m%d}",
        f"TRN*1*TEST-ERA-{case.token}*1999999999",
        f"DTM*405*{case.now:%Y%m%d}",
        f"N1*PR*Test Health Plan*XV*{code}",
        "N1*PE*Test Clinic*XX*1999999984",
        "LX*1",
        f"CLP*TEST-C-{case.token}*1*100*80*20*12*TEST-{case.token}*11*1",
        f"NM1*QC*1*TEST-{case.token}*PATIENT****MI*TEST-M-{case.token}".upper(),
        "SVC*HC:99213*100*80**1",
        f"DTM*472*{case.now:%Y%m%d}",
        "CAS*PR*3*20",
    ]
    transaction = ["ST*835*0001", *lines, f"SE*{len(lines) + 2}*0001"]
    control = int(case.now.timestamp()) % 10**9
    segments = [
        "ISA*00*          *00*          *ZZ*TESTPAYER      *ZZ*TESTCLINIC     "
        f"*{day}*{hour}*^*00501*{control:09d}*0*T*:",
        f"GS*HP*TESTPAYER*TESTCLINIC*{case.now:%Y%m%d}*{hour}*1*X*005010X221A1",
        *transaction,
        "GE*1*1",
        f"IEA*1*{control:09d}",
    ]
    return "".join(f"{segment}~\n" for segment in segments)
