"""Side-by-side measurements: ours against the same records made another way.

Each module has ``main(dev)`` and returns rows of (what, value, unit, aim). Both sides
run in turns within one run, because machines differ and drift; the ratio counts.
"""
