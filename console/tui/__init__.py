"""The terminal console. app.py runs it; keymap.py is every key; screens/ a file each, widgets/ what they are
made of.

A worker thread (refresher.py) looks at the store and posts what it finds; views (view.py) compare before they
touch a widget, so that a console at rest sends nothing. Whatever changes something is planned in plans.py
and done by console/acts.py.
"""
