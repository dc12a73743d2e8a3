"""The record of who saw what: chained, guarded by the database, checked."""

import logging

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.sql_db import PoolError
from odoo.tools import SQL

from ...core.errors import KeyringError
from ...core.protection import access_record, hash_chain
from ..exchange.aside import aside
from ..exchange.engine import LOCK_CLASS
from ..governance.payload_access import PENDING
from .legal_hold import ADMINISTRATOR

_logger = logging.getLogger(__name__)

AUDITOR = "healthcare_connector.group_auditor"
LOCK = 1001  # beyond the partitions, which the same class of locks is for
# Nothing may be changed but that a row finds its place in the chain, once.
GUARD = """
CREATE OR REPLACE FUNCTION healthcare_payload_access_guard() RETURNS trigger AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.sequence IS NULL AND NEW.sequence IS NOT NULL
        AND to_jsonb(NEW) - '{sequence,previous,hash}'::text[]
          = to_jsonb(OLD) - '{sequence,previous,hash}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The record of who saw what is never changed or deleted.'
        USING ERRCODE = 'insufficient_privilege';
END $$ LANGUAGE plpgsql;
DROP TRIGGER IF EXISTS healthcare_guard ON healthcare_payload_access;
CREATE TRIGGER healthcare_guard BEFORE UPDATE OR DELETE ON healthcare_payload_access
    FOR EACH ROW EXECUTE FUNCTION healthcare_payload_access_guard();
DROP TRIGGER IF EXISTS healthcare_guard_all ON healthcare_payload_access;
CREATE TRIGGER healthcare_guard_all BEFORE TRUNCATE ON healthcare_payload_access
    FOR EACH STATEMENT EXECUTE FUNCTION healthcare_payload_access_guard();
"""


class HealthcarePayloadAccess(models.Model):
    _inherit = "healthcare.payload.access"

    sequence = fields.Integer(string="Place", readonly=True, aggregator=None)
    previous = fields.Char(readonly=True)
    hash = fields.Char(string="Chained", readonly=True)

    _sequence_unique = models.UniqueIndex("(sequence)")

    def init(self):
        """Have the database itself refuse to change or delete a row."""
        self.env.cr.execute(GUARD)

    # -- chaining ---------------------------------------------------------------

    @api.model
    def _chain_pending(self):
        """Chain what this transaction recorded, as the last thing before it commits.

        One transaction at a time does this, from here until its commit is visible. The
        last row is looked up on another connection as well: the snapshot of this
        transaction may be older than the lock.
        """
        ids = self.env.cr.precommit.data.pop(PENDING, None)
        if not ids:
            return
        self.env.cr.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_CLASS, LOCK])
        self.env.cr.execute(access_record.LAST)
        last = self.env.cr.fetchone() or (0, "")
        try:
            with aside(self.env.cr.dbname) as cr:
                cr.execute(access_record.LAST)
                last = max(last, cr.fetchone() or (0, ""))
            self._chain(ids, *last)
        except (KeyringError, PoolError, psycopg2.OperationalError) as error:
            # They are recorded; the daily check chains them.
            _logger.warning(
                "%s readings are not chained yet: %s", len(ids), type(error).__name__
            )

    @api.model
    def _chain(self, ids, sequence, previous):
        keyring = self.env["healthcare.keyring"]._get()
        values = []
        for row in self.env.execute_query(SQL(access_record.BY_IDS, list(ids))):
            sequence += 1
            found = hash_chain.follow(
                keyring, access_record.DOMAIN, sequence, previous, row[-1]
            )
            values.append((row[0], sequence, previous, found))
            previous = found
        if values:
            self.env.cr.execute_values(
                """UPDATE healthcare_payload_access a
                SET sequence = v.sequence, previous = v.previous, hash = v.hash
                FROM (VALUES %s) v (id, sequence, previous, hash)
                WHERE a.id = v.id AND a.sequence IS NULL""",
                values,
                page_size=len(values),
            )
            self.invalidate_model(["sequence", "previous", "hash"])

    @api.model
    def _chain_left_over(self):
        """Chain what could not be chained when it was recorded; return how many."""
        self.env.cr.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_CLASS, LOCK])
        rows = self.env.execute_query(
            SQL(
                "SELECT id FROM healthcare_payload_access WHERE sequence IS NULL"
                " ORDER BY id"
            )
        )
        if rows:
            self.env.cr.execute(access_record.LAST)
            last = self.env.cr.fetchone() or (0, "")
            self._chain([row[0] for row in rows], *last)
        return len(rows)

    # -- checking ---------------------------------------------------------------

    @api.model
    def _check_chain(self):
        """Follow the chain from its first row.

        :return: ``(break or None, number of rows, last hash)``; the break is a
            :class:`~..core.protection.hash_chain.Break`
        :raise KeyringError: without the keyring nothing can be checked
        """
        return access_record.follow(
            self.env["healthcare.keyring"]._get(),
            lambda place: self.env.execute_query(SQL(access_record.AFTER, place)),
        )

    @api.model
    def action_check(self):
        """Check the whole record now and say what came of it; writes nothing."""
        user = self.env.user
        if not user.has_groups(f"{AUDITOR},{ADMINISTRATOR}"):
            raise AccessError(self.env._("Only auditors and administrators check it."))
        # Stands in for the auditor, who sees the record but not the whole of its rows.
        found = self.env["healthcare.access.check"].sudo()._look()
        sound = found["state"] == "sound"
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Sound") if sound else self.env._("At Fault"),
                "message": self.env._(
                    "%(count)s entries, last hash %(hash)s.",
                    count=found["count"],
                    hash=(found["last_hash"] or "")[:16],
                )
                if sound
                else found["message"],
                "type": "success" if sound else "danger",
                "sticky": True,
            },
        }


