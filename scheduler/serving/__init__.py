"""The prediction server: a process for each core, one event loop in each, every endpoint of an environment.

Read in this order: protocols (bodies in and out), repeats, reader (checked rows), batcher, live (a version that can
answer), router, shadow, split (who gets the challenger), canary (a challenger that answers clients), forms, predicting
and answering (who answers a request, and how it is written), watcher (the traffic plan, swapped in place), entry, log,
tally (what a batch of the log adds to the windows), logbook (what a kill loses), failures, feedback, counters, http,
http1 (HTTP/1.1 itself), v2 (tensors), openapi, app (what is answered where), listener, server (the process).
"""
