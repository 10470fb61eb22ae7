"""What the screens are made of: bar (one line), lines (a text that scrolls), table (rows with a cursor)."""
