"""Lists to work from on paper, or in a spreadsheet, while systems are down."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..core.spreadsheets import books as spreadsheet_books

LIMIT = 2000  # lines of a list
PHI = "healthcare_connector.group_phi_reader"


class HealthcareWorklist(models.TransientModel):
    """What is printed; with names only for PHI readers, each time on record."""

    _name = "healthcare.worklist"
    _description = "Worklist"

    day = fields.Date(
        required=True, default=lambda self: fields.Date.context_today(self)
    )
    facility_ids = fields.Many2many(
        "healthcare.facility",
        string="Facilities",
        required=True,
        default=lambda self: self.env["healthcare.facility"].search(
            [("active", "=", True)]
        ),
    )
    with_appointments = fields.Boolean(string="Appointments of the day", default=True)
    with_authorizations = fields.Boolean(string="Open authorizations", default=True)
    with_exceptions = fields.Boolean(string="Open exceptions", default=True)
    with_names = fields.Boolean(
        string="Names of patients",
        default=lambda self: self.env.user.has_group(PHI),
        help="Without, patients are named by our own reference.",
    )
    may_names = fields.Boolean(compute="_compute_may_names")
    purpose = fields.Char(
        string="What For",
        default=lambda self: self.env._("Downtime"),
        help="Kept on record with your name when the list has names of patients.",
    )

    @api.depends_context("uid")
    def _compute_may_names(self):
        for worklist in self:
            worklist.may_names = self.env.user.has_group(PHI)

    # -- what is asked for ----------------------------------------------------------

    def action_print(self):
        """Print as PDF."""
        return self._report("action_report_worklist")

    def action_view(self):
        """Show as a page."""
        return self._report("action_report_worklist_html")

    def _report(self, name):
        self._check_choice()
        return self.env.ref(f"healthcare_connector.{name}").report_action(self)

    def action_download(self):
        """Download as a spreadsheet."""
        self._check_choice()
        return {
            "type": "ir.actions.act_url",
            "url": f"/healthcare/continuity/worklist/{self.id}",
            "target": "download",
        }

    def _check_choice(self):
        self.ensure_one()
        if not (
            self.with_appointments or self.with_authorizations or self.with_exceptions
        ):
            raise UserError(self.env._("Choose at least one list."))
        if not self.facility_ids:
            raise UserError(self.env._("Choose at least one facility."))
        if self._named() and not (self.purpose or "").strip():
            raise UserError(
                self.env._("Say what the list with names is for: it stays on record.")
            )

    def _named(self):
        """Return whether names are on the list: rights decide, not the box alone."""
        return self.with_names and self.env.user.has_group(PHI)

    def _workbook(self):
        """Return the lists as XLSX (bytes); with names, this is recorded."""
        self.ensure_one()
        lists = []
        for part in self._take_lists():
            facility = part["facility"]
            for one in part["lists"]:
                note = f"{one['title']}: {facility.name}, {self.day}"
                lists.append(
                    (
                        f"{facility.code} {one['title']}".translate(_NOT_IN_TITLES),
                        note,
                        [heading for _key, heading in one["columns"]],
                        [
                            [row[key] for key, _heading in one["columns"]]
                            for row in one["rows"]
                        ],
                    )
                )
        return spreadsheet_books.write_lists(_with_own_titles(lists))

    def _take_lists(self):
        """Return the lists to be handed out; with names, on record.

        :return: list of ``{"facility", "lists": [{"title", "columns", "rows",
            "empty", "more"}]}``
        """
        self.ensure_one()
        self._check_choice()
        facilities = self.facility_ids
        facilities.check_access("read")
        parts = [
            {"facility": facility, "lists": self._lists_of(facility)}
            for facility in facilities.sorted("name")
        ]
        if self._named():
            kinds = [
                name
                for name, wanted in (
                    ("appointments", self.with_appointments),
                    ("authorizations", self.with_authorizations),
                    ("exceptions", self.with_exceptions),
                )
                if wanted
            ]
            self.env["healthcare.payload.access"]._record_worklist(
                {
                    part["facility"]: [
                        patient for one in part["lists"] for patient in one["patients"]
                    ]
                    for part in parts
                },
                f"{', '.join(kinds)}: {self.day}",
                self.purpose.strip(),
            )
        return parts

    def _lists_of(self, facility):
        lists = []
        if self.with_appointments:
            lists.append(self._appointments(facility))
        if self.with_authorizations:
            lists.append(self._authorizations(facility))
        if self.with_exceptions:
            lists.append(self._exceptions(facility))
        return lists

    # -- lists ----------------------------------------------------------------------

    def _appointments(self, facility):
        begin, end = facility._day_bounds(self.day)
        visits = self.env["healthcare.appointment"].search(
            [
                ("facility_id", "=", facility.id),
                ("start", ">=", begin),
                ("start", "<", end),
                ("state", "not in", ("cancelled", "no_show")),
            ],
            order="start, id",
            limit=LIMIT + 1,
        )
        return self._list(
            self.env._("Appointments"),
            [
                ("time", self.env._("Time")),
                ("patient", self.env._("Patient")),
                *self._born(),
                ("number", self.env._("Appointment")),
                ("services", self.env._("Services")),
                ("state", self.env._("State")),
                ("clearance", self.env._("Clearance")),
                ("coverage", self.env._("Coverage")),
                ("deposit", self.env._("Deposit")),
                ("missing", self.env._("What is missing")),
            ],
            visits,
            lambda visit: {
                "time": self._clock(facility, visit.start),
                **self._who(visit.patient_id),
                "number": visit.identifier,
                "services": ", ".join(
                    f"{line.service_id.code} {line.service_id.name}"
                    + (f" x {line.quantity:g}" if line.quantity != 1 else "")
                    for line in visit.line_ids
                ),
                "state": self._label(visit, "state"),
                "clearance": self._label(visit, "clearance"),
                "coverage": self._coverage(visit),
                "deposit": self._deposit(visit),
                "missing": " ".join(visit.clearance_reasons or []),
            },
            self.env._("No appointments on this day."),
        )

    def _authorizations(self, facility):
        authorizations = self.env["healthcare.authorization"].search(
            [("facility_id", "=", facility.id), ("state", "!=", "approved")],
            limit=LIMIT * 2,
        )
        # Those nobody has to ask for again are over.
        wanted = authorizations.filtered(
            lambda one: one.state == "requested" or one._leaves_gap()
        ).sorted(
            lambda one: (one.appointment_id.start or fields.Datetime.now(), one.id)
        )
        return self._list(
            self.env._("Open authorizations"),
            [
                ("patient", self.env._("Patient")),
                *self._born(),
                ("payer", self.env._("Payer")),
                ("number", self.env._("Number")),
                ("state", self.env._("State")),
                ("services", self.env._("Services")),
                ("visit", self.env._("Appointment")),
                ("until", self.env._("Valid until")),
            ],
            wanted,
            lambda one: {
                **self._who(one.patient_id),
                "payer": one.payer_id.name or "",
                "number": one.number or "",
                "state": self._label(one, "state"),
                "services": ", ".join(one.service_ids.mapped("code")),
                "visit": self._visit(facility, one.appointment_id),
                "until": one.date_to or None,
            },
            self.env._("No authorization is open."),
        )

    def _exceptions(self, facility):
        issues = self.env["healthcare.exception"].search(
            [
                ("facility_id", "=", facility.id),
                ("state", "in", ("open", "assigned")),
            ],
            order="deadline, id",
            limit=LIMIT + 1,
        )
        return self._list(
            self.env._("Open exceptions"),
            [
                ("number", self.env._("Number")),
                ("category", self.env._("Category")),
                ("patient", self.env._("Patient")),
                ("reason", self.env._("What happened")),
                ("step", self.env._("What to do")),
                ("amount", self.env._("Amount at risk")),
                ("owner", self.env._("Owner")),
                ("due", self.env._("Due")),
            ],
            issues,
            lambda issue: {
                "number": issue.name,
                "category": self._label(issue, "category"),
                **self._who(issue.patient_id),
                "reason": issue.reason or "",
                "step": issue.next_step or "",
                "amount": self._money(issue.amount_at_risk, issue.currency_id),
                "owner": issue.user_id.name or "",
                "due": self._visit_time(facility, issue.deadline),
            },
            self.env._("No exception is open."),
        )

    def _list(self, title, columns, records, row, empty):
        return {
            "title": title,
            "columns": columns,
            "rows": [row(record) for record in records[:LIMIT]],
            "patients": records[:LIMIT].patient_id.ids,
            "empty": empty,
            "more": self.env._("Only the first %s are listed.", LIMIT)
            if len(records) > LIMIT
            else "",
        }

    # -- cells ----------------------------------------------------------------------

    def _born(self):
        if not self._named():
            return []
        return [("born", self.env._("Born")), ("record", self.env._("Record number"))]

    def _who(self, patient):
        if not self._named():
            return {"patient": patient.healthcare_reference or ""}
        return {
            "patient": patient.name or "",
            "born": patient.healthcare_birth_date or None,
            "record": patient.healthcare_identifier_ids[:1].value or "",
        }

    def _label(self, record, name):
        labels = dict(record._fields[name]._description_selection(self.env))
        return labels.get(record[name], "")

    def _clock(self, facility, moment):
        local = fields.Datetime.context_timestamp(
            self.with_context(tz=facility._time_zone()), moment
        )
        return local.strftime("%H:%M")

    def _visit_time(self, facility, moment):
        if not moment:
            return ""
        return f"{facility._day_of(moment)} {self._clock(facility, moment)}"

    def _visit(self, facility, visit):
        if not visit:
            return ""
        return f"{visit.identifier}, {self._visit_time(facility, visit.start)}"

    def _coverage(self, visit):
        coverages = visit.patient_id.healthcare_coverage_ids
        coverage = coverages._first_on(visit.start.date())
        parts = [self._label(visit, "coverage_state")]
        if coverage and not visit.self_pay:
            parts.insert(0, coverage.payer_id.name)
            if self._named():
                parts.insert(1, coverage.member_id or "")
        return ", ".join(part for part in parts if part)

    def _deposit(self, visit):
        if visit.deposit_state == "not_required":
            return ""
        required = self._money(visit.deposit_required, visit.currency_id)
        return f"{required} ({self._label(visit, 'deposit_state').lower()})"

    def _money(self, amount, currency):
        return f"{amount:,.2f} {currency.name or ''}".strip() if amount else ""


# What a title of a sheet must not hold.
_NOT_IN_TITLES = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))


def _with_own_titles(lists):
    """Return the lists with titles of which no two are the same once cut."""
    taken, result = set(), []
    for title, *rest in lists:
        short, number = title[:31], 1
        while short.casefold() in taken:
            number += 1
            short = f"{title[:27]} {number}"
        taken.add(short.casefold())
        result.append((short, *rest))
    return result


class ReportWorklist(models.AbstractModel):
    """What the printed page is made of."""

    _name = "report.healthcare_connector.report_worklist"
    _description = "Printed Worklist"

    @api.model
    def _get_report_values(self, docids, data=None):
        """Return ``{"docs", "parts"}``; with names, being printed is recorded."""
        worklists = self.env["healthcare.worklist"].browse(docids).exists()
        worklists.check_access("read")
        return {
            "docs": worklists,
            "parts": {worklist: worklist._take_lists() for worklist in worklists},
            "named": {worklist: worklist._named() for worklist in worklists},
            "printed_at": fields.Datetime.context_timestamp(
                self, fields.Datetime.now()
            ).strftime("%Y-%m-%d %H:%M"),
        }
