"""Sentences that are seen a few times: natural ones, ones that differ in one word, lists of words, shuffled letters."""
