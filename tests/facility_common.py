"""A day at each of two facilities, with all that a facility has of its own."""

from odoo import Command
from odoo.tests import new_test_user

from .test_format_hl7v2 import ADT, body
from .workflow_common import WorkflowCase, event

GROUP = "healthcare_connector.group_"
ROLES = {
    "operator": f"{GROUP}operator,sales_team.group_sale_salesman_all_leads,"
    "stock.group_stock_user",
    "finance": f"{GROUP}finance,account.group_account_manager,"
    "sales_team.group_sale_manager,stock.group_stock_manager",
    "auditor": f"{GROUP}auditor",
    "administrator": f"{GROUP}administrator",
    "phi_reader": f"{GROUP}operator,{GROUP}phi_reader",
    "replay": f"{GROUP}operator,{GROUP}replay",
}
ODOO = (
    "account.move",
    "account.move.line",
    "account.payment",
    "res.partner",
    "sale.order",
    "sale.order.line",
    "stock.picking",
)
# Of no facility: settings for all, what keeps things going, what no user reads. Any
# other model has a rule in security/facility_rules.xml and rows in the day below.
FOR_ALL = {
    "healthcare.access.check",
    "healthcare.adjustment.code",
    "healthcare.alike",
    "healthcare.authorization.rule",
    "healthcare.event.type",
    "healthcare.event.type.version",
    "healthcare.fact.column",
    "healthcare.fact.latest",
    "healthcare.key.count",
    "healthcare.key.job",
    "healthcare.key.job.line",
    "healthcare.key.problem",
    "healthcare.key.use",
    "healthcare.mapping.event",
    "healthcare.mapping.row",
    "healthcare.modifier",
    "healthcare.quality.rule",
    "healthcare.policy",
    "healthcare.policy.rule",
    "healthcare.retention.policy",
    "healthcare.retention.run",
    "healthcare.service",
    "healthcare.service.line",
    "healthcare.service.supply",
    "healthcare.sitting",
    "healthcare.surrogate",
    "healthcare.target",
    "healthcare.target.flow",
}


