"""Scopes of Odoo's own API keys that open our endpoints."""

from odoo import models
from odoo.exceptions import AccessError
from odoo.tools import SQL

EVENTS = "healthcare.events"
STATUS = "healthcare.status"
METRICS = "healthcare.metrics"
SCOPES = (EVENTS, STATUS, METRICS)


class ResUsersApikeys(models.Model):
    _inherit = "res.users.apikeys"

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
        if not self.env.user.has_group("healthcare_connector.group_administrator"):
            raise AccessError(self.env._("Only administrators revoke keys of sources."))
        # Stands in for the integration user, who owns the keys and never logs in.
        keys = self.sudo().filtered(lambda key: key.scope in SCOPES)
        sources = self.env["healthcare.source"].search(
            [("user_id", "in", keys.user_id.ids)]
        )
        keys.filtered(lambda key: key.user_id in sources.user_id)._remove()
        return {"type": "ir.actions.client", "tag": "soft_reload"}
