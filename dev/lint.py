"""Lint: ruff, pylint-odoo, prettier and eslint with the OCA's rules for 19.0."""

import os
import pathlib
import shutil
import subprocess

from . import environment as environments
from .common import CACHE, NAME, REPO, WORK, digest, locked, say, sh

NODE = REPO / "dev" / "node"
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


def run(environment, fix=False):
    """Run all checks; returns the number of those that failed.

    :param fix: repair what the tools can repair
    """
    programs = pathlib.Path(environment.python).parent
    ruff, cache = programs / "ruff", ("-q", "--cache-dir", WORK / "ruff")
    check = (ruff, "check", *cache, *(("--fix",) if fix else ()), ".")
    layout = (ruff, "format", *cache, *(() if fix else ("--diff",)), ".")
    checks = [
        ("ruff", check, REPO, None),
        ("ruff format", layout, REPO, None),
        ("pylint-odoo", _pylint(programs), WORK / "addons", environment.variables()),
    ]
    checks += _node_checks(environment, fix)
    failed = []
    for name, command, folder, variables in checks:
        say("lint:", name)
        command = list(map(str, command))
        if subprocess.run(command, cwd=folder, env=variables).returncode:
            failed.append(name)
    say("lint failed: " + ", ".join(failed) if failed else "lint: nothing to complain")
    return len(failed)


def _pylint(programs):
    folders = {"dev", "benchmarks"}
    names = [name for name in files(".py") if name.split("/")[0] not in folders]
    # through the link with the addon's name, which the checks look at
    paths = [f"{NAME}/{name}" for name in names]
    return (programs / "pylint", "-j", "2", f"--rcfile={REPO}/.pylintrc", *paths)


def _node_checks(environment, fix):
    modules, variables = node_modules(environment)
    node = shutil.which("node", path=variables["PATH"])
    documents = files(*PRETTIER)
    scripts = files(".js", ".cjs")
    eslint = (node, modules / "eslint/bin/eslint.js", "--config", "eslint.config.cjs")
    prettier = (node, modules / "prettier/bin/prettier.cjs", "--log-level=warn")
    return [
        (
            "prettier",
            (*prettier, "--write" if fix else "--check", *documents),
            REPO,
            variables,
        ),
        ("eslint", (*eslint, *(("--fix",) if fix else ()), *scripts), REPO, variables),
    ]


def node_modules(environment):
    """Install the locked node packages into the cache.

    :returns: (folder ``node_modules``, environment variables to run them)
    """
    programs = environments.node(environment)
    lock = NODE / "package-lock.json"
    folder = CACHE / f"node-{digest(lock.read_text())}"
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
