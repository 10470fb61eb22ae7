"""The report on one model for people without a terminal: one HTML file, or the same as JSON.

gather.py reads what it says from the store, page.py writes it down section by section, with svg.py for the plots and
html.py for the rest; style.py is how it looks.
"""
