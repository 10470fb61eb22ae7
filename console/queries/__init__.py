"""What the screens and the commands show, as frozen values read from the store.

values.py holds the questions and the answers and loads fast; the other files ask the store, one screen each:
overview (with timeline), pipelines, registry, live, duel. status.py is the header, traffic.py follows the prediction
log, raw.py gives whole records, answer.py takes any question.
"""
