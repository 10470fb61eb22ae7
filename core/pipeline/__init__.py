"""A pipeline as a graph of steps, and how it runs: graph, cache, runner; reusable steps in components/."""
