"""A file each: the five views (overview, pipelines, registry, live, duel), and the dialogs that open above
them.
"""
