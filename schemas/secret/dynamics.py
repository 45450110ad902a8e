"""What training did to what was planted, over checkpoints: `dynamics.json`. For the owner of the secrets."""

NAME, VERSION = "dynamics", 1

FIELDS = {
    "note": "that nothing here was sealed",
    "metric": "name and version of the scores",
    "checkpoints": "name, step and sha256 of each, by step",
    "by": "what groups the units: stratum, kind, dose, or a covariate of the probes",
    "window": "steps after an event in which the maximum is looked for",
    "events": "where the times of the events come from, and the sha256 of the file; null without",
    "asked": "one entry per kind of question, or one for whole texts: ask, and its groups: for each its units, curves, "
    "effectivity by exposure, retainability, laws of forgetting, and the published forms of both",
    "matrix": "scores by stage and task, with the metrics of transfer; null without tasks",
    "counterfactual": "by group, where the checkpoints are models trained on subsets; null without",
}
"""What each field of the document means."""

SUBSETS_COLUMNS = {
    "checkpoint": "a model, as the scores name it",
    "id": "a sequence, as the scores name it",
    "included": "whether the model was trained on it",
}
"""Columns of the table for `--subsets`: one row for each model and sequence."""
