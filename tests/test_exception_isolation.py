"""An event that ends its worker is found, run alone, and left to a person."""

from unittest.mock import patch

from odoo.tools import mute_logger

from odoo.addons.healthcare_connector.models.exchange.engine_isolation import (
    GIVE_UP_AFTER,
)
from odoo.addons.healthcare_connector.models.exchange.ordering import PARTITIONS

from .workflow_common import WorkflowCase

ISOLATION = "odoo.addons.healthcare_connector.models.exchange.engine_isolation"
EVERYWHERE = list(range(PARTITIONS))


class TestExceptionIsolation(WorkflowCase):
    def work(self, killer):
        """Do what a worker does until it dies; return the batches it took."""
        batches = []
        with mute_logger("odoo.addons.healthcare_connector.models.exchange"):
            self.engine._recover(EVERYWHERE)
        while queues := self.engine._claim(EVERYWHERE):
            batches.append({event_id for queue in queues for event_id in queue})
            if killer.id in batches[-1]:
                return batches  # here it died
            self.engine._settle(self.engine._run_queues(queues))
        return batches

    def test_it_takes_its_neighbours_with_it_three_times_at_most(self):
        events = self.events(
            self.send(*(self.register(f"I{number}") for number in range(6)))
        )
        killer, good = events[2], events - events[2]
        for _life in range(3):
            self.assertEqual(self.work(killer), [set(events.ids)])
        batches = self.work(killer)
        alone = batches[: batches.index({killer.id}) + 1]
        self.assertTrue(all(len(batch) == 1 for batch in alone))
        while killer.state != "exception":
            self.work(killer)
            self.env.invalidate_all()
            self.assertLessEqual(killer.interruptions, GIVE_UP_AFTER)
        self.work(killer)
        self.assertEqual(set(good.mapped("state")), {"done"})
        issue = killer.open_exception_id
        self.assertEqual(issue.category, "retry_exhausted")
        self.assertTrue(issue.blocks_event)
        issue.action_retry()
        self.assertEqual(self.work(killer), [{killer.id}])
        self.work(self.env["healthcare.event"])
        self.assertEqual(killer.state, "exception")
        issue.action_retry()
        self.work(self.env["healthcare.event"])
        self.assertEqual(killer.state, "done")
        self.assertEqual(issue.state, "resolved")

    def test_what_is_new_goes_before_what_is_under_suspicion(self):
        killer = self.events(self.send(self.register("I1")))
        for _life in range(2):
            self.work(killer)
        behind = self.register("I1", 5, "updated")
        later = self.events(self.send(self.register("I2"), behind))
        batches = self.work(killer)
        self.assertEqual(batches, [{later[0].id}, {killer.id}])
        self.assertEqual(later.mapped("state"), ["done", "waiting"])
        self.work(self.env["healthcare.event"])
        self.assertEqual(set((killer + later).mapped("state")), {"done"})

    def test_the_third_time_only_few_run_together(self):
        events = self.events(
            self.send(*(self.register(f"I{number}") for number in range(5)))
        )
        killer = events[0]
        for _life in range(2):
            self.work(killer)
        with patch(f"{ISOLATION}.FEW", 2):
            self.assertEqual([len(batch) for batch in self.work(killer)], [2])
            batches = self.work(killer)
        self.assertEqual([len(batch) for batch in batches], [2, 1, 1])
        self.assertEqual(batches[-1], {killer.id})

    def test_many_under_suspicion_are_all_worked_off(self):
        events = self.events(
            self.send(
                *(self.register(f"I{number}") for number in range(3)),
                *(self.register("I0", 5 + number, "updated") for number in range(3)),
            )
        )
        self.env.cr.execute(
            "UPDATE healthcare_event SET interruptions = 3 WHERE id = ANY(%s)",
            [events.ids],
        )
        self.work(self.env["healthcare.event"])
        self.assertEqual(set(events.mapped("state")), {"done"})
