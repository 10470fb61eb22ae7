"""A file each: the six views (overview, pipelines, registry, live, duel, review), and the dialogs that open above
them.
"""
