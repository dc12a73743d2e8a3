"""What all workflows share: looking things up in bulk, and naming what is missing."""

from odoo import api, models
from odoo.tools import SQL

from ...core.mapping import value_maps


class HealthcareWorkflow(models.AbstractModel):
    """Base of the business flows.

    A flow implements ``_on_<event>(events)`` for event types that name it as their
    ``workflow``. ``events`` are many events of one type and one company, at most one
    per subject. It may say of an event:

    - ``event._content()``: its canonical ``data``
    - ``event._park(category, reason, cause=…, amount=…)``: a person must look
    - ``event._raise_issue(category, reason, fingerprint, …)``: the same, but go on
    - ``event._link(documents)``: these documents come from it
    - ``event._note_stale()``: it was older than what is known
    - ``event._announce(key)``: what others wait for is there now

    Whatever it raises rolls the group back; it is then split until the bad event stands
    alone.
    """

    _name = "healthcare.workflow"
    _description = "Workflow"
    # Types of facts that the events of another addon lead to; of ours, see
    # :data:`..governance.data_governance.FACTS`.
    _fact_types = ()
    # Whether it writes to what other events of a company use as well: its journals,
    # its stock. Shards then take turns (:mod:`..exchange.engine_turns`).
    _takes_turns = False

    # -- look-ups, one query for many events ------------------------------------

    @api.model
    def _patients_by_subject(self, subjects):
        """Return ``{patient key: res.partner}`` for keyed hashes of identifiers."""
        identifiers = self.env["healthcare.patient.identifier"].search(
            [("subject", "in", list(subjects))]
        )
        return {identifier.subject: identifier.partner_id for identifier in identifiers}

    @api.model
    def _payers_by_code(self, codes):
        payers = self.env["res.partner"].search(
            [("healthcare_payer_code", "in", [code for code in codes if code])]
        )
        return {payer.healthcare_payer_code: payer for payer in payers}

    @api.model
    def _services_by_code(self, codes):
        services = self.env["healthcare.service"].search([("code", "in", list(codes))])
        return {service.code: service for service in services}

    @api.model
    def _supplies_by_code(self, codes):
        """Return ``{code: product}`` of stocked products by internal reference."""
        products = self.env["product.product"].search(
            [
                ("default_code", "in", list(codes)),
                ("type", "=", "consu"),
                ("company_id", "in", (False, self.env.company.id)),
            ]
        )
        return {product.default_code: product for product in products}

    @api.model
    def _appointments_by_subject(self, subjects):
        appointments = self.env["healthcare.appointment"].search(
            [("subject", "in", list(subjects))]
        )
        return {appointment.subject: appointment for appointment in appointments}

    @api.model
    def _appointments_by_authorization(self, keys):
        """Return ``{authorization key: appointment}``."""
        ordering = self.env["healthcare.ordering"]
        found = self._appointments_by_subject(
            "appointment/" + key.partition("/")[2] for key in keys
        )
        return {ordering._authorization_key(one): v for one, v in found.items()}

    @api.model
    def _patient_keys(self, data):
        """Return the patient keys of an event's ``data``, the first one first."""
        ordering = self.env["healthcare.ordering"]
        return [
            ordering._patient_key(identifier["system"], identifier["value"])
            for identifier in (data.get("patient") or {}).get("identifiers", ())
        ]

    @api.model
    def _sequence_numbers(self, code, count, sequence=None):
        """Return ``count`` numbers of a sequence, fetched at once."""
        # Stands in for the system: numbering is configuration of Odoo's.
        sequences = self.env["ir.sequence"].sudo()
        sequence = sequence or sequences.search(
            [("code", "=", code), ("company_id", "in", (self.env.company.id, False))],
            order="company_id",
            limit=1,
        )
        sequence = sequence.sudo()
        if sequence.implementation != "standard" or sequence.use_date_range:
            return [sequence.next_by_id() for _number in range(count)]
        rows = self.env.execute_query(
            SQL(
                "SELECT nextval(%s) FROM generate_series(1, %s)",
                f"ir_sequence_{sequence.id:03d}",
                count,
            )
        )
        return [sequence.get_next_char(row[0]) for row in rows]

    # -- grouping ---------------------------------------------------------------

    @api.model
    def _apart(self, events, keys_of):
        """Split events into groups in which no two share a key, in their order."""
        groups, last = [], {}
        for event in events:
            keys = keys_of(event)
            index = max((last[key] + 1 for key in keys if key in last), default=0)
            if index == len(groups):
                groups.append([])
            groups[index].append(event.id)
            last.update(dict.fromkeys(keys, index))
        return [events.browse(group) for group in groups]

    # -- clearance --------------------------------------------------------------

    @api.model
    def _refresh_clearance(self, events):
        """Judge anew the visits of patients whose coverage changed.

        :param events: ``{patient: event}`` that changed it
        """
        changed = self._visits_concerned(events)._compute_clearance()
        changed._emit_appointments({one: events[one.patient_id] for one in changed})

    @api.model
    def _visits_concerned(self, events):
        """Return the visits whose clearance news of these patients may change.

        Of visits that are over only those that news of before them concern: late
        arrivals must not matter, while history is not rewritten.

        :param events: ``{patient: event}``
        """
        visits = self.env["healthcare.appointment"]
        if not events:
            return visits
        return visits.search(
            [("patient_id", "in", [patient.id for patient in events])]
        ).filtered(
            lambda visit: (
                visit.state in ("booked", "confirmed", "checked_in")
                or events[visit.patient_id].occurred_at <= visit.known_at
            )
        )

    # -- what is missing --------------------------------------------------------

    @api.model
    def _without_facility(self, events):
        """Park events of a facility nobody has set up; return the others."""
        without = events.filtered(lambda event: not event.facility_id)
        if not without:
            return events
        facilities = self.env["healthcare.facility"].search(
            [("code", "in", [event._content()["facility"] for event in without])]
        )
        by_code = {facility.code: facility for facility in facilities}
        for event in without:
            code = event._content()["facility"]
            if code in by_code:
                # Set up after the event came in.
                event.facility_id = by_code[code]
            else:
                event._park(
                    "missing_dependency",
                    self.env._("No facility with this code is set up."),
                    cause=f"facility/{code}",
                )
        return events.filtered("facility_id")

    @api.model
    def _with_patient(self, events):
        """Return ``{event: patient}``; park events whose patient is not known yet."""
        keys = {event: self._patient_keys(event._content()) for event in events}
        known = self._patients_by_subject(key for ones in keys.values() for key in ones)
        patients, unknown = {}, []
        for event, ones in keys.items():
            patient = next((known[key] for key in ones if key in known), None)
            if patient:
                patients[event] = patient
            else:
                unknown.append(event)
        payers = self._unknown_payers(unknown)
        for event in unknown:
            if event in payers:
                event._park(
                    "missing_payer",
                    self.env._("No payer has the code %s.", payers[event]),
                    cause=f"payer/{payers[event]}",
                )
                continue
            event._park(
                "missing_dependency",
                self.env._("The patient is not registered yet."),
                cause=self._patient_cause(event, keys[event]),
            )
        return patients

    @api.model
    def _unknown_payers(self, events):
        """Return ``{event: payer code}`` where nobody knows the payer either.

        A payer's answer names the patient by member number, which says nothing before
        it is known who the payer is.
        """
        codes = {}
        for event in events:
            data = event._content()
            if any(
                identifier["system"].startswith(value_maps.MEMBER)
                for identifier in value_maps.identifiers(data)
            ):
                codes.update((event, code) for code in value_maps.payer_codes(data))
        known = self._payers_by_code(set(codes.values())) if codes else {}
        return {event: code for event, code in codes.items() if code not in known}

    @api.model
    def _patient_cause(self, event, keys):
        """Return what makes an unknown patient known."""
        first = value_maps.identifiers(event._content())[:1]
        if first and first[0]["system"] == value_maps.ACCOUNT:
            return self.env["healthcare.ordering"]._account_key(first[0]["value"])
        return keys[0] if keys else None

    @api.model
    def _causes_present(self, causes):
        """Return those cause keys whose missing thing is there by now."""
        self.env.flush_all()
        by_kind = {}
        for cause in causes:
            kind, _, value = cause.partition("/")
            by_kind.setdefault(kind, {})[value] = cause
        present = set()
        for kind, query in self._cause_queries().items():
            values = by_kind.get(kind)
            if not values:
                continue
            keys = (
                list(values.values()) if kind in self._hashed_kinds() else list(values)
            )
            for (found,) in self.env.execute_query(SQL(query, keys)):
                present.add(found if kind in self._hashed_kinds() else values[found])
        return present

    @api.model
    def _hashed_kinds(self):
        """Kinds whose stored key is the whole ``kind/hash``."""
        return ("patient", "appointment", "account", "claim", "order")

    @api.model
    def _cause_queries(self):
        """Return, per kind of cause, the query for which of the given keys exist."""
        return {
            # By a number of ours, or by the member number a payer answers with.
            "patient": "WITH keys AS (SELECT unnest(%s) AS k) "
            "SELECT k FROM keys JOIN healthcare_patient_identifier ON subject = k "
            "UNION SELECT k FROM keys "
            "JOIN healthcare_coverage ON member_key = k AND active",
            "appointment": "SELECT subject FROM healthcare_appointment "
            "WHERE subject = ANY(%s)",
            "claim": "SELECT subject FROM healthcare_claim WHERE subject = ANY(%s)",
            "payer": "SELECT healthcare_payer_code FROM res_partner "
            "WHERE active AND healthcare_payer_code = ANY(%s)",
            "service": "SELECT code FROM healthcare_service "
            "WHERE active AND code = ANY(%s)",
            "supply": "SELECT default_code FROM product_product "
            "WHERE active AND default_code = ANY(%s)",
            "facility": "SELECT code FROM healthcare_facility "
            "WHERE active AND code = ANY(%s)",
            "coverage": "SELECT DISTINCT i.subject FROM healthcare_coverage c "
            "JOIN healthcare_patient_identifier i ON i.partner_id = c.patient_id "
            "WHERE c.active AND c.status != 'inactive' AND i.subject = ANY(%s)",
            # Invoices posted a while ago were announced; only a lost wake-up is healed.
            "account": "SELECT p.healthcare_account_key FROM account_move m "
            "JOIN res_partner p ON p.id = m.healthcare_patient_id "
            "WHERE m.state = 'posted' AND m.payment_state IN ('not_paid', 'partial') "
            "AND m.create_date > now() AT TIME ZONE 'UTC' - interval '1 hour' "
            "AND p.healthcare_account_key = ANY(%s)",
            "patient-invoice": "SELECT i.subject FROM account_move m "
            "JOIN healthcare_patient_identifier i "
            "ON i.partner_id = m.healthcare_patient_id "
            "WHERE m.state = 'posted' AND m.payment_state IN ('not_paid', 'partial') "
            "AND m.create_date > now() AT TIME ZONE 'UTC' - interval '1 hour' "
            "AND i.subject = ANY(%s)",
            "invoice": "SELECT name FROM account_move WHERE state = 'posted' "
            "AND move_type = 'out_invoice' AND name = ANY(%s)",
            "paid": "SELECT id::text FROM account_move WHERE id = ANY(%s::int[]) "
            "AND payment_state IN ('paid', 'in_payment', 'reversed')",
            # Gone when what stood in the way is: the completion that came first.
            "completion": "SELECT k FROM unnest(%s::text[]) AS k WHERE NOT EXISTS ("
            "SELECT 1 FROM healthcare_completion c WHERE c.id::text = k "
            "AND c.superseded IS NOT TRUE)",
            "stock": self._stock_query("healthcare_appointment_id"),
            "stock-service": self._stock_query("healthcare_completion_id"),
        }

    @api.model
    def _stock_query(self, owner):
        """Return the query for which owners wait for nothing, or for what is there."""
        waiting = (
            "FROM stock_move m JOIN stock_picking o ON o.id = m.picking_id "
            "JOIN stock_location l ON l.id = m.location_id "
            f"WHERE o.{owner} = p.{owner} "
            "AND m.state IN ('waiting', 'confirmed', 'partially_available')"
        )
        return (
            f"SELECT DISTINCT p.{owner}::text FROM stock_picking p "
            f"WHERE p.{owner} = ANY(%s::int[]) AND (NOT EXISTS (SELECT 1 {waiting}) "
            f"OR EXISTS (SELECT 1 {waiting} AND EXISTS ("
            "SELECT 1 FROM stock_quant q JOIN stock_location s ON s.id = q.location_id "
            "WHERE q.product_id = m.product_id AND q.quantity > q.reserved_quantity "
            "AND starts_with(s.parent_path, l.parent_path))))"  # nosec B608 # constants
        )
