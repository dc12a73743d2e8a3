"""Snapshots about patients: their cells, and how small cells guard each other."""

import hashlib

from odoo import api, models


class HealthcareSnapshot(models.AbstractModel):
    _inherit = "healthcare.snapshot"

    @api.model
    def _cells(self, queries, parameters):
        """Run queries and add up what they say.

        :param queries: SQL texts whose rows are facility id, service line id, name of
            the cell, measure, figure, patients' ids
        :return: ``{(facility id, line id, name): ({measure: figure}, {patient id})}``
        """
        cells = {}
        for query in queries:
            self.env.cr.execute(query, parameters)
            for (
                facility_id,
                line_id,
                name,
                measure,
                figure,
                ids,
            ) in self.env.cr.fetchall():
                figures, patients = cells.setdefault(
                    (facility_id, line_id, name or None), ({}, set())
                )
                figures[measure] = figures.get(measure, 0) + figure
                patients.update(one for one in ids if one)
        return cells

    @api.model
    def _smallest(self, cells):
        """Return ``{cell: patients that decide whether it may be shown}``.

        Who knows the sum of the cells of a facility and service line could compute the
        one that is left out. So the next smallest is left out with it: it has the
        number of the smallest.
        """
        groups, result = {}, {}
        for cell, (_figures, patients) in cells.items():
            if patients:
                groups.setdefault(cell[:2], []).append((len(patients), str(cell), cell))
            else:
                result[cell] = 0
        for ones in groups.values():
            ones.sort(key=lambda one: one[:2])
            for position, (count, _text, cell) in enumerate(ones):
                result[cell] = ones[0][0] if position == 1 else count
        return result


def short(name):
    """Return a short stand-in of a name for a key, ``-`` for none."""
    if not name:
        return "-"
    return hashlib.blake2s(name.encode(), digest_size=6).hexdigest()
