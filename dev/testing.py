"""Running the tests by pytest-odoo."""

import os
import subprocess

from . import environment as environments
from . import lint
from .common import NAME, REPO, WORK, DevError, free_port, say
from .instance import Dev

NO_TESTS = 5


def main(arguments):
    """The command ``dev/test``: exit code 0 only if lint and tests are good."""
    chosen = any(word in ("-k", "--lf", "--ff") or is_test(word) for word in arguments)
    with_lint = not chosen and "--no-lint" not in arguments
    arguments = [word for word in arguments if word != "--no-lint"]
    # Odoo skips tours silently when there is no browser: an automatic run must not
    environments.browser(required=bool(os.environ.get("CI")))
    dev = Dev()
    failed = lint.run(dev.environment) if with_lint else []
    database = f"test_{os.getpid()}"
    dev.clone(database)
    try:
        say("tests start")
        code = pytest(dev, database, arguments)
    finally:
        dev.cluster.drop(database)
    return code or int(bool(failed))


def is_test(word):
    """Whether an argument names a test file or folder of the repository."""
    path = word.split("::")[0]
    return path.startswith("tests") and (REPO / path).exists()


def pytest(dev, database, arguments):
    """Run pytest on a database that has the addon; returns the exit code.

    :param arguments: pytest's own; paths are relative to the repository
    """
    targets = [word for word in arguments if is_test(word)]
    options = [word for word in arguments if not is_test(word)]
    path = dev.configuration(
        database, http_port=free_port(), gevent_port=free_port(), max_cron_threads=0
    )
    programs = os.path.dirname(dev.environment.python)
    addons = WORK / "addons"
    command = [f"{programs}/pytest", f"--odoo-config={path}", "--odoo-http"]
    command += ["-c", str(REPO / "pyproject.toml"), f"--rootdir={addons}"]
    command += ["-o", f"cache_dir={WORK}/pytest_cache", *options]
    command += [f"{NAME}/{target}" for target in targets] or [f"{NAME}/tests"]
    variables = dev.variables() | {
        "HEALTHCARE_DEV_DATABASE": database,
        # tests that need real commits clone it and start servers of their own
        "HEALTHCARE_DEV_TEMPLATE": dev.template_name,
    }
    # not the repository as folder: addon folders would shadow Python modules
    code = subprocess.run(command, env=variables, cwd=addons).returncode
    if code == NO_TESTS:
        raise DevError("no test was found")
    return code
