"""The addon as a wheel, as the OCA's index has them.

The build backend takes the name from the folder, and everything in it; so it gets a
folder with the addon's name and what an installation needs.
"""

import pathlib
import shutil
import tempfile

from .common import NAME, REPO, sh
from .lint import files

LEFT_OUT = ("tests/", "dev/", "benchmarks/", "deploy/", ".")
LEFT_OUT_FILES = ("eslint.config.cjs", "prettier.config.cjs")


def build(environment, folder):
    """Build the wheel into a folder and return its path."""
    with tempfile.TemporaryDirectory() as scratch:
        tree, built = pathlib.Path(scratch, NAME), pathlib.Path(scratch, "built")
        for name in files(""):
            if not name.startswith(LEFT_OUT) and name not in LEFT_OUT_FILES:
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPO / name, tree / name)
        # the locked backend of the environment, not one fetched for the occasion
        options = ("-q", "--no-deps", "--no-build-isolation", "--no-index")
        pip = (environment.python, "-m", "pip", "--disable-pip-version-check")
        sh(*pip, "wheel", *options, "-w", built, tree)
        (found,) = built.glob("*.whl")
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        return pathlib.Path(shutil.copy2(found, folder / found.name))
