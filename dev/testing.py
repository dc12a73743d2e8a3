"""Running the tests by pytest-odoo."""

import json
import os
import subprocess
import tempfile

from . import environment as environments
from . import lint
from .common import CACHE, NAME, REPO, WORK, DevError, free_port, say
from .instance import Dev

NO_TESTS = 5
#: how long each class of tests took in the last run of all of them
DURATIONS = CACHE / "test_durations.json"


def main(arguments):
    """The command ``dev/test``: exit code 0 only if lint and tests are good."""
    chosen = any(word in ("-k", "--lf", "--ff") or is_test(word) for word in arguments)
    with_lint = not chosen and "--no-lint" not in arguments
    together = "--share" in arguments or (not chosen and (os.cpu_count() or 1) > 1)
    arguments = [word for word in arguments if word not in ("--no-lint", "--share")]
    # Odoo skips tours silently when there is no browser: an automatic run must not
    environments.browser(required=bool(os.environ.get("CI")))
    dev = Dev()
    failed = lint.run(dev.environment) if with_lint else []
    database = f"test_{os.getpid()}"
    if together:
        code = shared(dev, database, arguments)
    else:
        dev.clone(database)
        try:
            say("tests start")
            code = pytest(dev, database, arguments)
        finally:
            dev.cluster.drop(database)
    if failed:  # said long ago, above all the tests
        say("lint failed: " + ", ".join(failed))
    return code or int(bool(failed))


def shared(dev, database, arguments):
    """Run all tests in two processes, each with a database of its own.

    Shows the first one's output as it comes and the other's at the end.
    """
    databases = [database, f"{database}_b"]
    with tempfile.TemporaryDirectory() as folder:
        variables = {
            "HEALTHCARE_TEST_SHARES": folder,
            "HEALTHCARE_TEST_DURATIONS": str(DURATIONS),
            "PYTHONPATH": os.pathsep.join(
                [str(REPO / "dev" / "plugins"), dev.variables()["PYTHONPATH"]]
            ),
        }
        output = os.path.join(folder, "output")
        try:
            for name in databases:
                dev.clone(name)
            say("tests start, in two processes")
            options = ["-p", "shares", *arguments]
            with open(output, "wb") as file:
                other = start(dev, databases[1], options, variables, stdout=file)
                first = start(dev, databases[0], options, variables)
                try:
                    codes = [first.wait(), other.wait()]
                finally:
                    for process in (first, other):
                        process.terminate()
            with open(output, encoding="utf-8", errors="replace") as file:
                print(file.read(), flush=True)
        finally:
            for name in databases:
                dev.cluster.drop(name)
        remember_durations(folder)
    return max(codes)


def remember_durations(folder):
    """Keep how long tests took, for the order of the next run."""
    path = os.path.join(folder, "durations")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            took = json.load(file)
        temporary = DURATIONS.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(took))
        temporary.replace(DURATIONS)
        say(f"tests took {sum(took.values()):.0f} s in all, the longest:")
        for name in sorted(took, key=took.get, reverse=True)[:8]:
            say(f"{took[name]:8.1f} s  {name.partition('/')[2]}")


def is_test(word):
    """Whether an argument names a test file or folder of the repository."""
    path = word.split("::")[0]
    return path.startswith("tests") and (REPO / path).exists()


def pytest(dev, database, arguments):
    """Run pytest on a database that has the addon; returns the exit code.

    :param arguments: pytest's own; paths are relative to the repository
    """
    code = start(dev, database, arguments).wait()
    if code == NO_TESTS:
        raise DevError("no test was found")
    return code


def start(dev, database, arguments, more=(), **options_of_process):
    """Start pytest as a process and return it."""
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
        **dict(more),
    }
    # not the repository as folder: addon folders would shadow Python modules
    return subprocess.Popen(command, env=variables, cwd=addons, **options_of_process)
