"""Train small models on ordered text, and ask them questions on the way: it stands in for your own training.

`scheduled.train` is the loop, over one stream of rows or several; `stacked.train_stacked` trains many models of one
shape at once; `asking.Asking` scores a model in memory with Trapline's scorer, so that `trapline dynamics` and
`trapline verify` take what it writes. `python -m examples.training --help` is the same as a command.
"""
