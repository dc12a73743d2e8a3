"""The test bench: what a mapping makes of a message, before it goes live."""

import json
from collections import Counter

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..core import clock
from ..core.errors import InputError
from ..core.mapping import bench as mapping_bench
from ..formats import incoming

MAX_TRIED = 1000
MAX_TEXT = 1_000_000
MAX_PLACES = 50


class HealthcareMappingBench(models.TransientModel):
    """Tries a mapping on one message, or on the last ones that came.

    What is pasted is kept encrypted, and what comes out of it is computed when it is
    looked at: no patient data lies in the database in the clear.
    """

    _name = "healthcare.mapping.bench"
    _description = "Test Bench"

    mapping_id = fields.Many2one(
        "healthcare.mapping", required=True, readonly=True, ondelete="cascade"
    )
    source_id = fields.Many2one(related="mapping_id.source_id")
    format = fields.Selection(related="mapping_id.format")
    kind = fields.Char(related="mapping_id.kind")
    may_read = fields.Boolean(compute="_compute_may_read")
    message_id = fields.Many2one(
        "healthcare.message",
        string="Recent Message",
        domain="[('source_id', '=', source_id), ('format', '=', format),"
        " ('kind', '=', kind)]",
        ondelete="cascade",
    )
    sealed = fields.Binary(attachment=False, groups=fields.NO_ACCESS)
    pasted = fields.Text(
        string="Or Paste One", compute="_compute_pasted", inverse="_inverse_pasted"
    )
    tried = fields.Boolean()
    result = fields.Text(string="Events", compute="_compute_result")
    summary = fields.Html(compute="_compute_result", sanitize=False)
    last_count = fields.Integer(string="Last Messages", default=100)
    report = fields.Html(readonly=True, sanitize=False)

    def _compute_may_read(self):
        reader = self.env.user.has_group("healthcare_connector.group_phi_reader")
        self.may_read = reader

    # -- one message ------------------------------------------------------------

    def _compute_pasted(self):
        for bench in self:
            bench.pasted = bench._opened().decode("utf-8", "replace") or False

    def _inverse_pasted(self):
        keyring = self.env["healthcare.keyring"]
        for bench in self:
            content = (bench.pasted or "").encode()
            if len(content) > MAX_TEXT:
                raise UserError(self.env._("The message is too large to be tried."))
            # Ciphertext is written by the system alone.
            bench.sudo().sealed = content and keyring._seal(
                content, self._name, str(bench.id), "sealed"
            )

    def _opened(self):
        sealed = self.sudo().with_context(bin_size=False).sealed  # as above
        if not sealed or not isinstance(self.id, int):
            return b""
        return self.env["healthcare.keyring"]._open(
            sealed, self._name, str(self.id), "sealed"
        )

    def action_try(self):
        """Show what the mapping makes of the message."""
        self.ensure_one()
        self.message_id._check_readable()
        if not self.message_id and not self.sudo().sealed:  # as above
            raise UserError(self.env._("Choose a message or paste one."))
        if self.message_id:
            self.env["healthcare.payload.access"]._record_messages(
                self.message_id, self.env._("Test bench")
            )
        self.write({"tried": True, "report": False})
        return self._reopen()

    def _read(self):
        """Return the messages to be tried; raise UserError where there is none."""
        if self.message_id:
            found = list(self.message_id._read_again().values())
        else:
            # A text field has lost the carriage returns between segments.
            options = self.source_id._reader_options(
                self.format, clock.utc_now(), MAX_TEXT
            )
            try:
                batch = incoming.read(self.format, self._opened(), **options)
            except InputError as error:
                raise UserError(error.detail) from error
            found = [one for one in batch.messages if one.kind == self.kind]
            if batch.messages and not found:
                raise UserError(self.env._("This is another kind of message."))
        if not found:
            raise UserError(self.env._("The message cannot be read."))
        for message in found:
            if message.errors:
                raise UserError(message.errors[0]["detail"])
        return found

    @api.depends("tried", "message_id")
    def _compute_result(self):
        for bench in self:
            bench.result = bench.summary = False
            if bench.tried and bench.may_read:
                try:
                    bench._show(bench._read())
                except UserError as error:
                    bench.summary = _alert("danger", str(error))

    def _show(self, messages):
        draft = self.mapping_id._compile()
        active = self.env["healthcare.mapping"]._in_force(
            self.source_id, self.format, self.kind
        )
        results, parts = [], []
        for message in messages:
            new = self._run(draft, message)
            results += new
            notes = draft.unhandled(message.document)
            parts.append(self._problems(new, notes))
            if active and active.id != self.mapping_id.id:
                changes = mapping_bench.difference(
                    self._run(active.mapping, message), new
                )
                parts.append(self._changes(active.label, changes))
        shown = [
            {name: one[name] for name in ("event", "time", "data")} for one in results
        ]
        self.result = json.dumps(shown, indent=2, ensure_ascii=False)
        self.summary = Markup("").join(parts)

    def _run(self, mapping, message):
        source = self.source_id
        facility = source._only_facility().code
        return mapping_bench.run(
            mapping,
            message.document,
            self.env["healthcare.value.map"]._for_mapping(source, mapping),
            timezone=source.timezone or None,
            defaults={"facility": facility} if facility else None,
        )

    def _problems(self, results, notes):
        lines = [
            Markup("<li><b>%s</b> <code>%s</code> %s</li>")
            % (one["event"], problem["pointer"], problem["detail"])
            for one in results
            for problem in (*one["errors"], *one["notes"])
        ]
        lines += [Markup("<li>%s</li>") % note["detail"] for note in notes]
        wrong = sum(bool(one["errors"]) for one in results)
        if not results:
            text = self.env._("The mapping makes no event of this message.")
            return _alert("warning", text, lines)
        if wrong:
            text = self.env._(
                "%(wrong)d of %(all)d events would be refused.",
                wrong=wrong,
                all=len(results),
            )
            return _alert("danger", text, lines)
        text = self.env._("%d events, all of them valid.", len(results))
        return _alert("success", text, lines)

    def _changes(self, label, changes):
        if not changes:
            text = self.env._("The same as what is in force (%s).", label)
            return _alert("info", text)
        words = {
            "added": self.env._("added"),
            "removed": self.env._("removed"),
            "changed": self.env._("changed"),
        }
        lines = [
            Markup("<li><b>%s</b> <code>%s</code> %s: %s → %s</li>")
            % (
                change["event"],
                change["pointer"] or "/",
                words[change["change"]],
                _short(change["before"]),
                _short(change["after"]),
            )
            for change in changes[:MAX_PLACES]
        ]
        text = self.env._(
            "%(count)d differences from what is in force (%(label)s):",
            count=len(changes),
            label=label,
        )
        return _alert("info", text, lines)

    # -- the last messages ------------------------------------------------------

    def action_try_last(self):
        """Compare with what is in force over the last messages, by counts alone.

        No value is shown, so that whoever writes mappings need not read payloads.
        """
        self.ensure_one()
        self.mapping_id.check_access("write")
        count = min(max(self.last_count, 1), MAX_TRIED)
        messages = self.env["healthcare.message"].search(
            [
                ("source_id", "=", self.source_id.id),
                ("format", "=", self.format),
                ("kind", "=", self.kind),
            ],
            order="id desc",
            limit=count,
        )
        counts, places = self._compare(messages)
        self.write({"tried": False, "report": self._report(counts, places)})
        return self._reopen()

    def _compare(self, messages):
        """Return counts by outcome and ``{(event, pointer): how often}`` of changes."""
        draft = self.mapping_id._compile()
        active = self.env["healthcare.mapping"]._in_force(
            self.source_id, self.format, self.kind
        )
        counts, places = Counter(), Counter()
        read = messages._read_again()
        counts["unread"] = len(messages) - len(read)
        for message in read.values():
            if message.errors:
                counts["unread"] += 1
                continue
            new = self._run(draft, message)
            old = self._run(active.mapping, message) if active else []
            counts[_outcome(old, new)] += 1
            for change in mapping_bench.difference(old, new):
                places[change["event"], change["pointer"]] += 1
        return counts, places

    def _report(self, counts, places):
        words = {
            "same": self.env._("Same result"),
            "changed": self.env._("Changed, and valid"),
            "failing": self.env._("Newly failing"),
            "healed": self.env._("Failing until now, valid now"),
            "still": self.env._("Failing as before"),
            "unread": self.env._("Could not be read"),
        }
        total = sum(counts.values())
        rows = Markup("").join(
            Markup("<tr><td>%s</td><td class='text-end'>%d</td></tr>")
            % (words[name], counts[name])
            for name in words
            if counts[name]
        )
        lines = [
            Markup("<li><b>%s</b> <code>%s</code> %d×</li>")
            % (event, pointer or "/", number)
            for (event, pointer), number in places.most_common(MAX_PLACES)
        ]
        text = self.env._("Tried on %d messages.", total)
        if not total:
            text = self.env._("No message of this kind has come from this source yet.")
        kind = "danger" if counts["failing"] else "success" if total else "warning"
        table = Markup("<table class='table table-sm w-auto'>%s</table>") % rows
        return (
            _alert(kind, text) + table + Markup("<ul>%s</ul>") % Markup("").join(lines)
        )

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Test Bench"),
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "new",
        }


def _outcome(old, new):
    """Say what a draft makes of a message, compared with what is in force."""
    was_bad = not old or any(one["errors"] for one in old)
    is_bad = any(one["errors"] for one in new) or (bool(old) and not new)
    if is_bad:
        return "still" if was_bad else "failing"
    if was_bad and new:
        return "healed"
    return "changed" if mapping_bench.difference(old, new) else "same"


def _alert(kind, text, lines=()):
    listed = Markup("<ul class='mb-0'>%s</ul>") % Markup("").join(lines)
    return Markup("<div class='alert alert-%s' role='status'>%s%s</div>") % (
        kind,
        text,
        listed if lines else "",
    )


def _short(value):
    if value is None:
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:80] + "…"
