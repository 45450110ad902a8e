"""Metrics of memorisation: pure functions over token statistics, generations and scores; `registry` lists them."""
