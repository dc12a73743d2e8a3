"""Running the tests by pytest-odoo."""

import os
import subprocess

from .common import NAME, REPO, WORK, DevError, free_port


def pytest(dev, database, arguments):
    """Run pytest on a database that has the addon; returns the exit code.

    :param arguments: pytest's own; paths are relative to the repository
    """
    targets, options = [], []
    for word in arguments:
        path = word.split("::")[0]
        is_test = path.startswith("tests") and (REPO / path).exists()
        (targets if is_test else options).append(word)
    path = dev.configuration(
        database, http_port=free_port(), gevent_port=free_port(), max_cron_threads=0
    )
    programs = os.path.dirname(dev.environment.python)
    command = [f"{programs}/pytest", f"--odoo-config={path}", "--odoo-http"]
    addons = WORK / "addons"
    command += [f"--rootdir={addons}", "-o", f"cache_dir={WORK}/pytest_cache"]
    command += options
    command += [f"{NAME}/{target}" for target in targets] or [f"{NAME}/tests"]
    variables = dev.variables() | {"HEALTHCARE_DEV_DATABASE": database}
    # not the repository as folder: addon folders would shadow Python modules
    code = subprocess.run(command, env=variables, cwd=addons).returncode
    if code == 5:
        raise DevError("no test was found")
    return code
