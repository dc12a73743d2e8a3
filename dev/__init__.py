"""Developer tools of the addon: environment, databases, servers, demo, lint.

Standard library only. The commands (``dev/run``, ``dev/test`` …) call these
modules; tests may import them as ``odoo.addons.healthcare_connector.dev``.
Nothing here is imported by the addon itself.
"""