class HealthcareAccessCheck(models.Model):
    """That the record was checked, how far it went, and its last hash.

    The last hash is also in the server's log: kept elsewhere, it proves that nothing
    was cut off at the end.
    """

    _name = "healthcare.access.check"
    _description = "Check of the Access Record"
    _order = "id desc"
    _log_access = False
    _rec_name = "date"

    date = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    user_id = fields.Many2one("res.users", string="By", readonly=True)
    state = fields.Selection(
        [
            ("sound", "Sound"),
            ("broken", "Tampered With"),
            ("unchecked", "Could Not Be Checked"),
        ],
        required=True,
        readonly=True,
    )
    count = fields.Integer(string="Entries", readonly=True, aggregator=None)
    last_hash = fields.Char(readonly=True)
    message = fields.Char(readonly=True)

    @api.model
    def _cron_check(self):
        self._check()

    @api.model
    def _check(self):
        """Chain what is left over, check the record, and keep the result."""
        self.env.flush_all()
        try:
            self.env["healthcare.payload.access"]._chain_left_over()
        except KeyringError:
            _logger.warning("The access record cannot be chained without the keyring")
        found = self._look()
        _logger.log(
            logging.ERROR if found["state"] == "broken" else logging.INFO,
            "Access record: %s entries, last hash %s, %s",
            found["count"],
            found["last_hash"] or "-",
            found["message"] or "sound",
        )
        return self.create({**found, "user_id": self.env.uid})

    @api.model
    def _look(self):
        """Check the record, from first to last; return the values of a check."""
        try:
            broken, count, last = self.env["healthcare.payload.access"]._check_chain()
        except KeyringError as error:
            return {
                "state": "unchecked",
                "count": 0,
                "last_hash": False,
                "message": error.detail,
            }
        message = self._words(broken) if broken else self._cut_off(count)
        return {
            "state": "broken" if message else "sound",
            "count": count,
            "last_hash": last,
            "message": message,
        }

    def _words(self, broken):
        words = {
            "gap": self.env._("Entries before it were removed or put between."),
            "link": self.env._("It does not follow the entry before it."),
            "content": self.env._("What it says was changed."),
        }
        return self.env._(
            "Entry %(number)s is the first at fault. %(reason)s",
            number=broken.sequence,
            reason=words[broken.reason],
        )

    def _cut_off(self, count):
        """Say when entries are gone that an earlier check saw."""
        rows = self.env.execute_query(SQL(access_record.CUT_OFF))
        if not rows:
            return False
        return self.env._(
            "Entry %(number)s, which an earlier check saw, is gone or is another one; "
            "there are %(count)s.",
            number=rows[0][0],
            count=count,
        )
