"""What the screens and the commands show, as frozen values read from the store.

questions.py and values.py hold questions and answers, load fast; the others ask the store, one screen each:
overview (with timeline), pipelines, registry, live, duel. status.py is the header, traffic.py follows the
prediction log, find.py and raw.py give single records, answer.py takes any question.
"""