class FacilityCase(WorkflowCase):
    """A day at the east and a day at the west clinic, of one company."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        far = cls.env["stock.warehouse"].create({"name": "Far West", "code": "TWEST"})
        cls.west = cls.env["healthcare.facility"].create(
            {"name": "West", "code": "T-WEST", "warehouse_id": far.id}
        )
        for facility in (cls.facility, cls.west):
            facility.deposit_policy = "estimate"
        cls.sources = {
            facility: cls.env["healthcare.source"].create(
                {
                    "name": f"Only {facility.name}",
                    "code": f"only-{facility.code.lower()}",
                    "environment": "sandbox",
                    "facility_ids": [Command.set(facility.ids)],
                }
            )
            for facility in (cls.facility, cls.west)
        }
        cls.users = {
            role: new_test_user(
                cls.env,
                f"east-{role}",
                groups=f"base.group_user,base.group_allow_export,{groups}",
            )
            for role, groups in ROLES.items()
        }
        cls.free = new_test_user(
            cls.env,
            "free-of-limits",
            groups=f"base.group_user,{GROUP}administrator,{GROUP}replay,"
            + ROLES["finance"],
        )
        for user in cls.users.values():
            user.healthcare_facility_ids = cls.facility
        cls.env["healthcare.target"].create(
            {"name": "Warehouse", "url": "https://example.test/facts", "paused": True}
        )

    def day(self, facility, letter):
        """Play a day at a facility: all that a facility can have of its own."""
        own = self.sources[facility]

        def here(envelope):
            data = envelope["data"]
            return {**envelope, "data": {**data, "facility": facility.code}}

        def about(name, minute, **data):
            data = {"patient": self.patient_ref(f"{letter}1"), **data}
            return here(
                event(name, {"facility": facility.code, **data}, time=self.at(minute))
            )

        one, two, visit = f"{letter}1", f"{letter}2", f"{letter}V1"
        payer = {"code": "T-PAYER"}
        named = {"name": {"family": letter, "given": [letter]}}
        self.play(
            here(self.register(one)),
            # The same person once more, by another number.
            here(self.register(two, patient=named)),
            here(self.register(f"{letter}3", patient=named)),
            here(self.appointment("booked", one, visit, 1)),
            here(self.appointment("confirmed", one, visit, 2)),
            here(self.appointment("booked", one, f"{letter}V2", 3, self_pay=True)),
            here(self.appointment("confirmed", f"{letter}9", f"{letter}V9", 3)),
            about(
                "authorization.approved",
                4,
                authorization={"number": f"{letter}A", "units": 5},
                appointment_id=visit,
                payer=payer,
            ),
        )
        self.lies(facility, 1)
        self.play(here(self.completed(one, f"{letter}S1", 60, visit)))
        self.lies(facility, 50)
        invoice = self.visit(visit).invoice_ids
        claim = {"id": f"{letter}C", "invoice": invoice.name, "charged": "800.00"}
        adjustment = {"group": "CO", "reason": "45", "amount": "300.00"}
        self.play(about("claim.submitted", 70, claim=claim, payer=payer))
        self.play(
            about(
                "claim.adjudicated",
                71,
                claim={**claim, "paid": "500.00", "adjustments": [adjustment]},
                payer=payer,
            ),
            here(self.payment(f"{letter}P1", "3.00", 72, one)),
            here(self.payment(f"{letter}P2", "7.00", 73, one, payer_type="patient")),
            here(self.register(f"{letter}4", payer=f"{letter}-NEW")),
        )
        bad = self.register(f"{letter}5", patient={"birth_date": "Unsinn"})
        self.send(here(bad))
        unknown = self.register(f"{letter}6")
        unknown["data"].pop("facility")
        self.send(unknown, source=own)
        message = [
            line.replace("C1|P", f"{letter}|P").replace("NORTH", facility.code)
            for line in ADT
        ]
        intake = self.env["healthcare.intake"]
        intake._receive_body(own, "hl7v2", body(*message))
        strange = [line.replace("ADT^A04^ADT_A01", "ADT^A13") for line in message]
        intake._receive_body(own, "hl7v2", body(*strange))
        self.process()
        self.around(facility, letter)
        self.env.flush_all()

    def lies(self, facility, quantity):
        """Set how much of the contrast agent lies at a facility."""
        near, case = self.warehouse, type(self)
        case.warehouse = facility.warehouse_id
        self._stock(self.contrast, quantity)
        case.warehouse = near

    def around(self, facility, letter):
        """Make what people and jobs make of a facility's events."""
        events = self.env["healthcare.event"].search(
            [("facility_id", "=", facility.id)]
        )
        rule = self.env["healthcare.alert.rule"].create(
            {
                "name": f"Held up {letter}",
                "figure": "held",
                "threshold": 1,
                "close_threshold": 0,
                "scope": "one",
                "facility_id": facility.id,
                "user_ids": [Command.set(self.free.ids)],
            }
        )
        self.env.flush_all()
        self.env["healthcare.alert"]._evaluate()
        self.assertTrue(rule.alert_ids.notice_ids)
        bad = events.filtered("rejected")
        self.env["healthcare.event.correction"].create(
            {
                "event_id": bad[:1].id,
                "version": 1,
                "uuid": letter,
                "user_id": self.env.uid,
                "reason": letter,
                "body": b"x",
            }
        )
        readings = self.env["healthcare.payload.access"]
        readings._record(events[:1])
        readings._record_messages(events.message_id)
        patient = self.patient(f"{letter}1")
        readings._record_worklist({facility: patient.ids}, "appointments", "test")
        self.env["healthcare.legal.hold"].create(
            {"name": letter, "reason": letter, "partner_id": patient.id}
        )
        self.env["healthcare.data.request"].create(
            {"partner_id": patient.id, "kind": "erase", "reason": letter}
        )._preview()
        self.env["healthcare.control.total"].create(
            {
                "source_id": self.source.id,
                "type_id": events.type_id[:1].id,
                "day": "2026-03-02",
                "day_start": "2026-03-02 00:00:00",
                "day_end": "2026-03-03 00:00:00",
                "facility_id": facility.id,
                "told_at": "2026-03-02 20:00:00",
                "due_at": "2026-03-02 20:00:00",
            }
        )
        job = self.env["healthcare.replay"].create(
            {"reason": letter, "facility_id": facility.id, "event_state": "exception"}
        )
        job._fix_lines()
        for model, more in (
            ("outcome", {"phase": "result", "outcome": "done", "count": 1}),
            ("difference", {"change": "created", "document": letter, "res_model": "x"}),
        ):
            self.env[f"healthcare.replay.{model}"].create({"replay_id": job.id, **more})
        source = self.sources[facility]
        self.env["healthcare.downtime.import"].create(
            {"facility_id": facility.id, "source_id": source.id}
        )
        self.env["healthcare.exception.policy"].create(
            {"category": "stock_shortage", "facility_id": facility.id}
        )
        self.env["healthcare.value.map"].create(
            {
                "source_id": source.id,
                "kind": "facilities",
                "code": letter,
                "facility_id": facility.id,
            }
        )
        self.env["healthcare.mapping"].create(
            {"name": letter, "format": "hl7v2", "source_id": source.id, "kind": "X^X"}
        )
        self.env["healthcare.pause"].create(
            {"scope": "source", "source_id": source.id, "reason": letter}
        )
        self.env["healthcare.source.secret"]._issue(source)
        twins = self.patient(f"{letter}2") | self.patient(f"{letter}3")
        distinct = self.env["healthcare.patient.distinct"]
        distinct._remember([tuple(sorted(twins.ids))], letter)
        self.env["healthcare.patient.merge"]._merge(
            *(self.patient(f"{letter}{number}") for number in (2, 3)),
            event=None,
            reason=letter,
        )
        target = self.env["healthcare.target"].search([("name", "=", "Warehouse")])
        batch = {"target_id": target.id, "uuid": letter, "state": "delivered"}
        batch = self.env["healthcare.delivery.batch"].create(batch)
        self.env["healthcare.backfill"].create({"target_id": target.id})
        self.env["healthcare.lineage.run"].create(
            {
                "batch_id": batch.id,
                "endpoint_id": target.id,
                "told_at": "2026-03-02 20:00:00",
            }
        )
        self.env["healthcare.quality.result"].create(
            {
                "rule_id": self.env["healthcare.quality.rule"]
                .create({"name": letter, "fact_type": "claim", "column": "payer"})
                .id,
                "company_id": facility.company_id.id,
                "facility_id": facility.id,
                "day": "2026-03-02",
                "checked_count": 1,
            }
        )
        self.env["healthcare.completeness"].create(
            {
                "target_id": target.id,
                "checked_at": "2026-03-02 20:00:00",
                "method": "receipts",
                "state": "gap",
                "line_ids": [
                    Command.create({"fact_type": "claim", "day": "2026-03-02"})
                ],
            }
        )
        self.env["healthcare.quality.result"].create(
            {
                "rule_id": self.env["healthcare.quality.rule"]
                .create({"name": letter, "fact_type": "claim", "column": "payer"})
                .id,
                "company_id": facility.company_id.id,
                "facility_id": facility.id,
                "day": "2026-03-02",
                "checked_count": 1,
            }
        )
        self.env["healthcare.completeness"].create(
            {
                "target_id": target.id,
                "checked_at": "2026-03-02 20:00:00",
                "method": "query",
                "state": "gap",
                "line_ids": [
                    Command.create({"fact_type": "claim", "day": "2026-03-02"})
                ],
            }
        )
        issue = events.exception_ids.filtered(lambda x: x.event_id.type_id)[:1]
        self.env["healthcare.payment.suggestion"].create(
            {"exception_id": issue.id, "currency_id": issue.currency_id.id}
        )
        self.env["healthcare.approval"].create(
            {
                "kind": "waive",
                "exception_id": issue.id,
                "subject": letter,
                "reason": letter,
                "requested_by_id": self.free.id,
            }
        )
        self.env["healthcare.tally.total"]._add_fresh()
        self.env["healthcare.exception.cause"]._sync()

    def stored(self):
        """Return the models to be walked: all of ours with rows, and Odoo's own."""
        ours = [
            name
            for name, model in self.env.registry.items()
            if name.startswith("healthcare.")
            and not model._abstract
            and not model._transient
            and name not in FOR_ALL
        ]
        return sorted([*ours, *ODOO])

    def rows(self):
        self.env.flush_all()
        return {
            model: set(
                self.env[model]
                .sudo()
                .with_context(active_test=False)
                .search([], order="id")
                .ids
            )
            for model in self.stored()
        }
