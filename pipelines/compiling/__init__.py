"""Compiling, on a machine's first run, the kernels that a command needs: on all cores, while other things are read."""
