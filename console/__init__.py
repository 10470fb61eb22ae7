"""What people touch: the command line (cli/) and the terminal screens (tui/). Both call the same acts."""
