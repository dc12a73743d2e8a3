"""A current ClickHouse engine for tests: chdb, behind a small HTTP shim."""

import pathlib
import sys

from ..dev import environment
from ..dev.clickhouse import ClickHouse

SHIM = pathlib.Path(__file__).with_name("chdb_shim.py")


class Chdb(ClickHouse):
    """Answers as a current server; what it holds outlives a kill, too."""

    def command(self):
        # -P: modules beside the shim are not for it
        shim = [sys.executable, "-P", SHIM, self.folder / "data", self.port, self.user]
        variables = {
            "PYTHONPATH": str(environment.unpacked("chdb")),
            "CHDB_PASSWORD": self.password,
        }
        return [str(word) for word in shim], variables
