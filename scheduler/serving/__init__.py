"""The prediction server: one process, one event loop, every endpoint of an environment.

Read in this order: protocols (bodies in and out), repeats, reader (checked rows), batcher, live (a version that can
answer), router, shadow, split (who gets the challenger), canary (a challenger that answers clients), forms, predicting
and answering (who answers a request, and how it is written), watcher (the traffic plan, swapped in place), log,
failures, feedback, counters, http, v2 (tensors), openapi, app (what is answered where), listener, server (the process).
"""
