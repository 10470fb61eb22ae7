"""The prediction server: one process, one event loop, every endpoint of an environment.

Read in this order: protocols (bodies in and out), reader (checked rows), batcher, live (a version that can
answer), router, shadow, split (who gets the challenger), canary (a challenger that answers clients), answering (such
requests), watcher (the traffic plan, swapped in place), log, failures, feedback, counters, http, app (what is answered
where), listener, server (the process).
"""
