"""Lint: ruff, pylint-odoo, prettier and eslint with the OCA's rules, bandit, locks."""

import os
import pathlib
import shutil
import subprocess

from . import audit
from . import environment as environments
from .common import CACHE, NAME, REPO, WORK, DevError, digest, locked, say, sh

NODE = REPO / "dev" / "node"
ESLINT = (".js", ".cjs")
# It warns of each part of a string that is silenced as a whole.
BANDIT = """import logging, sys
logging.disable(logging.WARNING)
sys.argv[0] = "bandit"
from bandit.cli.main import main
main()"""
PRETTIER = (".js", ".cjs", ".json", ".md", ".xml", ".yaml", ".yml")


def files(*suffixes):
    """Files of the repository that git knows or would add, relative to it."""
    listing = ("git", "ls-files", "-co", "--exclude-standard")
    if (REPO / ".git").exists() and shutil.which("git"):
        # the owner of the checkout need not be who runs the check
        safe = ("-c", f"safe.directory={REPO}")
        names = sh("git", *safe, *listing[1:], cwd=REPO).splitlines()
    else:
        paths = (path for path in REPO.rglob("*") if path.is_file())
        names = [str(path.relative_to(REPO)) for path in paths]
        names = [name for name in names if "__pycache__" not in name]
    return sorted(
        name for name in names if name.endswith(suffixes) and (REPO / name).exists()
    )


def main(arguments):
    """The command ``dev/lint``: exit code 0 if nothing is wrong."""
    fix = "--fix" in arguments
    paths = [word for word in arguments if word != "--fix"]
    if fix and not paths:
        # others may be editing the rest of the tree
        raise DevError("--fix needs the files or folders it may change")
    for path in paths:
        if path.startswith("-") or not (REPO / path).exists():
            raise DevError(f"no such file in the repository: {path}")
    return int(bool(run(environments.prepare(), paths, fix)))


def run(environment, paths=(), fix=False):
    """Run all checks; returns the names of those that failed.

    :param paths: files and folders, relative to the repository; none means all
    :param fix: repair what the tools can repair, in these paths only
    """
    programs = pathlib.Path(environment.python).parent
    chosen = [str(pathlib.PurePath(path)) for path in paths]
    known = [
        name
        for name in files("")
        if not chosen
        or any(path in (".", name) or name.startswith(f"{path}/") for path in chosen)
    ]
    checks = _python_checks(environment, programs, chosen or ["."], known, fix)
    checks += _node_checks(environment, known, fix)
    failed = []
    for name, command, folder, variables in checks:
        say("lint:", name)
        command = list(map(str, command))
        if subprocess.run(command, cwd=folder, env=variables).returncode:
            failed.append(name)
    say("lint: locks")
    for line in audit.unlocked():
        say("not locked by version and hash:", line)
        failed = [*dict.fromkeys([*failed, "locks"])]
    say("lint failed: " + ", ".join(failed) if failed else "lint: all is well")
    return failed


def _python_checks(environment, programs, paths, known, fix):
    # --force-exclude: a file is not linted just because it is named
    options = ("-q", "--force-exclude", "--cache-dir", WORK / "ruff")
    check = (programs / "ruff", "check", *options, *(("--fix",) if fix else ()))
    layout = (programs / "ruff", "format", *options, *(() if fix else ("--diff",)))
    paths = [path for path in paths if _is_python(path)]
    checks = []
    if paths:
        checks.append(("ruff", (*check, *paths), REPO, None))
        checks.append(("ruff format", (*layout, *paths), REPO, None))
    tools = ("dev/", "benchmarks/")
    modules = [n for n in known if n.endswith(".py") and not n.startswith(tools)]
    if modules:
        # through the link with the addon's name, which the checks look at
        named = [f"{NAME}/{name}" for name in modules]
        pylint = (programs / "pylint", "-j", "2", f"--rcfile={REPO}/.pylintrc", *named)
        variables = environment.variables()
        checks.append(("pylint-odoo", pylint, WORK / "addons", variables))
    product = [name for name in modules if not name.startswith("tests/")]
    if product:
        bandit = (programs / "python", "-c", BANDIT, "-q")
        bandit += ("-c", REPO / "pyproject.toml", *product)
        checks.append(("bandit", bandit, REPO, environment.variables()))
    return checks


def _is_python(path):
    path = REPO / path
    if path.is_dir() or path.suffix == ".py":
        return True
    # commands have no suffix; ruff would take any named file for Python
    return not path.suffix and path.read_bytes()[:64].startswith(b"#!/usr/bin/env py")


def _node_checks(environment, known, fix):
    modules, variables = node_modules(environment)
    node = shutil.which("node", path=variables["PATH"])
    prettier = (node, modules / "prettier/bin/prettier.cjs", "--log-level=warn")
    prettier += ("--write" if fix else "--check",)
    eslint = (node, modules / "eslint/bin/eslint.js", "--config", "eslint.config.cjs")
    eslint += ("--fix",) if fix else ()
    documents = [name for name in known if name.endswith(PRETTIER)]
    scripts = [name for name in known if name.endswith(ESLINT)]
    checks = []
    if documents:
        checks.append(("prettier", (*prettier, *documents), REPO, variables))
    if scripts:
        checks.append(("eslint", (*eslint, *scripts), REPO, variables))
    return checks


def tidy(environment, path):
    """Lay out a document that a command wrote, as the check wants it."""
    modules, variables = node_modules(environment)
    node = shutil.which("node", path=variables["PATH"])
    program = modules / "prettier/bin/prettier.cjs"
    sh(node, program, "--log-level=warn", "--write", path, cwd=REPO, env=variables)


def node_modules(environment):
    """Install the locked node packages into the cache.

    :returns: (folder ``node_modules``, environment variables to run them)
    """
    programs = environments.node(environment)
    lock = NODE / "package-lock.json"
    folder = CACHE / f"npm-{digest(lock.read_text())}"
    modules = folder / "node_modules"
    variables = dict(os.environ)
    variables["PATH"] = f"{programs}:{variables.get('PATH', '')}"
    variables["NODE_PATH"] = str(modules)
    with locked("node"):
        if not (folder / ".complete").exists():
            say("prettier and eslint (npm ci, once)")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(NODE / name, folder)
            quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
            sh("npm", "ci", *quiet, cwd=folder, env=variables)
            (folder / ".complete").touch()
    return modules, variables
