"""Launching a Beam job: what a runner needs, a watch on its workers, a worker's start."""
