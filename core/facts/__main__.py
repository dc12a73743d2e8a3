"""Write what is made from the catalogue: ``python -m core.facts`` in the addon."""

from . import published, reference

for path, content in published.files().items():
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
reference.PATH.write_text(reference.document(), encoding="utf-8")
