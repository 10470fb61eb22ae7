"""The prediction server: one process, one event loop, every endpoint of an environment.

Read in this order: protocols (what a body says and what is answered), live (a version that can answer), batcher,
router, watcher (the traffic plan, swapped in place), shadow, log, feedback, app (HTTP), server (the process).
"""
