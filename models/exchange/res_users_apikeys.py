"""Scopes of Odoo's own API keys that open our endpoints."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

EVENTS = "healthcare.events"
STATUS = "healthcare.status"
METRICS = "healthcare.metrics"
SCOPES = (EVENTS, STATUS, METRICS)
REMINDER_DAYS = "healthcare_connector.key_reminder_days"
REMINDER = "mail.mail_activity_data_todo"


class ResUsersApikeys(models.Model):
    _inherit = "res.users.apikeys"

    healthcare_use = fields.Selection(
        [
            (EVENTS, "Send events"),
            (STATUS, "Look up"),
            (METRICS, "Read metrics"),
        ],
        string="May",
        compute="_compute_healthcare_use",
    )
    healthcare_used_at = fields.Datetime(
        string="Last Used",
        compute="_compute_healthcare_used_at",
        help="To about ten minutes. Empty: never used.",
    )
    healthcare_state = fields.Selection(
        [("valid", "Valid"), ("ending", "Ends Soon"), ("ended", "Ended")],
        string="Status",
        compute="_compute_healthcare_state",
    )
    healthcare_summary = fields.Char(
        string="Remark", compute="_compute_healthcare_state"
    )

    @api.depends("scope")
    def _compute_healthcare_use(self):
        for key in self:
            key.healthcare_use = key.scope if key.scope in SCOPES else False

    def _compute_healthcare_used_at(self):
        # Stands in for the system: who may read a key may know when it was used.
        uses = self.env["healthcare.key.use"].sudo()
        found = {
            use.key_id: use.used_at for use in uses.search([("key_id", "in", self.ids)])
        }
        for key in self:
            key.healthcare_used_at = found.get(key.id, False)

    @api.depends("expiration_date", "healthcare_used_at")
    def _compute_healthcare_state(self):
        now, notice = fields.Datetime.now(), self._healthcare_notice()
        for key in self:
            end = key.expiration_date
            parts = [] if key.healthcare_used_at else [self.env._("never used")]
            if not end:
                key.healthcare_state = "valid"
            elif end < now:
                key.healthcare_state = "ended"
            else:
                days = (end - now).days
                key.healthcare_state = "ending" if end - now <= notice else "valid"
                parts.append(
                    self.env._("ends in %d days", days)
                    if days > 1
                    else self.env._("ends within two days")
                )
            key.healthcare_summary = ", ".join(parts)

    @api.model
    def _healthcare_notice(self):
        """Return how long before its end a key is said to end soon."""
        # One parameter of ours, read on behalf of any caller.
        days = self.env["ir.config_parameter"].sudo().get_param(REMINDER_DAYS)
        return timedelta(days=int(days) if days and days.isdigit() else 14)

    def _healthcare_candidates(self, prefix):
        """Return ``(id, hash)`` of the keys that share an index prefix."""
        return self.env.execute_query(
            SQL("SELECT id, key FROM res_users_apikeys WHERE index = %s", prefix)
        )

    def _healthcare_identity(self, key_id):
        """Return what a key may do now, or ``None``: one indexed query.

        Read at every request, so that a revoked or expired key, an archived user or
        an archived source is refused at once in every process.

        :return: ``(scope, source_id, user_id)``
        """
        rows = self.env.execute_query(
            SQL(
                """
                SELECT k.scope, s.id, k.user_id
                  FROM res_users_apikeys k
                  JOIN res_users u ON u.id = k.user_id AND u.active
                  JOIN healthcare_source s ON s.user_id = u.id AND s.active
                 WHERE k.id = %s
                   AND (k.expiration_date IS NULL
                        OR k.expiration_date >= (now() AT TIME ZONE 'UTC'))
                """,
                key_id,
            )
        )
        return rows[0] if rows else None

    def action_healthcare_revoke(self):
        """Take keys of sources back; they are refused from the next call on."""
        keys = self._healthcare_manageable()
        sources = keys._healthcare_sources()
        keys._remove()
        self._healthcare_forget_reminders(sources)
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def action_healthcare_replace(self):
        """Ask for the key that is to follow this one."""
        self.ensure_one()
        key = self._healthcare_manageable()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "healthcare_connector.action_key_wizard"
        )
        return {
            **action,
            "name": self.env._("Replace Key"),
            "context": {
                "default_source_id": key._healthcare_sources().id,
                "default_scope": key.scope,
                "default_name": key.name,
                "default_replaces_id": key.id,
            },
        }

    def _healthcare_manageable(self):
        """Return these keys, with the right to change them, if they are of sources.

        :raise AccessError: unless the user administers the connector
        """
        if not self.env.user.has_group("healthcare_connector.group_administrator"):
            raise AccessError(self.env._("Only administrators manage keys of sources."))
        # Stands in for the integration user, who owns the keys and never logs in.
        keys = self.sudo().filtered(lambda key: key.scope in SCOPES)
        return keys.filtered(
            lambda key: key.user_id in keys._healthcare_sources().user_id
        )

    def _healthcare_sources(self):
        return self.env["healthcare.source"].search(
            [("user_id", "in", self.user_id.ids)]
        )

    def _healthcare_end_in(self, days):
        """Let keys of sources end so many days from now, unless they end sooner."""
        end = fields.Datetime.now() + timedelta(days=days)
        keys = self._healthcare_manageable()
        if not keys:
            raise UserError(self.env._("This is not a key of a source."))
        keys.filtered(
            lambda key: not key.expiration_date or key.expiration_date > end
        ).write({"expiration_date": end})
        self._healthcare_forget_reminders(keys._healthcare_sources())

    # -- reminders ------------------------------------------------------------------

    @api.model
    def _healthcare_ending(self, sources=None):
        """Return keys that end soon and that no later key has taken the place of."""
        now = fields.Datetime.now()
        sources = sources or self.env["healthcare.source"].search(
            [("active", "=", True)]
        )
        # Stands in for the integration users, who own the keys and never log in.
        keys = self.sudo().search(
            [("user_id", "in", sources.user_id.ids), ("scope", "in", SCOPES)]
        )
        latest = {}
        for key in keys.sorted("id"):
            best = latest.get((key.user_id, key.scope))
            if not best or not key.expiration_date:
                latest[key.user_id, key.scope] = key
            elif best.expiration_date and key.expiration_date >= best.expiration_date:
                latest[key.user_id, key.scope] = key
        notice = now + self._healthcare_notice()
        return (
            self.browse()
            .union(*latest.values())
            .filtered(
                lambda key: key.expiration_date and now <= key.expiration_date <= notice
            )
        )

    @api.model
    def _healthcare_cron_remind(self):
        """Remind administrators, once, of each key that ends soon."""
        uses = self.env["healthcare.key.use"]
        ending = self._healthcare_ending()
        known = {use.key_id: use for use in uses.search([("key_id", "in", ending.ids)])}
        group = self.env.ref("healthcare_connector.group_administrator")
        administrators = group.all_user_ids.filtered(
            lambda user: user.active and not user.share
        )
        sources = {source.user_id: source for source in ending._healthcare_sources()}
        for key in ending:
            use = known.get(key.id)
            if use and use.reminded_for == key.expiration_date:
                continue
            for user in administrators:
                told = self.with_context(lang=user.lang).env
                sources[key.user_id].activity_schedule(
                    REMINDER,
                    date_deadline=key.expiration_date.date(),
                    summary=told._("A key ends soon"),
                    note=told._(
                        "The key %(name)s ends on %(date)s. Replace it under Keys and "
                        "give the new one to the vendor.",
                        name=key.name,
                        date=fields.Date.to_string(key.expiration_date.date()),
                    ),
                    user_id=user.id,
                )
            values = {"key_id": key.id, "reminded_for": key.expiration_date}
            if use:
                use.write(values)
            else:
                uses.create(values)

    @api.model
    def _healthcare_forget_reminders(self, sources):
        """Take reminders back of sources none of whose keys ends soon any more."""
        ending = self._healthcare_ending(sources).user_id if sources else None
        for source in sources:
            if source.user_id not in ending:
                # Stands in for the administrators who were reminded as well.
                source.sudo().activity_unlink([REMINDER])
