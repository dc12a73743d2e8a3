"""Key jobs at work: one slice at a time, committed with how far it is."""

from odoo import models
from odoo.tools import SQL

from ...core.errors import KeyringError
from ...core.protection import sealed_columns
from ...core.protection.encryption import Keyring

WINDOW = 2000  # rows looked at in one slice
SLICE_ROWS = 200  # rows opened and written in one slice
SLICE_BYTES = 8 * 1024 * 1024
MAX_PASSES = 50


class HealthcareKeyJob(models.Model):
    _inherit = "healthcare.key.job"

    def _advance(self):
        self.ensure_one()
        self.line_ids.invalidate_recordset()
        try:
            keyring = self.env["healthcare.keyring"]._get()
        except KeyringError as error:
            self.write({"state": "paused", "message": error.detail})
            return False
        line = self.line_ids.filtered(lambda one: one.state != "done")[:1]
        if not line:
            self._finish()
            return False
        if line.state == "waiting":
            line._start()
        return line._advance(keyring)

    def _finish(self):
        self.count_ids.unlink()
        self.env["healthcare.key.count"].create(
            [
                {
                    "job_id": self.id,
                    "name": name,
                    "key_id": key_id,
                    "key_state": state,
                    "count": count,
                }
                for name, key_id, state, count in self._count_by_key()
            ]
        )
        self.write({"message": False})
        self._end()


class HealthcareKeyJobLine(models.Model):
    _inherit = "healthcare.key.job.line"

    def _start(self):
        column = sealed_columns.BY_NAME.get(self.name)
        if not column:  # of an older version of this addon
            self.write({"state": "done"})
            return
        ((total,),) = self.env.execute_query(
            SQL("SELECT count(*) FROM %s", SQL.identifier(column.table))
        )
        self.write({"state": "running", "total": total})

    def _advance(self, keyring):
        """Look at the next rows; tell whether more can be done at once."""
        column = sealed_columns.BY_NAME.get(self.name)
        if not column:
            return True
        rotate = self.job_id.kind == "rotate"
        rows = self._window(column, keyring)
        stale, current, taken = [], [], 0
        cursor = rows[-1][0] if rows else self.cursor
        for row_id, is_current, size in rows:
            # What says that it has the active key is believed only when it opens; once,
            # for whoever writes meanwhile has the keyring.
            ids = current if is_current and rotate else stale
            if not size or (self.passes and ids is current):
                continue
            count = len(stale) + len(current)
            if count and (count >= SLICE_ROWS or taken + size > SLICE_BYTES):
                cursor = row_id - 1  # this one begins the next slice
                break
            ids.append(row_id)
            taken += size
        worked, failed = self._work(column, keyring, stale, rotate)
        self._work(column, keyring, current, False)
        if rows:
            seen = sum(row[0] <= cursor for row in rows)
            self.write(
                {
                    "cursor": cursor,
                    "seen": self.seen + (0 if self.passes else seen),
                    "changed": self.changed + (worked if rotate else 0),
                    "left": self.left + len(stale) - worked - failed,
                }
            )
            return True
        return self._end_pass()

    def _end_pass(self):
        """Go through it again for what others worked on; tell whether at once."""
        if not self.left or self.passes >= MAX_PASSES:
            self.write({"state": "done"})
            return True
        self.write({"cursor": 0, "left": 0, "passes": self.passes + 1})
        # Whoever holds these rows needs a moment: the job is called again soon.
        return False

    def _window(self, column, keyring):
        """Return ``[(id, says that it has the active key, size)]`` of the next rows."""
        header = keyring.active_header
        sealed = SQL.identifier(column.column)
        return self.env.execute_query(
            SQL(
                """SELECT id, coalesce(substring(%s from 1 for %s) = %s, FALSE),
                    coalesce(octet_length(%s), 0)
                FROM %s WHERE id > %s ORDER BY id LIMIT %s""",
                sealed,
                len(header),
                header,
                sealed,
                SQL.identifier(column.table),
                self.cursor,
                WINDOW,
            )
        )

    def _work(self, column, keyring, ids, rotate):
        """Re-encrypt (or open) those rows that nobody else works on.

        :return: how many it did, and how many cannot be opened
        """
        if not ids:
            return 0, 0
        database = self.env["healthcare.keyring"]._database_id()
        # Not FOR UPDATE: what refers to the row (log lines, links) need not wait.
        lock = SQL("FOR NO KEY UPDATE SKIP LOCKED") if rotate else SQL("")
        rows = self.env.execute_query(
            SQL(
                "SELECT id, %s::text, %s FROM %s WHERE id = ANY(%s) ORDER BY id %s",
                SQL.identifier(column.key),
                SQL.identifier(column.column),
                SQL.identifier(column.table),
                ids,
                lock,
            )
        )
        fresh, problems = [], []
        for row_id, key, sealed in rows:
            context = (database, column.model, key or "", column.field)
            try:
                plain = keyring.open(sealed, *context)
            except KeyringError as error:
                problems.append((row_id, _key_id(sealed), error.code))
            else:
                fresh.append((row_id, plain, context))
        if rotate and fresh:
            # Names of tables and columns from our own list.
            self.env.cr.execute_values(  # pylint: disable=sql-injection
                f'UPDATE "{column.table}" t SET "{column.column}" = v.sealed'
                " FROM (VALUES %s) v (id, sealed) WHERE t.id = v.id",  # nosec B608 # our own names
                [
                    (row_id, keyring.seal(plain, *context))
                    for row_id, plain, context in fresh
                ],
                page_size=len(fresh),
            )
        self._note_problems(problems)
        return len(fresh), len(problems)

    def _note_problems(self, problems):
        if problems:
            self.env.cr.execute_values(
                """INSERT INTO healthcare_key_problem
                (job_id, name, res_id, key_id, code) VALUES %s
                ON CONFLICT (job_id, name, res_id) DO NOTHING""",
                [(self.job_id.id, self.name, *problem) for problem in problems],
                page_size=len(problems),
            )


def _key_id(sealed):
    """Return the id of the key something says it was sealed with, maybe none."""
    try:
        return Keyring.key_id_of(sealed)
    except KeyringError:
        return None
