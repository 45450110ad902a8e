"""How any command runs: flags, config files, progress, output folders."""
