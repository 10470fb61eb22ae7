"""Models as values: what goes in (signature), what a fitted one is, how it is converted, checked and asked."""
